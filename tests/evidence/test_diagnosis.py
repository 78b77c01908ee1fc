"""Worlds built to have an ailment are told to have it; what was not measured is said not to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeline.evidence.diagnosis import Contender, Side, diagnose
from treeline.evidence.noise import Noise, noise_of, sure_errors
from treeline.evidence.scale import Scale
from treeline.problem.metric import METRICS
from treeline.problem.task import Family

from .ailing import HELPS, diagnosis_of

AUC = Scale(METRICS["roc_auc"], 0.5)
QUIET = Noise(None, None, "nothing")


def one(**more):
    """A contender that reaches 0.8 on held-out rows and 0.82 on its own."""
    base = Contender(
        weight=1.0, held=(0.79, 0.80, 0.81, 0.80), train=(0.81, 0.82, 0.83, 0.82), se=0.01, done=(1.0,) * 4,
        late_gain=(0.0,) * 4,
    )  # fmt: skip
    return replace(base, **more)


def told(*contenders, noise=QUIET, scale=AUC, margin=0.005, **more):
    side = Side(score=more.pop("score", 0.8), se=0.005, contenders=contenders, **more)
    return diagnose({Family.CLASSICAL: side}, scale=scale, margin=margin, noise=noise).to_json()


def size(found, name):
    return next(a for a in found["ailments"] if a["name"] == name)


@pytest.mark.parametrize(("kind", "seed"), [*((kind, 100) for kind in HELPS), ("bias", 101), ("noise", 101)])
def test_a_world_built_to_have_an_ailment_is_told_so(kind, seed):
    found = diagnosis_of(kind, seed)
    assert HELPS[kind] in (found["helps"], *found["also"])


def test_sizes_are_shares_of_the_way_from_a_guess_to_a_perfect_score():
    found = told(one())
    assert size(found, "bias")["size"] == pytest.approx(0.36)
    assert size(found, "variance")["size"] == pytest.approx(0.04)
    assert found["helps"] == "features"
    assert "0.82 on training rows, 0.8 out of fold" in found["sentence"]


def test_seeds_are_told_apart_from_rows_where_fits_differ_in_nothing_else():
    assert "seeds alone were not measured" in size(told(one()), "variance")["evidence"]
    found = told(one(), seeds=0.0034)
    assert "folds scatter by 0.0082" in size(found, "variance")["evidence"]
    assert "the same fits with another seed scatter by 0.0034" in size(found, "variance")["evidence"]
    assert found["sides"]["classical"]["seed_spread"] == 0.0034


def test_errors_with_a_root_are_weighed_in_squares():
    scale = Scale(METRICS["root_mean_squared_error"], 10.0)
    found = told(one(held=(5.0,) * 4, train=(3.0,) * 4), scale=scale, score=5.0, margin=0.1)
    assert size(found, "bias")["size"] == pytest.approx(0.09)
    assert size(found, "variance")["size"] == pytest.approx(0.16)
    assert Scale(METRICS["mean_absolute_error"], 10.0).gain(5.0, 1.0) == pytest.approx(0.1)


def test_rows_help_where_the_last_doubling_is_shown_to_have_gained_more_than_the_gap_explains():
    steep = one(train=(0.99,) * 4)
    assert told(steep, doubling=(0.12, 0.02))["helps"] == "rows"
    assert told(steep, doubling=(0.12, 0.08))["helps"] == "regularisation"
    assert told(steep, doubling=(0.01, 0.002))["helps"] == "regularisation"


def test_training_scores_that_are_perfect_by_construction_say_nothing():
    forest = one(train=(1.0,) * 4, memorises=True)
    assert size(told(forest), "variance")["word"] == "unknown"
    assert told(forest)["helps"] == "unknown"
    assert told(forest, one())["sides"]["classical"]["train"] == pytest.approx(0.82)


def test_an_old_ledger_without_training_scores_says_that_it_cannot_tell():
    found = told(one(train=(None,) * 4, late_gain=(None,) * 4))
    assert found["helps"] == "unknown"
    assert "not known" in found["sentence"]
    assert found["sides"]["deep"] is None
    rows = told(one(train=(None,) * 4), doubling=(0.05, 0.01))
    assert rows["helps"] == "rows" and "training rows are explained is not known" in rows["sentence"]


def test_time_helps_where_the_clock_cut_fits_that_still_gained():
    cut = one(done=(0.2,) * 4, late_gain=(0.06,) * 4)
    found = told(cut)
    assert found["helps"] == "time"
    assert size(found, "under_training")["size"] == pytest.approx(0.12)
    assert told(replace(cut, late_gain=(0.0,) * 4))["helps"] == "features"
    assert told(one(late_gain=(0.06,) * 4))["helps"] == "features"  # nothing was cut: the steps were enough
    assert told(one(done=(0.9,) * 4, late_gain=(0.06,) * 4))["helps"] == "features"


def test_what_the_clock_ended_is_told_also_where_the_side_does_not_use_it():
    quiet = size(told(one()), "under_training")["evidence"]
    assert quiet == "no fit on all rows was ended by the clock"
    ended = size(told(one(), stopped=(0.35, 0.0)), "under_training")
    assert "the clock ended 2 fits on all rows (the earliest after 35% of its steps)" in ended["evidence"]
    assert ended["size"] == 0
    nearly = size(told(one(done=(0.999,) * 4)), "under_training")["evidence"]
    assert "allowed 99% of the planned steps" in nearly


def test_time_stands_for_rows_where_no_fit_on_all_rows_ended():
    found = told(one(train=(None,) * 4), doubling=(0.05, 0.01), unfinished=True)
    assert found["helps"] == "time"
    assert size(found, "too_little_data")["size"] is None


def test_nothing_helps_at_the_ceiling():
    found = told(one(held=(0.999,) * 4, train=(1.0,) * 4), score=0.999)
    assert found["helps"] == "nothing"
    assert told(one(held=(0.97,) * 4, train=(0.97,) * 4), score=0.97, margin=0.02)["helps"] == "nothing"  # none is felt


def test_two_that_are_close_are_both_named():
    found = told(one(), noise=Noise(0.17, 0.1, "many labels are wrong"))
    assert (found["helps"], found["also"]) == ("features", ["labels"])
    assert "cleaner labels may help as much" in found["sentence"]


def test_without_a_guess_nothing_is_weighed():
    found = told(one(), scale=None)
    assert (found["helps"], found["ailments"]) == ("unknown", [])
    assert told(one(), scale=Scale(METRICS["roc_auc"], float("nan")))["helps"] == "unknown"


def test_flipped_labels_are_told_from_a_cause_that_no_column_holds():
    rng = np.random.default_rng(0)
    z = rng.normal(size=4000)
    flips = (z > 0) ^ (rng.random(4000) < 0.2)
    found = sure_errors(flips.astype(np.int64), np.where(z > 0, 0.8, 0.2) + 0.02 * z)
    assert found is not None and found[0] == pytest.approx(0.2, abs=0.04) and found[2]
    for slope in (0.5, 1.0, 1.7, 3.0, 6.0):
        p = 1 / (1 + np.exp(-slope * z))
        found = sure_errors((rng.random(4000) < p).astype(np.int64), p)
        assert found is not None and not found[2]
    assert sure_errors(rng.integers(0, 2, 4000), rng.random(4000)) is None


def test_what_wrong_labels_cost_follows_the_metric():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 20_000)
    y = np.where(rng.random(20_000) < 0.25, 1 - truth, truth)
    p = np.where(truth == 1, 0.75, 0.25) + rng.normal(size=20_000) * 1e-3
    for metric, guess in (("roc_auc", 0.5), ("accuracy", 0.5), ("log_loss", float(np.log(2)))):
        scale = Scale(METRICS[metric], guess)
        cost = noise_of(y, p, scale).cost
        assert cost == pytest.approx(1 - scale.share(METRICS[metric].score(y, p)), abs=0.02)
    assert noise_of(y, p, AUC, conflicts=0.9).rate == pytest.approx(0.25, abs=0.02)  # never above what is missed
    many = rng.integers(0, 4, 4000)
    wrong = np.where(rng.random(4000) < 0.2, (many + 1) % 4, many)
    told_ = noise_of(wrong, 0.1 + 0.6 * np.eye(4)[many], Scale(METRICS["log_loss"], float(np.log(4))))
    assert told_.rate == pytest.approx(0.2, abs=0.06) and 0.3 < (told_.cost or 0) < 0.8


def test_heavy_tails_are_no_wrong_labels():
    rng = np.random.default_rng(2)
    p = rng.normal(size=1000)
    y = p + rng.standard_t(3, size=1000)  # the best possible predictions, and no label is wrong
    scale = Scale(METRICS["root_mean_squared_error"], float(y.std()))
    found = noise_of(y, p, scale, suspects=10)
    assert found.cost == 0.0 and "10 answers lie far" in found.words
    assert noise_of(y, p, scale).cost is None
