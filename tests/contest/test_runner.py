"""The runner hands out jobs and loses none."""

import os
import signal
import time

import pytest

from treeline.contest.job import Job
from treeline.contest.runner import WORKER_DIED, Runner
from treeline.contest.trial import State
from treeline.problem.task import Family


def job_of(number, candidate, family=Family.DEEP):
    return Job(
        id=f"{number:04d}-{candidate}", entry=candidate, candidate=candidate, family=family, params={}, rung=1.0, folds=(0,),
        seed=0, seconds=60.0, patience=60.0,
    )  # fmt: skip


@pytest.fixture
def runner(tmp_path, stubs):
    made = Runner(tmp_path / "run")
    yield made
    made.stop()


def told(runner, count, seconds=20.0):
    """Return the outcomes by job, `count` of them."""
    outcomes, end = {}, time.monotonic() + seconds
    while len(outcomes) < count and time.monotonic() < end:
        outcomes |= {outcome.job.id: outcome for outcome in runner.poll(0.1)}
    return outcomes


def kill_template(runner, family):
    process = runner._templates[family].process
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_a_job_is_told_when_its_template_is_found_dead_at_the_next_start(runner):
    runner.start(job_of(1, "asleep"))
    kill_template(runner, Family.DEEP)
    runner.start(job_of(2, "asleep"))
    assert {job.id for job, _ in runner.running()} == {"0001-asleep", "0002-asleep"}
    (lost,) = told(runner, 1).values()
    assert (lost.job.id, lost.state, lost.reason) == ("0001-asleep", State.FAILED, WORKER_DIED)
    assert {job.id for job, _ in runner.running()} == {"0002-asleep"}


def test_a_job_is_told_when_its_template_dies_meanwhile(runner):
    runner.start(job_of(1, "asleep"))
    kill_template(runner, Family.DEEP)
    assert told(runner, 1)["0001-asleep"].reason == WORKER_DIED
    assert runner.running() == []


def test_what_was_cleared_away_is_not_told(runner):
    runner.start(job_of(1, "asleep"))
    kill_template(runner, Family.DEEP)
    runner.warm(Family.DEEP, [])
    runner.clear()
    assert runner.running() == []
    assert runner.poll(0.1) == []
