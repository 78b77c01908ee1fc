"""What ties rows to each other: entities that repeat, dates, and copies of the same inputs.

A split that tears such rows apart lets a model look up the answers it is judged on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.data.alike import connected, groups_of, same_content
from treeline.data.column import Kind
from treeline.problem.task import Policy

if TYPE_CHECKING:
    from treeline.data.column import Column
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = [
    "clock_columns", "clusters", "codes_of", "dates", "entities", "is_coarse", "keys_of", "sharing", "times_of",
    "twins_of", "words",
]  # fmt: skip

BEINGS = {
    "applicant", "account", "animal", "author", "borrower", "candidate", "client", "customer", "donor",
    "driver", "employee", "encounter", "enrollee", "household", "member", "mouse", "participant", "patient",
    "person", "player", "respondent", "session", "speaker", "student", "subject", "user", "visitor",
    "worker",
}  # fmt: skip
"Whose rows a model would recognise, and who are new when the model is used."
KEYS = {
    "id", "ids", "uid", "uuid", "guid", "key", "no", "nr", "num",
    "number", "code", "name", "ref", "identifier",
}  # fmt: skip
LIFE = {
    "birth", "birthday", "birthdate", "dob", "born", "death",
}  # fmt: skip
"Dates of a life say how old somebody is, not when the row was made."


def words(name: str) -> list[str]:
    """Return the lower-case words of a column name: `customerID` and `customer_id` are both customer, id."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", name))
    return [word for word in re.split(r"[^a-zA-Z0-9]+", split.lower()) if word]


def codes_of(dataset: Dataset, name: str, rows: Array | None = None) -> Array:
    """Return (n,) int64 codes of the column's values, equal values equal codes; missing is one value."""
    series = dataset.frame[name] if rows is None else dataset.frame[name][rows]
    return np.asarray(series.rank("dense").fill_null(0).cast(int).to_numpy(), dtype=np.int64)


def clock_columns(dataset: Dataset, time: str) -> list[str]:
    """Return the columns that `--time` names: one, or several from the largest part to the smallest, separated by commas."""
    if time in dataset.names:
        return [time]
    return [part.strip() for part in time.split(",")]


def times_of(dataset: Dataset, time: str, rows: Array) -> Array:
    """Return (m,) int64 ranks in time of these row numbers (m,), missing ones first."""
    codes = np.stack([codes_of(dataset, name, rows) for name in clock_columns(dataset, time)])
    return np.asarray(np.unique(codes, axis=1, return_inverse=True)[1].reshape(-1), dtype=np.int64)


def sharing(codes: Array, y: Array, problem: Problem) -> float:
    """Return how much rows with the same code share the target: the intraclass correlation, 0 none, 1 all.

    Multiclass targets are judged by their commonest class. One-way ANOVA estimate (Fisher 1925), unequal sizes.
    """
    target = y.astype(np.float64)
    if len(problem.classes) > 2:
        target = (y == np.bincount(y.astype(np.int64)).argmax()).astype(np.float64)
    _, codes = np.unique(codes, return_inverse=True)
    size = np.bincount(codes).astype(np.float64)
    n, k = len(target), len(size)
    if k < 2 or n <= k:
        return 0.0
    means = np.bincount(codes, weights=target) / size
    within = float(((target - means[codes]) ** 2).sum()) / (n - k)
    between = float((size * (means - target.mean()) ** 2).sum()) / (k - 1)
    typical = (n - float((size**2).sum()) / n) / (k - 1)
    spread = between + (typical - 1) * within
    return max(0.0, (between - within) / spread) if spread > 0 else 0.0


def _repeats(column: Column, n: int) -> bool:
    return 10 <= column.distinct <= (n - column.missing) / 2 and column.missing <= n / 10


def entities(dataset: Dataset, target: str) -> dict[str, bool]:
    """Return the columns that name a repeating entity; True where it is a being (patient, user, session …).

    A column counts by its name: a word for a being, alone or with a key word, or a last word `id`.
    """
    found: dict[str, bool] = {}
    for column in dataset.columns:
        if column.name == target or column.kind not in (Kind.CATEGORY, Kind.IDENTIFIER, Kind.NUMBER, Kind.TEXT):
            continue
        if not _repeats(column, len(dataset)):
            continue
        parts = words(column.name) or [""]
        if column.kind is Kind.NUMBER and not dataset.frame[column.name].dtype.is_integer():
            continue
        being = any(part.removesuffix("id").rstrip("s") in BEINGS for part in parts)
        is_key = len(parts) == 1 or parts[-1] in KEYS or parts[-1].endswith("id")
        if being and is_key:
            found[column.name] = True
        elif parts[-1] in ("id", "uuid", "guid"):
            found[column.name] = False
    return found


def dates(dataset: Dataset, target: str) -> list[str]:
    """Return the date columns that could order the rows: hardly missing, spread over many values, no birthdays."""
    n = len(dataset)
    return [
        column.name
        for column in dataset.columns
        if column.kind is Kind.DATE
        and column.name != target
        and column.missing <= n / 10
        and column.distinct >= max(10, min(50, n // 20))
        and not LIFE & set(words(column.name))
    ]


def is_coarse(dataset: Dataset, names: list[str]) -> bool:
    """Whether rows repeat by chance, because the columns have few values: then equal rows are no copies.

    Compares the number of rows with the number of combinations, as it would be if columns were independent.
    """
    import polars as pl

    n = len(dataset)
    room = 0.0
    if any(name in dataset.media for name in names):
        return False
    for column in dataset.columns:
        if column.name not in names:
            continue
        if column.distinct > 1000:
            return False
        counts = dataset.frame.select(pl.col(column.name).value_counts().struct.field("count"))["count"].to_numpy()
        room -= float(np.log(((counts / n) ** 2).sum()))
        if room > np.log(10.0 * n):
            return False
    return True


def clusters(dataset: Dataset, target: str | None) -> Array:
    """Return (n,) int64 numbers, equal where two rows have equal inputs (identifiers and the target apart).

    Of images and sounds it is the decoded content that counts, not the path.
    """
    import polars as pl

    names = [c.name for c in dataset.columns if c.kind.is_input and c.name != target]
    if not names or not len(dataset):
        return np.arange(len(dataset))
    content = [pl.Series(name, same_content(dataset.media[name])) for name in names if name in dataset.media]
    keys = dataset.frame.select(names).with_columns(content).hash_rows(seed=0).to_numpy()
    return np.asarray(np.unique(keys, return_inverse=True)[1], dtype=np.int64)


def keys_of(dataset: Dataset, problem: Problem, rows: Array) -> dict[str, Any]:
    """Return what `plan_folds` needs of these row numbers (m,): `groups`, `times` and `duplicates`, each (m,) or None.

    Times are int64 ranks with missing ones first. Duplicates are there where they must stay together.
    """
    keys: dict[str, Any] = {"groups": None, "times": None, "duplicates": None}
    if problem.group is not None:
        keys["groups"] = codes_of(dataset, problem.group, rows)
    if problem.policy is Policy.TIME:
        keys["times"] = rows if problem.time is None else times_of(dataset, problem.time, rows)
    if problem.keeps_repeats:
        keys["duplicates"] = twins_of(dataset, problem, rows)
    return keys


def twins_of(dataset: Dataset, problem: Problem, rows: Array) -> Array | None:
    """Return (m,) codes, equal where two of these row numbers (m,) have the same inputs; None where no two have.

    Rows that are equal only by chance are no twins; rows that share a picture (or nearly) or a sound are, whatever their other
    inputs.
    """
    names = [c.name for c in dataset.columns if c.kind.is_input and c.name != problem.target]
    same, near = clusters(dataset, problem.target), groups_of(dataset, problem.target)
    same = (same if near is None else connected([same, near]))[rows]
    return None if len(np.unique(same)) == len(rows) or is_coarse(dataset, names) else same
