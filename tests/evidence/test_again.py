"""Looking again is paid for, once a thing that is said."""

from dataclasses import replace

import numpy as np
import pytest

from treeline.evidence.again import Again, not_worse
from treeline.evidence.call import Call, call_of
from treeline.evidence.paired import compare
from treeline.evidence.recommend import Ground, choose
from treeline.problem.metric import METRICS
from treeline.problem.task import Family


def test_the_doubt_that_is_left_halves_with_each_look():
    before = [Again(((),) * count) for count in range(4)]
    assert [again.sure("DEEP") for again in before] == pytest.approx([0.95, 0.975, 0.9875, 0.99375])
    assert [again.asked for again in before[:2]] == [
        "95% probable",
        "97.5% probable (this is the second look at this run)",
    ]


def test_what_was_said_before_stays_said():
    again = Again(((), ("DEEP", "deep not worse"), ()))
    assert again.sure("DEEP") == 0.95
    assert again.sure(not_worse(Family.DEEP)) == 0.95
    assert again.sure("CLASSICAL") == pytest.approx(0.99375)


def gap_of(p_better, p_same):
    """A difference with these odds."""
    y = np.arange(100.0)
    made = compare(y, y + 1, y + 0.9, METRICS["root_mean_squared_error"], fold=np.arange(100) % 5, margin=0.05)
    return replace(made, p_better=p_better, p_same=p_same, p_worse=1 - p_better - p_same)


def test_a_call_and_a_choice_must_be_surer_at_a_second_look():
    gap, first, second = gap_of(0.96, 0.03), Again(), Again(((),))
    assert call_of(gap, None, first)[0] is Call.DEEP
    call, because = call_of(gap, None, second)
    assert call is Call.UNDECIDED
    assert "97.5% probable (this is the second look at this run)" in because[0].words
    assert call_of(gap, None, Again((("DEEP",),)))[0] is Call.DEEP
    open_ = gap_of(0.3, 0.66)
    assert choose(Call.UNDECIDED, open_, None, {}, again=first).because is Ground.NOT_WORSE
    assert choose(Call.UNDECIDED, open_, None, {}, again=second).because is Ground.BETTER_SCORE
