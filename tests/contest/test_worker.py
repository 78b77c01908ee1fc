"""A worker process on its own: jobs go in as lines, events come out as lines."""

import json
import subprocess
import sys

import psutil
import pytest

from .test_runner import job_of


class Worker:
    """A template, spoken to as the runner speaks to it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "treeline.contest.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def hear(self):
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def worker(stubs):
    made = Worker()
    yield made
    made.process.kill()
    made.process.wait()
    for stream in (made.process.stdin, made.process.stdout):
        stream.close()


@pytest.fixture
def out(contest):
    """The folder of a run whose shared rows lie ready."""
    one = contest(["steady"])
    one.cache.share_rows(one.folds, 0, 1.0)
    for name in ("results", "logs", "scratch"):
        (one.ledger.out / "cache" / name).mkdir()
    return one.ledger.out


def test_a_job_is_fitted_in_a_child_that_is_measured_alone(worker, out):
    assert worker.hear() == {"event": "ready", "pid": worker.process.pid}
    worker.ask(job=job_of(1, "steady").to_json(), key=7, out=str(out))
    started, ended = worker.hear(), worker.hear()
    assert (started["event"], started["key"]) == ("started", 7)
    assert started["pid"] != worker.process.pid
    assert (ended["event"], ended["key"], ended["status"]) == ("ended", 7, 0)
    assert ended["cpu_s"] > 0
    assert 20 < ended["peak_mb"] < 2000
    (trial,) = json.loads((out / "cache" / "results" / "0001-steady.json").read_text())["trials"]
    assert trial["fold"] == 0
    assert (out / "models" / "0001-steady-f0.safetensors").exists()


def test_an_unknown_candidate_is_the_childs_failure_and_no_end_of_the_template(worker, out):
    worker.hear()
    worker.ask(load="nobody")
    worker.ask(job=job_of(1, "nobody").to_json(), key=1, out=str(out))
    worker.ask(job=job_of(2, "steady").to_json(), key=2, out=str(out))
    events = [worker.hear() for _ in range(4)]
    assert {event["key"] for event in events if event["event"] == "ended"} == {1, 2}
    assert "nobody" in json.loads((out / "cache" / "results" / "0001-nobody.json").read_text())["error"]
    assert "trials" in json.loads((out / "cache" / "results" / "0002-steady.json").read_text())


def test_the_end_of_its_input_ends_it_and_its_children(worker, out):
    worker.hear()
    worker.ask(job=job_of(1, "asleep").to_json(), key=1, out=str(out))
    child = worker.hear()["pid"]
    worker.process.stdin.close()
    assert worker.process.wait(timeout=10) == 0
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
