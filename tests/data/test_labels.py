"""Suspected label errors: planted ones are found, honest noise is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from treeline.data.findings import Severity
from treeline.data.labels import label_errors
from treeline.problem.metric import default_metric
from treeline.problem.problem import Problem
from treeline.problem.task import Policy, Task

Array = np.ndarray[Any, Any]


def problem(task: Task, classes: tuple[str, ...] = ()) -> Problem:
    return Problem(
        task=task, target="t", classes=classes, metric=default_metric(task), margin=0.1, policy=Policy.RANDOM
    )


BINARY = problem(Task.BINARY, ("no", "yes"))


def sure(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Labels drawn from their own calibrated, mostly sure probabilities."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.05, 0.05, n)
    return (rng.random(n) < p).astype(np.int64), p


def test_flipped_labels_are_found_and_named_by_row_number() -> None:
    y, p = sure(2000)
    flipped = np.flatnonzero(np.abs(p - 0.5) > 0.48)[:30]
    y[flipped] = 1 - y[flipped]
    finding = label_errors(y, p, BINARY, np.arange(2000) + 7)
    assert finding is not None and finding.code == "D015"
    assert finding.rows >= 28
    assert set(finding.examples) <= set((flipped + 7).tolist())
    assert "'yes'" in finding.found and "'no'" in finding.found


@pytest.mark.parametrize("seed", range(5))
def test_honest_noise_is_hardly_suspected(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0, 1, 5000)
    finding = label_errors((rng.random(5000) < p).astype(np.int64), p, BINARY, np.arange(5000))
    assert finding is None or (finding.rows < 0.005 * 5000 and finding.severity is Severity.NOTE)


def test_many_wrong_labels_lower_the_verdict() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 900)
    p = np.full((900, 3), 0.01)
    p[np.arange(900), y] = 0.98
    wrong = rng.choice(900, 60, replace=False)
    said = y.copy()
    said[wrong] = (y[wrong] + 1) % 3
    finding = label_errors(said, p, problem(Task.MULTICLASS, ("a", "b", "c")), np.arange(900))
    assert finding is not None
    assert finding.rows == 60
    assert finding.severity is Severity.WARN


def test_a_zero_too_many_is_found_and_growing_errors_are_not() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(100, 1000, 3000)
    y = truth * (1 + 0.1 * rng.normal(size=3000))
    regression = problem(Task.REGRESSION)
    assert label_errors(y, truth, regression, np.arange(3000)) is None
    y[[5, 1700]] *= 10
    finding = label_errors(y, truth, regression, np.arange(3000))
    assert finding is not None
    assert set(finding.examples) == {5, 1700}


def test_rows_without_a_prediction_and_tiny_tables_are_passed_over() -> None:
    y, p = sure(300)
    assert label_errors(y[:40], p[:40], BINARY, np.arange(40)) is None
    p[:150] = np.nan
    y[:150] = 1
    finding = label_errors(y, p, BINARY, np.arange(300))
    assert finding is None or min(finding.examples) >= 150
