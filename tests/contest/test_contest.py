"""The contest survives every candidate, keeps its clock and forgets nothing."""

import time

import numpy as np
import pytest

from treeline.contest.blend import gather, standings
from treeline.contest.ledger import Ledger
from treeline.contest.trial import State
from treeline.evidence.race import Lost
from treeline.problem.task import Family, Task

from .conftest import problem_of


def states(contest, name):
    return {trial.state for trial in contest.ledger.trials if trial.entry == name}


def test_good_candidates_fit_every_fold_of_the_top_rung(contest):
    one = contest(["steady", "patient"])
    one.run()
    for name in ("steady", "patient"):
        top = [trial for trial in one.ledger.done() if trial.entry == name and trial.rung == 1.0]
        assert sorted(trial.fold for trial in top) == [0, 1, 2]
    assert one.ledger.facts[-1]["why"] == "nothing left to try"
    assert all(trial.train_score and 0.5 < trial.train_score < 1 for trial in one.ledger.done())


def test_lower_rungs_give_a_learning_curve(contest):
    one = contest(["steady"], rows=3000)
    one.run()
    rungs = {trial.rung for trial in one.ledger.done()}
    assert len(rungs) >= 3
    assert 1.0 in rungs


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("crashing", State.FAILED, "SIGSEGV"),
        ("raising", State.FAILED, "ValueError: the moon is in the wrong house"),
        ("undefined", State.FAILED, "NaN"),
    ],
)
def test_a_candidate_that_fails_is_a_fact_and_the_run_goes_on(contest, name, state, words):
    one = contest([name, "steady"])
    one.run()
    assert states(one, name) == {state}
    assert words in next(trial.reason for trial in one.ledger.trials if trial.entry == name)
    assert State.DONE in states(one, "steady")


def test_a_candidate_that_holds_the_lock_of_the_interpreter_is_killed_in_time(contest):
    one = contest(["endless", "patient"], seconds=4.0)
    began = time.monotonic()
    one.run()
    assert time.monotonic() - began < 4.0 * 1.05 + 1
    assert states(one, "endless") == {State.TIMEOUT}
    assert State.DONE in states(one, "patient")


def test_a_candidate_over_its_memory_is_killed_and_the_run_goes_on(contest):
    one = contest(["hungry", "steady"], memory_mb=700.0)
    one.run()
    found = states(one, "hungry")  # on a busy machine the clock may end one of its fits first
    assert State.OUT_OF_MEMORY in found
    assert State.DONE not in found
    assert State.DONE in states(one, "steady")


def test_a_side_that_has_lost_gets_no_more_fits_and_the_ledger_says_when(contest):
    one = contest(["steady", "patient"])
    asked = []

    def race():
        asked.append(len(one.ledger.trials))
        done = {trial.family for trial in one.ledger.done() if trial.rung == 1.0}
        return Lost(family=Family.DEEP, p=0.999, bound=0.99, look=1, looks=5) if Family.DEEP in done else None

    one.race = race
    one.run()
    (fact,) = one.ledger.of_kind("lost")
    assert fact["family"] == "deep"
    assert fact["p"] == 0.999
    assert fact["left_s"] > 0
    later = [trial for trial in one.ledger.trials[asked[-1] :] if trial.family is Family.DEEP]
    assert len(later) <= 2  # what was under way
    assert one.ledger.of_kind("stop")[-1]["why"] != "stopped by the user"


def test_what_a_candidate_prints_and_litters_stays_in_the_run_folder(contest, capfd, tmp_path):
    one = contest(["noisy"])
    one.run()
    assert capfd.readouterr().out == ""
    assert (one.ledger.out / "cache" / "scratch" / "litter.txt").exists()


def test_costs_are_those_of_the_fit(contest):
    one = contest(["patient"])
    one.run()
    top = [trial for trial in one.ledger.done() if trial.rung == 1.0]
    assert 0.9 <= sum(trial.wall_s for trial in top) < 9
    assert all(trial.peak_mb > 10 for trial in top)


def test_a_resumed_run_repeats_nothing_that_was_acknowledged(contest, tmp_path):
    first = contest(["steady", "patient"], seconds=1.5)
    first.run()
    before = [trial.id for trial in first.ledger.done()]
    first.engine.stop()
    first.ledger.close()
    second = contest(["steady", "patient"])
    second.run()
    after = [(trial.entry, trial.rung, trial.fold) for trial in second.ledger.done()]
    assert [trial.id for trial in second.ledger.done()][: len(before)] == before
    assert len(after) == len(set(after))
    assert ("patient", 1.0, 2) in after


@pytest.mark.parametrize(
    ("task", "metric"), [(Task.MULTICLASS, "log_loss"), (Task.REGRESSION, "root_mean_squared_error")]
)
def test_the_judged_rows_are_those_held_out(contest, task, metric):
    one = contest(["steady", "patient"], task=task, metric=metric)
    one.run()
    judged = gather(Ledger(one.ledger.out), problem_of(task, metric))
    assert len(judged.y) == 600
    assert {member.family for member in judged.members} == {Family.CLASSICAL, Family.DEEP}
    if task is Task.REGRESSION:
        member = judged.members[0]
        assert np.corrcoef(member.predictions[2], judged.y)[0, 1] > 0.5


def test_an_entry_without_fold_zero_has_no_standing(contest):
    one = contest(["crashing"])
    one.run()
    assert standings(one.ledger) == []
