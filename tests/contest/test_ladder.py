"""The ladder: what its trials say as learning curves, also where folds are unequal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from treeline.contest.ladder import curves_of, rungs_of
from treeline.contest.trial import Entry, State, Trial
from treeline.data.splits import Folds, plan_folds
from treeline.evidence.curves import frontier
from treeline.evidence.outlook import doubled
from treeline.problem.metric import metric_named
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy, Task

RMSE = metric_named("root_mean_squared_error", Task.REGRESSION)
RUNGS = (0.125, 0.25, 0.5, 1.0)


def problem(policy: Policy) -> Problem:
    return Problem(task=Task.REGRESSION, target="y", classes=(), metric=RMSE, margin=0.01, policy=policy)


def ledger_of(y: np.ndarray, folds: Folds, losses: dict[str, list[float]]) -> Any:
    """A ledger of entries with the same loss on every rung, and a loss of its own for each fold."""
    entries = [Entry(name=name, candidate=name, family=Family.CLASSICAL, params={}).to_json() for name in losses]
    trials = [
        Trial(
            id=f"{name}-{rung}-{fold}", entry=name, candidate=name, family=Family.CLASSICAL, params={}, rung=rung, fold=fold,
            rows=len(folds.train_rows(fold, rung)), seed=0, state=State.DONE, score=loss,
        )
        for name, each in losses.items() for rung in RUNGS for fold, loss in enumerate(each) if rung == 1.0 or fold == 0
    ]  # fmt: skip
    kept = np.zeros((3, len(folds.test_rows(0))))
    return SimpleNamespace(
        head={"entries": entries}, done=lambda: trials, predictions=lambda _: kept,
        rows=lambda: {"y": y, "fold": folds.fold, "half": folds.half},
    )  # fmt: skip


@pytest.mark.parametrize("groups", [8, 12, 20])
def test_uneven_groups_make_one_point_a_rung_and_hard_folds_no_learning(groups: int) -> None:
    rng = np.random.default_rng(groups)
    who = np.repeat(np.arange(groups), (300 * rng.lognormal(sigma=1.7, size=groups) + 20).astype(int))
    y, asked = rng.normal(size=len(who)), problem(Policy.GROUPED)
    folds = plan_folds(y, asked, groups=who)
    sizes = [len(folds.train_rows(fold)) for fold in range(folds.n_folds)]
    assert max(sizes) > 1.1 * min(sizes)
    easier = {
        fold: 0.1 * rank for rank, fold in enumerate(np.argsort(sizes))
    }  # more rows, and by chance an easier fold
    losses = {
        "whole": [2.0 - easier[fold] for fold in range(folds.n_folds)],
        "part": [2.1 - easier[fold] for fold in range(2)],
    }
    curves = curves_of(ledger_of(y, folds, losses), asked)
    assert [len(curve.points) for curve in curves] == [len(RUNGS)] * 2
    front = frontier(curves, Family.CLASSICAL, RMSE)
    assert [point.rung for point in front.points] == list(RUNGS)
    assert np.ptp([point.score for point in front.points]) < 0.02
    gain, error = doubled(front, RMSE) or (np.inf, 0.0)
    assert abs(gain) < error


def test_older_blocks_of_time_are_no_points() -> None:
    y, asked = np.random.default_rng(0).normal(size=400), problem(Policy.TIME)
    (curve,) = curves_of(ledger_of(y, plan_folds(y, asked), {"one": [1.0, 3.0, 3.0]}), asked)
    assert [point.folds for point in curve.points] == [((0, 1.0),)] * len(RUNGS)


def test_rungs_are_halvings_that_start_where_a_fit_is_cheap() -> None:
    assert rungs_of(400) == (1.0,)
    assert rungs_of(6000, seconds=60) == (0.125, 0.25, 0.5, 1.0)
    assert len(rungs_of(10**7, seconds=10)) == 7
    assert min(rungs_of(6000, classes=100)) * 6000 >= 1600
