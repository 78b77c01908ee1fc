"""Who leads: what scores can tell apart goes by scores, the rest by what is judged already, cost, and the order of the field."""

import pytest

from tests.contest.test_plan import cards
from treeline.contest.ranking import ranked
from treeline.contest.record import Record
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.metric import metric_named
from treeline.problem.task import Family, Task


def entry_of(name):
    return Entry(name=name, candidate=name.split("-")[0], family=Family.CLASSICAL, params={})


def trial_of(name, loss, *, se=None, rung=0.125, done=1.0, wall_s=1.0):
    return Trial(
        id=f"0-{name}-f0", entry=name, candidate=name.split("-")[0], family=Family.CLASSICAL, params={}, rung=rung,
        rows=round(8000 * rung), fold=0, seed=0, state=State.DONE, score=loss, se=se, done=done, wall_s=wall_s,
    )  # fmt: skip


def order(trials, names=("quick", "good", "slow"), affords=lambda _: True, boosts=()):
    known = cards()
    for name in boosts:
        object.__setattr__(known[name], "boosts", True)
    metric = metric_named("log_loss", Task.BINARY)
    record = Record(trials, set(), rows=10_000, folds=5, cards=known, metric=metric)
    return [one.name for one in ranked([entry_of(name) for name in names], record, affords=affords)]


def losses(quick, good, slow, **more):
    return [trial_of(name, loss, **more) for name, loss in (("quick", quick), ("good", good), ("slow", slow))]


def test_beyond_their_noise_scores_decide():
    assert order(losses(0.5, 0.4, 0.3, se=0.01)) == ["slow", "good", "quick"]


def test_within_their_noise_the_order_of_the_field_decides():
    assert order(losses(0.52, 0.51, 0.50, se=0.02)) == ["quick", "good", "slow"]


def test_in_a_ledger_without_standard_errors_scores_decide_at_the_top():
    assert order(losses(0.52, 0.51, 0.50, rung=1.0)) == ["slow", "good", "quick"]


def test_within_the_noise_who_can_be_paid_for_comes_first_then_boosting():
    even = losses(0.52, 0.51, 0.50, se=0.02)
    assert order(even, affords=lambda one: one.name != "quick") == ["good", "slow", "quick"]
    assert order(even, boosts=("slow",)) == ["slow", "quick", "good"]


def test_within_the_noise_another_setting_comes_after_other_candidates():
    even = [*losses(0.52, 0.51, 0.50, se=0.02), trial_of("quick-2", 0.5, se=0.02)]
    assert order(even, names=("quick", "quick-2", "good", "slow")) == ["quick", "good", "slow", "quick-2"]


def test_who_was_judged_at_the_top_stays_ahead_of_a_promise_within_the_noise():
    seen = [trial_of("quick", 0.5, se=0.02), trial_of("good", 0.52, se=0.02), trial_of("good", 0.45, se=0.02, rung=1.0)]
    assert order(seen, names=("quick", "good")) == ["good", "quick"]
    far = [trial_of("quick", 0.1, se=0.02), *seen[1:]]
    assert order(far, names=("quick", "good")) == ["quick", "good"]


@pytest.mark.parametrize("done", [0.02, 0.2])
def test_a_screen_that_was_hardly_begun_says_nothing(done):
    seen = [trial_of("quick", 0.9, se=0.01, done=done), trial_of("good", 0.5, se=0.01), trial_of("slow", 0.4, se=0.01)]
    assert order(seen) == ["quick", "slow", "good"]
    assert order(seen, affords=lambda one: one.name != "quick") == ["slow", "good", "quick"]
