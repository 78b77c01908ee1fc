"""Dates as numbers: where they lie, their calendar parts, and the time between two date columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from treeline.problem.metric import Array

__all__ = ["Dates"]

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
PARTS = ("days", "year", "month", "day", "weekday", "hour", "minute of day")
MAX_PAIRED = 6
"Of so many date columns at most, every pair gives a difference: 15 numbers."


def _parts(micros: Array, first: int) -> dict[str, Array]:
    """Return each part (n,) float64 of microseconds since 1970 (n,) int64."""
    days = micros // DAY_US
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    minute = (micros - days * DAY_US) // 60_000_000
    return {
        "days": (micros - first) / DAY_US,
        "year": months.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (dates - months).astype(np.int64) + 1,
        "weekday": (days + 3) % 7 + 1,
        "hour": minute // 60,
        "minute of day": minute,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """The date columns of a table: for each its first value and the parts that vary, and the pairs that are subtracted."""

    first: dict[str, int]
    "Microseconds since 1970 of the earliest date, by column."
    parts: dict[str, tuple[str, ...]]
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def fit(cls, frame: pl.DataFrame, names: list[str]) -> Dates:
        """Learn from the columns `names` (Datetime): parts that are the same in every row are left out."""
        first, parts = {}, {}
        for name in names:
            micros = _micros(frame[name].drop_nulls())
            first[name] = int(micros.min())
            found = _parts(micros, first[name])
            parts[name] = tuple(part for part in PARTS if found[part].min() != found[part].max())
        pairs = tuple(
            (a, b) for a, b in combinations(names[:MAX_PAIRED], 2) if (frame[a] - frame[b]).drop_nulls().n_unique() > 1
        )
        return cls(first=first, parts=parts, pairs=pairs)

    @property
    def names(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each number's name, with the columns it comes from."""
        single = [(f"{name}: {part}", (name,)) for name, parts in self.parts.items() for part in parts]
        return single + [(f"{a} minus {b}: hours", (a, b)) for a, b in self.pairs]

    def transform(self, frame: pl.DataFrame) -> list[Array]:
        """Return the numbers, each (n,) float64 with NaN where a date is missing."""
        micros = {name: _micros(frame[name].fill_null(strategy="zero")) for name in self.first}
        empty = {name: frame[name].is_null().to_numpy() for name in self.first}
        out = []
        for name, wanted in self.parts.items():
            found = _parts(micros[name], self.first[name])
            out += [np.where(empty[name], np.nan, found[part]) for part in wanted]
        for a, b in self.pairs:
            out.append(np.where(empty[a] | empty[b], np.nan, (micros[a] - micros[b]) / HOUR_US))
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "first": self.first,
            "parts": {k: list(v) for k, v in self.parts.items()},
            "pairs": [list(p) for p in self.pairs],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Dates:
        """Rebuild from `to_json`."""
        return cls(
            first=dict(data["first"]),
            parts={name: tuple(parts) for name, parts in data["parts"].items()},
            pairs=tuple((a, b) for a, b in data["pairs"]),
        )


def _micros(dates: pl.Series) -> Array:
    import polars as pl

    return dates.cast(pl.Datetime("us")).to_physical().to_numpy()
