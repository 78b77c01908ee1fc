"""Rows that occur more than once, and rows with the same inputs but other answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.alike import same_content
from treeline.data.findings import Finding, Severity
from treeline.data.structure import clusters, is_coarse
from treeline.errors import DataError
from treeline.problem.task import Repeats

if TYPE_CHECKING:
    from treeline.data.view import View
    from treeline.problem.metric import Array

__all__ = ["copies", "refuse_no_information"]

KEPT = "Copies are kept in one fold, so that none is judged by a model that saw its twin."
APART = (
    "They may lie in different folds, as --repeats apart asks: the report says how rows do that repeat, and new ones."
)
LOST_RANGE = 0.1
"Regression answers to the same inputs conflict when they differ by more than this share of a standard deviation."


def refuse_no_information(view: View) -> None:
    """Raise `DataError` (D017) where there is nothing to learn from.

    Raises:
        DataError: all rows are identical, or no input column has two values.
    """
    import polars as pl

    media = view.dataset.media
    frame = view.frame.with_columns(pl.Series(name, same_content(held[view.rows])) for name, held in media.items())
    informative = [c for c in view.columns if c.distinct > 1 or (c.distinct == 1 and c.missing)]
    if not informative or (len(frame) and frame.select(c.name for c in informative).hash_rows(seed=0).n_unique() == 1):
        raise DataError(
            f"D017: the inputs of all {len(frame)} rows are identical, so they hold no information.",
            do="Check that the right columns were read.",
            where=view.dataset.source,
        )


def copies(view: View) -> list[Finding]:
    """Find D001 (exact copies) and D002 (same inputs, other answers)."""
    problem = view.problem
    same = clusters(view.dataset, problem.target if problem else None)[view.rows]
    size = np.bincount(same)
    n, distinct = len(same), int((size > 0).sum())
    if distinct == n:
        return []
    coarse = is_coarse(view.dataset, [c.name for c in view.columns if c.kind.is_input])
    repeated = np.flatnonzero(size[same] > 1)
    same = np.unique(same[repeated], return_inverse=True)[1]
    rows = len(repeated)
    kept = problem is not None and not coarse and problem.keeps_repeats
    free = problem is not None and problem.repeats is Repeats.APART
    alike = ""
    if problem is not None:
        answer = np.unique(view.y[repeated], return_inverse=True)[1]
        answers = len(np.unique(same * (int(answer.max()) + 1) + answer))
        alike = f" ({rows - answers} of them with the same answer)"
    findings = [
        Finding(
            code="D001",
            severity=Severity.WARN if rows > 0.2 * n and not (coarse or kept or free) else Severity.NOTE,
            title="Rows that occur more than once",
            rows=n - distinct,
            examples=tuple(view.rows[repeated[:5]].tolist()),
            found=f"{n - distinct} of {n} rows repeat the inputs of an earlier row{alike}"
            + (", as is to be expected of so few different values." if coarse else "."),
            do="Remove the copies if each row should be a case of its own.",
            done=KEPT if kept else APART if free else "",
        )
    ]
    return findings + (_conflicts(view, repeated, same, coarse=coarse) if problem else [])


def _conflicts(view: View, repeated: Array, same: Array, *, coarse: bool) -> list[Finding]:
    """`repeated` (r,) are positions of rows that are no singles, `same` (r,) number their inputs."""
    problem = view.problem
    assert problem is not None
    y, n = view.y[repeated], len(view)
    size = np.bincount(same)
    order = np.argsort(same, kind="stable")
    starts = np.r_[0, np.cumsum(size)[:-1]]
    low, high = np.minimum.reduceat(y[order], starts), np.maximum.reduceat(y[order], starts)
    apart = 0.0 if problem.task.is_classification else LOST_RANGE * float(view.y.std())
    split = high - low > apart
    rows = int(size[split].sum())
    if not rows:
        return []
    ceiling = ""
    if problem.task.is_classification:
        classes = len(problem.classes)
        pairs, count = np.unique(same * classes + y.astype(np.int64), return_counts=True)
        best = np.zeros(len(size), dtype=np.int64)
        np.maximum.at(best, pairs // classes, count)
        right = 1 - (len(y) - int(best.sum())) / n
        if right < 0.9995:
            ceiling = f" No model can label more than {right:.1%} of all rows right."
    return [
        Finding(
            code="D002",
            severity=Severity.WARN if ceiling and rows > 0.05 * n and not coarse else Severity.NOTE,
            title="Same inputs, different answers",
            rows=rows,
            examples=tuple(view.rows[repeated[np.flatnonzero(split[same])[:5]]].tolist()),
            found=f"{rows} of {n} rows share their inputs with a row that has another target value." + ceiling,
            do="Look at a few of them: a column that tells them apart may be missing, or labels may be wrong.",
        )
    ]
