"""The target: which task it asks for, its classes in order, and its values as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.column import Kind
from treeline.errors import DataError, UsageError, nearest, shown
from treeline.problem.task import Task

if TYPE_CHECKING:
    import polars as pl

    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["classes_of", "place_of", "rows_of", "task_of"]

MAX_CLASSES = 1000
PAIRS = {
    ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("neg", "pos"), ("negative", "positive"), ("-", "+"),
    ("absent", "present"), ("ham", "spam"), ("benign", "malignant"), ("healthy", "sick"), ("good", "bad"),
    ("alive", "dead"), ("nein", "ja"), ("non", "oui"), ("off", "on"), ("normal", "abnormal"), ("normal", "anomaly"),
}  # fmt: skip
"Negative and positive labels that are understood without counting."
MOST_NUMBERED = 30
"More whole numbers in a row than this are amounts, unless the user says otherwise."


def rows_of(dataset: Dataset, problem: Problem) -> tuple[Array, Array, int]:
    """Return the row numbers that have a target (m,), their targets (m,) and how many rows have none.

    Targets are int64 codes into `problem.classes`, or float64.

    Raises:
        DataError: a label is none of the problem's classes.
    """
    import polars as pl

    series = dataset.frame[problem.target]
    rows = np.flatnonzero(series.is_not_null().to_numpy())
    present = series.drop_nulls()
    dropped = len(series) - len(present)
    where = place_of(dataset, problem.target)
    if not problem.task.is_classification:
        return rows, _values(present, where), dropped
    text = _text(present)
    codes = text.replace_strict(
        list(problem.classes), list(range(len(problem.classes))), default=None, return_dtype=pl.Int64
    )
    if codes.null_count():
        strange = text.filter(codes.is_null())[0]
        raise DataError(
            f"The label {shown(strange)} is none of the {len(problem.classes)} classes.",
            do="Remove such rows, or ask again.",
            where=where,
        )
    return rows, codes.to_numpy(), dropped


def task_of(dataset: Dataset, target: str, asked: str | None = None) -> tuple[Task, str]:
    """Return the task, and why: what is asked for, or what the target's values look like.

    Raises:
        UsageError: the task asked for is unknown.
        DataError: the target is a date, has one value, or cannot be what is asked.
    """
    where, series = place_of(dataset, target), dataset.frame[target].drop_nulls()
    n_distinct = series.n_unique()
    if dataset.column(target).kind is Kind.DATE:
        raise DataError(
            "The target is a date, which no task predicts.",
            do="Turn it into a number, such as days from a start.",
            where=where,
        )
    if n_distinct == 1:
        raise DataError(
            f"The target has one value only, {shown(series[0])}: there is nothing to learn.",
            do="Choose another target.",
            where=where,
        )
    if asked is None:
        return _infer(series, n_distinct)
    if asked not in {str(task) for task in Task}:
        raise UsageError(
            f"The task {shown(asked)} is unknown: {nearest(asked, [str(task) for task in Task])}",
            do="Choose binary, multiclass or regression.",
        )
    if asked == Task.BINARY and n_distinct != 2:
        raise DataError(
            f"The target has {n_distinct} different values, so the task is not binary.",
            do="Use --task multiclass or regression.",
            where=where,
        )
    if asked == Task.MULTICLASS and n_distinct == 2:
        return Task.BINARY, "the target has two classes"
    return Task(asked), f"{asked} was asked for"


def _infer(series: pl.Series, n_distinct: int) -> tuple[Task, str]:
    """Numbers are labels where they are two, at most 10 whole ones (none of them alone), or at most 30 in a row, evenly."""
    if n_distinct == 2:
        return Task.BINARY, "the target has two values"
    numeric = series.dtype.is_numeric()
    if not numeric:
        parsed = _parsed(series)
        if n_distinct <= MAX_CLASSES // 2 or parsed is None:
            return Task.MULTICLASS, f"the target is a label with {n_distinct} values"
        series = parsed
    whole = series.dtype.is_integer() or bool((series == series.round()).all())
    if not whole:
        return Task.REGRESSION, f"the target is a number with fractions ({n_distinct} different values)"
    counts = series.value_counts(sort=True)["count"].to_numpy()
    first, last = float(series.min()), float(series.max())  # type: ignore[arg-type]
    runs = first in (0.0, 1.0) and last - first == n_distinct - 1
    even = counts[-1] >= 10 and counts[0] <= 20 * counts[-1] and n_distinct <= MOST_NUMBERED
    hint = "say --task multiclass if the values are labels" if n_distinct <= 100 else ""
    few = n_distinct <= 10 and len(series) >= 5 * n_distinct and counts[-1] >= 2
    if numeric and (few or (n_distinct <= 100 and runs and even)):
        return (
            Task.MULTICLASS,
            f"the target has only {n_distinct} whole numbers; say --task regression if they are amounts",
        )
    return Task.REGRESSION, "; ".join(
        filter(None, [f"the target is a number with {n_distinct} different values", hint])
    )


def _parsed(series: pl.Series) -> pl.Series | None:
    """The column as numbers, or None where one text is no finite number."""
    import polars as pl

    numbers = series.cast(pl.Float64, strict=False)
    return None if numbers.null_count() or not numbers.is_finite().all() else numbers


def _values(series: pl.Series, where: str) -> Array:
    """The regression target (m,) float64."""
    import polars as pl

    if not series.dtype.is_numeric():
        parsed = _parsed(series)
        if parsed is None:
            odd = series.filter(series.cast(pl.Float64, strict=False).is_null())
            example = odd[0] if len(odd) else series[0]
            raise DataError(
                f"A regression target must be numbers; {len(odd)} of {len(series)} values are not, such as {shown(example)}.",
                do="Clean the column, or use --task multiclass.",
                where=where,
            )
        series = parsed
    return series.cast(pl.Float64).to_numpy()


def _text(series: pl.Series) -> pl.Series:
    """Labels as text; whole numbers without a point."""
    import polars as pl

    if series.dtype.is_float() and bool((series == series.round()).all()):
        series = series.cast(pl.Int64)
    return series.cast(pl.String)


def classes_of(dataset: Dataset, target: str, task: Task) -> tuple[str, ...]:
    """Return the classes of a label in their order.

    Raises:
        DataError: there are too many, or one has a single row.
    """
    where, series = place_of(dataset, target), dataset.frame[target].drop_nulls()
    table = _text(series).value_counts()
    counts = dict(zip(table.to_series(0).to_list(), table["count"].to_list(), strict=True))
    if len(counts) > MAX_CLASSES:
        raise DataError(
            f"A {task} target may have {MAX_CLASSES} classes; this one has {len(counts)}.",
            do="Group its values, or use --task regression if it is a number.",
            where=where,
        )
    alone = sorted(label for label, count in counts.items() if count < 2)
    if alone:
        text = _text(dataset.frame[target])
        record = int((text == alone[0]).arg_max() or 0) + 1
        more = f" (and {len(alone) - 1} more such classes)" if len(alone) > 1 else ""
        raise DataError(
            f"The class {shown(alone[0])} has one row, number {record}{more}; a class needs 2 at least.",
            do="Merge it with another class or remove the row"
            + (", or use --task regression." if series.dtype.is_numeric() else "."),
            where=where,
        )
    return _ordered(counts)


def _ordered(counts: dict[str, int]) -> tuple[str, ...]:
    """Sort the labels; of two, put the positive one last."""
    try:
        return tuple(sorted(counts, key=float))
    except ValueError:
        names = sorted(counts, key=lambda label: (label.casefold(), label))
    if len(names) != 2:
        return tuple(names)
    for a, b in (names, names[::-1]):
        low, high = a.strip().casefold(), b.strip().casefold()
        if (low, high) in PAIRS or _denies(low, high):
            return a, b
    return tuple(sorted(names, key=lambda label: -counts[label]))


def _denies(low: str, high: str) -> bool:
    """Whether `low` denies `high`, as `not churned` denies `churned`."""
    return any(low == prefix + gap + high for prefix in ("no", "not", "non") for gap in (" ", "_", "-"))


def place_of(dataset: Dataset, column: str) -> str:
    """Return `file::column`, the place that an error about a whole column names."""
    return f"{dataset.source}::{column}"
