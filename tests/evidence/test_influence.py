"""Influence values against naive references: pairs for DeLong, resampling for average precision, sklearn's names for counts."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.influence import measure, score_by_fold
from treeline.evidence.luck import scatter
from treeline.evidence.paired import compare, score_interval
from treeline.problem.metric import METRICS

RNG = np.random.default_rng(7)
N = 240
Y = (RNG.random(N) < 0.35).astype(np.int64)
A = np.round(1 / (1 + np.exp(-(1.2 * Y + RNG.normal(size=N)))), 2)  # rounded: with ties
B = 1 / (1 + np.exp(-(0.9 * Y + RNG.normal(size=N))))
ONE = np.zeros(N, dtype=np.int64)


def naive_delong(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """AUC difference and its variance by all pairs, DeLong et al. (1988), equations 3 to 6."""
    parts = []
    for score in (a, b):
        pos, neg = score[y == 1], score[y == 0]
        psi = (pos[:, None] > neg[None, :]) + 0.5 * (pos[:, None] == neg[None, :])
        parts.append((psi.mean(), psi.mean(axis=1), psi.mean(axis=0)))
    s10 = np.cov(parts[0][1], parts[1][1])
    s01 = np.cov(parts[0][2], parts[1][2])
    contrast = np.array([-1.0, 1.0])
    variance = contrast @ s10 @ contrast / (y == 1).sum() + contrast @ s01 @ contrast / (y == 0).sum()
    return parts[1][0] - parts[0][0], variance


def test_auc_is_delong_on_one_split() -> None:
    difference, variance = naive_delong(Y, A, B)
    first, second = measure(Y, (A, B), METRICS["roc_auc"], fold=ONE)
    pull = second.influence - first.influence
    assert second.score - first.score == pytest.approx(difference, abs=1e-9)
    assert pull @ pull / N**2 == pytest.approx(variance, abs=1e-9)
    found = compare(Y, A, B, METRICS["roc_auc"], fold=ONE, margin=0.005)
    rows = np.sqrt(variance + second.floor)
    assert found.se == pytest.approx(
        scatter(rows, rows, np.array([difference]), one_row=N * rows**2, units=N).se, rel=1e-6
    )
    assert second.floor < 0.05 * variance


def test_auc_never_pools_folds() -> None:
    fold = np.arange(N) % 2
    shifted = B + 10.0 * fold  # a constant per fold ruins a pooled AUC and must not matter here
    plain, moved = measure(Y, (B, shifted), METRICS["roc_auc"], fold=fold)
    assert moved.score == pytest.approx(plain.score, abs=1e-9)
    assert np.allclose(moved.influence, plain.influence)


def test_average_precision_pull_is_its_derivative() -> None:
    fold = np.arange(N) % 3
    found = measure(Y, (A,), METRICS["average_precision"], fold=fold)[0]
    by_fold = [METRICS["average_precision"].score(Y[fold == k], A[fold == k]) for k in range(3)]
    hits = [Y[fold == k].sum() for k in range(3)]
    assert found.score == pytest.approx(np.average(by_fold, weights=hits))
    assert abs(found.influence.sum()) < 1e-8
    rng, draws = np.random.default_rng(0), []
    for _ in range(600):
        rows = np.concatenate([rng.choice(np.flatnonzero(fold == k), (fold == k).sum()) for k in range(3)])
        draws.append(measure(Y[rows], (A[rows],), METRICS["average_precision"], fold=fold[rows])[0].score)
    assert np.sqrt(found.influence @ found.influence) / N == pytest.approx(np.std(draws), rel=0.15)


@pytest.mark.parametrize("name", ["f1", "f1_macro", "f1_weighted", "balanced_accuracy", "matthews_corrcoef"])
def test_counted_metrics_resample_what_the_metric_says(name: str) -> None:
    metric = METRICS[name]
    found = measure(Y, (A, B), metric, fold=ONE, draws=300)
    for each, p in zip(found, (A, B), strict=True):
        assert each.score == pytest.approx(metric.score(Y, p))
        assert each.draws.mean() == pytest.approx(each.score, abs=4 * each.draws.std() / np.sqrt(300) + 0.01)
    assert np.corrcoef(found[0].draws, found[1].draws)[0, 1] > -0.5
    again = measure(Y, (A, B), metric, fold=ONE, draws=300)
    assert np.array_equal(found[0].draws, again[0].draws)


def test_the_share_of_variance_explained_has_the_spread_of_resampled_rows() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(size=N)
    p = y + rng.normal(size=N) * 0.5
    found = measure(y, (p,), METRICS["r2"], fold=ONE)[0]
    drawn = [rng.integers(0, N, N) for _ in range(2000)]
    spread = np.std([METRICS["r2"].score(y[rows], p[rows]) for rows in drawn])
    assert found.score == pytest.approx(METRICS["r2"].score(y, p))
    assert np.sqrt(found.influence @ found.influence) / N == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "matthews_corrcoef", "f1_macro", "f1_weighted"])
def test_counted_metrics_have_the_spread_of_resampled_rows_and_pair(name: str) -> None:
    rng = np.random.default_rng(6)
    n = 600
    y = (rng.random(n) < 0.3).astype(np.int64)
    a = np.clip(0.5 * y + 0.6 * rng.random(n), 0, 1)
    b = np.clip(0.45 * y + 0.6 * rng.random(n), 0, 1)
    fold = np.arange(n) % 3
    first, second = measure(y, (a, b), METRICS[name], fold=fold, draws=2000)
    index = [np.concatenate([rng.choice(np.flatnonzero(fold == k), n // 3) for k in range(3)]) for _ in range(1500)]
    one = np.array([METRICS[name].score(y[rows], a[rows]) for rows in index])
    gap = one - np.array([METRICS[name].score(y[rows], b[rows]) for rows in index])
    assert first.draws.std() == pytest.approx(one.std(), rel=0.1)
    assert (first.draws - second.draws).std() == pytest.approx(gap.std(), rel=0.1)


@pytest.mark.parametrize("name", ["median_absolute_error"])
def test_other_metrics_are_resampled_as_they_are(name: str) -> None:
    y = RNG.normal(size=N)
    p = y + RNG.normal(size=N) * 0.5
    found = measure(y, (p,), METRICS[name], fold=ONE, draws=200)[0]
    assert found.score == pytest.approx(METRICS[name].score(y, p))
    assert 0 < found.draws.std() < 0.2


def test_root_of_a_mean_is_in_the_metrics_unit() -> None:
    y = RNG.normal(size=2000) * 100
    p = y + RNG.normal(size=2000) * 30
    found = score_interval(y, p, METRICS["root_mean_squared_error"], fold=None)
    assert found.score == pytest.approx(30, rel=0.1)
    # sd of an RMSE of normal errors: sigma / sqrt(2 n)
    assert found.se == pytest.approx(30 / np.sqrt(2 * 2000), rel=0.15)


def test_accuracy_of_one_half_keeps_its_sign() -> None:
    y = np.array([0, 1] * 50)
    p = np.full(100, 0.9)
    found = measure(y, (p,), METRICS["accuracy"], fold=np.zeros(100, dtype=int))[0]
    assert found.score == 0.5
    assert found.influence[y == 1].mean() > 0 > found.influence[y == 0].mean()


def test_a_fold_with_one_class_has_no_auc_and_does_not_spoil_the_rest() -> None:
    fold = np.where(Y == 1, 0, np.arange(N) % 2)
    folds = score_by_fold(Y, B, METRICS["roc_auc"], fold)
    assert np.isfinite(folds[0])
    assert np.isnan(folds[1])
    found = compare(Y, A, B, METRICS["roc_auc"], fold=fold, margin=0.005)
    assert np.isfinite(found.estimate)
    assert any("no score" in caveat for caveat in found.caveats)


def test_one_class_everywhere_is_undefined_not_a_crash() -> None:
    found = compare(np.zeros(N, dtype=int), A, B, METRICS["roc_auc"], fold=ONE, margin=0.005)
    assert np.isnan(found.estimate)
    assert (found.p_better, found.p_same, found.p_worse) == (0.0, 0.0, 0.0)


def test_multiclass_auc_is_the_mean_over_classes() -> None:
    y = RNG.integers(0, 3, N)
    p = RNG.dirichlet(np.ones(3), N) + np.eye(3)[y] * 0.3
    p /= p.sum(axis=1, keepdims=True)
    found = measure(y, (p,), METRICS["roc_auc_ovr"], fold=ONE)[0]
    assert found.score == pytest.approx(METRICS["roc_auc_ovr"].score(y, p))
    assert abs(found.influence.sum()) < 1e-8
