"""What each column is, inferred over all of its values, never over a sample."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from treeline.data.column import Column, Kind
from treeline.data.missing_text import tokens_among
from treeline.data.text_values import Options, Reading, count_of, read_dates, read_numbers
from treeline.data.typed_values import read_typed, text_of
from treeline.errors import DataError, UsageError, nearest, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["infer_column", "infer_kinds"]

UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
"Letters of scripts without blanks: about four are counted as a word, so that a name of three is one."
ID_WORDS = frozenset(
    {
        "id",
        "ids",
        "key",
        "keys",
        "uuid",
        "guid",
        "pk",
        "code",
        "no",
        "nr",
        "num",
        "number",
        "index",
        "idx",
        "row",
        "rowid",
        "rowno",
        "rownum",
        "serial",
    }
)
ID_ENDS = re.compile(r"(^[a-z]?id$|[a-z](ID|Id)$|^[A-Z]{1,3}ID$)")
TIME_WORDS = frozenset(
    {"year", "month", "week", "day", "date", "hour", "minute", "second", "time", "period", "step", "quarter", "age"}
)
MIN_ROWS = 20
"Below this many rows, distinct values prove nothing."


def infer_kinds(
    frame: pl.DataFrame, options: Options, notes: dict[str, str] | None = None
) -> tuple[pl.DataFrame, tuple[Column, ...]]:
    """Return the frame in canonical types, and its columns.

    Args:
        frame: (n, p) texts or typed values.
        options: what the user said.
        notes: what the reader has to say of a column.

    Raises:
        UsageError: the user named a column or a kind that does not exist.
        DataError: a column cannot be read as what it must be.
    """
    import polars as pl

    for name, kind in options.kinds.items():
        if name not in frame.columns:
            raise UsageError(
                f"There is no column {shown(name)}: {nearest(name, frame.columns)}", do="Check --kind and --text."
            )
        if kind not in list(Kind):
            raise UsageError(
                f"The kind {shown(kind)} of {shown(name)} is unknown.", do=f"Choose one of {', '.join(Kind)}."
            )
    out: list[pl.Series] = []
    columns: list[Column] = []
    for name in frame.columns:
        values, column = infer_column(frame[name], options)
        said = "; ".join(filter(None, [(notes or {}).get(name, ""), column.note]))
        out.append(values.alias(name))
        columns.append(replace(column, note=said))
    return pl.DataFrame(out), tuple(columns)


def infer_column(series: pl.Series, options: Options) -> tuple[pl.Series, Column]:
    """Return one column in its canonical type, and what is known of it."""
    wish = Kind(options.kinds[series.name]) if series.name in options.kinds else None
    series, tokens = _own_tokens(series, options.missing or ())
    values, column = _settled(series, options, wish)
    return values, replace(column, missing_tokens={**tokens, **(column.missing_tokens or {})})


def _own_tokens(series: pl.Series, tokens: Sequence[str]) -> tuple[pl.Series, dict[str, int]]:
    """Make null what the user said is missing, and count it."""
    import polars as pl

    bare = [token.strip() for token in tokens]
    if series.dtype == pl.String and bare:
        gone = series.str.strip_chars().is_in(bare).fill_null(False)
    elif series.dtype.is_numeric() and bare:
        values = pl.Series(bare).cast(pl.Float64, strict=False).drop_nulls()
        gone = series.cast(pl.Float64).is_in(values.to_list()).fill_null(False)
    else:
        return series, {}
    return series.set(gone, None), count_of(text_of(series.filter(gone))) if gone.any() else {}


def _settled(series: pl.Series, options: Options, wish: Kind | None) -> tuple[pl.Series, Column]:
    """Return one column in its canonical type, and what is known of it."""
    import polars as pl

    if series.dtype == pl.Null:
        series = series.cast(pl.String)
    if series.dtype != pl.String:
        values, fixed, reading = read_typed(series, options, wish)
        if values.dtype != pl.String or fixed:
            return _finish(values, fixed or wish, reading, options)
        series = values
    return _texts(series, options, wish)


def _texts(texts: pl.Series, options: Options, wish: Kind | None) -> tuple[pl.Series, Column]:
    """Settle a column of text: number, else date, else words."""
    tokens: dict[str, int] = {}
    if (texts == "").any():
        tokens = {}  # an empty field is missing in every format: no token to speak of
        texts = texts.set((texts == "").fill_null(False), None)
    notes = []
    readers = {Kind.NUMBER: read_numbers, Kind.DATE: read_dates}
    for kind, read in readers.items():
        if wish not in (None, kind):
            continue
        reading = read(texts, options, force=wish is kind)
        if reading.values is not None and (reading.values.null_count() < len(texts) or not wish):
            return _finish(reading.values, kind, reading, options)
        notes.append(reading.note)
        if wish is kind and texts.null_count() < len(texts):
            raise DataError(
                f"No value of {shown(texts.name)} is a {kind}, such as {shown(texts.drop_nulls()[0])}.",
                where=f"{options.source}::{shown(texts.name)}",
                do="Give the column another kind" + (", or --date-format." if kind is Kind.DATE else "."),
            )
    levels = texts.unique().drop_nulls()
    found = tokens_among(levels, extra=options.missing, numeric=False)
    if found:
        gone = texts.is_in(found).fill_null(False)
        tokens = count_of(texts.filter(gone))
        texts = texts.set(gone, None)
    note = next((note for note in notes if note), "")
    return _finish(texts, wish, Reading(None, tokens=tokens, note=note), options)


def _finish(values: pl.Series, kind: Kind | None, reading: Reading, options: Options) -> tuple[pl.Series, Column]:
    """Decide between what the type leaves open, and describe the column."""
    import polars as pl

    rows, missing = len(values), values.null_count()
    distinct = values.drop_nulls().n_unique()
    notes = [reading.note]
    wished = values.name in options.kinds
    if not wished and (missing == rows or (distinct <= 1 and not missing)):
        kind = Kind.CONSTANT
        if missing == rows and rows:
            notes.append("no value at all")
    elif values.dtype == pl.String:
        kind = kind or _word_kind(values, distinct, options)
        if kind is Kind.CATEGORY:
            values, distinct, trimmed = _trim(values, distinct)
            notes.append(trimmed)
    elif not wished:
        kind = Kind.DATE if values.dtype.is_temporal() else Kind.NUMBER
        why = "" if kind is Kind.DATE or values.name == options.target else _key(values, distinct)
        if why:
            kind, values = Kind.IDENTIFIER, text_of(values)
            notes.append(why)
    elif kind in (Kind.CATEGORY, Kind.TEXT, Kind.IDENTIFIER):
        values = text_of(values)
    assert kind is not None
    head = values.drop_nulls().head(1000).unique(maintain_order=True).head(3).cast(pl.String).to_list()
    return values, Column(
        name=values.name,
        kind=kind,
        missing=missing,
        missing_tokens=reading.tokens,
        distinct=distinct,
        examples=tuple(text[:60] for text in head),
        note="; ".join(filter(None, notes)),
        format=reading.format,
    )


def _trim(values: pl.Series, distinct: int) -> tuple[pl.Series, int, str]:
    levels = values.drop_nulls().unique()
    bare = levels.str.strip_chars()
    if (bare == levels).all():
        return values, distinct, ""
    return values.str.strip_chars(), bare.n_unique(), "blanks around values removed"


def _words(name: str) -> list[str]:
    return re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).replace("_", " ").replace("-", " ").replace(".", " ").split()


def _names_a_key(name: str) -> bool:
    words = _words(name)
    return bool(words) and (words[-1].lower() in ID_WORDS or any(ID_ENDS.search(word) for word in words))


def _key(values: pl.Series, distinct: int) -> str:
    """Say why whole numbers are a key: one for each row, and named like one or counting up without a gap."""
    rows = len(values)
    if not values.dtype.is_integer() or distinct != rows or rows < 2:
        return ""
    if _names_a_key(values.name):
        return "one number for each record, and named like a key"
    if rows < MIN_ROWS or {word.lower() for word in _words(values.name)} & TIME_WORDS:
        return ""
    low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
    return "counts the records without a gap" if high - low == rows - 1 else ""


def _word_kind(values: pl.Series, distinct: int, options: Options) -> Kind:
    """Tell categories, free text and keys apart by how often values come again and how many words they have."""
    real = len(values) - values.null_count()
    if values.name == options.target or distinct <= 1:
        return Kind.CATEGORY
    levels = values.drop_nulls().unique()
    words = float(levels.str.strip_chars().str.count_matches(r"\s+").mean() or 0) + 1  # type: ignore[arg-type]
    words = max(words, float(levels.str.count_matches(UNSPACED).mean() or 0) / 4)  # type: ignore[arg-type]
    share = distinct / real
    if words >= 2.5 and ((share >= 0.5 and distinct >= MIN_ROWS) or (words >= 5 and distinct >= 100 and share >= 0.1)):
        return Kind.TEXT
    if share >= 0.98 and words < 1.5 and (real >= MIN_ROWS or _names_a_key(values.name)):
        return Kind.IDENTIFIER
    if distinct == real and real > 1 and _names_a_key(values.name):
        return Kind.IDENTIFIER
    return Kind.CATEGORY
