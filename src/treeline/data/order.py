"""Groups, time and file order: what a random split would tear apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.clock import clock_column
from treeline.data.findings import Finding, Severity
from treeline.data.policy import SHARED
from treeline.data.signal import bins, strength, value_strength
from treeline.data.structure import clock_columns, codes_of, dates, entities, sharing, times_of
from treeline.errors import shown
from treeline.problem.task import Policy

if TYPE_CHECKING:
    from treeline.data.view import View

__all__ = ["file_order", "groups", "time"]

DRIFT = 0.02
"Strength of the date (or the place in the file) from which on it is worth a word."
PREDICTS = 0.2


def groups(view: View) -> list[Finding]:
    """Find D012: rows of one entity share the target, and the split does not keep them together."""
    problem = view.problem
    assert problem is not None
    findings = []
    if problem.group is not None:
        findings.append(
            Finding(
                code="D012",
                severity=Severity.NOTE,
                title="Rows are split by group",
                columns=(problem.group,),
                rows=len(view),
                found=f"Folds hold out whole values of {shown(problem.group)}: the score is for groups never seen before.",
                do="Use --split stratified (or random) if future rows come from the same groups.",
                done="Left out of the inputs.",
            )
        )
    if problem.policy is Policy.GROUPED:
        return findings
    shared = {}
    for name in entities(view.dataset, problem.target):
        together = sharing(codes_of(view.dataset, name, view.rows), view.y, problem)
        if together >= SHARED and name != problem.group:
            shared[name] = together
    if shared:
        listed = ", ".join(f"{shown(name)} (intraclass correlation {value:.2f})" for name, value in shared.items())
        findings.append(
            Finding(
                code="D012",
                severity=Severity.NOTE if problem.policy is Policy.TIME else Severity.WARN,
                title="Rows of one group share the target",
                columns=tuple(shared),
                rows=len(view),
                found=f"{listed}: a split that puts one group on both sides flatters the score for new groups.",
                do=f"Use --group {next(iter(shared))} if predictions are for groups that are new.",
            )
        )
    return findings


def time(view: View) -> list[Finding]:
    """Find D013: dated rows that are not split by time."""
    problem = view.problem
    assert problem is not None
    if problem.policy is Policy.TIME:
        return []
    y = view.y[view.sample]
    found = dates(view.dataset, problem.target)
    drift = {name: strength(bins(view.numbers(name)), y, problem.task) for name in found}
    clock = None if found else clock_column(view.dataset, problem.target)
    if clock is not None:
        ranks = times_of(view.dataset, clock, view.rows[view.sample]).astype(np.float64)
        found, drift = clock_columns(view.dataset, clock), {clock: strength(bins(ranks), y, problem.task)}
    if not drift:
        return []
    name = max(drift, key=lambda key: drift[key])
    moves = drift[name] >= DRIFT
    return [
        Finding(
            code="D013",
            severity=Severity.WARN if moves else Severity.NOTE,
            title="Dated rows are split at random",
            columns=tuple(found),
            rows=len(view),
            found=f"{shown(name)} dates the rows and "
            + (
                f"the target moves with it (strength {drift[name]:.2f})."
                if moves
                else "the target does not move with it."
            ),
            do=f"Use --time {name} if later rows are to be predicted from earlier ones.",
        )
    ]


def file_order(view: View, names: list[str]) -> list[Finding]:
    """Find D014: one of these identifiers, or the place in the file, predicts the target."""
    problem = view.problem
    assert problem is not None
    y = view.y[view.sample]
    findings = []
    place = strength(bins(view.sample.astype(np.float64)), y, problem.task)
    listed_by_class = "layout" in view.dataset.how  # a folder is read class by class
    if place >= PREDICTS and problem.policy is not Policy.TIME and not listed_by_class:
        findings.append(
            Finding(
                code="D014",
                severity=Severity.NOTE,
                title="The place in the file predicts the target",
                rows=len(view),
                found=f"The row number alone has strength {place:.2f}: rows are sorted, or in time.",
                do="Use --split time if the order of the file is time; nothing if the file is just sorted.",
                done="Folds are drawn at random over the whole file.",
            )
        )
    telling = {}
    for name in names if problem.policy is not Policy.TIME else []:
        digits = view.frame[name][view.sample].cast(str).str.replace_all(r"\D", "").cast(float, strict=False)
        values = digits.fill_null(float("nan")).to_numpy()
        counter = np.array_equal(np.argsort(values, kind="stable"), np.arange(len(values)))
        if np.isfinite(values).mean() > 0.9 and not counter:
            worth = value_strength(values, y, problem.task)
            if worth >= PREDICTS:
                telling[name] = worth
    if telling:
        listed = ", ".join(f"{shown(name)} (strength {value:.2f})" for name, value in telling.items())
        findings.append(
            Finding(
                code="D014",
                severity=Severity.WARN,
                title="An identifier predicts the target",
                columns=tuple(telling),
                rows=len(view),
                found=f"{listed}: rows may have been numbered after the target was known, or place by place.",
                do="Find out how the numbers are given; name the column with --kind if it truly is an input.",
                done="Left out of the inputs.",
            )
        )
    return findings
