"""The lifeline: no worker outlives the run that it works for, whatever it is doing.

One end of a pipe is the template's standard input, the other one is held by the run alone: it closes when the run ends, however
that ends. Three ties hang on it, because each alone has a hole:

- The template reads the end of its input, kills the process groups of its children, with what they started themselves, and
  exits. While it imports a library it does not read: on Linux the kernel's signal makes it do the same at once.
- A thread in each child sees the same end, and kills its group. It cannot run where a fit keeps the interpreter's lock.
- The kernel kills a child whose template has died (Linux), whatever the child is doing.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterable

from treeline.machine import signal_when_orphaned

__all__ = ["end", "hold", "tie"]

LOOK_MS = 1000
"So often a child looks whether its template lives."


def end(groups: Iterable[int]) -> None:
    """Kill these process groups."""
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # it has ended by itself; macOS says so of zombies in its own way


def tie(groups: dict[int, int]) -> None:
    """Make a template end the process groups in `groups`, and itself, when its parent dies."""

    def heed(*_: object) -> None:
        end(groups)
        os._exit(1)

    signal.signal(signal.SIGTERM, heed)
    signal_when_orphaned(signal.SIGTERM)


def hold(line: int, parent: int) -> None:
    """Make a child, which leads its process group, end with that group when the pipe `line` closes or its `parent` is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal_when_orphaned(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before the kernel was asked
    kept = os.dup(line)
    poll = select.poll()
    poll.register(kept, 0)  # hears of nothing but the other end's close

    def watch() -> None:
        while not poll.poll(LOOK_MS) and os.getppid() == parent:
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
