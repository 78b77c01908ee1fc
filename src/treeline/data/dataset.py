"""A table of typed columns, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from treeline.data.column import Column

__all__ = ["Dataset", "Records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Where every record of the source went: `read == used + quarantined` always."""

    read: int
    used: int
    quarantined: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    "Why records were quarantined or dropped, with counts."

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"read": self.read, "used": self.used, "quarantined": self.quarantined, "reasons": dict(self.reasons)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Typed columns over a polars frame; the frame holds canonical types.

    number: Int64 or Float64 (finite or null) · category, text, identifier: String · date: Datetime("us") · constant: any ·
    image, sound: String, a path below the source.
    Columns keep the order of the source.
    """

    frame: pl.DataFrame
    columns: tuple[Column, ...]
    records: Records
    source: str
    "The path, URL or `frame` that the data came from, without secrets."
    fingerprint: str
    "SHA-256 over names, kinds and values."
    how: dict[str, str] = field(default_factory=dict)
    "How it was read: format, encoding, delimiter, decimal mark and the like."
    media: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    "Image and sound columns decoded, each (n, …): see `candidates/media.py`."
    label: str = ""
    "The column that is the target unless another is named, where the source itself says so (class folders)."

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.frame.height

    def column(self, name: str) -> Column:
        """Return the column of that name; `KeyError` where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [column.name for column in self.columns]

    def take(self, rows: Any) -> Dataset:
        """Return the data set of these row numbers (n,), in their order."""
        return replace(self, frame=self.frame[rows], media={name: held[rows] for name, held in self.media.items()})
