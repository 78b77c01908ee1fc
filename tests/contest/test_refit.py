"""The delivered members have learned from all rows: the newest ones where time orders rows, the last fifth elsewhere."""

import time
from dataclasses import replace

import numpy as np
import polars as pl

import treeline
from tests.contest.conftest import problem_of
from treeline.candidates.registry import card_named
from treeline.contest.blend import standings
from treeline.contest.delivery import Pick, deliver
from treeline.contest.ledger import Ledger
from treeline.contest.refit import refit
from treeline.contest.trial import State
from treeline.data.splits import ALL
from treeline.problem.task import Task


def refitted(one, names, *, seconds=10.0, stopped=False):
    picks = []
    for name in names:
        trials = tuple(t for t in one.ledger.done() if t.entry == name and t.rung == 1.0 and t.fold == 0)
        picks.append(Pick(name=name, candidate=name, weight=0.5, trials=trials))
    one.stop.number = int(stopped)
    refit(picks, one, deadline=time.monotonic() + seconds)
    return Ledger(one.ledger.out).refits()


def test_picked_members_are_fitted_on_all_rows_and_judge_nothing(contest):
    one = contest(["steady", "patient"])
    one.run()
    before = len(one.ledger.trials)
    made = refitted(one, ["steady", "patient"])
    assert {name: trial.rows for name, trial in made.items()} == {"steady": 600, "patient": 600}
    assert all(trial.score is None for trial in made.values())
    assert len(Ledger(one.ledger.out).trials) == before
    arrays, _ = one.ledger.model(made["steady"])
    assert np.isclose(arrays["value"][0], one.cache.array("y").mean())


def test_a_member_without_time_for_a_refit_keeps_its_model(contest):
    one = contest(["steady", "patient"])
    one.run()
    assert set(refitted(one, ["steady", "patient"], seconds=0.25)) <= {"steady"}
    assert refitted(one, ["patient"], stopped=True).get("patient") is None


def test_a_second_session_repeats_no_refit(contest):
    one = contest(["steady"])
    one.run()
    first = refitted(one, ["steady"])
    assert refitted(one, ["steady"]) == first
    assert [fact["state"] for fact in one.ledger.of_kind("refit")] == [str(State.DONE)]


def test_a_boosted_refit_learns_as_fast_as_the_fit_it_repeats(tmp_path):
    rng = np.random.default_rng(0)
    n = 1500
    day = np.datetime64("2024-01-01") + np.arange(n).astype("timedelta64[h]")
    day = day.astype("datetime64[ms]")
    x = rng.normal(size=n)
    frame = pl.DataFrame({"when": day, "x": x, "y": x + np.linspace(0, 8, n) + 0.1 * rng.normal(size=n)})
    out = tmp_path / "run"
    study = treeline.run(frame, target="y", time_limit=16, out=out, families="classical", candidates="lightgbm")
    name, made = next(iter(Ledger(out).refits().items()))  # whichever settings were picked
    first = next(t for t in Ledger(out).done() if t.entry == name and t.rung == 1.0 and t.fold == 0)
    assert (made.rows, made.params["steps"]) == (n, first.steps)
    meta = Ledger(out).model(first)[1]
    assert made.params["learning_rate"] == meta["rate"]
    assert card_named("lightgbm").name in study.model.verdict["delivered"]["members"][0]["name"]
    newest = frame.tail(60)
    error = np.abs(study.model.predict(newest) - newest["y"].to_numpy()).mean()
    assert error < 0.5


def test_a_member_of_one_fold_is_joined_by_its_refit_and_one_of_several_folds_is_not(contest):
    one = contest(["steady", "patient"])
    one.run()
    everyone = [standing for standing in standings(one.ledger) if standing.name == "steady"]
    once = [replace(standing, trials=standing.trials[:1]) for standing in everyone]
    problem = problem_of(Task.BINARY, "roc_auc")
    (pick,) = deliver(one.ledger, once, problem).picks
    refit([pick], one, deadline=time.monotonic() + 10.0)
    ledger = Ledger(one.ledger.out)
    (joined,) = deliver(ledger, once, problem).picks
    assert [trial.fold for trial in joined.trials] == [0, ALL]
    (whole,) = deliver(ledger, everyone, problem).picks
    assert [trial.fold for trial in whole.trials] == [0, 1, 2]


def test_whose_folds_have_seen_all_rows_together_is_not_fitted_again(contest):
    one = contest(["steady"])
    one.run()
    trials = tuple(trial for trial in one.ledger.done() if trial.rung == 1.0)
    pick = Pick(name="steady", candidate="steady", weight=1.0, trials=trials)
    refit([pick], one, deadline=time.monotonic() + 10.0)
    assert len(trials) == 3
    assert not one.ledger.of_kind("refit")
