"""What is said of a bundle that was written from a finished run."""

from pathlib import Path

from treeline.deliver.handed import Handed

B = {"name": "b", "title": "B", "weight": 1.0, "models": 5}
OWN = {
    "what": "both", "score": 0.86, "interval": [0.84, 0.88], "bytes": 5 * 2**20, "predict_s_per_1000": 1.25,
    "members": [{"name": "a", "title": "A", "weight": 0.25, "models": 5}, B | {"weight": 0.75}],
}  # fmt: skip
FACTS = {
    "delivered": {"what": "deep", "members": [B], "predict_s_per_1000": 0.02},
    "score": 0.85, "interval": [0.83, 0.87], "rows": 2000, "single": False, "metric": "roc_auc", "margin": 0.005,
    "fitted_rows": 1600, "of_rows": 1600, "side": "deep", "own": OWN, "bytes": 2**20,
    "gain": {"estimate": -0.01, "interval": [-0.015, -0.005], "p_worse": 0.9},
}  # fmt: skip


def lines(**changes):
    return Handed(folder=Path("r/bundle-b"), facts=FACTS | changes).lines()


def test_score_size_and_time_stand_beside_those_of_the_own_model():
    assert lines() == [
        "r/bundle-b: B",
        "  ROC AUC 0.85 (95% 0.83 to 0.87), 1 MB, 20 ms for 1,000 rows",
        "The run's own model: a blend of both sides (B 75%, A 25%)",
        "  ROC AUC 0.86 (95% 0.84 to 0.88), 5 MB, 1.2 s for 1,000 rows",
        "On the same 2,000 held-out rows this one is 0.01 worse (95% 0.005 to 0.015); worse by more than what matters (0.005) "
        "with a probability of 90.0%.",
    ]


def test_the_same_model_is_not_compared_with_itself():
    assert (
        lines(gain=None)[-1]
        == "The run's own model is made of the same contenders: the same score on 2,000 held-out rows."
    )


def test_a_blend_of_both_that_needs_one_side_only_says_so():
    assert "takes nothing from the other side" in lines(side="both")[2]


def test_a_single_model_is_not_praised_with_a_score_of_its_own():
    assert "fitted on all 2,500 rows, so no row is left to judge it" in lines(single=True, fitted_rows=2500)[-1]


def test_models_that_saw_a_part_of_the_rows_say_so():
    assert lines(fitted_rows=400)[-1] == "Its models were fitted on 400 of 1,600 rows only."
    timeless = FACTS["delivered"] | {"predict_s_per_1000": None}
    assert lines(delivered=timeless)[1].endswith("1 MB")
