"""The condition of columns: what carries nothing, what is half empty, what was written oddly. Needs no target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.column import Kind
from treeline.data.findings import Finding, Severity
from treeline.data.structure import KEYS, words
from treeline.errors import shown

if TYPE_CHECKING:
    from treeline.data.view import View

__all__ = [
    "LEFT_OUT",
    "constants",
    "identifiers",
    "listed",
    "many_levels",
    "missing",
    "odd_numbers",
    "placeholders",
    "twins",
]

LEFT_OUT = "Left out of the inputs."
EMPTY = 0.5
PLACEHOLDERS = (-9999.0, -999.0, -99.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0)
NUMBERING = {"row", "index", "order", "instant", "seq", "sequence", "record", "rownum", "unnamed", "pid", *KEYS}


def listed(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """Return the first names quoted, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name, 40) for name in names[:most]) + more


def identifiers(view: View) -> list[Finding]:
    """Find D003: columns that only name or number the rows."""
    n = len(view.dataset)
    found = [
        c.name
        for c in view.columns
        if c.kind is Kind.IDENTIFIER and not (c.name == "split" and view.dataset.how.get("split"))
    ]
    whole = [c for c in view.columns if c.kind is Kind.NUMBER and c.distinct == n > 20 and not c.missing]
    for column in whole:
        series = view.dataset.frame[column.name]
        if not series.dtype.is_integer():
            continue
        low, high = series.min(), series.max()
        numbered = int(high) - int(low) == n - 1  # type: ignore[arg-type]
        if numbered or (words(column.name) or [""])[-1] in NUMBERING:
            found.append(column.name)
    if not found:
        return []
    return [
        Finding(
            code="D003",
            severity=Severity.NOTE,
            title="Columns that only name the rows",
            columns=tuple(found),
            rows=len(view),
            found=f"{listed(found)}: every row has its own value, so nothing learned from it helps with new rows.",
            do="Give the column another kind with --kind if it is an input.",
            done=LEFT_OUT,
        )
    ]


def constants(view: View) -> list[Finding]:
    """Find D004: columns with one value, or none, in the rows that are used; one value and missing ones are two."""
    found = [c.name for c in view.columns if c.kind is Kind.CONSTANT or c.distinct + (c.missing > 0) <= 1]
    if view.dropped:
        rest = [c.name for c in view.columns if c.name not in set(found) and c.distinct <= view.dropped + 1]
        found += [name for name in rest if view.frame[name].n_unique() <= 1]
    if not found:
        return []
    return [
        Finding(
            code="D004",
            severity=Severity.NOTE,
            title="Columns with one value",
            columns=tuple(found),
            rows=len(view),
            found=f"{listed(found)} {'has' if len(found) == 1 else 'have'} at most one value in the rows that are used.",
            do="Nothing, unless you expected values: then look at how the file was made.",
            done=LEFT_OUT,
        )
    ]


def twins(view: View, names: list[str]) -> list[Finding]:
    """Find D021: columns equal to an earlier one, value for value; the target's own twin is a leak (D005) instead."""
    first: dict[tuple[str, int], str] = {}
    pairs: dict[str, str] = {}
    for name, key in _prints(view, names).items():
        series = view.frame[name]
        if key in first and view.frame[first[key]].equals(series, null_equal=True):
            pairs[name] = first[key]
        else:
            first.setdefault(key, name)
    if not pairs:
        return []
    told = ", ".join(f"{shown(name, 40)} = {shown(other, 40)}" for name, other in list(pairs.items())[:5])
    return [
        Finding(
            code="D021",
            severity=Severity.NOTE,
            title="Columns that repeat another column",
            columns=tuple(pairs),
            rows=len(view),
            found=told + (f" and {len(pairs) - 5} more." if len(pairs) > 5 else "."),
            do="Nothing: one of each is enough.",
            done=LEFT_OUT,
        )
    ]


def _prints(view: View, names: list[str]) -> dict[str, tuple[str, int]]:
    """Return type and fingerprint of columns; equal columns have equal ones."""
    weights = np.random.default_rng(0).integers(1, 2**62, len(view), dtype=np.uint64) | np.uint64(1)
    schema = view.frame.schema
    numeric = [name for name in names if schema[name].is_numeric()]
    prints: dict[str, tuple[str, int]] = {}
    width = max(1, 4_000_000 // max(1, len(view)))
    for start in range(0, len(numeric), width):
        part = numeric[start : start + width]
        block = view.frame.select(part).to_numpy().astype(np.float64, copy=False)
        sums = (np.ascontiguousarray(block.T).view(np.uint64) * weights).sum(axis=1)
        prints |= {name: (str(schema[name]), int(value)) for name, value in zip(part, sums, strict=True)}
    for name in names:
        if name not in prints:
            hashed = view.frame[name].hash(seed=0).to_numpy()
            prints[name] = (str(schema[name]), int((hashed * weights).sum()))
    return prints


def missing(view: View) -> list[Finding]:
    """Find D008: columns that are mostly empty."""
    n = max(1, len(view.dataset))
    empty = sorted((c for c in view.columns if c.missing > EMPTY * n and c.distinct > 1), key=lambda c: -c.missing)
    if not empty:
        return []
    told = ", ".join(f"{shown(c.name, 40)} {c.missing / n:.0%}" for c in empty[:5])
    return [
        Finding(
            code="D008",
            severity=Severity.NOTE,
            title="Columns that are mostly empty",
            columns=tuple(c.name for c in empty),
            rows=empty[0].missing,
            found=told + (f" and {len(empty) - 5} more" if len(empty) > 5 else "") + " missing.",
            do="Find out whether a missing value means something (such as: no garage) or got lost.",
            done="Being missing is kept as a value of its own.",
        )
    ]


def many_levels(view: View) -> list[Finding]:
    """Find D016: categories with so many levels that most have few rows."""
    n = len(view.dataset)
    many = [
        c for c in view.columns if c.kind is Kind.CATEGORY and c.distinct > 50 and (n - c.missing) < 20 * c.distinct
    ]
    if not many:
        return []
    told = ", ".join(f"{shown(c.name, 40)} ({c.distinct} levels)" for c in many[:5])
    return [
        Finding(
            code="D016",
            severity=Severity.NOTE,
            title="Categories with very many levels",
            columns=tuple(c.name for c in many),
            rows=n,
            found=told + ": fewer than 20 rows for the average level.",
            do="Group levels that belong together if you know how.",
            done="Levels too rare to learn from share one code.",
        )
    ]


def odd_numbers(view: View) -> list[Finding]:
    """Find D018: text columns that would be numbers but for a few odd values."""
    import polars as pl

    columns, told, rows, examples = [], [], 0, []
    for column in view.columns:
        if column.kind not in (Kind.CATEGORY, Kind.TEXT) or column.distinct < 10:
            continue
        values = view.dataset.frame[column.name].cast(pl.String)
        levels = values.drop_nulls().unique()
        strange = levels.filter(levels.str.strip_chars().cast(pl.Float64, strict=False).is_null())
        if 0 < len(strange) <= min(20, 0.2 * len(levels)):
            hit = values.is_in(strange.to_list()).fill_null(False)
            columns.append(column.name)
            told.append(f"{shown(column.name, 40)}: {listed(sorted(strange.to_list()), 3)}")
            rows += int(hit.sum())
            examples += hit.arg_true()[:3].to_list()
    if not columns:
        return []
    return [
        Finding(
            code="D018",
            severity=Severity.NOTE,
            title="Numbers with odd values among them",
            columns=tuple(columns),
            rows=rows,
            examples=tuple(examples[:5]),
            found="; ".join(told[:5]) + ".",
            do="Clean these values, or name them as missing with --missing, to have a number column.",
            done="Read as categories.",
        )
    ]


def placeholders(view: View) -> list[Finding]:
    """Find D024: one lone far value such as -999 that probably means missing."""
    import polars as pl

    names = [c.name for c in view.columns if c.kind is Kind.NUMBER and c.distinct > 5][:5000]
    if not names:
        return []
    frame = view.dataset.frame
    lows, highs = frame.select(pl.col(names).min()).row(0), frame.select(pl.col(names).max()).row(0)
    told: dict[str, tuple[float, int]] = {}
    for name, low, high in zip(names, lows, highs, strict=True):
        for value in (low, high):
            if float(value) not in PLACEHOLDERS:
                continue
            others = frame[name].drop_nulls()
            count = int((others == value).sum())
            others = others.filter(others != value)
            near, far = float(others.min()), float(others.max())  # type: ignore[arg-type]
            gap = near - value if value == low else value - far
            if gap > (far - near) and count >= max(3, 0.002 * len(frame)):
                told[name] = (float(value), count)
    if not told:
        return []
    return [
        Finding(
            code="D024",
            severity=Severity.NOTE,
            title="Numbers that probably stand for a missing value",
            columns=tuple(told),
            rows=max(count for _, count in told.values()),
            found=", ".join(f"{shown(name, 40)} is {value:g} in {count} rows" for name, (value, count) in told.items())
            + ", far from all other values.",
            do="Name the value as missing with --missing if it is.",
        )
    ]
