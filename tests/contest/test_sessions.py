"""A run may have several sessions: limits, looks, and fits that a longer limit gives another try."""

import json

import pytest

from treeline.contest.ledger import Ledger
from treeline.contest.record import Record
from treeline.contest.sessions import (
    STOPPED,
    another_try,
    begin,
    command_of,
    is_over,
    limit_of,
    told_before,
    used_seconds,
)
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.metric import METRICS
from treeline.problem.task import Family


@pytest.fixture
def ledger(tmp_path):
    held = Ledger(tmp_path, write=True)
    held.append("head", version=1, budget={"limit_s": 20.0})
    yield held
    held.close()


def fit(ledger, number, *, entry="mlp", rung=1.0, fold=0, state=State.DONE, done=1.0, reason=""):
    made = Trial(
        id=f"{number:04d}-{entry}-f{fold}", entry=entry, candidate="mlp", family=Family.DEEP, params={}, rung=rung, rows=100,
        fold=fold, seed=0, state=state, done=done, reason=reason, score=0.5 if state is State.DONE else None, wall_s=4.0,
    )  # fmt: skip
    ledger.record(made)
    return made.id


def stop(ledger, why="time is up", used=19.0):
    ledger.append("stop", why=why, used_s=used, session_s=used, signal=0)


def test_the_latest_limit_and_command_count(ledger):
    assert (limit_of(ledger), command_of(ledger)) == (20.0, "")
    begin(ledger, limit_s=20.0, command="treeline run a.csv")
    begin(ledger, limit_s=60.0, command="treeline run a.csv --time-limit 60s")
    assert limit_of(ledger) == 60.0
    assert command_of(ledger).endswith("60s")


def test_a_run_is_over_where_a_limit_gives_it_nothing(ledger, tmp_path):
    assert not is_over(Ledger(tmp_path / "none"), 20.0)
    begin(ledger, limit_s=20.0, command="")
    fit(ledger, 1)
    assert not is_over(ledger, 20.0)  # killed
    stop(ledger, STOPPED, used=8.0)
    assert not is_over(ledger, 20.0)
    assert is_over(ledger, 8.0)
    begin(ledger, limit_s=20.0, command="")
    stop(ledger, "nothing left to try", used=12.0)
    assert [is_over(ledger, limit) for limit in (10.0, 15.0, 20.0, 25.0)] == [True, True, True, False]
    begin(ledger, limit_s=60.0, command="")
    assert not is_over(ledger, 60.0)  # killed once more
    assert used_seconds(ledger) == 12.0


def test_looks_are_verdicts_told_before_further_fits(ledger):
    def before():
        return told_before(ledger).before

    fit(ledger, 1)
    assert before() == ()
    ledger.append("end", used_s=20.0, said=["DEEP", "deep not worse"])
    assert before() == ()  # the verdict that was told is the first look, before and after it is written down
    begin(ledger, limit_s=40.0, command="")
    stop(ledger, used=21.0)
    ledger.append("end", used_s=21.0, said=["DEEP"])
    assert before() == ()  # nothing new was seen
    fit(ledger, 2, fold=1)
    fit(ledger, 3, fold=2)
    assert before() == (("DEEP",),)
    ledger.append("end", used_s=40.0, said=None)  # it could not speak
    fit(ledger, 4, fold=3)
    assert before() == (("DEEP",),)
    ledger.append("end", used_s=50.0)  # of a ledger from before there was `said`
    fit(ledger, 5, fold=4)
    assert before() == (("DEEP",), ())


def test_a_longer_limit_gives_what_the_clock_ended_another_try(ledger):
    begin(ledger, limit_s=20.0, command="")
    killed = fit(ledger, 1, entry="killed", state=State.TIMEOUT)
    short = fit(ledger, 2, entry="short", done=0.3)
    fit(ledger, 3, entry="whole")
    fit(ledger, 4, entry="low", rung=0.5, done=0.3)
    fit(ledger, 5, entry="broken", state=State.FAILED)
    assert another_try(ledger) == set()
    begin(ledger, limit_s=30.0, command="")
    assert another_try(ledger) == {killed}  # half as much again would not do for the other one
    late = fit(ledger, 6, entry="late", state=State.TIMEOUT)
    begin(ledger, limit_s=40.0, command="")
    assert another_try(ledger) == {killed, short, late}


def test_another_try_is_made_once_and_the_cost_of_the_first_is_remembered(ledger):
    begin(ledger, limit_s=20.0, command="")
    fit(ledger, 1, done=0.2)
    begin(ledger, limit_s=40.0, command="")
    again, entry = another_try(ledger), Entry(name="mlp", candidate="mlp", family=Family.DEEP, params={})

    def record():
        return Record(ledger.trials, set(), rows=100, folds=5, cards={}, metric=METRICS["roc_auc"], again=again)

    assert not record().touched(entry, 1.0, 0)
    assert record().reached(entry)
    fit(ledger, 2, done=0.7)
    assert record().touched(entry, 1.0, 0)


def test_of_two_fits_of_the_same_rows_the_one_with_more_steps_counts(ledger):
    fit(ledger, 1, done=0.4)
    better = fit(ledger, 2, done=0.9)
    fit(ledger, 3, done=0.1)
    assert [trial.id for trial in ledger.done()] == [better]


def test_a_refit_falls_with_the_fit_that_it_repeats(ledger):
    fit(ledger, 1, done=0.4)
    refit = Trial(
        id="refit-mlp-all", entry="mlp", candidate="mlp", family=Family.DEEP, params={}, rung=1.0, rows=200, fold=-1, seed=0,
        state=State.DONE,
    )  # fmt: skip
    ledger.append("refit", **refit.to_json())
    fit(ledger, 2, entry="other")
    fit(ledger, 3, fold=1)
    assert set(ledger.refits()) == {"mlp"}
    fit(ledger, 4, done=0.9)
    assert ledger.refits() == {}


def test_older_ledgers_have_one_session(tmp_path):
    path = tmp_path / "ledger" / "facts.jsonl"
    path.parent.mkdir()
    facts = [
        {"fact": "head", "version": 1, "budget": {"limit_s": 60.0}},
        {"fact": "stop", "why": "time is up", "used_s": 58.0},
    ]
    path.write_text("".join(json.dumps(fact) + "\n" for fact in facts))
    old = Ledger(tmp_path)
    assert (limit_of(old), command_of(old), told_before(old).before) == (60.0, "", ())
    assert is_over(old, 60.0)
    assert not is_over(old, 90.0)
