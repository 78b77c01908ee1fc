"""The audit: every check in its order, and what its findings do to columns and to the verdict.

Checks that look at all rows are cheap; those that ask what a column says about the target look at a sample. When the
deadline comes, what was not checked is said (D023), not passed over.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from treeline.data import alike, condition, copies, goal, leaks, order, text_content
from treeline.data.column import Kind
from treeline.data.condition import LEFT_OUT
from treeline.data.findings import Finding, Severity
from treeline.data.read_media import LIKE_PATHS
from treeline.data.view import view_of
from treeline.errors import DataError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from treeline.data.dataset import Dataset
    from treeline.data.view import View
    from treeline.problem.problem import Problem

__all__ = ["audit", "dropped_columns", "gate"]


def audit(
    dataset: Dataset, problem: Problem | None = None, *, deadline_s: float | None = None, drop: Collection[str] = ()
) -> list[Finding]:
    """Return what is wrong with the data, the gravest first; without a problem only what needs no target.

    Args:
        dataset: the data.
        problem: what is asked of it.
        deadline_s: seconds after which no further check is begun.
        drop: columns that the user leaves out; nothing is said about them.

    Raises:
        DataError: D017, nothing can be learned because all inputs are identical or none is left.
    """
    start = time.monotonic()
    view = view_of(dataset, problem, drop)
    copies.refuse_no_information(view)
    findings: list[Finding] = []
    late: list[str] = []
    for name, check in _checks(view, findings):
        if deadline_s is not None and time.monotonic() - start > deadline_s:
            late.append(name)
        else:
            findings += check()
    if late:
        findings.append(
            Finding(
                code="D023",
                severity=Severity.WARN,
                title="Checks left out for lack of time",
                found=f"After {deadline_s:g} s these were not made: {', '.join(late)}.",
                do="Run `treeline audit` without a time limit.",
            )
        )
    if problem is not None and not _inputs(view, findings):
        paths = [f"{shown(one.name)} {one.note}" for one in dataset.columns if one.note.startswith(LIKE_PATHS)]
        raise DataError(
            "D017: no input column is left once identifiers and constant columns are taken out"
            + (f"; {paths[0]}." if paths else "."),
            do="Give paths from the table's folder on."
            if paths
            else "Add columns, or give one another kind with --kind.",
            where=dataset.source,
        )
    grave = [Severity.BLOCK, Severity.WARN, Severity.NOTE]
    return sorted(findings, key=lambda finding: (grave.index(finding.severity), finding.code))


def _checks(view: View, findings: list[Finding]) -> Iterator[tuple[str, Callable[[], list[Finding]]]]:
    """The checks by name, the most important first; later ones skip the columns that earlier ones left out."""
    yield "records", lambda: goal.records(view)
    yield "identifiers", lambda: condition.identifiers(view)
    yield "constant columns", lambda: condition.constants(view)
    yield "copied rows", lambda: copies.copies(view)
    yield "copied pictures and sounds", lambda: alike.alike(view)
    if view.problem is not None:
        yield "leaks", lambda: leaks.single_columns(view, _plain_inputs(view, findings))
        yield "words that tell the target", lambda: text_content.telling_words(view)
        yield "after-the-fact columns", lambda: leaks.after_the_fact(view, _plain_inputs(view, findings))
        yield "groups", lambda: order.groups(view)
        yield "time", lambda: order.time(view)
        yield "row order", lambda: order.file_order(view, _named(findings, "D003"))
        yield "size", lambda: goal.size(view)
        if view.problem.task.is_classification:
            yield "balance", lambda: goal.balance(view)
        else:
            yield "tail", lambda: goal.tail(view)
        yield "missing by target", lambda: leaks.missing_by_target(view, _plain_inputs(view, findings))
    yield "missing values", lambda: condition.missing(view)
    yield "many levels", lambda: condition.many_levels(view)
    yield "odd numbers", lambda: condition.odd_numbers(view)
    yield "texts that are no plain text", lambda: text_content.odd_texts(view)
    yield "placeholders", lambda: condition.placeholders(view)
    yield "equal columns", lambda: condition.twins(view, _plain_inputs(view, findings))


def _named(findings: list[Finding], code: str) -> list[str]:
    return [name for finding in findings if finding.code == code for name in finding.columns]


def _inputs(view: View, findings: list[Finding]) -> list[str]:
    out = dropped_columns(findings)
    return [column.name for column in view.columns if column.kind.is_input and column.name not in out]


def _plain_inputs(view: View, findings: list[Finding]) -> list[str]:
    """The inputs whose values say something themselves: a path does not."""
    paths = view.of_kind(Kind.IMAGE, Kind.SOUND)
    return [name for name in _inputs(view, findings) if name not in paths]


def gate(findings: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that block a verdict, and those that lower it."""
    return (
        [finding for finding in findings if finding.severity is Severity.BLOCK],
        [finding for finding in findings if finding.severity is Severity.WARN],
    )


def dropped_columns(findings: list[Finding]) -> dict[str, str]:
    """Return the columns that Treeline leaves out by itself, with the code of the finding that says why."""
    out: dict[str, str] = {}
    for finding in sorted(findings, key=lambda finding: finding.code):
        if finding.done.startswith(LEFT_OUT):
            for name in finding.columns:
                out.setdefault(name, finding.code)
    return out
