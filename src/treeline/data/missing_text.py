"""Texts that stand for a missing value, decided for each column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["AMONG_NUMBERS", "ANYWHERE", "share", "tokens_among"]

ANYWHERE = frozenset({
    "", "?", "-", "--", "---", ".", "na", "n/a", "#n/a", "#na", "n.a.", "nan", "null", "(null)", "<na>", "\\n", "nat",
    "#null!", "#div/0!", "#value!", "#ref!", "#num!", "#name?",
})  # fmt: skip
"Casefolded; they mean nothing else in any column, but for a country code or a name."
AMONG_NUMBERS = ANYWHERE | {
    "none",
    "nil",
    "missing",
    "unknown",
    "undefined",
    "not available",
    "*",
    "**",
    "..",
    "…",
}
"Words that may be a level of a category, but among numbers or dates can only mean missing."


def share(mask: pl.Series) -> float:
    """Return which part of a boolean series (n,) is true; 0 where it is empty."""
    return float(mask.sum()) / len(mask) if len(mask) else 0.0


def tokens_among(levels: pl.Series, *, extra: Sequence[str] | None, numeric: bool) -> list[str]:
    """Return those of the distinct texts that stand for missing.

    Args:
        levels: distinct texts (d,) without nulls.
        extra: the user's own tokens, which replace the usual ones.
        numeric: whether all the other values are numbers or dates.
    """
    if extra is not None:
        own = {token.strip() for token in extra}
        return [text for text in levels.to_list() if not text.strip() or text.strip() in own]
    usual = AMONG_NUMBERS if numeric else ANYWHERE
    if len(levels) > 1000:  # a token is short; a million long texts need not pass through Python
        levels_to_see = levels.filter((levels.str.len_chars() <= 16) | (levels.str.strip_chars() == ""))
    else:
        levels_to_see = levels
    found = [text for text in levels_to_see.to_list() if text.strip().casefold() in usual]
    if not numeric and "NA" in found and _codes(levels):
        found.remove("NA")
    return found


def _codes(levels: pl.Series) -> bool:
    """Whether most texts are codes of two capitals, among which NA is Namibia or North America."""
    codes = int(levels.str.contains(r"^[A-Z]{2}$").sum())
    return codes >= 5 and codes >= len(levels) / 2
