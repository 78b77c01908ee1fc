"""The verdict on worlds whose winner is known, its gates, its words, its purity."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from treeline.errors import DataError
from treeline.evidence.advice import Share, cheaper_side, regret, rows_needed
from treeline.evidence.call import Call, Terms
from treeline.evidence.choice import blend, procedure
from treeline.evidence.judge import judge
from treeline.evidence.paired import compare
from treeline.evidence.recommend import Ground
from treeline.evidence.scores import Judged
from treeline.evidence.verdict import Verdict
from treeline.problem.metric import METRICS
from treeline.problem.task import Family
from treeline.testing.worlds import world

SHARES = {
    Family.CLASSICAL: Share(contenders=3, cpu_s=10, wall_s=12, fit_cpu_s=2.0),
    Family.DEEP: Share(contenders=3, cpu_s=11, wall_s=12, fit_cpu_s=9.0),
}


def verdict(judged: Judged, margin: float = 0.005, **more: object) -> Verdict:
    return judge(judged, margin=margin, shares=SHARES, **more)  # type: ignore[arg-type]


def one_each(seed: int, **kind: object) -> Judged:
    """A world of one member a side: a blend of two seeds of one learner truly gains, so BOTH would not be false."""
    return world(seed, members=(1, 1), **kind).judged  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "accuracy"])
def test_null_worlds_are_not_decided(metric: str) -> None:
    """The same learner on both sides: a winner is named in at most 5% of 100 worlds (each metric)."""
    wrong = 0
    for seed in range(100):
        drawn = world(seed, rows=300 + 5 * seed, metric=metric, members=(2, 2))
        found = verdict(drawn.judged, margin=METRICS[metric].margin if metric != "log_loss" else 0.01)
        wrong += found.call in (Call.CLASSICAL, Call.DEEP)
    assert wrong <= 5


def test_one_group_decides_nothing() -> None:
    judged = one_each(0, rows=3000, gap=1.5)
    alone = verdict(replace(judged, group=np.zeros(3000, np.int64)))
    assert (str(alone.call), alone.because[0].code, alone.choice) == ("UNDECIDED", "ONE_GROUP", None)


def test_a_true_gap_is_found_on_the_right_side() -> None:
    calls = [verdict(one_each(seed, rows=2000, gap=0.9)).call for seed in range(30)]
    assert sum(call in (Call.DEEP, Call.BOTH) for call in calls) >= 24
    assert Call.CLASSICAL not in calls


def test_ten_contenders_against_one_do_not_tilt_the_estimate() -> None:
    """A blend of ten truly gains; the estimate must not gain more than the truth does, as it would without the halves."""
    honest, naive = [], []
    for seed in range(100):
        drawn = world(seed, rows=150, members=(1, 10), metric="log_loss")
        j, deep = drawn.judged, procedure(drawn.judged, Family.DEEP)
        honest.append(drawn.score(deep) + j.metric.score(j.y, deep.prediction))
        stack = [member.predictions[2] for member in j.of(Family.DEEP)]
        naive.append(drawn.score(deep) + j.metric.score(j.y, blend(stack, deep.weights_all)))
    # measured loss less true loss: flattery is below zero
    error = np.std(honest, ddof=1) / np.sqrt(len(honest))
    assert abs(np.mean(honest)) < 3 * error
    assert np.mean(naive) < np.mean(honest) - 2 * error


def test_ten_more_seeds_of_one_learner_hardly_move_the_verdict() -> None:
    moved = []
    for seed in range(40):
        judged = one_each(seed, rows=400, metric="log_loss")
        rng, (classical, deep) = np.random.default_rng(seed), judged.members
        copies = []
        for k in range(10):
            logit = np.log(deep.predictions / (1 - deep.predictions)) + rng.normal(size=deep.predictions.shape) * 0.1
            copies.append(replace(deep, name=f"seed-{k}", predictions=(1 / (1 + np.exp(-logit))).astype(np.float32)))
        few = verdict(judged).difference
        many = verdict(replace(judged, members=(classical, deep, *copies))).difference
        moved.append(many.p_better - few.p_better)
    assert abs(np.mean(moved)) <= 0.05


def test_equal_sides_within_a_wide_margin_are_equivalent_and_the_cheaper_is_taken() -> None:
    found = verdict(one_each(1, rows=1500), margin=0.1)
    assert found.call is Call.EQUIVALENT
    assert found.choice is not None
    assert found.cheaper == found.choice.side == "classical"
    assert found.choice.because is Ground.NOT_WORSE_CHEAPER
    assert 0 <= found.choice.regret < 0.02
    data = found.to_json()
    assert data["headline"].startswith("Use classical models: the two sides are equally good here")
    assert data["choice"]["cost"]["cpu_s"] == {"classical": 2.0, "deep": 9.0}
    assert "cheaper to fit: 2 s of CPU against 9 s" in data["sentence"]


def test_a_blend_that_gains_is_both() -> None:
    found = verdict(world(2, rows=6000, members=(2, 2)).judged, margin=0.001)
    assert found.call is Call.BOTH
    data = found.to_json()
    assert data["both"]["gain"] > 0
    assert data["both"]["gain_interval"][0] > 0
    assert "a blend of the two sides beats" in data["sentence"]
    assert sum(data["both"]["weights"].values()) == pytest.approx(1)


def test_undecided_says_what_would_decide() -> None:
    every = [verdict(one_each(seed, rows=200)) for seed in range(4, 14)]
    undecided = [found for found in every if found.call is Call.UNDECIDED]
    assert len(undecided) >= 7  # equal sides at a margin of zero: one in ten may be called
    found = undecided[0]
    assert not found.strong
    assert found.because[0].code == "NOT_ENOUGH_ROWS"
    data = found.to_json()
    assert data["needed"] is None or data["needed"] >= 200
    assert "cannot tell" in data["sentence"]


def test_blocking_findings_forbid_and_lowering_ones_weaken() -> None:
    judged = one_each(0, rows=3000, gap=1.5)
    free = verdict(judged)
    assert free.call in (Call.DEEP, Call.BOTH)
    blocked = verdict(judged, terms=Terms(blocking=["D004"]))
    assert blocked.call is Call.UNDECIDED
    assert "D004" in blocked.because[0].words
    assert blocked.choice is None
    assert blocked.to_json()["choice"] is None
    assert blocked.to_json()["headline"] == "No verdict until the data is sorted out"
    assert "D004" in blocked.to_json()["sentence"]
    lowered = verdict(judged, terms=Terms(lowering=["D009"]))
    assert lowered.call is free.call
    assert not lowered.strong
    assert any(reason.code == "LOWERED" and "D009" in reason.words for reason in lowered.because)


def test_one_family_only_is_undecided_with_the_reason() -> None:
    judged = world(0, rows=300).judged
    alone = replace(judged, members=judged.of(Family.CLASSICAL))
    shares = {Family.DEEP: Share(missing="torch is not installed (pip install treeline[deep])")}
    found = judge(alone, margin=0.005, shares=shares)
    assert found.call is Call.UNDECIDED
    assert [*map(str, found.because)] == ["DEEP_MISSING: torch is not installed (pip install treeline[deep])"]
    assert found.choice is None
    data = found.to_json()
    assert data["difference"] is None
    assert data["families"]["deep"]["score"] is None
    assert data["families"]["classical"]["score"] > 0.5
    assert data["headline"] == "Only classical models have a result"
    assert "deep learning did not compete (torch is not installed" in data["sentence"]


def test_nobody_at_all() -> None:
    judged = world(0, rows=300).judged
    found = verdict(replace(judged, members=()))
    assert found.call is Call.UNDECIDED
    assert len(found.because) == 2
    with pytest.raises(DataError, match="No contender"):
        judge(None, margin=0.01, shares={})


def test_nan_members_one_class_few_rows_and_one_half_do_not_break_it() -> None:
    judged = world(0, rows=300).judged
    broken = replace(judged.members[0], predictions=np.full_like(judged.members[0].predictions, np.nan))
    found = verdict(replace(judged, members=(broken, *judged.members[1:])))
    assert any("classical-0 was left out" in caveat for caveat in found.caveats)
    single = verdict(replace(judged, y=np.zeros(300, dtype=np.int64)))
    assert single.call is Call.UNDECIDED
    assert single.because[0].code == "METRIC_UNDEFINED"
    assert json.dumps(single.to_json(), allow_nan=False)
    assert verdict(world(0, rows=20).judged).because[0].code == "TOO_FEW_ROWS"
    lopsided = verdict(replace(judged, half=np.zeros(300, dtype=np.int64)))
    assert lopsided.families["deep"]["score"] is not None
    one_fold = verdict(replace(judged, fold=np.zeros(300, dtype=np.int64)))
    assert not one_fold.strong
    assert any("one fold" in caveat for caveat in one_fold.caveats)


def test_unequal_sides_are_said() -> None:
    shares = {Family.CLASSICAL: Share(contenders=8, cpu_s=90), Family.DEEP: Share(contenders=2, cpu_s=10)}
    found = judge(world(0, rows=200).judged, margin=0.01, shares=shares)
    assert sum("not equally many" in each or "unequal CPU" in each for each in found.caveats) == 2


def test_a_verdict_is_a_pure_function_and_plain_json() -> None:
    judged = world(3, rows=400, metric="f1", groups=40).judged
    first, second = verdict(judged).to_json(), verdict(judged).to_json()
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert {
        "call",
        "strong",
        "metric",
        "margin",
        "families",
        "both",
        "difference",
        "treeline",
        "curves",
        "because",
    } <= set(first)
    assert {"needed", "choice", "headline", "caveats", "selection", "cheaper"} <= set(first)
    assert {"score", "interval", "best", "members", "contenders", "cpu_s", "wall_s"} <= set(first["families"]["deep"])
    assert first["difference"]["of"] == "deep - classical"


def test_advice_by_hand() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    gap = compare(y, rng.random(400), rng.random(400), METRICS["accuracy"], fold=np.arange(400) % 5, margin=0.01)
    gap = replace(gap, estimate=0.02, se=0.01, luck=0.0)
    assert rows_needed(gap, 0.01, 400) == 1100  # 400 * 1.645^2 = 1082, rounded up: a side is called at 95% on one side
    assert rows_needed(replace(gap, estimate=0.01), 0.01, 400) is None
    # z = 2: SE * phi(2) + lead * Phi(2)
    assert regret(gap, Family.CLASSICAL) == pytest.approx(0.01 * 0.05399 + 0.02 * 0.97725, abs=1e-6)
    assert regret(gap, Family.DEEP) == pytest.approx(0.01 * 0.05399 - 0.02 * 0.02275, abs=1e-6)
    assert cheaper_side(SHARES) is Family.CLASSICAL
    assert cheaper_side({Family.CLASSICAL: Share(cpu_s=5), Family.DEEP: Share(cpu_s=4)}) is Family.DEEP


def test_who_learned_nothing_is_not_recommended() -> None:
    judged = world(5, rows=600, members=(1, 1)).judged
    noise = np.random.default_rng(0).permutation(judged.y)  # the predictions say nothing of these labels
    found = judge(replace(judged, y=noise), margin=0.1, shares=SHARES, guess=np.full(600, float(np.mean(noise))))
    assert found.signal is not None and found.signal["p"] < 0.95
    assert found.choice is None
    assert found.to_json()["headline"].startswith("Neither side is shown to beat a constant guess")
