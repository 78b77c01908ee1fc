"""The workers of one family: a template process that imports libraries once and forks a fresh child for every job.

    python -m treeline.contest.worker        jobs come in as JSON lines, events go out as JSON lines

The template runs no model and starts no thread, so that a fork from it is safe although OpenMP is not; the child starts with
all libraries loaded, is measured alone, and cannot take anything down with it. Each family has its own template: boosting
libraries and torch in one process slow each other down. Neither outlives the run that it works for (`contest/lifeline.py`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from treeline.candidates.registry import card_named
from treeline.contest.job import Job
from treeline.contest.lifeline import end, hold, tie
from treeline.machine import peak_mb

__all__ = ["main"]

LOG_LIMIT = 1_000_000
OUT_OF_MEMORY_EXIT = 77
events = 1
"Where events go: the standard output that the process was started with."


def main() -> None:
    """Serve jobs until the input ends."""
    running: dict[int, int] = {}
    tie(running)
    global events  # noqa: PLW0603 - one per process
    events = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is no event
    reader, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pending = b""
    say({"event": "ready", "pid": os.getpid()})
    while True:
        ready, _, _ = select.select([0, reader], [], [])
        if reader in ready:
            os.read(reader, 4096)
            reap(running)
        if 0 in ready:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                break
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                take(json.loads(line), running)
    end(running)


def say(event: dict[str, Any]) -> None:
    """Write one event for the parent."""
    os.write(events, (json.dumps(event) + "\n").encode())


def take(message: dict[str, Any], running: dict[int, int]) -> None:
    """Do what the parent asks.

    `{"load": candidate}` imports a candidate's libraries; `{"job": …, "key": …, "out": …}` forks a child.
    """
    if "load" in message:
        load(message["load"])
        return
    job = Job.from_json(message["job"])
    load(job.candidate)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _child(job, Path(message["out"]), parent)
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass  # the child was faster
    running[pid] = message["key"]
    say({"event": "started", "key": message["key"], "pid": pid})


def load(candidate: str) -> None:
    """Import the libraries of a candidate into the template, so that its children need not."""
    try:
        card = card_named(candidate)
        for module in (card.build.partition(":")[0], *card.requires, *card.preload):
            import_module(module)
    except Exception as error:  # the child will fail on it and say so
        print(f"{candidate}: {error}", file=sys.stderr)


def reap(running: dict[int, int]) -> None:
    """Report the children that have ended, with what they used."""
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        key = running.pop(pid, None)
        if key is not None:
            cpu = usage.ru_utime + usage.ru_stime
            say({"event": "ended", "key": key, "status": status, "cpu_s": cpu, "peak_mb": peak_mb(usage.ru_maxrss)})


def _child(job: Job, out: Path, parent: int) -> None:
    """Run one job and leave; never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)
        hold(0, parent)
        _quiet(out / "cache" / "logs" / f"{job.id}.log")
        os.chdir(out / "cache" / "scratch")
        from treeline.contest.fitting import execute, write_failure

        try:
            execute(job, out)
            code = 0
        except MemoryError:
            code = OUT_OF_MEMORY_EXIT
        except Exception as error:  # a candidate may fail in any way; the failure is a fact
            write_failure(job, out, error)
            code = 0
    finally:
        os._exit(code)


def _quiet(log: Path) -> None:
    """Send what libraries print to a log of limited size, and let the system kill this process before its parent."""
    import resource

    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
    except OSError:
        pass  # not Linux, or not allowed


if __name__ == "__main__":
    main()
