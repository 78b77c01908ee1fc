"""No worker outlives the run that it works for: real processes, a real kill -9."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

CODE = """
import sys, time
from pathlib import Path
from treeline.contest.job import Job
from treeline.contest.runner import Runner
from treeline.problem.task import Family

runner = Runner(Path(sys.argv[1]))
for number, (name, family) in enumerate([("endless", Family.CLASSICAL), ("asleep", Family.DEEP), ("parental", Family.DEEP)]):
    runner.start(Job(id=f"{number:04d}-{name}", entry=name, candidate=name, family=family, params={}, rung=1.0, folds=(0,),
                     seed=0, seconds=600.0, patience=600.0))
while True:
    runner.poll(0.1)
"""


def small_cache(contest):
    """Return the folder of a run whose shared rows lie ready."""
    one = contest(["steady"])
    one.cache.share_rows(one.folds, 0, 1.0)
    return one.ledger.out


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def alive(processes):
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def busy(contest):
    """A parent with two templates and three workers: one keeps the interpreter's lock, one sleeps, one has a child."""
    parent = subprocess.Popen([sys.executable, "-c", CODE, str(small_cache(contest))])
    family = lambda: psutil.Process(parent.pid).children(recursive=True)  # noqa: E731
    began = lambda: [one for one in family() if "sleep" in one.name()]  # noqa: E731
    assert wait_for(lambda: len(family()) >= 6 and began())
    time.sleep(0.5)  # they are in the midst of it
    yield parent, family()
    parent.kill()
    for one in alive(family() if parent.poll() is None else []):
        one.kill()


def test_a_kill_of_the_parent_ends_all_its_workers_and_what_they_started(busy):
    parent, family = busy
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert wait_for(lambda: not alive(family), 8.0), alive(family)


def test_a_kill_of_parent_and_templates_ends_the_workers(busy):
    parent, family = busy
    templates = psutil.Process(parent.pid).children()
    for one in (*templates, parent):
        os.kill(one.pid, signal.SIGKILL)
    parent.wait()
    workers = [one for one in family if one not in templates and "sleep" not in one.name()]
    assert wait_for(lambda: not alive(workers), 8.0), alive(workers)


def test_a_worker_that_was_born_an_orphan_ends_at_once():
    code = "import os\nfrom treeline.contest.lifeline import hold\nhold(0, os.getppid() + 1)\nprint('lives')"
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, stdin=subprocess.PIPE
    )
    assert (made.returncode, made.stdout) == (1, "")
