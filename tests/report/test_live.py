"""The display of a run: lines in a pipe, a panel on a terminal, silence when asked, and never a crash."""

from __future__ import annotations

import io
import itertools
import os
import pty
import re
import select
import threading
import time
from typing import Any

import pytest
from report_studies import problem_of, trials_of

from treeline.contest.trial import State, Trial
from treeline.errors import UsageError
from treeline.problem.task import Family, Task
from treeline.report.live import Live

PROBLEM = problem_of(Task.BINARY, "roc_auc", target="Churn", classes=("No", "Yes"))


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def failed(reason: str) -> Trial:
    return Trial(
        id="1", entry="mlp", candidate="mlp", family=Family.DEEP, params={}, rung=1.0, rows=5, fold=0, seed=0,
        state=State.FAILED, reason=reason,
    )  # fmt: skip


def play(live: Live, clock: Clock | None = None) -> None:
    """A short run."""
    live.start(PROBLEM, 60.0, ("classical", "deep"))
    live.event("stage", text="the contest begins")
    for step, trial in enumerate(trials_of({"catboost": 0.84, "realmlp": 0.83}, 1000, better=1)):
        if clock:
            clock.now += 0.5
        live.event("job", family=trial.family, entry=trial.entry, rows=trial.rows, folds=(0, 1), pid=1)
        live.event("trial", trial=trial)
        live.event(
            "tick",
            left_s=60 - step,
            running=[("classical", "catboost", 1.5), {"family": "deep", "entry": "realmlp", "seconds": 2}],
        )
    live.event("score", family="classical", entry="catboost", score=0.8412, interval=[0.832, 0.85])
    live.event("score", family="deep", entry="tabm", score=0.8391, interval=[0.83, 0.848])
    live.event("trial", trial=failed("cuda\nwent [bold]away[/bold] \x1b[2J"))
    live.event("of a later version", anything=1)


def test_plain_lines_are_few_and_tell_the_best() -> None:
    stream, clock = io.StringIO(), Clock()
    live = Live("auto", stream, clock)
    assert live.mode == "plain"
    play(live, clock)
    live.stop()
    live.stop()
    lines = stream.getvalue().splitlines()
    assert lines[0].endswith("Churn · ROC AUC · classical models against deep learning · 60 s")
    assert any("the contest begins" in line for line in lines)
    assert "Classical models 0.841 (0.832 to 0.850) with catboost" in stream.getvalue()
    assert "Deep learning 0.839 (0.830 to 0.848) with tabm" in stream.getvalue()
    assert "mlp failed: cuda" in lines[-1] and "\x1b" not in stream.getvalue() and r"\u001b[2J" in lines[-1]
    # 16 fits in 8 seconds, a line every two of them at most
    asked = [line for line in lines if "s    " in line]
    assert [line.split()[2] for line in asked] == ["task:", "metric:", "margin:", "split:", "repeats:"]
    assert len(lines) - len(asked) <= 8
    times = [float(line.split()[0]) for line in lines[2:-1] if line not in asked]
    assert all(b - a >= 1 for a, b in itertools.pairwise(times))


def test_silence_is_broken_by_what_is_running() -> None:
    stream, clock = io.StringIO(), Clock()
    live = Live("plain", stream, clock)
    live.start(PROBLEM, 300.0)
    for _ in range(60):
        clock.now += 1
        live.event("tick", left_s=300 - clock.now, running=[("deep", "tabm", clock.now)])
    lines = [line for line in stream.getvalue().splitlines()[1:] if "s    " not in line]
    assert len(lines) == 3 and "running tabm (20 s); 4 min 40 s left" in lines[0]


def test_quiet_is_quiet() -> None:
    stream = io.StringIO()
    live = Live("quiet", stream)
    play(live)
    live.stop()
    assert stream.getvalue() == ""


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="rich, plain, quiet"):
        Live("fancy")


class Broken(io.StringIO):
    """A pipe that nobody reads."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [Broken(), io.TextIOWrapper(io.BytesIO(), encoding="ascii")])
@pytest.mark.parametrize("mode", ["plain", "rich"])
def test_nothing_that_happens_to_the_display_stops_the_run(stream: Any, mode: str) -> None:
    live = Live(mode, stream)
    play(live)
    live.event("trial", trial=None)
    live.event("score")
    live.event("tick", left_s="soon", running=3)
    live.stop()
    assert threading.active_count() < 20


def test_the_panel_in_a_terminal() -> None:
    parent, child = pty.openpty()
    os.environ.pop("NO_COLOR", None)
    with os.fdopen(child, "w", encoding="utf-8") as stream:
        live = Live("auto", stream)
        assert live.mode == "rich"
        play(live)
        time.sleep(0.6)
        live.stop()
        seen = b""
        while select.select([parent], [], [], 0.2)[0]:
            seen += os.read(parent, 1 << 16)
    os.close(parent)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode("utf-8", "replace"))
    assert "Classical models" in text and "0.841" in text and "0.832 to 0.850" in text
    assert "now: catboost" in text and "left" in text and "16 fits, 1 lost" in text
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h") == 1, "the cursor comes back"
    assert b"\x1b[2J" not in seen


def test_events_from_threads_do_not_lock_up() -> None:
    parent, child = pty.openpty()
    drain = threading.Thread(
        target=lambda: [os.read(parent, 1 << 16) for _ in iter(lambda: select.select([parent], [], [], 1.0)[0], [])]
    )
    drain.start()
    with os.fdopen(child, "w", encoding="utf-8") as stream:
        live = Live("rich", stream)
        live.start(PROBLEM, 5.0)
        threads = [threading.Thread(target=play, args=(live,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        live.stop()
        assert not any(thread.is_alive() for thread in threads)
        drain.join(10)
    os.close(parent)
    assert live.mode == "rich"
