"""The target: its balance, its rare classes, its tail, and whether there are rows enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.findings import Finding, Severity
from treeline.errors import shown
from treeline.problem.task import Task

if TYPE_CHECKING:
    from treeline.data.view import View

__all__ = ["balance", "records", "size", "tail"]

RARE = 10
"A class with fewer rows is missing from some halves of some folds."


def records(view: View) -> list[Finding]:
    """Find D019: records that are not used, and why."""
    records = view.dataset.records
    findings = []
    if records.quarantined:
        share = records.quarantined / max(1, records.read)
        why = ", ".join(f"{reason} ({count})" for reason, count in list(records.reasons.items())[:5])
        findings.append(
            Finding(
                code="D019",
                severity=Severity.WARN if share > 0.01 else Severity.NOTE,
                title="Records set aside",
                rows=records.quarantined,
                found=f"{records.quarantined} of {records.read} records could not be read: {why or 'see the rejects'}.",
                do="Look at the rejects; the rest may not stand for the whole.",
                done="They are left out.",
            )
        )
    if view.dropped:
        share = view.dropped / len(view.dataset)
        findings.append(
            Finding(
                code="D019",
                severity=Severity.WARN if share > 0.2 else Severity.NOTE,
                title="Rows without a target",
                columns=(view.problem.target,) if view.problem else (),
                rows=view.dropped,
                found=f"{view.dropped} of {len(view.dataset)} rows ({share:.1%}) have no target.",
                do="Find out why: if it happens to a special kind of row, the model knows nothing about that kind.",
                done="They are left out.",
            )
        )
    return findings


def size(view: View) -> list[Finding]:
    """Find D020: few rows."""
    n = len(view)
    if n >= 500:
        return []
    return [
        Finding(
            code="D020",
            severity=Severity.WARN if n < 200 else Severity.NOTE,
            title="Few rows",
            rows=n,
            found=f"There are {n} rows: scores are uncertain by several points.",
            do="Expect wide intervals; more rows help more than more models.",
        )
    ]


def balance(view: View) -> list[Finding]:
    """Find D010 (imbalance of two classes) and D011 (rare classes)."""
    problem = view.problem
    assert problem is not None
    counts = np.bincount(view.y.astype(np.int64), minlength=len(problem.classes))
    rarest = int(counts.min())
    findings = []
    if problem.task is Task.BINARY and rarest < 0.1 * len(view):
        findings.append(
            Finding(
                code="D010",
                severity=Severity.WARN if rarest < 50 else Severity.NOTE,
                title="One class is rare",
                columns=(problem.target,),
                rows=rarest,
                found=f"{shown(problem.classes[int(counts.argmin())])} has {rarest} of {len(view)} rows "
                f"({rarest / len(view):.3%}).",
                do="Judge by average_precision or roc_auc rather than accuracy"
                + ("; with so few rows the interval is wide." if rarest < 50 else "."),
                done="Folds and rungs keep the share of both classes.",
            )
        )
    rare = np.flatnonzero(counts < RARE) if problem.task is Task.MULTICLASS else np.empty(0, dtype=np.int64)
    if len(rare):
        names = ", ".join(f"{shown(problem.classes[code], 40)} ({counts[code]})" for code in rare[:5])
        findings.append(
            Finding(
                code="D011",
                severity=Severity.WARN,
                title="Rare classes",
                columns=(problem.target,),
                rows=int(counts[rare].sum()),
                examples=tuple(view.rows[np.flatnonzero(np.isin(view.y, rare))[:5]].tolist()),
                found=f"{len(rare)} of {len(counts)} classes have fewer than {RARE} rows: {names}.",
                do="Merge classes that belong together, or collect more of them.",
            )
        )
    return findings


def tail(view: View) -> list[Finding]:
    """Find D022: a few rows hold most of the target's spread."""
    y = view.y
    off = (y - np.median(y)) ** 2
    top = max(1, len(y) // 100)
    held = float(np.partition(off, len(y) - top)[-top:].sum() / off.sum()) if off.sum() > 0 else 0.0
    if len(y) < 100 or held < 0.5:
        return []
    farthest = np.argsort(-off, kind="stable")[:5]
    assert view.problem is not None
    return [
        Finding(
            code="D022",
            severity=Severity.NOTE,
            title="A few rows decide the score",
            columns=(view.problem.target,),
            rows=top,
            examples=tuple(view.rows[farthest].tolist()),
            found=f"The farthest 1 % of the rows hold {held:.0%} of the target's squared spread (largest {y.max():g}).",
            do="Check these values; use mean_absolute_error or root_mean_squared_log_error if each row should count alike.",
        )
    ]
