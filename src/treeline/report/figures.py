"""Drawings as SVG text: the kit, and the small figures that stand between words.

No plotting library: a report draws a dozen marks, must open without a network or a script, and takes its colours from the
page, so that one drawing serves light, dark and print. All text goes through `escape`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from treeline.report.numbers import percent, rounded, size
from treeline.report.privacy import clean

__all__ = ["Figure", "Scale", "bars", "chances", "comparable", "interval_row", "span"]

Point = tuple[float, float]


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if math.isfinite(value) else "0"


def _cut(text: object, limit: int = 200) -> str:
    whole = clean(str(text))
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values `low..high` to pixels `start..end`, evenly or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of `value`, kept near the frame."""
        a, b, v = self.low, self.high, value
        if self.log:
            a, b, v = math.log(a), math.log(b), math.log(max(value, 1e-12))
        share = (v - a) / (b - a) if b > a else 0.5
        return self.start + min(max(share, -0.05), 1.05) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Return round values within the range."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1, 2, 5), (1, 3), (1,)):
                found = [s * 10.0**d for d in decades for s in steps if self.low <= s * 10.0**d <= self.high]
                if len(found) <= most + 1:
                    return found
            return found[:: math.ceil(len(found) / most)]
        rough = (self.high - self.low) / most
        unit = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
        step = next((unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= rough), unit * 10)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, first + most + 2) if k * step <= self.high + step * 1e-6]


def span(values: Iterable[float | None], pad: float = 0.08) -> Point:
    """Return the range of the finite values, widened by `pad` on both sides."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    room = (high - low) * pad or abs(high) * 0.05 or 0.5
    return low - room, high + room


def comparable(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows whose scores can share one axis: a baseline far off would press all others into one dot.

    `rows` are sorted best first. A row is far off when it lies more than three times as far from the best as seven tenths
    of the rows do.
    """
    scores = [row["score"] for row in rows]
    if len(scores) < 4:
        return list(rows)
    reach = 3 * abs(scores[math.ceil(0.7 * (len(scores) - 1))] - scores[0])
    return [row for row in rows if abs(row["score"] - scores[0]) <= reach] or list(rows)


def tick_words(ticks: Sequence[float], *, log: bool = False) -> list[str]:
    """Return the ticks with as many decimals as tell them apart."""
    if log:
        return [size(t) if t >= 1 else f"{t:g}" for t in ticks]
    step = min((b - a for a, b in pairwise(ticks)), default=1.0)
    places = max(0, min(6, -math.floor(math.log10(step) + 1e-9))) if step > 0 else 0
    if any(abs(round(t, places) - t) > step * 0.01 for t in ticks):
        places += 1
    if max((abs(t) for t in ticks), default=0) >= 10000:
        return [("-" if t < 0 else "") + size(abs(t)) for t in ticks]
    return [f"{t:,.{places}f}" for t in ticks]


class Figure:
    """Marks drawn one after the other on a canvas with a title and a description for those who cannot see it."""

    def __init__(self, name: str, *, title: str, about: str, width: float, height: float) -> None:
        """`name` is unique on the page; `about` tells what the drawing shows, in words."""
        self.name, self.title, self.about = name, title, about
        self.width, self.height = width, height
        self.parts: list[str] = []

    def add(self, kind: str, content: object = "", **attributes: Any) -> None:
        """Add an element; `class_` and `stroke_width` become `class` and `stroke-width`; numbers are shortened."""
        self.parts.append(element(kind, content, **attributes))

    def line(self, a: Point, b: Point, style: str) -> None:
        """Draw a line."""
        self.add("line", x1=a[0], y1=a[1], x2=b[0], y2=b[1], class_=style)

    def path(self, points: Sequence[Point], style: str, *, closed: bool = False) -> None:
        """Draw a line through points, or the area within."""
        if points:
            d = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + ("Z" if closed else "")
            self.add("path", d=d, class_=style)

    def text(self, at: Point, words: object, style: str = "", anchor: str = "start") -> None:
        """Write words."""
        self.add("text", _cut(words), x=at[0], y=at[1], class_=style or None, text_anchor=anchor)

    def mark(self, at: Point, family: str, hint: str = "", radius: float = 4.0) -> None:
        """Draw a family's mark: a disc for classical, a diamond for deep, a square for anything else."""
        x, y = at
        note = element("title", _cut(hint)) if hint else Markup("")
        if family == "classical":
            self.add("circle", note, cx=x, cy=y, r=radius, class_="mark classical")
            return
        r = radius * 1.3 if family == "deep" else radius
        corners = [(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
        if family != "deep":
            corners = [(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)]
        d = "M" + "L".join(f"{_n(a)} {_n(b)}" for a, b in corners) + "Z"
        self.add("path", note, d=d, class_=f"mark {family or 'both'}")

    def axes(self, x: Scale, y: Scale, *, names: tuple[str, str], at: Sequence[tuple[float, str]] = ()) -> None:
        """Draw the frame: light lines across, ticks, the axes' names."""
        for value, words in zip(y.ticks(), tick_words(y.ticks(), log=y.log), strict=True):
            self.line((x.start, y(value)), (x.end, y(value)), "grid")
            self.text((x.start - 7, y(value) + 4), words, anchor="end")
        for value, words in at or zip(x.ticks(), tick_words(x.ticks(), log=x.log), strict=True):
            self.line((x(value), y.start), (x(value), y.start + 4), "axis")
            self.text((x(value), y.start + 18), words, anchor="middle")
        self.line((x.start, y.start), (x.end, y.start), "axis")
        self.text(((x.start + x.end) / 2, y.start + 36), names[0], "name", "middle")
        self.text((2, 12), names[1], "name")

    def svg(self, style: str = "") -> Markup:
        """Return the drawing."""
        head = element("title", _cut(self.title), id=f"{self.name}-t") + element(
            "desc", _cut(self.about, 600), id=f"{self.name}-d"
        )
        return element(
            "svg",
            head + Markup("".join(self.parts)),  # every part was made by `element`, which escapes
            viewBox=f"0 0 {_n(self.width)} {_n(self.height)}",
            role="img",
            aria_labelledby=f"{self.name}-t {self.name}-d",
            class_=f"figure {style}".strip(),
            preserveAspectRatio="none" if style == "stretch" else None,
        )


def element(kind: str, content: object = "", **attributes: Any) -> Markup:
    """Return `<kind …>content</kind>`, everything escaped that is not markup already."""
    told = []
    for key, value in attributes.items():
        if value is None:
            continue
        words = _n(value) if isinstance(value, float | int) else clean(str(value))
        told.append(f' {key.rstrip("_").replace("_", "-")}="{escape(words)}"')
    return Markup(f"<{kind}{''.join(told)}>{escape(content)}</{kind}>")


def chances(p_classical: float, p_same: float, p_deep: float) -> Markup:
    """The three probabilities as one bar: classical better, no difference that matters, deep better."""
    words = f"Classical better {percent(p_classical)}, no difference {percent(p_same)}, deep better {percent(p_deep)}."
    figure = Figure("chances", title="Who is better, and how sure", about=words, width=600, height=26)
    total = (p_classical + p_same + p_deep) or 1.0
    at = 0.0
    for share, family in ((p_classical, "classical"), (p_same, "same"), (p_deep, "deep")):
        width = 600 * share / total
        if width > 0.5:
            figure.add("rect", x=at, y=0, width=max(width - 2, 1), height=26, rx=3, class_=f"bar {family}")
        at += width
    return figure.svg("stretch")


def bars(name: str, rows: Sequence[tuple[str, float, str, str]], *, title: str) -> Markup:
    """Horizontal bars: (label, value, words, family) each."""
    about = "; ".join(f"{label}: {words}" for label, _, words, _ in rows) + "."
    figure = Figure(name, title=title, about=about, width=480, height=44 * len(rows))
    top = max((value for _, value, _, _ in rows), default=0) or 1.0
    for i, (label, value, words, family) in enumerate(rows):
        figure.text((0, 44 * i + 13), label, "strong")
        figure.text((480, 44 * i + 13), words, anchor="end")
        figure.add("rect", x=0, y=44 * i + 20, width=480, height=9, rx=4.5, class_="bar track")
        figure.add(
            "rect", x=0, y=44 * i + 20, width=max(480 * value / top, 4), height=9, rx=4.5, class_=f"bar {family}"
        )
    return figure.svg()


def interval_row(name: str, row: dict[str, Any], domain: Point, band: Point | None = None) -> Markup:
    """One contender's score and interval on an axis that all rows share; `band` is the margin around the best."""
    ends = f" ({rounded(row['interval'][0])} to {rounded(row['interval'][1])})" if row["interval"] else ""
    words = f"{row['title'] or row['name']}: {rounded(row['score'])}{ends}"
    figure = Figure(name, title="Score and interval", about=words, width=220, height=22)
    x = Scale(domain[0], domain[1], 6, 214)
    if band:
        left, right = x(band[0]), x(band[1])
        figure.add("rect", x=left, y=0, width=max(right - left, 1), height=22, class_="margin")
    figure.line((6, 11), (214, 11), "grid")
    if row["interval"] and row["interval"][1] >= domain[0] and row["interval"][0] <= domain[1]:
        figure.line((x(row["interval"][0]), 11), (x(row["interval"][1]), 11), f"whisker {row['family']}")
    if row["score"] is not None and not domain[0] <= row["score"] <= domain[1]:
        tip, back = (1, 8) if row["score"] < domain[0] else (219, 212)
        figure.path([(back, 5), (tip, 11), (back, 17)], f"mark {row['family']}", closed=True)
    elif row["score"] is not None:
        figure.mark((x(row["score"]), 11), row["family"], radius=4.5)
    return figure.svg("inline")
