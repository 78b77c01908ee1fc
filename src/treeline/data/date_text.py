"""Dates written as text; the order of day and month is decided over the whole column, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treeline.data.missing_text import share

if TYPE_CHECKING:
    import polars as pl

__all__ = ["AMBIGUOUS", "guess_formats", "parse_dates", "swapped"]

TIMES = (" %H:%M:%S%.f", " %H:%M", "T%H:%M:%S%.f", "T%H:%M", " %I:%M:%S %p", " %I:%M %p")
ZONES = ("%#z", " %#z")
DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y",
        "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%Y-%m", "%b-%Y", "%b %Y", "%B %Y", "%b-%y")  # fmt: skip
AMBIGUOUS = ("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%y", "%m-%d-%y")
SHORT_YEAR = r"^\d{1,2}[./-]\d{1,2}[./-]\d{2}(\D|$)"


def guess_formats(sample: pl.Series) -> list[str]:
    """Return the formats in which at least half of a sample of texts are dates."""
    if share(sample.str.contains(r"^\s*(\d{1,4}[-/. ]|[A-Za-z]{3,9}[- ]\d)")) < 0.5:
        return []
    short = share(sample.str.contains(SHORT_YEAR)) >= 0.5
    long_year = share(sample.str.contains(r"\d{4}")) >= 0.5
    timed = share(sample.str.contains(r"\d:\d\d")) >= 0.5
    zones = ZONES if timed and share(sample.str.contains(r":\d\d.*(Z|[+-]\d\d:?\d\d)\s*$")) >= 0.5 else ("",)
    half = share(sample.str.contains(r"(?i)[ap]m\s*$")) >= 0.5
    glued = share(sample.str.contains(r"\dT\d")) >= 0.5
    times = [time for time in TIMES if ("%p" in time) == half and time.startswith("T") == glued] if timed else [""]
    found = []
    for day in (*DAYS, *AMBIGUOUS):
        if ("%y" in day and not short and long_year) or ("%Y" in day and (short or not long_year)):
            continue
        for style in (day + time + zone for time in times for zone in zones):
            if share(parse_dates(sample, style).is_not_null()) >= 0.5:
                found.append(style)
    return found


def parse_dates(texts: pl.Series, style: str) -> pl.Series:
    """Return Datetime("us") values (n,), in UTC where a zone is written; null where a text is no such date."""
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        values = texts.str.strip_chars().str.to_datetime(style, strict=False, time_unit="us", ambiguous="null")
    except PolarsError:  # the format itself is no format
        return pl.Series(texts.name, [None] * len(texts), dtype=pl.Datetime("us"))
    if values.dtype.time_zone is not None:  # type: ignore[attr-defined]
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return values


def swapped(style: str) -> str:
    """Return the same format with day and month the other way round."""
    return style.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
