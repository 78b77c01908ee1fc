"""Splits: nobody is judged on what they saw, shares stay equal, and a million rows take seconds."""

from __future__ import annotations

import time as clock
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeline.data.splits import Folds, plan_folds
from treeline.errors import DataError
from treeline.problem.metric import default_metric
from treeline.problem.problem import Problem
from treeline.problem.task import Policy, Task


def problem(task: Task = Task.BINARY, policy: Policy = Policy.STRATIFIED, n_classes: int = 2, seed: int = 0) -> Problem:
    """A problem as bare as can be."""
    classes = tuple(str(i) for i in range(n_classes)) if task.is_classification else ()
    return Problem(
        task=task, target="t", classes=classes, metric=default_metric(task), margin=0.1, policy=policy, seed=seed
    )


def binary(n: int, share: float = 0.3, seed: int = 0) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(seed).random(n) < share).astype(np.int64)


def check_partition(folds: Folds, n: int) -> None:
    """Every row is held out at most once, and never while it trains."""
    held = np.concatenate([folds.test_rows(k) for k in range(folds.n_folds)])
    assert len(np.unique(held)) == len(held)
    assert sorted(folds.order.tolist()) == list(range(n))
    for k in range(folds.n_folds):
        train = folds.train_rows(k)
        assert len(train)
        assert not np.intersect1d(train, folds.test_rows(k)).size


@pytest.mark.parametrize(("n", "count"), [(100, 10), (499, 10), (500, 5), (3000, 5)])
def test_folds_and_halves_have_equal_shares(n: int, count: int) -> None:
    y = binary(n)
    folds = plan_folds(y, problem())
    check_partition(folds, n)
    assert folds.n_folds == count
    for k in range(count):
        test = folds.test_rows(k)
        assert abs(len(test) - n / count) <= 2
        assert abs(y[test].sum() - y.sum() / count) <= 1
        halves = [test[folds.half[test] == side] for side in (0, 1)]
        assert abs(len(halves[0]) - len(halves[1])) <= 2
        assert abs(y[halves[0]].sum() - y[halves[1]].sum()) <= 2


def test_the_same_seed_gives_the_same_split_and_another_another() -> None:
    y = binary(700)
    a, b, c = (plan_folds(y, problem(seed=seed)) for seed in (1, 1, 2))
    assert (a.fold == b.fold).all() and (a.half == b.half).all() and (a.order == b.order).all()
    assert (a.fold != c.fold).any()


def test_rungs_are_nested_and_keep_the_shares() -> None:
    y = binary(4000, 0.1)
    folds = plan_folds(y, problem())
    rungs = [set(folds.train_rows(0, share).tolist()) for share in (1 / 16, 1 / 4, 1 / 2, 1.0)]
    assert [len(rung) for rung in rungs] == [200, 800, 1600, 3200]
    for small, large in pairwise(rungs):
        assert small < large
    for rung in rungs:
        assert y[list(rung)].mean() == pytest.approx(y.mean(), abs=0.015)


def test_a_class_of_two_rows_is_in_every_training_part_and_every_rung() -> None:
    y = np.r_[np.zeros(600), np.ones(300), [2, 2]].astype(np.int64)
    folds = plan_folds(y, problem(Task.MULTICLASS, n_classes=3))
    for k in range(folds.n_folds):
        assert set(y[folds.train_rows(k)]) == {0, 1, 2}
        assert set(y[folds.train_rows(k, 0.05)]) == {0, 1, 2}


def test_extreme_imbalance_spreads_the_few() -> None:
    y = np.zeros(100_000, dtype=np.int64)
    y[[5, 500, 5_000, 50_000, 99_999]] = 1
    folds = plan_folds(y, problem(), folds=5)
    assert [int(y[folds.test_rows(k)].sum()) for k in range(5)] == [1] * 5


def test_groups_and_copies_stay_whole() -> None:
    rng = np.random.default_rng(3)
    groups, copies = rng.integers(0, 90, 2000), rng.integers(0, 1900, 2000)
    y = binary(2000)
    folds = plan_folds(y, problem(policy=Policy.GROUPED), groups=groups)
    check_partition(folds, 2000)
    for code in np.unique(groups):
        assert len(np.unique(folds.fold[groups == code])) == 1
        assert len(np.unique(folds.half[groups == code])) == 1
    sizes = [len(folds.test_rows(k)) for k in range(5)]
    assert max(sizes) - min(sizes) < 60
    plain = plan_folds(y, problem(), duplicates=copies)
    for code in np.unique(copies):
        assert len(np.unique(plain.fold[copies == code])) == 1
    assert max(len(plain.test_rows(k)) for k in range(5)) - min(len(plain.test_rows(k)) for k in range(5)) <= 4


def test_groups_linked_by_copies_stay_together() -> None:
    groups = np.repeat(np.arange(40), 10)
    copies = np.arange(400)
    copies[10] = copies[0]  # a row of group 1 is a copy of a row of group 0
    folds = plan_folds(binary(400), problem(policy=Policy.GROUPED), groups=groups, duplicates=copies)
    assert len(np.unique(folds.fold[:20])) == 1


def test_fewer_groups_than_folds_make_fewer_folds_and_one_group_none() -> None:
    y = binary(300)
    assert plan_folds(y, problem(policy=Policy.GROUPED), groups=np.arange(300) % 3).n_folds == 3
    with pytest.raises(DataError, match="one group"):
        plan_folds(y, problem(policy=Policy.GROUPED), groups=np.zeros(300))


def test_time_folds_never_learn_from_the_future() -> None:
    rng = np.random.default_rng(0)
    times = rng.integers(0, 300, 1000)
    folds = plan_folds(rng.normal(size=1000), problem(Task.REGRESSION, Policy.TIME), times=times)
    check_partition(folds, 1000)
    assert folds.n_folds == 4
    assert times[folds.test_rows(0)].max() == times.max()
    for k in range(4):
        train, test = folds.train_rows(k), folds.test_rows(k)
        assert times[train].max() < times[test].min()
        recent = folds.train_rows(k, 0.25)
        assert times[recent].min() >= np.quantile(times[train], 0.7)
        for side in (0, 1):
            assert (folds.half[test] == side).mean() == pytest.approx(0.5, abs=0.1)
    assert (np.diff([len(folds.train_rows(k)) for k in range(4)]) < 0).all()
    assert (folds.fold == -1).mean() == pytest.approx(0.5, abs=0.01)


def test_time_with_groups_learns_nothing_from_a_held_out_group() -> None:
    groups = np.arange(400) // 7
    folds = plan_folds(binary(400), problem(policy=Policy.TIME), times=np.arange(400), groups=groups)
    for k in range(folds.n_folds):
        assert len(folds.train_rows(k)) > 150
        assert not np.intersect1d(groups[folds.train_rows(k)], groups[folds.test_rows(k)]).size
    with pytest.raises(DataError, match="group"):
        plan_folds(binary(400), problem(policy=Policy.TIME), times=np.arange(400), groups=np.arange(400) % 5)


def test_few_times_make_few_blocks_and_one_none() -> None:
    y = binary(100)
    two = plan_folds(y, problem(policy=Policy.TIME), times=np.r_[np.zeros(90), np.ones(10)])
    assert two.n_folds == 1
    assert len(two.train_rows(0)) == 90
    early = plan_folds(y, problem(policy=Policy.TIME), times=np.r_[np.zeros(10), np.ones(90)])
    assert len(early.test_rows(0)) == 90
    with pytest.raises(DataError, match="one time"):
        plan_folds(y, problem(policy=Policy.TIME), times=np.zeros(100))


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=60),
    n_classes=st.integers(2, 6),
    seed=st.integers(0, 1000),
)
def test_any_groups_any_classes(sizes: list[int], n_classes: int, seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    y = np.random.default_rng(seed).integers(0, n_classes, len(groups))
    folds = plan_folds(y, problem(Task.MULTICLASS, Policy.GROUPED, n_classes, seed), groups=groups)
    check_partition(folds, len(groups))
    for code in range(len(sizes)):
        assert len(np.unique(folds.fold[groups == code])) == 1
    largest = max(len(folds.test_rows(k)) for k in range(folds.n_folds))
    assert largest <= len(groups) / folds.n_folds + 2 * max(sizes)


def test_a_heavy_tailed_number_is_spread_over_the_folds() -> None:
    y = np.random.default_rng(0).lognormal(0, 2, 1000)
    folds = plan_folds(y, problem(Task.REGRESSION, Policy.RANDOM))
    top = np.flatnonzero(y >= np.quantile(y, 0.9))
    assert np.bincount(folds.fold[top], minlength=5).tolist() == [20] * 5


def test_a_million_rows_are_split_in_seconds() -> None:
    start = clock.monotonic()
    folds = plan_folds(binary(1_000_000), problem(), duplicates=np.arange(1_000_000) // 2)
    assert clock.monotonic() - start < 20
    assert len(folds.test_rows(0)) == pytest.approx(50_000, abs=4)
