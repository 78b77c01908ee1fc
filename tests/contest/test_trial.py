"""Trials, jobs and entries are facts: as written, so read."""

from __future__ import annotations

import json

from treeline.contest.job import Job
from treeline.contest.trial import Trial
from treeline.data.splits import ALL
from treeline.problem.task import Family

from .small import fit


def test_a_trial_is_read_as_it_was_written() -> None:
    trial = fit("one", 2, rung=0.5, done=0.3, reason="stopped by the clock")
    assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial


def test_a_job_is_read_as_it_was_written_and_names_its_trials() -> None:
    job = Job(
        id="0003-one", entry="one", candidate="one", family=Family.DEEP, params={}, rung=1.0, folds=(0, 1), seed=1, seconds=1.0,
        patience=2.0,
    )  # fmt: skip
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job
    assert (job.trial_id(1), job.trial_id(ALL)) == ("0003-one-f1", "0003-one-all")
