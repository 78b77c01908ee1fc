"""Numbers as people read them: rounded to what is known, with thousands separators and units."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["between", "count", "decimals", "duration", "exact", "megabytes", "percent", "rounded", "size"]

NONE = "–"
"What stands where there is no number."


def decimals(value: float | None, interval: Sequence[float] | None = None) -> int:
    """Return how many decimals of `value` its interval supports; four digits without one.

    Two digits of the half width are kept, one where the first is 6 or more: 0.847 ± 0.009, yet 0.8474 ± 0.0021.
    """
    if interval is not None and len(interval) == 2 and 0 < interval[1] - interval[0] < math.inf:
        half = math.log10((interval[1] - interval[0]) / 2)
        return max(0, min(6, 1 - math.floor(half + math.log10(10 / 6))))
    if not value or not math.isfinite(value):
        return 3
    return max(0, min(6, 3 - max(math.floor(math.log10(abs(value))), -1)))


def rounded(value: float | None, places: int | None = None, *, signed: bool = False) -> str:
    """Return `value` with `places` decimals (four significant digits when not told) and thousands separators."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) >= 1e15 or 0 < abs(value) < 1e-6:
        return f"{value:{'+' if signed else ''}.3g}"
    text = f"{value:{'+' if signed else ''},.{decimals(value) if places is None else places}f}"
    return text.lstrip("+-") if signed and not text.strip("+-0.,") else text


def exact(value: float | None) -> str:
    """Return a number that somebody chose, such as a margin, as it was chosen."""
    return (
        NONE if value is None or not math.isfinite(value) else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    )


def between(interval: Sequence[float] | None, places: int | None = None, *, signed: bool = False) -> str:
    """Return `low to high`, or a dash where there is no interval."""
    if interval is None or len(interval) != 2:
        return NONE
    places = decimals(None, interval) if places is None else places
    return f"{rounded(interval[0], places, signed=signed)} to {rounded(interval[1], places, signed=signed)}"


def count(value: float | None) -> str:
    """Return a whole number with thousands separators."""
    return NONE if value is None or not math.isfinite(value) else f"{round(value):,}"


def percent(share: float | None) -> str:
    """Return a probability in per cent, never as certain as 0 or 100 unless it is."""
    if share is None or not math.isfinite(share):
        return NONE
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{100 * share:.0f}%"


def duration(seconds: float | None) -> str:
    """Return seconds as `0.8 s`, `42 s`, `4 min 10 s` or `1 h 12 min`."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms" if seconds > 0 else "0 s"
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def megabytes(value: float | None) -> str:
    """Return a size given in megabytes."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value / 1024:,.1f} GB" if value >= 1024 else f"{value:,.0f} MB" if value >= 10 else f"{value:.2g} MB"


def size(rows: float | None) -> str:
    """Return a row count short enough for an axis: `250`, `1k`, `2.5k`, `1M`."""
    if rows is None or not math.isfinite(rows):
        return NONE
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if rows >= unit:
            return f"{float(f'{rows / unit:.2g}' if rows < 100 * unit else f'{rows / unit:.0f}'):g}{name}"
    return f"{rows:.0f}"
