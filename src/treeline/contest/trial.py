"""A trial: one contender fitted on some rows of one fold, and what came of it. A fact, never edited."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from treeline.problem.task import Family

__all__ = ["Entry", "State", "Trial"]


class State(StrEnum):
    """How a trial ended."""

    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A contender: a candidate with settings. `lightgbm` is the card's default, `lightgbm-2` its second setting."""

    name: str
    candidate: str
    family: Family
    params: dict[str, Any]
    reference: bool = False
    "The baseline: shown, never counted as a contender."
    again: bool = False
    "The default setting of another entry with another seed, where time is left: one more member, and what seeds do."
    probe: str = ""
    "A contender once more with less to look at, on one rung: `plain` inputs only, or `half` the columns. A reference too."
    of: str = ""
    "The entry that another seed or a probe is held against."

    def to_json(self) -> dict[str, Any]:
        """Return plain data; `roster.entries_of` reads it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One fit on one fold. Its predictions and its model lie beside the ledger under its id."""

    id: str
    entry: str
    candidate: str
    family: Family
    params: dict[str, Any]
    rung: float
    "Share of the rows of the data set that this rung of the ladder uses: 1.0 is the top."
    rows: int
    "Training rows."
    fold: int
    seed: int
    state: State
    score: float | None = None
    "Metric on the fold's held-out rows, the stopping step cross-fitted; None where there is none."
    se: float | None = None
    "Standard error of that score over its rows, in the metric's unit; None where there is none, or in an old ledger."
    train_score: float | None = None
    "Metric of the kept model on a random sample of its own training rows; None where that was too slow, or in an old ledger."
    late_gain: float | None = None
    "By how much the second half of its steps improved the held-out score, in the metric's unit; None without steps."
    preds_crc: int | None = None
    "Checksum of its predictions; None in an old ledger."
    steps: int = 0
    "Rounds or epochs of the model that is kept; 0 where the candidate has no steps."
    done: float = 1.0
    "Share of its planned steps that the clock let the fit do; 1 where it ended by itself."
    wall_s: float = 0.0
    cpu_s: float = 0.0
    predict_s: float = 0.0
    "Wall seconds to predict the fold's held-out rows."
    gpu_s: float = 0.0
    "Wall seconds during which the fit held a GPU."
    vram_mb: float = 0.0
    "The most memory of that GPU that it held."
    gpu_j: float | None = None
    "Joules of that GPU, of whoever used it meanwhile; None where no meter can be read."
    start_s: float = 0.0
    "Wall seconds that opening a GPU took, before the fit's clock began."
    peak_mb: float = 0.0
    model_bytes: int = 0
    started_s: float = 0.0
    "Seconds since the run began."
    reason: str = ""
    "Why it failed, timed out or was skipped; or a caveat such as `stopped by the clock`."

    def seconds_on(self, rows: int) -> float:
        """Return the wall seconds expected of a fit on so many rows that does what this one did."""
        return self.wall_s * rows / max(self.rows, 1)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Trial:
        """Rebuild a trial from `to_json`."""
        return cls(**{**data, "family": Family(data["family"]), "state": State(data["state"])})
