"""The children that decode, seen from the parent: a file that kills or stops its child costs that one file."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from treeline.errors import DataError, SetupError
from treeline.machine import cores

__all__ = ["Decoders"]

BATCH = 50
"Files of one order; a child is not started for fewer."
SILENCE_S = 60.0
"A child that says nothing for so long hangs."
MAX_DEATHS = 20
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    heard: float
    ready: bool = False
    pending: bytes = b""
    left: deque[tuple[int, str]] = field(default_factory=deque)
    "What it was told to do and has not answered."


class Decoders:
    """A few children that decode files of one kind into rows of an open file; a context manager."""

    def __init__(self, kind: str, root: str, out: int, *, files: int) -> None:
        """Start nothing yet.

        Args:
            kind: `image` or `sound`.
            root: the folder or zip.
            out: the file descriptor that rows are written to.
            files: how many are to be decoded.
        """
        self.kind, self.root, self.out = kind, root, out
        self.most = min(cores(), max(1, files // BATCH))
        self._children: list[_Child] = []
        self._deaths = 0

    def __enter__(self) -> Decoders:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the children."""
        for child in self._children:
            self._stop(child)
        self._children.clear()

    def run(self, do: str, items: Sequence[tuple[int, str]], **order: Any) -> dict[int, dict[str, Any]]:
        """Return the reply for each file by its number; `bad` (reason, detail) stands in those that cannot be decoded.

        Args:
            do: `look` or `decode`.
            items: row number and path below the root.
            **order: what the children need to know besides.

        Raises:
            SetupError: a child cannot be started.
            DataError: too many files kill their children.
        """
        todo, replies = deque(items), dict[int, dict[str, Any]]()
        told = {"do": do, "root": self.root, **order}
        with selectors.DefaultSelector() as watch:
            for child in self._children:
                self._watch(watch, child)
            while len(replies) < len(items):
                while len(self._children) < self.most and len(todo) > BATCH * sum(not c.ready for c in self._children):
                    self._watch(watch, self._start())
                for child in self._children:
                    self._give(child, todo, told)
                for key, _ in watch.select(1.0):
                    self._hear(key.data, replies)
                for child in [child for child in self._children if self._is_lost(child)]:
                    watch.unregister(child.process.stdout)  # type: ignore[arg-type]
                    self._bury(child, todo, replies)
        return replies

    def _start(self) -> _Child:
        environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "treeline.data.decoding", self.kind, str(self.out)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(self.out,), env=environment,
        )  # fmt: skip
        child = _Child(process, time.monotonic())
        self._children.append(child)
        return child

    @staticmethod
    def _watch(watch: selectors.DefaultSelector, child: _Child) -> None:
        assert child.process.stdout is not None
        watch.register(child.process.stdout, selectors.EVENT_READ, child)

    @staticmethod
    def _give(child: _Child, todo: deque[tuple[int, str]], told: dict[str, Any]) -> None:
        """Hand the next files to a child that has nothing to do."""
        if child.left or not todo or not child.ready:
            return
        child.left.extend(todo.popleft() for _ in range(min(BATCH, len(todo))))
        child.heard = time.monotonic()
        assert child.process.stdin is not None
        try:
            child.process.stdin.write((json.dumps({**told, "items": list(child.left)}) + "\n").encode())
            child.process.stdin.flush()
        except BrokenPipeError:
            pass  # it is dead, which its output will tell

    @staticmethod
    def _hear(child: _Child, replies: dict[int, dict[str, Any]]) -> None:
        assert child.process.stdout is not None
        chunk = os.read(child.process.stdout.fileno(), 1 << 16)
        if not chunk:
            child.process.wait()
        child.heard = time.monotonic()
        *lines, child.pending = (child.pending + chunk).split(b"\n")
        for line in lines:
            reply = json.loads(line)
            if "ready" in reply:
                child.ready = True
            else:
                replies[reply.pop("item")] = reply
                child.left.popleft()

    @staticmethod
    def _is_lost(child: _Child) -> bool:
        return child.process.returncode is not None or (
            time.monotonic() - child.heard > SILENCE_S and (bool(child.left) or not child.ready)
        )

    def _bury(self, child: _Child, todo: deque[tuple[int, str]], replies: dict[int, dict[str, Any]]) -> None:
        """Blame the file that a lost child was at, and hand the rest of its files back."""
        code = child.process.returncode
        self._stop(child)
        self._children.remove(child)
        if not child.ready:
            raise SetupError("The process that decodes files does not start.", do="See `treeline doctor`.")
        self._deaths += 1
        if child.left:
            number, name = child.left.popleft()
            detail = f"takes more than {SILENCE_S:g} s to be decoded"
            if code is not None:
                ended = signal.Signals(-code).name if code < 0 else f"exit {code}"
                detail = f"ends the process that decodes it ({ended})"
            replies[number] = {"bad": ["decoder crashed or hung", detail]}
            todo.extendleft(reversed(child.left))
            if self._deaths > MAX_DEATHS:
                raise DataError(
                    f"More than {MAX_DEATHS} files end or stop the process that decodes them, the last one {name}.",
                    where=self.root,
                    do="Look at these files: they may be hostile.",
                )

    @staticmethod
    def _stop(child: _Child) -> None:
        child.process.kill()
        child.process.wait()
        for stream in (child.process.stdin, child.process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                pass  # what was not sent is not needed
