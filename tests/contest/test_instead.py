"""Where the delivered model is not of the recommended side, the verdict says by how much and at what price."""

from types import SimpleNamespace

import pytest

from treeline.contest.blend import standings
from treeline.contest.delivery import deliver
from treeline.contest.instead import handed_over
from treeline.problem.task import Task

from .conftest import problem_of

BOARD = [{"name": "steady", "predict_s_per_1000": 0.01}, {"name": "patient", "predict_s_per_1000": 0.05}]


@pytest.fixture
def told(contest):
    """Return a function that tells of a finished contest between two stubs, given which side is recommended."""
    one = contest(["steady", "patient"])
    one.run()
    problem = problem_of(Task.BINARY, "roc_auc")
    made = deliver(one.ledger, standings(one.ledger), problem)

    def tell(side, board=BOARD):
        choice = SimpleNamespace(side=side) if side else None
        return made, handed_over(one.ledger, problem, made, board=board, choice=choice)

    return tell


def test_the_recommended_side_needs_no_reason(told):
    made, found = told(told(None)[0].what)
    assert found["what"] == found["side_recommended"] == made.what
    assert found["why"] is found["gain"] is found["times"] is None


def test_without_a_choice_it_is_only_said_what_is_handed_over(told):
    made, found = told(None)
    assert (found["what"], found["side_recommended"], found["why"]) == (made.what, None, None)
    assert sum(member["weight"] for member in found["members"]) == pytest.approx(1.0)


def test_another_side_is_handed_over_for_a_better_score_at_a_named_price(told):
    made = told(None)[0]
    advised = next(side for side in ("classical", "deep") if side != made.what)
    made.losses[advised] = made.losses[made.side] + 0.02
    _, found = told(advised)
    assert found["gain"] == pytest.approx(0.02)
    assert "0.02 ROC AUC better on the same held-out rows" in found["why"]
    assert f"at {found['times']:.2g} times the prediction time" in found["why"]
    assert told(advised, [])[1]["times"] is None


def test_a_recommended_blend_that_gains_too_little_is_named(told):
    made = told(None)[0]
    made.losses["both"] = made.losses[made.side] - 1e-5
    _, found = told("both")
    assert "less than could be felt" in found["why"]
