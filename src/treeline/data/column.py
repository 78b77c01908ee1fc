"""A column and its kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Column", "Kind"]


class Kind(StrEnum):
    """What the values of a column mean."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"
    TEXT = "text"
    IMAGE = "image"
    SOUND = "sound"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"

    @property
    def is_input(self) -> bool:
        """Whether a model may use such a column without being told to."""
        return self not in (Kind.IDENTIFIER, Kind.CONSTANT)

    @property
    def is_media(self) -> bool:
        """Whether the values are paths of files, whose content is the input."""
        return self in (Kind.IMAGE, Kind.SOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What is known of one column after the whole file was read."""

    name: str
    kind: Kind
    missing: int = 0
    "Records without a value."
    missing_tokens: dict[str, int] | None = None
    "Texts taken as missing (such as `NA` or `?`), with their counts."
    distinct: int = 0
    "Different values, missing ones apart."
    examples: tuple[str, ...] = ()
    note: str = ""
    "How the kind was inferred, or what was changed, in a few words."
    format: str = ""
    "How its values are written, for reading new rows alike: a number style, a date format or `boolean`; empty for plain."

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "kind": str(self.kind),
            "missing": self.missing,
            "missing_tokens": dict(self.missing_tokens or {}),
            "distinct": self.distinct,
            "examples": list(self.examples),
            "note": self.note,
            "format": self.format,
        }
