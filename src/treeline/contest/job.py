"""A job: what a worker is asked to do. It becomes one trial per fold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from treeline.data.splits import ALL
from treeline.problem.task import Family

__all__ = ["Job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Fit one entry on some folds of one rung."""

    id: str
    entry: str
    candidate: str
    family: Family
    params: dict[str, Any]
    rung: float
    "Share of the rows."
    folds: tuple[int, ...]
    "Folds to hold out, all fitted in this one job; `(ALL,)` holds nothing out and judges nothing."
    seed: int
    seconds: float
    "Soft deadline: the fit should end by itself after so many seconds."
    patience: float
    "Seconds after which it is killed from outside."
    threads: int = 1

    def trial_id(self, fold: int) -> str:
        """Return the id of the trial for one fold, or for no fold held out."""
        return f"{self.id}-all" if fold == ALL else f"{self.id}-f{fold}"

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Job:
        """Rebuild a job from `to_json`."""
        return cls(**{**data, "family": Family(data["family"]), "folds": tuple(data["folds"])})
