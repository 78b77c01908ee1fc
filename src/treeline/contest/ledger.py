"""The ledger: one JSON line a fact, appended and never edited, with predictions and models beside it.

    OUT/ledger/facts.jsonl      the head (problem, data, settings), then trials and stops, in the order they happened
    OUT/ledger/rows.npz         target, fold, half and group of every row that was judged
    OUT/ledger/preds/ID.npy     (3, m) or (3, m, C) predictions for the fold's held-out rows, see `candidates.card.Watch`
    OUT/models/ID.safetensors   the fitted model as arrays and JSON

A line is written after the files it speaks of are durable, and is flushed to the disk before anybody is told. A line torn by a
crash is cut off when the ledger is opened again: nothing acknowledged is lost, nothing half-written is believed.
"""

from __future__ import annotations

import json
import os
import socket
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from treeline.contest.trial import State, Trial
from treeline.errors import IntegrityError, SetupError
from treeline.machine import lock
from treeline.problem.metric import Array

__all__ = ["VERSION", "Ledger", "crc_of", "damaged", "durable", "read_state", "trial_of", "write_state"]

VERSION = 1


@contextmanager
def durable(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on leaving, flush it to the disk and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


class Ledger:
    """What happened in one run. One writer at a time; any number of readers."""

    def __init__(self, out: Path, *, write: bool = False) -> None:
        """Open the ledger under `out`; with `write`, take the writer's lock and cut off a torn last line.

        Raises:
            IntegrityError: a line is damaged, or the ledger is of another version.
            SetupError: another process is writing to this run, or the folder is not writable.
        """
        self.out = out
        self.path = out / "ledger" / "facts.jsonl"
        self.facts: list[dict[str, Any]] = []
        self.trials: list[Trial] = []
        self._file: TextIO | None = None
        self._sealed = True
        self._lock: TextIO | None = None
        self._rows: dict[str, Array] = {}
        self._sample: dict[str, Array] = {}
        self._checked: set[str] = set()
        if write:
            self._open_for_writing()
        self._read()

    def _open_for_writing(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path.parent / "lock").open("a+")
        except OSError as error:
            raise SetupError(
                f"The folder {self.out} cannot be written to: {error.strerror}.", do="Choose another --out."
            ) from None
        try:
            lock(self._lock)
        except OSError:
            self._lock.seek(0)
            holder = self._lock.read(200).strip() or "another process"
            self._lock.close()
            raise SetupError(
                f"The run in {self.out} is being written by {holder}.", do="Wait for it, or choose another --out."
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._lock.flush()
        if self.path.exists():
            whole = self.path.read_bytes()
            end = whole.rfind(b"\n") + 1
            if end < len(whole):
                os.truncate(self.path, end)
        self._file = self.path.open("a", encoding="utf-8")

    def _read(self) -> None:
        if not self.path.exists():
            return
        *lines, _torn = self.path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            try:
                fact = json.loads(line)
                sealed = fact.pop("crc", None) is not None
                if sealed and line.decode() != _sealed(json.dumps(fact)):
                    raise ValueError("the line was changed")
                self._sealed = sealed if number == 1 else self._sealed
                if self._sealed and not sealed:
                    raise ValueError("the line has lost its checksum")
                if fact.pop("line", number) != number:
                    raise ValueError("a line before this one is missing, or stands twice")
                self._take(fact)
            except (ValueError, KeyError, TypeError):
                raise IntegrityError(
                    "The line is not a fact that Treeline wrote.",
                    where=f"{self.path}:{number}",
                    do="Start again in another --out.",
                ) from None
        if self.facts and self.head.get("version") != VERSION:
            raise IntegrityError(
                f"The ledger is of version {self.head.get('version')}, this Treeline reads {VERSION}.",
                where=str(self.path),
                do="Use the Treeline that wrote it, or start again in another --out.",
            )

    def _take(self, fact: dict[str, Any]) -> None:
        self.facts.append(fact)
        if fact["fact"] == "trial":
            self.trials.append(trial_of(fact))

    @property
    def head(self) -> dict[str, Any]:
        """The first fact: problem, data and settings; empty for a new ledger."""
        return self.facts[0] if self.facts else {}

    def append(self, fact: str, **content: Any) -> None:
        """Write one fact and return when it is on the disk."""
        if self._file is None:
            raise RuntimeError("the ledger is open for reading only")
        numbered = {"fact": fact, **content, "line": len(self.facts) + 1}
        line = _sealed(json.dumps(numbered, allow_nan=False, default=_plain))
        self._file.write(line + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        written = json.loads(line)
        del written["crc"], written["line"]
        self._take(written)

    def record(self, trial: Trial) -> None:
        """Write one trial."""
        self.append("trial", **trial.to_json())

    def of_kind(self, fact: str) -> list[dict[str, Any]]:
        """Return the facts of one kind, oldest first."""
        return [line for line in self.facts if line["fact"] == fact]

    def done(self) -> list[Trial]:
        """Return the trials that have predictions and a model; of fits of the same rows the one that did more of its steps."""
        found: dict[tuple[str, float, int], Trial] = {}
        for trial in self.trials:
            key = (trial.entry, trial.rung, trial.fold)
            if trial.state is State.DONE and (key not in found or trial.done >= found[key].done):
                found.pop(key, None)
                found[key] = trial
        return list(found.values())

    def current(self) -> list[Trial]:
        """Return the trials that still stand: those of `done`, and those that ended otherwise and were never made good."""
        done = self.done()
        kept, ids = {(trial.entry, trial.rung, trial.fold) for trial in done}, {trial.id for trial in done}
        return [
            trial for trial in self.trials
            if trial.id in ids or (trial.state is not State.DONE and (trial.entry, trial.rung, trial.fold) not in kept)
        ]  # fmt: skip

    def refits(self) -> dict[str, Trial]:
        """Return by entry the models that were fitted once more on all rows; they judge nothing.

        A refit takes its steps from the entry's fit on fold 0: when that is made again, the refit is too.
        """
        made: dict[str, Trial] = {}
        for fact in self.facts:
            if fact["fact"] == "trial" and fact["rung"] == 1.0 and fact["fold"] == 0 and fact["state"] == State.DONE:
                made.pop(fact["entry"], None)
            elif fact["fact"] == "refit" and fact["state"] == State.DONE:
                made[fact["entry"]] = trial_of(fact)
        return made

    def predictions(self, trial: Trial) -> Array:
        """Return the (3, m) or (3, m, C) predictions of a trial for its fold's held-out rows, memory-mapped."""
        path = self.out / "ledger" / "preds" / f"{trial.id}.npy"
        try:
            loaded: Array = np.load(path, mmap_mode="r", allow_pickle=False)
            if trial.preds_crc is not None and trial.id not in self._checked and crc_of(loaded) != trial.preds_crc:
                raise ValueError("the predictions were changed")
        except (OSError, ValueError):
            raise damaged(path, "The predictions are missing, damaged or changed.") from None
        self._checked.add(trial.id)
        return loaded

    def model(self, trial: Trial) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the state of the model that a trial fitted."""
        return read_state(self.out / "models" / f"{trial.id}.safetensors")

    def rows(self) -> dict[str, Array]:
        """Return the arrays of `rows.npz`, which never change once a run has begun; read once."""
        if not self._rows:
            self._rows = _arrays(self.path.parent / "rows.npz")
        return self._rows

    def sample(self) -> dict[str, Array]:
        """Return `sample.npz`: `index` (k,) among the rows with a target, `inputs` (k, d), `names` (d,); or nothing."""
        path = self.path.parent / "sample.npz"
        if not self._sample and path.exists():
            self._sample = _arrays(path)
        return self._sample

    def items(self) -> dict[str, Array]:
        """Return `items.npz`, the few pictures or texts that the report shows (see `contest/items.py`), or nothing."""
        path = self.path.parent / "items.npz"
        return _arrays(path) if path.exists() else {}

    def close(self) -> None:
        """Let go of the files and of the lock."""
        for file in (self._file, self._lock):
            if file is not None:
                with suppress(OSError):
                    file.close()


def damaged(path: Path, what: str = "The file is missing or damaged.") -> IntegrityError:
    """Return the error for a file of a run that is not as it was written."""
    return IntegrityError(what, where=str(path), do="Start again in another --out.")


def crc_of(array: Array) -> int:
    """Return the checksum of an array's bytes."""
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def _arrays(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        raise damaged(path) from None


def _sealed(line: str) -> str:
    """Return a JSON object with a checksum of its text as the last key, so that a changed line is noticed."""
    return f'{line[:-1]}, "crc": "{zlib.crc32(line.encode()):08x}"}}'


def trial_of(fact: dict[str, Any]) -> Trial:
    """Return the trial that a fact `trial`, `refit` or `single` holds."""
    return Trial.from_json({key: value for key, value in fact.items() if key != "fact"})


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} does not belong in a ledger")


def write_state(path: Path, arrays: dict[str, Array], meta: dict[str, Any]) -> int:
    """Write a model's state durably; return its size in bytes."""
    from safetensors.numpy import save_file

    with durable(path) as temporary:
        save_file(
            {name: np.asarray(array, order="C") for name, array in arrays.items()},
            temporary,
            {"meta": json.dumps(meta)},
        )
    return path.stat().st_size


def read_state(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `write_state` wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            arrays = {name: file.get_tensor(name) for name in list(file.keys())}
            return arrays, json.loads((file.metadata() or {}).get("meta", "{}"))
    except (OSError, SafetensorError, ValueError):
        raise damaged(path) from None
