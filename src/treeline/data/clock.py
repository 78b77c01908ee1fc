"""What orders rows in time: a date column, several in the same order, or year, month and day in columns of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treeline.data.structure import LIFE, dates, words

if TYPE_CHECKING:
    from treeline.data.dataset import Dataset

__all__ = ["clock_column"]

SAME_ORDER = 0.99
PARTS = (
    ({"year", "yr", "yyyy"}, 1900, 2100),
    ({"month", "mon", "mm", "mo"}, 1, 12),
    ({"day", "dayofmonth", "dom", "mday", "dd"}, 1, 31),
)
"Names and range of the parts of a date, the largest first."


def clock_column(dataset: Dataset, target: str) -> str | None:
    """Return what orders the rows, as `--time` would say it; None where nothing or no single order does.

    The only date column, or the earliest of several with the same order; without any, year, month and day columns.
    """
    import polars as pl

    found = dates(dataset, target)
    if len(found) < 2:
        return found[0] if found else _calendar(dataset, target)
    ranks = dataset.frame.select(pl.col(found).rank()).drop_nulls()
    for name in found[1:]:
        together = ranks.select(pl.corr(found[0], name)).item()
        if together is None or together < SAME_ORDER:
            return None
    middle = dataset.frame.select(pl.col(found).median()).row(0)
    return found[middle.index(min(middle))]


def _calendar(dataset: Dataset, target: str) -> str | None:
    """Return the year, month and day columns of a table, hardly missing and of many days."""
    names = []
    for known, low, high in PARTS:
        fitting = [
            column.name
            for column in dataset.columns
            if column.name != target
            and "".join(words(column.name)) in known
            and not LIFE & set(words(column.name))
            and column.missing <= len(dataset) / 10
            and dataset.frame[column.name].dtype.is_integer()
            and dataset.frame[column.name].drop_nulls().is_between(low, high).all()
        ]
        if len(fitting) != 1:
            return None
        names += fitting
    days = dataset.frame.select(names).n_unique()
    return ",".join(names) if days >= max(10, min(50, len(dataset) // 20)) else None
