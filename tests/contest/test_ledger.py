"""The ledger: nothing acknowledged is lost, nothing half-written is believed."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from treeline.contest.ledger import Ledger, durable, read_state, write_state
from treeline.contest.trial import State, Trial
from treeline.errors import IntegrityError, SetupError
from treeline.problem.task import Family


def trial(number: int) -> Trial:
    return Trial(
        id=f"{number:04d}-x-f0", entry="x", candidate="x", family=Family.DEEP, params={"a": 1}, rung=0.5, rows=10,
        fold=0, seed=1, state=State.DONE, score=0.5,
    )  # fmt: skip


def test_facts_come_back_as_they_were_written(tmp_path):
    ledger = Ledger(tmp_path, write=True)
    ledger.append("head", version=1, name="Ünïcode\n")
    ledger.record(trial(0))
    again = Ledger(tmp_path)
    assert again.head == {"fact": "head", "version": 1, "name": "Ünïcode\n"}
    assert again.trials == [trial(0)]
    ledger.close()


def test_a_torn_last_line_is_cut_off(tmp_path):
    ledger = Ledger(tmp_path, write=True)
    ledger.append("head", version=1)
    ledger.record(trial(0))
    ledger.close()
    with ledger.path.open("a") as file:
        file.write('{"fact": "trial", "id": "00')
    assert Ledger(tmp_path).trials == [trial(0)]
    again = Ledger(tmp_path, write=True)
    again.record(trial(1))
    again.close()
    assert Ledger(tmp_path).trials == [trial(0), trial(1)]


def test_a_damaged_line_is_refused_by_number(tmp_path):
    ledger = Ledger(tmp_path, write=True)
    ledger.append("head", version=1)
    ledger.record(trial(0))
    ledger.close()
    text = ledger.path.read_text().replace('"rung"', '"rong"')
    ledger.path.write_text(text)
    with pytest.raises(IntegrityError, match="jsonl:2"):
        Ledger(tmp_path)


def test_another_version_is_refused(tmp_path):
    ledger = Ledger(tmp_path, write=True)
    ledger.append("head", version=99)
    ledger.close()
    with pytest.raises(IntegrityError, match="version 99"):
        Ledger(tmp_path)


def test_one_writer_at_a_time_and_the_holder_is_named(tmp_path):
    ledger = Ledger(tmp_path, write=True)
    with pytest.raises(SetupError, match=f"process {os.getpid()} on"):
        Ledger(tmp_path, write=True)
    ledger.close()
    Ledger(tmp_path, write=True).close()


def test_values_that_json_lacks_are_refused(tmp_path):
    ledger = Ledger(tmp_path, write=True)
    with pytest.raises(ValueError, match="JSON"):
        ledger.append("head", version=1, score=float("nan"))
    assert Ledger(tmp_path).facts == []
    ledger.close()


WRITER = """
import sys, itertools
sys.path.insert(0, "{tests}")
from pathlib import Path
from treeline.contest.ledger import Ledger
ledger = Ledger(Path("{out}"), write=True)
if not ledger.head:
    ledger.append("head", version=1)
for number in itertools.count(len(ledger.facts)):
    ledger.append("count", number=number, filler="x" * 2000)
    print(number, flush=True)
"""


def test_no_acknowledged_fact_is_lost_when_the_writer_is_killed(tmp_path):
    rng = np.random.default_rng(0)
    acknowledged = 0
    for _ in range(4):
        code = WRITER.format(tests=os.path.dirname(__file__), out=tmp_path)
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        seen = [process.stdout.readline()]
        time.sleep(float(rng.uniform(0.0, 0.05)))
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        acknowledged = max(acknowledged, *(int(line) for line in seen if line.endswith("\n")))
    numbers = [fact["number"] for fact in Ledger(tmp_path).of_kind("count")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= acknowledged


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "a" / "b.json"
    with pytest.raises(RuntimeError), durable(target) as path:
        path.write_text("half")
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    with durable(target) as path:
        path.write_text(json.dumps([1]))
    assert json.loads(target.read_text()) == [1]


def test_a_state_comes_back(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.frombuffer(b"text", dtype=np.uint8)}
    size = write_state(tmp_path / "m.safetensors", arrays, {"k": [1, None, "x"]})
    back, meta = read_state(tmp_path / "m.safetensors")
    assert size > 0
    assert meta == {"k": [1, None, "x"]}
    assert all(np.array_equal(arrays[name], back[name]) for name in arrays)


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\n", "\r"])
def test_odd_line_ends_in_names_do_not_cut_a_fact(tmp_path, odd):
    ledger = Ledger(tmp_path, write=True)
    ledger.append("head", version=1, name=f"a{odd}b")
    ledger.record(trial(0))
    ledger.close()
    again = Ledger(tmp_path)
    assert again.head["name"] == f"a{odd}b"
    assert again.trials == [trial(0)]


def test_missing_predictions_are_named(tmp_path):
    with pytest.raises(IntegrityError, match="0000-x-f0"):
        Ledger(tmp_path).predictions(trial(0))
