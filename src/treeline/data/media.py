"""Images and sounds of a table, decoded once, in children with caps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

    from treeline.problem.metric import Array

__all__ = ["Wanted", "decode"]


class Wanted(Protocol):
    """A column to decode, and the size of one row's array."""

    @property
    def name(self) -> str:
        """The column."""
        ...

    @property
    def kind(self) -> str:
        """`image` or `sound`; `text` is left alone."""
        ...

    @property
    def size(self) -> tuple[int, ...]:
        """(H, W, C) or (T,)."""
        ...


def decode(frame: pl.DataFrame, columns: Sequence[Wanted], *, root: str) -> Mapping[str, Array]:
    """Return the images (n, H, W, C) uint8 and sounds (n, T) int16 of the columns, by name.

    Raises:
        DataError: a file cannot be read; the first ones are named.
    """
    return {}
