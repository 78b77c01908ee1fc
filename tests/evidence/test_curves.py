"""Learning curves: rungs, frontiers with the choice paid for, shapes found again."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.curves import SHAPES, Curve, Point, anchored, extrapolate, frontier, gather
from treeline.problem.metric import METRICS
from treeline.problem.task import Family

AUC, RMSE = METRICS["roc_auc"], METRICS["root_mean_squared_error"]


def test_folds_of_a_rung_become_one_point() -> None:
    records = [
        (1.0, 700, 0, 0.8),
        (1.0, 910, 1, 0.82),
        (1.0, 805, 2, 0.84),
        (0.5, 400, 0, 0.7),
        (0.5, 400, 1, float("nan")),
    ]
    curve = gather("a", Family.DEEP, records, noise=0.03)
    assert [point.rows for point in curve.points] == [400, 805]
    assert curve.points[1].score == pytest.approx(0.82)
    assert curve.points[1].se == pytest.approx(0.02 / np.sqrt(3))
    assert curve.points[0].se == 0.03


def test_the_noise_of_one_fold_is_learned_from_rungs_with_several() -> None:
    curve = gather("a", Family.DEEP, [(0.5, 100, 0, 1.0), *[(1.0, 200, k, 0.5 + 0.1 * k) for k in range(4)]])
    assert curve.points[0].se == pytest.approx(np.std([0.5, 0.6, 0.7, 0.8], ddof=1))


@pytest.mark.parametrize("metric", [AUC, RMSE], ids=["up", "down"])
def test_the_best_of_equal_contenders_is_not_better_than_they_are(metric: object) -> None:
    rng = np.random.default_rng(0)
    naive, paid, single = [], [], []
    for _ in range(300):
        curves = [
            gather(f"c{k}", Family.CLASSICAL, [(1.0, 1000, f, 0.8 + rng.normal() * 0.02) for f in range(5)])
            for k in range(6)
        ]
        paid.append(frontier(curves, Family.CLASSICAL, metric).points[0].score)
        best = max if metric is AUC else min
        naive.append(best(curve.points[0].score for curve in curves))
        shared = rng.normal() * 0.02 * np.sqrt(0.7)
        ones = [
            gather(
                f"c{k}",
                Family.CLASSICAL,
                [(1.0, 1000, 0, 0.8 + shared + rng.normal() * 0.02 * np.sqrt(0.3))],
                noise=0.02,
            )
            for k in range(6)
        ]
        single.append(frontier(ones, Family.CLASSICAL, metric).points[0].score)
    assert abs(np.mean(naive) - 0.8) > 0.008
    assert abs(np.mean(paid) - 0.8) < 0.003
    assert abs(np.mean(single) - 0.8) < 0.004


def test_the_frontier_follows_whoever_leads() -> None:
    def curve(name: str, scores: tuple[float, float]) -> Curve:
        points = tuple(Point(rows=r, score=s, se=0.001) for r, s in zip((100, 1000), scores, strict=True))
        return Curve(name=name, family=Family.DEEP, points=points)

    found = frontier([curve("a", (0.7, 0.8)), curve("b", (0.6, 0.9))], Family.DEEP, AUC)
    assert [round(point.score, 2) for point in found.points] == [0.7, 0.9]
    assert frontier([curve("a", (0.7, 0.8))], Family.CLASSICAL, AUC).points == ()


def test_a_power_law_is_found_again() -> None:
    x = 2.0 ** np.arange(-6, 1)
    y = 0.1 + 0.2 * x**-0.5
    at = np.array([1.0, 2.0, 8.0])
    found = extrapolate(x, y[None, :], np.full(7, 0.001), at, shapes=["pow3"])[0, 0]
    assert found == pytest.approx(0.1 + 0.2 * at**-0.5, abs=0.003)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_no_shape_leaves_the_losses_that_can_be(shape: str) -> None:
    rng = np.random.default_rng(1)
    x = 2.0 ** np.arange(-5, 1)
    y = np.abs(rng.normal(size=(50, 6))) * 0.2
    found = extrapolate(x, y, np.full(6, 0.01), np.array([1.0, 8.0]), shapes=[shape])
    assert found.shape == (1, 50, 2)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found[..., 1] <= found[..., 0] + 1e-12).all()  # more rows never hurt a fitted curve


def test_an_anchored_frontier_ends_where_the_procedure_stands_and_keeps_its_shape() -> None:
    points = tuple(
        Point(rows=rows, score=score, se=0.01, folds=((0, score),)) for rows, score in ((100, 0.6), (200, 0.8))
    )
    curve = Curve(name="deep", family=Family.DEEP, points=points)
    moved = anchored(curve, 0.9, METRICS["roc_auc"])
    assert moved.points[-1].score == pytest.approx(0.9)
    assert moved.points[0].score == pytest.approx(0.8)  # half the loss on every rung
    assert moved.points[0].folds[0][1] == pytest.approx(0.8)
    assert moved.points[0].se == pytest.approx(0.005)
    errors = anchored(curve, 0.4, METRICS["root_mean_squared_error"])
    assert [point.score for point in errors.points] == pytest.approx([0.3, 0.4])
    assert anchored(curve, None, METRICS["roc_auc"]) is curve


def test_a_rung_without_the_leaders_says_nothing_of_the_family() -> None:
    def curve(name: str, scores: dict[int, float]) -> Curve:
        return gather(
            name, Family.CLASSICAL, [(rows / 1000, rows, 0, score) for rows, score in scores.items()], noise=1.0
        )

    leader, other = curve("leader", {100: 80.0, 200: 75.0, 800: 50.0}), curve("other", {100: 90.0, 400: 104.0})
    found = frontier([leader, other], Family.CLASSICAL, RMSE)
    assert [point.rows for point in found.points] == [100, 200, 800]
    both = frontier([leader, other, curve("leader-2", {100: 79.0, 400: 60.0})], Family.CLASSICAL, RMSE)
    assert [point.rows for point in both.points] == [100, 200, 400, 800]  # who leads at the bottom was there
