"""What the trials of a family say: who is out, who is tried again, what a fit will cost."""

from __future__ import annotations

from typing import Any

import pytest

from treeline.candidates.registry import cards
from treeline.contest.record import Record
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.task import Family

from .small import PROBLEM, fit

GBM = Entry(name="lightgbm", candidate="lightgbm", family=Family.CLASSICAL, params={})


def record(*trials: Trial, busy: Any = ()) -> Record:
    return Record(list(trials), set(busy), rows=300, folds=3, cards=cards(), metric=PROBLEM.metric)


def test_a_failure_puts_an_entry_out_and_one_timeout_does_not() -> None:
    assert record(fit("lightgbm", state=State.FAILED, score=None)).is_out(GBM)
    late = record(fit("lightgbm", state=State.TIMEOUT, score=None))
    assert not late.is_out(GBM)
    assert not late.touched(GBM, 1.0)  # at the top it is tried once more


def test_what_is_under_way_is_touched() -> None:
    assert record(busy=[("lightgbm", 1.0, 0)]).touched(GBM, 1.0)
    assert not record().touched(GBM, 1.0)


def test_a_fit_that_was_cut_is_expected_to_take_longer() -> None:
    whole, cut = (record(fit("lightgbm", rung=0.5, wall_s=4.0, done=done)) for done in (1.0, 0.5))
    assert cut.seconds(GBM, 1.0) > 1.5 * whole.seconds(GBM, 1.0)
    assert whole.highest(GBM) == pytest.approx(0.5)
    assert not whole.reached(GBM)
