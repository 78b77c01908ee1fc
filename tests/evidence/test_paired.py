"""Intervals and probabilities: coverage, signs, groups, folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from treeline.evidence.choice import procedure
from treeline.evidence.influence import measure
from treeline.evidence.luck import ROWS, SPREAD, scatter
from treeline.evidence.paired import (
    Difference,
    Doubt,
    Interval,
    compare,
    contrast,
    correlated_t,
    score_interval,
    three_way,
)
from treeline.evidence.sides import between, measured
from treeline.problem.metric import METRICS
from treeline.problem.task import Family
from treeline.testing.worlds import world


def run(seed: int, margin: float = 0.0, **kind: object) -> tuple[object, float]:
    drawn = world(seed, **kind)  # type: ignore[arg-type]
    classical, deep = (procedure(drawn.judged, family) for family in Family)
    judged = drawn.judged
    found = compare(
        judged.y,
        classical.prediction,
        deep.prediction,
        judged.metric,
        fold=judged.fold,
        margin=margin,
        group=judged.group,
    )
    return found, drawn.difference(classical, deep)


@pytest.mark.parametrize(
    "kind",
    [
        {"rows": 300},
        {"rows": 800, "metric": "log_loss", "members": (2, 2)},
        {"rows": 400, "classes": 0},
        {"rows": 400, "gap": 0.6, "members": (2, 2)},
        {"rows": 600, "groups": 60, "metric": "log_loss", "members": (2, 2)},
    ],
    ids=["auc", "log_loss", "rmse", "gap", "groups"],
)
def test_intervals_cover_the_truth(kind: dict[str, object]) -> None:
    worlds = 60
    hits = 0
    for seed in range(worlds):
        found, truth = run(seed, **kind)
        hits += found.interval[0] <= truth <= found.interval[1]
    # .92 to .99 with the room that 60 draws need
    assert stats.binom.ppf(0.01, worlds, 0.92) <= hits


def test_forgetting_the_groups_makes_intervals_too_narrow() -> None:
    ratio = []
    for seed in range(20):
        drawn = world(seed, rows=600, groups=30, classes=0)
        j = drawn.judged
        p = procedure(j, Family.DEEP).prediction
        aware = score_interval(j.y, p, j.metric, fold=j.fold, group=j.group).se
        ratio.append(aware / score_interval(j.y, p, j.metric, fold=j.fold).se)
    assert np.mean(ratio) > 1.1


def test_above_zero_means_that_the_second_is_better_for_gains_and_for_losses() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=500)
    good, bad = y + rng.normal(size=500) * 0.3, y + rng.normal(size=500)
    fold = np.arange(500) % 5
    for name in ("root_mean_squared_error", "r2", "mean_absolute_error"):
        found = compare(y, bad, good, METRICS[name], fold=fold, margin=0.05)
        assert found.estimate > 0
        assert found.p_better > 0.99
        back = compare(y, good, bad, METRICS[name], fold=fold, margin=0.05)
        assert back.estimate == pytest.approx(-found.estimate)
        assert back.p_worse == pytest.approx(found.p_better, abs=1e-6)


def test_probabilities_sum_to_one_and_a_wide_margin_is_a_tie() -> None:
    found, _ = run(3, margin=0.2, rows=800)
    assert found.p_better + found.p_same + found.p_worse == pytest.approx(1)
    assert found.p_same > 0.95


def test_two_perfect_scores_on_few_rows_are_not_known_to_be_equal() -> None:
    y = np.array([0, 1] * 20)
    p = np.where(y == 1, 0.9, 0.1)
    for name in ("accuracy", "roc_auc", "f1"):
        found = compare(y, p, p, METRICS[name], fold=np.arange(40) // 20, margin=0.005)
        assert found.estimate == 0
        assert found.p_same < 0.95


def test_correlated_t_has_the_scale_of_nadeau_and_bengio() -> None:
    d = np.array([0.01, 0.03, 0.02, 0.05, 0.0])
    better, same, worse = correlated_t(d, 0.01)
    scale = d.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    assert better == pytest.approx(stats.t.sf((0.01 - d.mean()) / scale, 4))
    assert better + same + worse == pytest.approx(1)
    assert correlated_t(d[:1], 0.01) is None
    assert correlated_t(d, 0.01, planned=5) == correlated_t(d, 0.01)


def test_folds_hang_together_by_what_one_of_all_folds_holds_out() -> None:
    # three of ten were judged: their models share eight ninths of their rows, not a half
    d = np.array([0.02, 0.03, 0.04])
    scale = d.std(ddof=1) * np.sqrt(1 / 3 + 1 / 9)
    assert correlated_t(d, 0.0, planned=10)[0] == pytest.approx(stats.t.cdf(d.mean() / scale, 2))
    assert correlated_t(d, 0.0, planned=10)[0] > correlated_t(d, 0.0)[0]
    drawn = world(1, rows=500, gap=0.5)
    first = drawn.judged.fold < 3
    members = tuple(replace(one, predictions=one.predictions[:, first]) for one in drawn.judged.members)
    j = drawn.judged
    few = replace(j, y=j.y[first], fold=j.fold[first], half=j.half[first], members=members)
    alone, of_ten = (
        between(each, measured(each), Family.CLASSICAL, Family.DEEP, 0.0) for each in (few, replace(few, planned=10))
    )
    assert of_ten.p_fold_better > alone.p_fold_better > 0.5
    assert of_ten.p_better == alone.p_better


def lucky(seed: int, rows: int, luck: float, folds: int = 5) -> Difference:
    """Folds of equal rows, whose models are truly better or worse by `luck` (standard deviation); the true mean is zero."""
    rng = np.random.default_rng(seed)
    fold = np.arange(rows) % folds
    worse = rng.normal(size=folds)[fold] * luck
    zero = np.zeros(rows)
    losses = METRICS["mean_absolute_error"]
    return compare(zero, 2 + worse, 2 + rng.normal(size=rows) * 0.5, losses, fold=fold, margin=0.0)


@pytest.mark.parametrize("rows", [300, 20_000])
def test_the_luck_of_the_folds_models_is_counted_and_more_rows_do_not_take_it_away(rows: int) -> None:
    # rows of 0.5 and models of 0.01: 2,500 held-out rows weigh as much as the luck of a fold's models
    found = [lucky(seed, rows, luck=0.01) for seed in range(300)]
    held = np.mean([one.interval[0] <= 0 <= one.interval[1] for one in found])
    assert 0.92 <= held <= 0.99
    # most of it is luck where rows abound
    assert np.median([one.se for one in found]) > (0.01 / np.sqrt(5) if rows > 1000 else 0.02)


@pytest.mark.parametrize(("rows", "luck", "least"), [(20_000, 0.05, 0.9), (500, 0.1, 0.85)])
def test_far_more_luck_than_usual_is_seen_in_five_folds(rows: int, luck: float, least: float) -> None:
    # as heavy as that of 100 and of 25 rows, where worlds have 260 and more
    found = [lucky(seed, rows, luck=luck) for seed in range(300)]
    held = np.mean([one.interval[0] <= 0 <= one.interval[1] for one in found])
    assert held >= least
    assert np.mean([max(one.p_better, one.p_worse) >= 0.95 for one in found]) <= 1.35 - least


def test_without_luck_the_rows_are_nearly_all() -> None:
    found = [lucky(seed, 2000, luck=0.0) for seed in range(300)]
    ratio = np.sqrt(np.mean([one.se**2 for one in found])) / np.std([one.estimate for one in found])
    assert 1.0 < ratio < 1.35
    assert np.mean([one.p_better >= 0.95 or one.p_worse >= 0.95 for one in found]) <= 0.1
    told = {line.partition(" (")[0] for one in found for line in one.corrected_for}
    assert told == {"the luck of the folds' models, as far as they show it"}


@pytest.mark.parametrize("folds", [1, 2, 3])
@pytest.mark.parametrize("rows", [200, 5000])
def test_where_few_folds_were_judged_a_usual_luck_is_counted(folds: int, rows: int) -> None:
    rng = np.random.default_rng(folds)
    usual = 0.5 / np.sqrt(ROWS * np.exp(SPREAD * rng.normal(size=400)))
    found = [lucky(seed, folds * rows, luck=luck, folds=folds) for seed, luck in enumerate(usual)]
    held = np.mean([one.interval[0] <= 0 <= one.interval[1] for one in found])
    assert 0.92 <= held <= 0.985
    assert ("of a usual size" in found[0].corrected_for[0]) == (folds == 1)


def test_the_degrees_of_freedom_are_those_of_what_the_interval_rests_on() -> None:
    assert lucky(0, 100, luck=0.0).df > 50
    few, many = (lucky(0, 20_000, luck=0.01, folds=folds) for folds in (1, 5))
    assert 4.0 < few.df < many.df < 40
    assert many.interval[1] - many.estimate == pytest.approx(stats.t.ppf(0.975, many.df) * many.scale)
    assert many.scale == pytest.approx(many.se * np.sqrt((many.df - 2) / many.df), rel=0.01)
    assert many.p_better == pytest.approx(stats.t.cdf(many.estimate / many.scale, many.df))
    groups = scatter(0.1, 0.1, np.array([0.1, 0.2]), one_row=0.1, units=4)
    assert groups.df < 3.5, "four groups are four, however many rows they have"


@pytest.mark.parametrize("size", [10, 200])
def test_groups_are_no_luck(size: int) -> None:
    # half of the variance of a row's difference is its group's: the interval is that of the groups, hardly wider
    held, wider = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(50), size)
        b = 2 + 0.35 * rng.normal(size=50)[group] + 0.35 * rng.normal(size=len(group))
        zero, fold = np.zeros(len(b)), group % 5
        found = compare(zero, zero + 2, b, METRICS["mean_absolute_error"], fold=fold, margin=0.0, group=group)
        held.append(found.interval[0] <= 0 <= found.interval[1])
        wider.append(found.se / np.sqrt(found.se**2 - found.luck**2))
    assert 0.9 <= np.mean(held) <= 0.99
    assert np.median(wider) < 1.1


def lucky_score(seed: int, rows: int, luck: float, folds: int = 5) -> Interval:
    """The score of models that are truly better or worse by `luck`; its true mean is two."""
    rng = np.random.default_rng(seed)
    fold = np.arange(rows) % folds
    losses = 2 + luck * rng.normal(size=folds)[fold] + 0.5 * rng.normal(size=rows)
    return score_interval(np.zeros(rows), losses, METRICS["mean_absolute_error"], fold=fold)


@pytest.mark.parametrize(("rows", "folds"), [(300, 5), (20_000, 5), (20_000, 1)])
def test_the_interval_of_one_score_counts_luck_as_that_of_a_difference_does(rows: int, folds: int) -> None:
    # 1.2 times what rows say held 97% of 300 rows and 76% (one fold: 52%) of 20,000
    rng = np.random.default_rng(folds)
    usual = 0.5 / np.sqrt(ROWS * np.exp(SPREAD * rng.normal(size=400)))
    found = [lucky_score(seed, rows, luck, folds) for seed, luck in enumerate(usual)]
    assert 0.92 <= np.mean([one.low <= 2 <= one.high for one in found]) <= 0.985
    assert all(one.luck < one.se for one in found)


def test_a_model_that_is_given_has_no_luck_of_training() -> None:
    losses = 2 + 0.5 * np.random.default_rng(0).normal(size=20_000)
    found = score_interval(np.zeros(20_000), losses, METRICS["mean_absolute_error"], fold=None)
    assert found.luck == 0.0
    assert found.se == pytest.approx(losses.std(ddof=1) / np.sqrt(20_000), rel=1e-3)


def test_one_fold_is_said() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 200)
    found = compare(y, rng.random(200), rng.random(200), METRICS["log_loss"], fold=np.zeros(200), margin=0.01)
    assert found.p_fold_better is None
    assert "one fold" in found.caveats[0]


def test_few_groups_are_said() -> None:
    drawn = world(0, rows=200, groups=8)
    p = [procedure(drawn.judged, family).prediction for family in Family]
    j = drawn.judged
    found = compare(j.y, *p, j.metric, fold=j.fold, margin=0.01, group=j.group)
    assert any("8 groups" in caveat for caveat in found.caveats)


def test_no_spread_is_no_doubt_and_no_score_is_no_probability() -> None:
    assert three_way(0.1, 0.0, 0.05, 10) == (1.0, 0.0, 0.0)
    assert three_way(float("nan"), 0.1, 0.05, 10) == (0.0, 0.0, 0.0)


def test_a_score_interval_stays_within_what_the_metric_can_be() -> None:
    y = np.array([0, 1] * 30)
    found = score_interval(y, np.where(y == 1, 0.9, 0.1), METRICS["roc_auc"], fold=np.zeros(60))
    assert found.score == 1.0 == found.high
    assert found.low < 1.0


def test_stretches_of_time_are_counted_and_not_their_rows() -> None:
    """Two stretches of 2,000 rows each that agree by chance are no proof of what the third one brings."""
    rng = np.random.default_rng(0)
    n = 4000
    y, fold = rng.normal(size=n), np.arange(n) // 2000
    a, b = y + rng.normal(size=n), y + 0.8 * rng.normal(size=n)
    first, second = measure(y, (a, b), METRICS["root_mean_squared_error"], fold=fold)
    folds = np.array([0.19, 0.21])
    told = {
        ordered: contrast(
            first, second, METRICS["root_mean_squared_error"], margin=0.02, folds=folds, doubt=Doubt(ordered=ordered)
        )
        for ordered in (False, True)
    }
    assert told[False].p_better > 0.99
    assert told[True].df == 1.0
    assert told[True].p_better < 0.97
    assert any("next stretch of time" in line and "2 stretches" in line for line in told[True].corrected_for)
    wild = contrast(
        first,
        second,
        METRICS["root_mean_squared_error"],
        margin=0.02,
        folds=np.array([0.5, -0.1]),
        doubt=Doubt(ordered=True),
    )
    assert wild.scale >= 0.3  # the stretches' own standard error
    assert wild.p_better < 0.8
