"""Where systems differ: memory, locks, and systems that Treeline does not run on."""

import resource
import subprocess
import sys

import psutil
import pytest

import treeline
from treeline import machine
from treeline.errors import SetupError

WINDOWS = """
import sys
import treeline.machine
from treeline.cli import main
treeline.machine.SYSTEM, sys.argv[1:] = "win32", {words}
main()
"""


def test_memory_is_counted_in_the_unit_of_the_system(monkeypatch):
    told = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held = psutil.Process().memory_info().rss / 2**20
    assert machine.peak_mb(told) >= 0.9 * held
    monkeypatch.setattr(machine, "SYSTEM", "linux")
    assert machine.peak_mb(300 * 1024) == 300
    monkeypatch.setattr(machine, "SYSTEM", "darwin")
    assert machine.peak_mb(300 * 2**20) == 300


def test_a_lock_has_one_holder(tmp_path):
    with (tmp_path / "lock").open("w") as one, (tmp_path / "lock").open("w") as other:
        machine.lock(one)
        with pytest.raises(OSError):
            machine.lock(other)
        one.close()
        machine.lock(other, wait=True)


def test_another_system_is_named_in_one_line_with_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "SYSTEM", "win32")
    with pytest.raises(SetupError, match=r"runs on Linux and macOS, and this is Windows.*Subsystem"):
        treeline.run(tmp_path / "churn.csv", target="churn", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("words", [["run", "churn.csv", "--target", "y"], ["audit", "churn.csv"]])
def test_the_command_line_says_so_too(tmp_path, words):
    made = subprocess.run(
        [sys.executable, "-c", WINDOWS.format(words=words)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert made.returncode == 5
    assert made.stderr.splitlines()[0] == "error: Treeline runs on Linux and macOS, and this is Windows."
