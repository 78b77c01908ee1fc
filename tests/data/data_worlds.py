"""Small tables whose faults are known, as `Dataset`s built straight from frames."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from treeline.data.column import Column, Kind
from treeline.data.dataset import Dataset, Records

__all__ = ["churn", "houses", "table"]


def table(frame: pl.DataFrame, **kinds: Kind) -> Dataset:
    """A data set of this frame; kinds by type unless given (text columns are categories)."""
    columns = []
    for name in frame.columns:
        series = frame[name]
        distinct = series.drop_nulls().n_unique() if series.null_count() < len(series) else 0
        kind = Kind.CATEGORY
        if distinct + (series.null_count() > 0) <= 1:
            kind = Kind.CONSTANT
        elif series.dtype.is_numeric():
            kind = Kind.NUMBER
        elif series.dtype.is_temporal():
            kind = Kind.DATE
        kind = kinds.get(name, kind)
        columns.append(Column(name=name, kind=kind, missing=series.null_count(), distinct=distinct))
    digest = hashlib.sha256(str(frame.hash_rows(seed=0).sum()).encode()).hexdigest() if frame.height else ""
    return Dataset(
        frame=frame,
        columns=tuple(columns),
        records=Records(read=frame.height, used=frame.height),
        source="world.csv",
        fingerprint=digest,
    )


def churn(n: int = 1000, seed: int = 0) -> pl.DataFrame:
    """An honest binary table: two numbers and a category, `churn` yes or no, about one third yes."""
    rng = np.random.default_rng(seed)
    usage, age = rng.normal(size=n), rng.uniform(18, 80, n)
    plan = rng.choice(["basic", "plus", "pro"], n)
    score = usage + 0.02 * (age - 50) + (plan == "pro") + rng.logistic(size=n)
    return pl.DataFrame({"usage": usage, "age": age, "plan": plan, "churn": np.where(score > 1.2, "yes", "no")})


def houses(n: int = 1000, seed: int = 0) -> pl.DataFrame:
    """An honest regression table: `price` from area, rooms and town, with noise."""
    rng = np.random.default_rng(seed)
    area = rng.gamma(4, 30, n)
    rooms = rng.integers(1, 8, n)
    town = rng.choice(["A", "B", "C", "D"], n)
    price = 2000 * area + 9000 * rooms + 40000 * (town == "A") + rng.normal(0, 60000, n)
    return pl.DataFrame({"area": area, "rooms": rooms, "town": town, "price": np.round(price, 2)})
