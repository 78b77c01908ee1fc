"""A run goes on: the same command with a longer limit, and nothing else, adds to the same ledger."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

import treeline
from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude
from treeline.errors import IntegrityError

from .worlds import churn_csv

GIVEN = {"candidates": "lightgbm,mlp", "folds": 10, "progress": "plain"}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run whose time was over before all folds were judged."""
    folder = tmp_path_factory.mktemp("begun")
    source = churn_csv(folder / "churn.csv", rows=1500)
    return treeline.run(source, target="churn", out=folder / "run", time_limit="12s", **GIVEN), source


def facts_of(study):
    return (study.out / "ledger" / "facts.jsonl").read_bytes()


@pytest.mark.parametrize("limit", ["12s", 12, "0.2m", "8s"])
def test_no_longer_limit_tells_the_verdict_again_and_what_was_used(begun, capsys, limit):
    study, source = begun
    before = facts_of(study)
    again = treeline.run(source, target="churn", out=study.out, time_limit=limit, **GIVEN)
    assert facts_of(study) == before
    assert again.verdict["call"] == study.verdict["call"]
    assert again.verdict["budget"]["limit_s"] == 12
    assert "s of its 12 s: telling its verdict again" in capsys.readouterr().err


def test_other_data_are_refused_with_a_longer_limit_too(begun, tmp_path):
    study, _ = begun
    before = facts_of(study)
    other = churn_csv(tmp_path / "churn.csv", rows=1500, seed=3)
    with pytest.raises(IntegrityError, match="the data has changed"):
        treeline.run(other, target="churn", out=study.out, time_limit="60s", **GIVEN)
    assert facts_of(study) == before


def test_a_longer_limit_goes_on_from_what_is_there(begun, capsys):
    study, source = begun
    before, head, began = Ledger(study.out), facts_of(study).splitlines()[0], time.monotonic()
    spoke = before.of_kind("end")[-1]["said"] is not None  # a verdict that could not speak is no look
    longer = treeline.run(source, target="churn", out=study.out, time_limit="30s", command="treeline run x", **GIVEN)
    assert time.monotonic() - began <= 30 - 0.8 * before.facts[-1]["used_s"] + 0.05 * 30 + 5
    after = Ledger(study.out)
    assert facts_of(longer).splitlines()[0] == head  # what the first session fixed stays
    assert [t.id for t in after.trials][: len(before.trials)] == [t.id for t in before.trials]
    assert len(after.done()) > len(before.done())
    assert [fact["limit_s"] for fact in after.of_kind("session")] == [12, 30]
    budget = longer.verdict["budget"]
    assert (budget["limit_s"], budget["looks"]) == (30, 1 + spoke)
    assert before.facts[-1]["used_s"] < budget["used_s"] <= 30 * 1.05 + 5
    assert conclude(after).verdict["budget"] == budget
    assert (longer.out / "bundle" / "manifest.json").exists()
    assert "going on from" in capsys.readouterr().err


CODE = """
import sys
sys.argv = ["treeline", "run", {source!r}, "--target", "churn", "--out", {out!r}, "--candidates", "lightgbm,mlp", "--folds", "10",
            "--time-limit", "60s"]
from treeline.cli import main
main()
"""


def started(source, out):
    code = CODE.format(source=str(source), out=str(out))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_fits(out, count):
    path, end = out / "ledger" / "facts.jsonl", time.monotonic() + 60
    while not (path.exists() and path.read_text().count('"state": "done"') >= count):
        assert time.monotonic() < end, "no fit was written"
        time.sleep(0.05)


def test_ctrl_c_twice_at_once_leaves_the_best_so_far_and_a_word(tmp_path):
    source, out = churn_csv(tmp_path / "c.csv", rows=1500), tmp_path / "run"
    process = started(source, out)
    wait_for_fits(out, 14)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    told, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped: writing down the best so far" in said
    assert "Stopped early: the same command goes on from here." in told
    assert (out / "report.html").exists()
    assert (out / "bundle" / "manifest.json").exists()


def test_ctrl_c_before_anything_was_fitted_is_one_line(tmp_path):
    process = started(churn_csv(tmp_path / "c.csv"), tmp_path / "run")
    while "reading" not in process.stderr.readline():
        pass
    said = ""
    for _ in range(10):  # Python loses a signal that falls into the callback of an import: a person would press again
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            said = process.communicate(timeout=4)[1]
            break
    assert process.returncode == 130
    assert "error: Interrupted" in said or "writing down the best so far" in said
    assert "Traceback" not in said


BURN = "import time\nend = time.monotonic() + 90\nwhile time.monotonic() < end:\n    pass"


def test_the_limit_is_kept_beside_busy_processes(begun):
    _, source = begun
    others = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(2)]
    try:
        began = time.monotonic()
        study = treeline.run(source, target="churn", out=source.parent / "busy", time_limit="20s", **GIVEN)
        assert time.monotonic() - began <= 20 * 1.05 + 5
    finally:
        for one in others:
            one.kill()
            one.wait()
    assert (study.out / "report.html").exists()
