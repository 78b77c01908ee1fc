"""How many rows would decide: only the rows' part of the doubt falls with rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeline.evidence.advice import luck_bars, rows_needed
from treeline.evidence.paired import Difference, compare, three_way
from treeline.problem.metric import METRICS

MARGIN = 0.01


def gap(rows: int, luck: float, lead: float = 0.02) -> Difference:
    """A lead whose rows scatter by 0.5 and whose folds' models differ by a known luck."""
    noise = np.random.default_rng(0).normal(size=200)
    zero, metric = np.zeros(200), METRICS["mean_absolute_error"]
    found = compare(zero, 2 + noise, 2 - noise, metric, fold=np.arange(200) % 5, margin=MARGIN)
    return replace(found, estimate=lead, luck=luck, se=float(np.hypot(0.5 / np.sqrt(rows), luck)))


@pytest.mark.parametrize("luck", [0.0, 0.002, 0.004])
def test_the_answer_does_not_depend_on_how_many_rows_were_judged(luck: float) -> None:
    found = {rows_needed(gap(rows, luck), MARGIN, rows) for rows in (600, 1200, 5000)}
    exact = 0.25 / ((0.01 / 1.645) ** 2 - luck**2)
    assert len(found) == 1
    assert exact <= found.pop() <= 1.1 * exact


def test_as_many_rows_as_are_needed_decide_just_so() -> None:
    needed = rows_needed(gap(400, 0.0), MARGIN, 400)
    assert needed is not None
    p_better = three_way(0.02, 0.5 / np.sqrt(needed), MARGIN, needed - 1)[0]
    assert 0.95 <= p_better < 0.96


def test_luck_that_is_too_large_is_not_outnumbered() -> None:
    assert rows_needed(gap(5000, 0.007), MARGIN, 5000) is None
    assert luck_bars(gap(5000, 0.007), MARGIN)
    assert not luck_bars(gap(5000, 0.004), MARGIN)
    assert not luck_bars(gap(5000, 0.0, lead=MARGIN), MARGIN)  # on the edge of the margin, which is another reason


def test_never_fewer_than_were_judged() -> None:
    assert rows_needed(gap(1440, 0.0, lead=0.9), MARGIN, 1440) == 1500
    assert rows_needed(gap(99, 0.0, lead=0.9), MARGIN, 99) == 99
