"""What would change our mind: more judged rows, minutes, repeats, another margin, more training rows, other findings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from treeline.evidence.advice import SURE
from treeline.evidence.call import Call, Reason
from treeline.evidence.numbers import number
from treeline.problem.budget import spelled
from treeline.problem.metric import title_of
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.advice import Share
    from treeline.evidence.crossing import Treeline
    from treeline.evidence.paired import Difference

__all__ = ["About", "Decide", "decide", "margins", "mind"]

REPEAT = 0.9
"What a second round of folds makes of the standard error (research/evidence.md, 1.2): rows weigh more than seeds."


class About(NamedTuple):
    """What was judged."""

    rows: int
    possible: int
    "Rows that a longer run could judge."
    metric: str
    sure: float = SURE
    "The probability that a call needs at this look."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """What it would take to decide an open verdict."""

    by: str
    "`time`: a longer run judges enough of the rows at hand; `repeats`: other folds; `data`: more rows; `nothing` would."
    rows: int | None
    "Judged rows that would decide."
    minutes: float | None
    "How much longer the run should be; an estimate from the fits that were made."
    repeats: int | None
    more_rows: int | None
    "New rows with a target."
    words: str
    limit: str | None = None
    "The time limit with which the same command goes on, where that may do."

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def decide(
    needed: int | None,
    *,
    judged: int,
    held_out: int,
    seconds_per_row: float,
    luck: bool = False,
    limit_s: float | None = None,
) -> Decide:
    """Return what would decide.

    Args:
        needed: judged rows that would decide (`advice.rows_needed`); None where no number within reach would.
        judged: rows judged so far.
        held_out: rows that folds hold out altogether.
        seconds_per_row: wall seconds that judging one more row costs.
        luck: whether that is because the models of the judged folds differ too much by luck (`advice.luck_bars`).
        limit_s: the run's time limit; None where it cannot go on.
    """
    if needed is None and luck:
        return _unlucky(max(held_out - judged, 0) * seconds_per_row / 60, limit_s)
    if needed is None:
        words = "No number of judged rows within reach would decide: the margin's edge is too near for so much doubt."
        return Decide(by="nothing", rows=None, minutes=None, repeats=None, more_rows=None, words=words)
    needed = max(needed, judged + 1)  # those that were judged did not
    if needed <= held_out:
        minutes = max(needed - judged, 0) * seconds_per_row / 60
        words = f"About {needed:,} judged rows would settle it; {held_out:,} of yours can be judged: give the run "
        words, limit = words + f"{_more(minutes)}.", None
        if limit_s is not None:
            limit = _longer(limit_s, minutes)
            words = words[:-1] + f": the same command with --time-limit {limit} goes on from here."
        return Decide(by="time", rows=needed, minutes=minutes, repeats=None, more_rows=None, words=words, limit=limit)
    if needed * REPEAT**2 <= held_out:
        minutes = (2 * held_out - judged) * seconds_per_row / 60
        words = (
            f"About {needed:,} judged rows would settle it, a few more than the {held_out:,} at hand: a second round "
        )
        words += f"with other folds (another --seed, {_more(minutes)}, with a new --out) may do."
        return Decide(by="repeats", rows=needed, minutes=minutes, repeats=2, more_rows=None, words=words)
    words = f"About {needed:,} judged rows would settle it, {needed - held_out:,} more than you have; neither time nor repeats "
    words += "replace them."
    return Decide(by="data", rows=needed, minutes=None, repeats=None, more_rows=needed - held_out, words=words)


def _unlucky(minutes: float, limit_s: float | None) -> Decide:
    """Say what helps where the luck of the models stands in the way: other folds while some are left, else more data."""
    words = "More rows in the folds that were judged would not settle it, because luck and doubt about the field are too much: "
    if minutes > 0:
        limit = None if limit_s is None else _longer(limit_s, minutes)
        how = f": the same command with --time-limit {limit} goes on from here" if limit else ""
        words += f"judge more folds and contenders (give the run {_more(minutes)}{how}), or bring more data."
        return Decide(by="time", rows=None, minutes=minutes, repeats=None, more_rows=None, words=words, limit=limit)
    words += "more folds (another --seed) or more data would be needed, and how many cannot be said."
    return Decide(by="data", rows=None, minutes=None, repeats=None, more_rows=None, words=words)


def _more(minutes: float) -> str:
    """Return `about 5 more minutes`."""
    count = max(math.ceil(minutes), 1)
    return f"about {count:,} minute{'s' if count > 1 else ''} more"


def _longer(limit_s: float, minutes: float) -> str:
    """Return the limit of a run that is given so many more minutes."""
    return spelled(limit_s + 60 * max(math.ceil(minutes), 1))


def margins(gap: Difference, sure: float = SURE) -> tuple[float, float]:
    """Return the margin up to which the better side wins (below zero: none), and that from which on the two are equal.

    `sure` is the probability that a call needs.
    """
    from scipy.special import stdtr, stdtrit

    size, df = abs(gap.estimate), max(gap.df, 1.0)
    reach = float(stdtrit(df, sure)) * gap.scale
    if not gap.scale > 0:
        return size, size
    low, high = size, size + 2 * reach
    for _ in range(60):
        middle = (low + high) / 2
        inside = float(stdtr(df, (middle - size) / gap.scale) - stdtr(df, (-middle - size) / gap.scale))
        low, high = (low, middle) if inside >= sure else (middle, high)
    return size - reach, high


def mind(
    call: Call,
    gap: Difference | None,
    because: Sequence[Reason],
    *,
    sides: Mapping[Family, Share],
    line: Treeline | None,
    settled: Decide | None,
    judged: About,
) -> list[str]:
    """Return sentences: what would turn or settle a verdict, each with its number.

    Args:
        call: what the verdict says.
        gap: deep minus classical; None where the sides may not be compared.
        because: the verdict's reasons.
        sides: what each side fielded.
        line: the treeline.
        settled: what would decide an open verdict.
        judged: what was judged.
    """
    found = [settled.words] if settled else []
    if judged.possible > judged.rows and any(reason.code == "TOO_FEW_ROWS" for reason in because):
        found.append(f"More judged rows: {judged.possible:,} of yours can be judged; give the run more time.")
    if gap is None or not np.isfinite(gap.se):
        return found
    if call is not Call.BOTH:
        found.append(_another_margin(gap, title_of(judged.metric), judged.sure))
    chances = {int(times): p for times, p in (line.p_overtaken if line else {}).items()}
    if chances:
        most = max(chances)
        words = f"with {most} times as many the lead changes with probability {chances[most]:.0%}"
        found.append(f"More training rows: {words}.")
    cut = [name for side in sides.values() for name in side.cut]
    if cut:
        found.append(f"Longer training, which may move either side: the clock ended fits early ({', '.join(cut)}).")
    found += [f"Equal fields, by more time: {reason.words}." for reason in because if reason.code == "UNEQUAL_FIELD"]
    lowered = [reason.words for reason in because if reason.code == "LOWERED"]
    return found + (["Cleaner data: " + "; ".join(lowered) + "."] if lowered else [])


def _another_margin(gap: Difference, unit: str, sure: float) -> str:
    win, same = margins(gap, sure)
    side = (Family.DEEP if gap.estimate > 0 else Family.CLASSICAL).words
    if win > 0:
        return f"Another margin: up to {number(win)} {unit} {side} would win; from {number(same)} on it is a tie."
    return f"Another margin: no margin makes a winner; from {number(same)} {unit} on it is a tie."
