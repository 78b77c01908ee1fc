"""The live panel of a run: one frame drawn from what is known now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeline.report import numbers
from treeline.report.privacy import clean
from treeline.report.wording import FAMILY

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["Seen", "draw"]

STYLE = {"classical": "green", "deep": "blue"}
MARK = {"classical": "●", "deep": "◆"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a frame shows."""

    title: str
    stage: str
    used_s: float
    limit_s: float
    left_s: float
    fits: dict[str, int]
    news: tuple[tuple[float, str, str], ...]
    "Seconds, words and style of the latest events."
    sides: tuple[tuple[str, tuple[float, Any, str] | None, str], ...]
    "Family, its best (score, interval, name), what it fits now."


def draw(seen: Seen) -> RenderableType:
    """Return the frame: title, time, both sides, news."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    head = Table.grid(padding=(0, 2))
    head.add_row(_text("Treeline", "bold"), _text(seen.title), _text(seen.stage, "dim"))
    time_ = Table.grid(padding=(0, 2))
    bar = ProgressBar(
        total=max(seen.limit_s, 1e-9), completed=seen.used_s, width=40, complete_style="cyan", finished_style="cyan"
    )
    fits = f"{seen.fits['done']} fits" + (f", {seen.fits['lost']} lost" if seen.fits["lost"] else "")
    time_.add_row(bar, _text(f"{numbers.duration(round(seen.left_s))} left"), _text(fits, "dim"))
    news = Table.grid(padding=(0, 2))
    for at, words, style in seen.news:
        shade = STYLE.get(style, "yellow" if style == "lost" else "")
        news.add_row(_text(numbers.duration(float(round(at))), "dim"), _text(words, shade))
    parts: list[RenderableType] = [head, time_, "", _sides(seen), "", news]
    return Padding(Group(*parts), (1, 1, 0, 1))


def _sides(seen: Seen) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for family, best, now in seen.sides:
        score, interval, name = best or (None, None, "")
        grid.add_row(
            _text(f"{MARK.get(family, ' ')} {FAMILY.get(family, family)}", STYLE.get(family, "")),
            _text(numbers.rounded(score, numbers.decimals(score, interval)), "bold"),
            _text(numbers.between(interval) if interval else "", "dim"),
            _text(name),
            _text(f"now: {now}" if now else "", "dim"),
        )
    return grid


def _text(words: object, style: str = "") -> Text:
    from rich.text import Text

    return Text(clean(str(words)).replace("\n", " "), style=style, no_wrap=True, overflow="ellipsis")
