"""When the race is looked at: once for each further fold of both first waves, in whichever session."""

import pytest

from treeline.contest.ledger import Ledger
from treeline.contest.looks import Looks
from treeline.problem.task import Task

from .conftest import problem_of


@pytest.fixture
def judged(contest):
    """A contest whose two contenders were judged on all of three folds."""
    one = contest(["steady", "patient"], rows=1500)
    one.run()
    return one


def looks_of(one, ledger=None):
    return Looks(ledger or one.ledger, problem_of(Task.BINARY, "roc_auc"), one.plan)


def test_each_look_is_taken_once_and_is_a_fact(judged):
    look = looks_of(judged)
    assert look.taken == 0
    look()
    look()
    assert [fact["folds"] for fact in judged.ledger.of_kind("look")] == [3]
    assert look.taken == 3


def test_a_second_session_does_not_look_again(judged):
    looks_of(judged)()
    out = judged.ledger.out
    judged.ledger.close()
    again = Ledger(out, write=True)
    assert looks_of(judged, again)() is None
    assert len(again.of_kind("look")) == 1
    again.close()


def test_nobody_is_looked_at_before_three_folds(contest):
    one = contest(["steady", "patient"], folds=2)
    one.run()
    assert looks_of(one)() is None
    assert one.ledger.of_kind("look") == []


def test_one_side_alone_has_no_race(contest):
    one = contest(["steady"])
    one.run()
    assert looks_of(one)() is None
    assert one.ledger.of_kind("look") == []


def test_a_contender_that_failed_is_not_waited_for(contest):
    one = contest(["raising", "steady", "patient"], rows=1500)
    one.run()
    looks_of(one)()
    assert [fact["folds"] for fact in one.ledger.of_kind("look")] == [3]
