"""Columns of text read as numbers or dates, where the whole column agrees."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from treeline.data.date_text import AMBIGUOUS, guess_formats, parse_dates, swapped
from treeline.data.missing_text import AMONG_NUMBERS, share, tokens_among
from treeline.data.number_text import EXACT, NumberStyle, guess_styles, has_leading_zero, is_too_long, parse_numbers
from treeline.errors import DataError, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Options", "Reading", "count_of", "read_dates", "read_numbers", "record_of"]

MARKED = re.compile(r"\d\s?[,.'’_/:\s-]|[,.]\d")
"A digit with a mark beside it: only such a text may be a number or date in another style."
ODD_SHARE = 0.01
"Up to this share of odd texts a column of numbers or dates stays one, and they count as missing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user said about the columns, and what the reader knows."""

    source: str = "frame"
    target: str | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    date_format: str | None = None
    semicolon: bool = False
    "Whether fields are parted by semicolons."


@dataclass(frozen=True, slots=True)
class Reading:
    """A column of text after an attempt to read it as something else."""

    values: pl.Series | None
    "Int64, Float64 or Datetime values (n,); None where the column is no such thing."
    format: str = ""
    tokens: dict[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Try:
    style: str
    values: pl.Series
    tokens: dict[str, int]
    odd: dict[str, int]


def count_of(texts: pl.Series) -> dict[str, int]:
    """Return each distinct text with its count, the most frequent first."""
    counts = texts.value_counts(sort=True)
    return dict(zip(counts[texts.name].to_list(), counts["count"].to_list(), strict=True))


def record_of(mask: pl.Series) -> int:
    """Return the record number, from 1, of the first true value."""
    return int(mask.arg_max() or 0) + 1


def _sample(texts: pl.Series) -> pl.Series:
    """Return about a thousand texts from all over the column, the usual tokens for missing left out."""
    real = texts.drop_nulls()
    for step in (max(1, len(real) // 1000), 1):
        some = real.gather_every(step)
        some = some.filter(~some.str.strip_chars().str.to_lowercase().is_in(sorted(AMONG_NUMBERS)))
        if len(some):
            return some
    return real.clear()


def _attempt(texts: pl.Series, style: str, values: pl.Series, options: Options) -> _Try:
    """Sort the texts that did not parse into tokens for missing and odd ones."""
    bad = texts.filter(values.is_null() & texts.is_not_null())
    counts = count_of(bad) if len(bad) else {}
    found = set(tokens_among(bad.unique(), extra=options.missing, numeric=True)) if counts else set()
    tokens = {text: count for text, count in counts.items() if text in found}
    odd = {text: count for text, count in counts.items() if text not in found}
    return _Try(style, values, tokens, odd)


def _few(tried: _Try, real: int) -> bool:
    return sum(tried.odd.values()) <= ODD_SHARE * max(real - sum(tried.tokens.values()), 0)


def _odd_note(texts: pl.Series, tried: _Try, what: str) -> str:
    if not tried.odd:
        return ""
    first = next(iter(tried.odd))
    record = record_of((texts == first).fill_null(False))
    return (
        f"{sum(tried.odd.values())} odd texts taken as missing, such as {shown(first, 30)} in record {record}; {what}"
    )


def _conflict(texts: pl.Series, tried: _Try, what: str) -> str:
    """Say where a column that is mostly numbers or dates first is not."""
    real = len(texts) - texts.null_count()
    if not tried.odd or sum(tried.odd.values()) > real / 2:
        return ""
    mask = texts.is_in(list(tried.odd)).fill_null(False)
    record = record_of(mask)
    return f"no {what} column: record {record} holds {shown(texts[record - 1], 30)}"


def _tried(
    texts: pl.Series, styles: list[str], parse: Callable[[str], pl.Series], options: Options
) -> list[_Try]:  # fmt: skip
    """Return the attempts, the fewest odd texts first; an attempt without any ends the search."""
    out: list[_Try] = []
    for style in styles:
        out.append(_attempt(texts, style, parse(style), options))
        if not any(MARKED.search(text) for text in out[0].odd) or not out[-1].odd:
            break
    return sorted(out, key=lambda tried: sum(tried.odd.values()))


def read_numbers(texts: pl.Series, options: Options, *, force: bool = False) -> Reading:
    """Read texts (n,) as numbers, if all but a few odd ones agree.

    Args:
        texts: String values.
        options: the user's wishes.
        force: take every text that is no number as missing.

    Raises:
        DataError: the target holds an infinite number.
    """
    sample = _sample(texts)
    styles = [style.to_text() for style in guess_styles(sample, semicolon=options.semicolon)] if len(sample) else []
    if not styles and not force:
        return Reading(None)
    tries = _tried(texts, styles or [""], lambda s: parse_numbers(texts, NumberStyle.from_text(s)), options)
    best = tries[0]
    style = NumberStyle.from_text(best.style)
    if not force:
        if not _few(best, len(texts) - texts.null_count()):
            return Reading(None, note=_conflict(texts, best, "number"))
        if has_leading_zero(texts):
            first = record_of(texts.str.contains(r"^\s*[+-]?0\d").fill_null(False))
            return Reading(None, note=f"leading zeros are kept, as in record {first}")
        if is_too_long(texts, best.values):
            return Reading(None, note="integers beyond 2^53 are kept as exact text")
    values, unreal = _finite(texts, best.values, options)
    notes = [style.words(), _odd_note(texts, best, "named in missing_tokens")]
    if style.group == "," and not _attempt(texts, "", parse_numbers(texts, NumberStyle(",", "")), options).odd:
        notes.append("might be decimal commas: every comma parts three digits")
    odd = dict(list(best.odd.items())[:20])
    note = "; ".join(filter(None, notes))
    return Reading(_narrow(texts, values, style), best.style, {**best.tokens, **odd, **unreal}, note)


def _finite(texts: pl.Series, values: pl.Series, options: Options) -> tuple[pl.Series, dict[str, int]]:
    """Return the values with infinite ones and NaN made null, and the texts they came from."""
    wild = (~values.is_finite()).fill_null(False)
    if not wild.any():
        return values, {}
    infinite = values.is_infinite().fill_null(False)
    if texts.name == options.target and infinite.any():
        records = [i + 1 for i in infinite.arg_true().head(5).to_list()]
        raise DataError(
            f"The target {shown(texts.name)} is infinite in {infinite.sum()} records: {', '.join(map(str, records))}.",
            where=f"{options.source}:{records[0]}:{shown(texts.name)}",
            do="Repair or remove these records.",
        )
    return values.set(wild, None), count_of(texts.filter(wild))


def _narrow(texts: pl.Series, values: pl.Series, style: NumberStyle) -> pl.Series:
    """Return integers as Int64 where every text is one."""
    import polars as pl

    if style != NumberStyle():
        whole = bool((values == values.round()).all()) and bool((values.abs() <= EXACT).all())
        return values.cast(pl.Int64) if whole and not texts.str.contains(r"[.,]\d{1,2}\D*$").any() else values
    head = texts.drop_nulls().head(100).str.strip_chars()
    if head.cast(pl.Int64, strict=False).null_count() > len(head) / 2:
        return values
    integers = texts.str.strip_chars().cast(pl.Int64, strict=False)
    return integers if integers.null_count() == values.null_count() else values


def read_dates(texts: pl.Series, options: Options, *, force: bool = False) -> Reading:
    """Read texts (n,) as dates, if all but a few odd ones agree on one format.

    Raises:
        DataError: day and month could be either way round in every record.
    """
    sample = _sample(texts)
    if not len(sample):
        return Reading(None)
    own = options.date_format
    takes_own = own is not None and (force or share(parse_dates(sample, own).is_not_null()) >= 0.5)
    styles = [own] if own and takes_own else guess_formats(sample)
    if not styles:
        return Reading(None)
    tries = _tried(texts, styles, lambda s: parse_dates(texts, s), options)
    best = tries[0]
    if not force and not _few(best, len(texts) - texts.null_count()):
        return Reading(None, note=_conflict(texts, best, "date"))
    if best.style != own and any(mark in best.style for mark in AMBIGUOUS):
        other = _attempt(texts, swapped(best.style), parse_dates(texts, swapped(best.style)), options)
        if len(other.odd) <= len(best.odd) and not (best.values == other.values).all():
            _refuse_order(texts, best, other, options)
        if best.odd and not (other.values.is_null() | best.values.is_not_null()).all():
            return Reading(None, note=_conflict(texts, best, "date") + ", mixed orders of day and month")
    odd = dict(list(best.odd.items())[:20])
    note = "; ".join(filter(None, [f"format {best.style}", _odd_note(texts, best, "named in missing_tokens")]))
    return Reading(best.values, best.style, {**best.tokens, **odd}, note)


def _refuse_order(texts: pl.Series, best: _Try, other: _Try, options: Options) -> None:
    differ = (best.values != other.values).fill_null(False).arg_true().head(2).to_list()
    shownup = " and ".join(f"{shown(texts[i], 24)} in record {i + 1}" for i in differ)
    raise DataError(
        f"The dates in {shown(texts.name)} may begin with the day or the month: {shownup}.",
        where=f"{options.source}:{differ[0] + 1}:{shown(texts.name)}",
        do=f"Say which with --date-format {shown(best.style)} or {shown(other.style)}, or set the column's kind.",
    )
