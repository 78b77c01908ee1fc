"""Columns that give the target away, or are known only after it (Kaufman et al. 2012, "Leakage in data mining")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.column import Kind
from treeline.data.findings import Finding, Severity
from treeline.data.signal import ranks, strengths
from treeline.data.structure import words
from treeline.errors import shown
from treeline.problem.task import Task

if TYPE_CHECKING:
    from treeline.data.view import View
    from treeline.problem.metric import Array

__all__ = ["after_the_fact", "missing_by_target", "single_columns"]

GIVES_AWAY = {Task.BINARY: 0.998, Task.MULTICLASS: 0.995, Task.REGRESSION: 0.999}
"Strength of one column from which on it is a leak: AUC 0.999, 99.5 % of the errors saved, R2 0.999."
SUSPICIOUS = {Task.BINARY: 0.96, Task.MULTICLASS: 0.9, Task.REGRESSION: 0.95}
SCORE = {Task.BINARY: "AUC", Task.MULTICLASS: "share of errors saved", Task.REGRESSION: "R2"}
NAMESAKE = 0.5
"A column named after the target is suspicious from this strength on."
TOGETHER = 20
"So many rows without a target are needed to say that a column goes missing with it."


def single_columns(view: View, names: list[str]) -> list[Finding]:
    """Judge each input column alone: D005 it gives the target away, D006 it is suspiciously strong, D007 it is a namesake."""
    problem = view.problem
    assert problem is not None
    task, findings = problem.task, []
    found = strengths(view, names)
    certain = len(view.sample) >= 30 and (task is Task.REGRESSION or np.bincount(view.y.astype(np.int64)).min() >= 5)
    leaks = [name for name, value in found.items() if value >= GIVES_AWAY[task] and certain]
    strong = [name for name, value in found.items() if value >= SUSPICIOUS[task] and name not in leaks]
    own = set(words(problem.target))
    named = [name for name in found if own and own <= set(words(name)) and name not in leaks + strong]
    namesakes = [name for name in named if found[name] >= NAMESAKE]
    if leaks:
        findings.append(
            Finding(
                code="D005",
                severity=Severity.BLOCK,
                title="A column gives the target away",
                columns=tuple(leaks),
                rows=len(view),
                found=_listed(leaks, found, task) + " alone predict the target all but perfectly.",
                do="Drop the column with --drop, or use --allow-leak if it is known before the target is.",
            )
        )
    if strong:
        findings.append(
            Finding(
                code="D006",
                severity=Severity.WARN,
                title="A column alone predicts the target very well",
                columns=tuple(strong),
                rows=len(view),
                found=_listed(strong, found, task) + ".",
                do="Make sure that it is known at the time of prediction; drop it with --drop if it is not.",
            )
        )
    if namesakes:
        findings.append(
            Finding(
                code="D007",
                severity=Severity.WARN,
                title="A column is named after the target",
                columns=tuple(namesakes),
                rows=len(view),
                found=_listed(namesakes, found, task) + f" and carries the name of the target {shown(problem.target)}.",
                do="Drop it with --drop if it is made from the target, or after it.",
            )
        )
    return findings


def _listed(names: list[str], found: dict[str, float], task: Task) -> str:
    def one(name: str) -> str:
        value = (found[name] + 1) / 2 if task is Task.BINARY else found[name]
        return f"{shown(name)} ({SCORE[task]} {value:.4f})"

    return ", ".join(one(name) for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def after_the_fact(view: View, names: list[str]) -> list[Finding]:
    """Find D007: columns recorded together with the target, and columns that add up to it."""
    return [*_recorded_together(view, names), *_parts_of_target(view, names)]


def _recorded_together(view: View, names: list[str]) -> list[Finding]:
    """Columns that are there when the target is, and mostly missing when it is not."""
    if view.dropped < TOGETHER or view.dropped < 0.001 * len(view):
        return []
    problem = view.problem
    assert problem is not None
    without = np.setdiff1d(np.arange(len(view.dataset)), view.rows, assume_unique=True)
    gone = view.dataset.frame[without].select(names).null_count().row(0)
    here = view.frame.select(names).null_count().row(0)
    late = [
        name
        for name, lost, kept in zip(names, gone, here, strict=True)
        if lost >= view.dropped / 2 and kept <= 0.01 * len(view)
    ]
    if not late:
        return []
    listed = ", ".join(shown(name) for name in late[:8]) + (f" and {len(late) - 8} more" if len(late) > 8 else "")
    return [
        Finding(
            code="D007",
            severity=Severity.WARN,
            title="Columns are recorded together with the target",
            columns=tuple(late),
            rows=view.dropped,
            examples=tuple(without[:5].tolist()),
            found=f"{listed} are missing in at least half of the {view.dropped} rows without a target, and hardly elsewhere.",
            do="If they become known only with the target, drop them with --drop.",
        )
    ]


def _parts_of_target(view: View, names: list[str]) -> list[Finding]:
    """Two to four number columns whose plain sum or difference is the target, up to a few fixed amounts such as fees."""
    problem = view.problem
    assert problem is not None
    kinds = {column.name: column.kind for column in view.columns}
    numeric = [name for name in names if kinds[name] is Kind.NUMBER]
    if problem.task is not Task.REGRESSION or len(numeric) < 2 or len(view.sample) < 30:
        return []
    part = np.arange(len(view.sample))
    part = part[:: max(1, len(part) // 5000)]
    y = view.y[view.sample][part]
    columns = {name: np.nan_to_num(view.numbers(name)[part]) for name in numeric[:300]}
    picked, fit = _pursue(y, columns)
    matrix = np.stack([columns[name] for name in picked] + [np.ones(len(y))], axis=1)
    weights = np.linalg.lstsq(matrix, y, rcond=None)[0][:-1]
    units = np.round(weights)
    terms = [(name, unit) for name, unit in zip(picked, units, strict=True) if unit]
    if fit < 0.98 or len(terms) < 2 or np.abs(weights - units).max() > 0.2 or np.abs(units).max() > 1:
        return []
    rest = y - matrix[:, :-1] @ units
    exact = np.var(rest) <= 1e-6 * np.var(y)
    if not exact and (_few_values(rest) < 0.8 or _few_values(y) > 0.5):
        return []
    formula = " ".join(f"{'+' if unit > 0 else '−'} {shown(name)}" for name, unit in terms).removeprefix("+ ")
    return [
        Finding(
            code="D007",
            severity=Severity.BLOCK if exact else Severity.WARN,
            title="Columns add up to the target",
            columns=tuple(name for name, _ in terms),
            rows=len(view),
            found=f"{formula} is the target" + ("." if exact else ", up to a few fixed amounts."),
            do="Drop these columns with --drop, or use --allow-leak if they are known before the target is.",
        )
    ]


def _few_values(values: Array) -> float:
    """The share of rows that the five commonest values hold."""
    counts = np.unique(np.round(values, 6), return_counts=True)[1]
    return float(np.sort(counts)[-5:].sum() / len(values))


def _pursue(y: Array, columns: dict[str, Array]) -> tuple[list[str], float]:
    """Pick up to four columns, each time the one that explains most of what is left; stop at an exact fit."""
    names = list(columns)
    centred = np.stack([values - values.mean() for values in columns.values()], axis=1)
    norms = np.sqrt((centred**2).sum(axis=0))
    goal = y - y.mean()
    spread = float((goal**2).sum())
    picked: list[int] = []
    left, fit = goal, 0.0
    while spread > 0 and len(picked) < 4 and fit < 1 - 1e-9:
        gain = np.abs(left @ centred) / np.where(norms > 0, norms, np.inf)
        gain[picked] = -1.0
        picked.append(int(gain.argmax()))
        basis = centred[:, picked]
        left = goal - basis @ np.linalg.lstsq(basis, goal, rcond=None)[0]
        better = 1 - float((left**2).sum()) / spread
        if better - fit < 1e-4 and len(picked) > 1:
            picked.pop()
            break
        fit = better
    return [names[i] for i in picked], fit


def missing_by_target(view: View, names: list[str]) -> list[Finding]:
    """Find D009: columns whose being missing goes with the target (and D007 where it all but settles a class)."""
    problem = view.problem
    assert problem is not None
    missing = {column.name: column.missing for column in view.columns}
    y = view.y[view.sample].astype(np.float64)
    goal = ranks(y)
    if problem.task is Task.MULTICLASS:
        goal = (y == np.bincount(y.astype(np.int64)).argmax()).astype(np.float64)
    tied: dict[str, float] = {}
    partly = [name for name in names if 0.01 * len(view) <= missing[name] <= 0.99 * len(view)]
    for name in sorted(partly, key=lambda name: -missing[name])[:1000]:
        gone = view.missing(name)
        if 5 <= gone.sum() <= len(gone) - 5 and np.ptp(goal) > 0:
            tied[name] = float(np.corrcoef(gone, goal)[0, 1])
    settled = [name for name, link in tied.items() if abs(link) >= 0.95]
    linked = [name for name, link in tied.items() if 0.95 > abs(link) >= max(0.15, 5 / np.sqrt(len(y)))]
    findings = []
    if settled:
        findings.append(
            Finding(
                code="D007",
                severity=Severity.WARN,
                title="Whether a column is filled in tells the target",
                columns=tuple(settled),
                rows=len(view),
                found=", ".join(f"{shown(name)} (correlation {tied[name]:.2f})" for name in settled[:5]) + ".",
                do="It is probably filled in after the target is known: drop it with --drop.",
            )
        )
    if linked:
        linked.sort(key=lambda name: -abs(tied[name]))
        findings.append(
            Finding(
                code="D009",
                severity=Severity.NOTE,
                title="Missing values go with the target",
                columns=tuple(linked),
                rows=max(missing[name] for name in linked),
                found=", ".join(f"{shown(name)} (correlation {tied[name]:.2f})" for name in linked[:5]) + ".",
                do="Make sure that values are missing for the same reasons when you predict.",
                done="Being missing is an input of its own.",
            )
        )
    return findings
