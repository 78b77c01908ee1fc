"""The table as the audit sees it: rows that have a target, columns that could be inputs, a sample for costly checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeline.data.column import Kind
from treeline.data.target import rows_of

if TYPE_CHECKING:
    from collections.abc import Collection

    import polars as pl

    from treeline.data.column import Column
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["View", "view_of"]

SAMPLE = 50_000
CELLS = 20_000_000
"Cells that the costly checks look at, at most."


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Positions count the rows of `frame`; `rows` turns them into row numbers of the data set."""

    dataset: Dataset
    problem: Problem | None
    frame: pl.DataFrame
    "The rows that have a target (all rows without a problem), all columns."
    rows: Array
    "(n,) row numbers of the data set."
    y: Array
    "(n,) targets; empty without a problem."
    dropped: int
    "Rows without a target."
    columns: tuple[Column, ...]
    "All columns but the target and those that the user dropped."
    sample: Array
    "(s,) sorted positions for costly checks; of a rare class of two all rows are kept as far as they fit."

    def __len__(self) -> int:
        """Return n."""
        return len(self.rows)

    def of_kind(self, *kinds: Kind) -> list[str]:
        """Return the names of the columns of these kinds."""
        return [column.name for column in self.columns if column.kind in kinds]

    def numbers(self, name: str) -> Array:
        """Return the sampled values (s,) of a number or date column as float64, NaN where missing."""
        import polars as pl

        series = self.frame[name][self.sample]
        if series.dtype.is_temporal():
            series = series.cast(pl.Datetime("us")).cast(pl.Int64)
        return np.asarray(series.cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)

    def codes(self, name: str) -> Array:
        """Return the sampled values (s,) as int64 codes, 0 where missing."""
        import polars as pl

        ranked = self.frame[name][self.sample].cast(pl.String).rank("dense").fill_null(0)
        return np.asarray(ranked.to_numpy(), dtype=np.int64)

    def missing(self, name: str) -> Array:
        """Return where the sampled values (s,) are missing."""
        return np.asarray(self.frame[name][self.sample].is_null().to_numpy())


def view_of(dataset: Dataset, problem: Problem | None, drop: Collection[str] = ()) -> View:
    """Return the view of a data set without the columns `drop`, for a problem or for none."""
    target = problem.target if problem else None
    columns = tuple(column for column in dataset.columns if column.name != target and column.name not in drop)
    rows, y, dropped = rows_of(dataset, problem) if problem else (np.arange(len(dataset)), np.empty(0), 0)
    size = int(min(SAMPLE, max(1000, CELLS // max(1, len(columns)))))
    return View(
        dataset=dataset,
        problem=problem,
        frame=dataset.frame if not dropped else dataset.frame[rows],
        rows=rows,
        y=y,
        dropped=dropped,
        columns=columns,
        sample=_sample(y, len(rows), size, binary=problem is not None and len(problem.classes) == 2),
    )


def _sample(y: Array, n: int, size: int, *, binary: bool) -> Array:
    if n <= size:
        return np.arange(n)
    rng = np.random.default_rng(0)
    if not binary:
        return np.sort(rng.choice(n, size, replace=False))
    rare = np.flatnonzero(y == np.bincount(y.astype(np.int64)).argmin())
    kept = rng.choice(rare, min(len(rare), max(size // 4, round(size * len(rare) / n))), replace=False)
    others = np.setdiff1d(np.arange(n), rare, assume_unique=True)
    return np.sort(np.r_[kept, rng.choice(others, size - len(kept), replace=False)])
