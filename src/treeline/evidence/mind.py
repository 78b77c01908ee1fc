"""What would change our mind: more judged rows, minutes, repeats, another margin, more training rows, other findings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.advice import UNEQUAL
from treeline.evidence.words import NAMES, number, title

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference

__all__ = ["Decide", "decide", "margins", "mind"]

REPEAT = 0.9
"What a second round of folds makes of the standard error (research/evidence.md, 1.2): rows weigh more than seeds."
SURE = 0.95


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

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def decide(needed: int | None, *, judged: int, held_out: int, seconds_per_row: float, luck: bool = False) -> Decide:
    """Return what would decide.

    Args:
        needed: judged rows that would decide (`advice.rows_needed`); None where no number within reach would.
        judged: rows judged so far.
        held_out: rows that folds hold out altogether.
        seconds_per_row: wall seconds that judging one more row costs.
        luck: whether that is because the models of the judged folds differ too much by luck (`advice.luck_bars`).
    """
    if needed is None and luck:
        return _unlucky(max(held_out - judged, 0) * seconds_per_row / 60)
    if needed is None:
        words = "No number of judged rows within reach would decide: the margin's edge is too near for so much doubt."
        return Decide(by="nothing", rows=None, minutes=None, repeats=None, more_rows=None, words=words)
    if needed <= held_out:
        minutes = max(needed - judged, 0) * seconds_per_row / 60
        words = f"About {needed:,} judged rows would settle it; {held_out:,} of yours can be judged: give the run "
        words += f"{_more(minutes)}."
        return Decide(by="time", rows=needed, minutes=minutes, repeats=None, more_rows=None, words=words)
    if needed * REPEAT**2 <= held_out:
        minutes = (2 * held_out - judged) * seconds_per_row / 60
        words = (
            f"About {needed:,} judged rows would settle it, a few more than the {held_out:,} at hand: a second round "
        )
        words += f"with other folds (another --seed, {_more(minutes)}) may do."
        return Decide(by="repeats", rows=needed, minutes=minutes, repeats=2, more_rows=None, words=words)
    words = f"About {needed:,} judged rows would settle it, {needed - held_out:,} more than you have; neither time nor repeats "
    words += "replace them."
    return Decide(by="data", rows=needed, minutes=None, repeats=None, more_rows=needed - held_out, words=words)


def _unlucky(minutes: float) -> Decide:
    """Say what helps where the luck of the models stands in the way: other folds while some are left, else more data."""
    words = "More rows in the folds that were judged would not settle it, because the luck of their models alone is too much: "
    if minutes > 0:
        words += f"judge more folds (give the run {_more(minutes)}), or bring more data."
        return Decide(by="time", rows=None, minutes=minutes, repeats=None, more_rows=None, words=words)
    words += "more folds (another --seed) or more data would be needed, and how many cannot be said."
    return Decide(by="data", rows=None, minutes=None, repeats=None, more_rows=None, words=words)


def _more(minutes: float) -> str:
    """Return `about 5 more minutes`."""
    count = max(math.ceil(minutes), 1)
    return f"about {count:,} minute{'s' if count > 1 else ''} more, with a new --out"


def margins(gap: Difference) -> tuple[float, float]:
    """Return the margin up to which the better side wins (below zero: none), and that from which on the two are equal."""
    from scipy.special import stdtr, stdtrit

    size, df = abs(gap.estimate), max(gap.df, 1.0)
    reach = float(stdtrit(df, 0.95)) * gap.scale
    if not gap.scale > 0:
        return size, size
    low, high = size, size + 2 * reach
    for _ in range(60):
        middle = (low + high) / 2
        inside = float(stdtr(df, (middle - size) / gap.scale) - stdtr(df, (-middle - size) / gap.scale))
        low, high = (low, middle) if inside >= SURE else (middle, high)
    return size - reach, high


def mind(told: Mapping[str, Any], gap: Difference | None, settled: Decide | None) -> list[str]:
    """Return sentences: what would turn or settle this verdict (`Verdict.to_json` as `told`), each with its number."""
    found = [settled.words] if settled else []
    possible = told.get("held_out_rows") or 0
    if told["because"] and told["because"][0].startswith("TOO_FEW_ROWS") and possible > told["judged_rows"]:
        found.append(
            f"More judged rows: {possible:,} of yours can be judged; give the run more time, with a new --out."
        )
    if gap is None or not np.isfinite(gap.se):
        return found
    win, same = margins(gap)
    side, unit = NAMES["deep" if gap.estimate > 0 else "classical"], title(told)
    if told["call"] != "BOTH":
        if win > 0:
            found.append(
                f"Another margin: up to {number(win)} {unit} {side} would win; from {number(same)} on it is a tie."
            )
        else:
            found.append(f"Another margin: no margin makes a winner; from {number(same)} {unit} on it is a tie.")
    line = told.get("treeline") or {}
    chances = {int(times): p for times, p in (line.get("p_overtaken") or {}).items()}
    if chances:
        most = max(chances)
        found.append(
            f"More training rows: with {most} times as many the lead changes with probability {chances[most]:.0%}."
        )
    cut = [name for side in told["families"].values() for name in (side or {}).get("cut") or ()]
    if cut:
        found.append(f"Longer training, which may move either side: the clock ended fits early ({', '.join(cut)}).")
    lowered = [line for line in told["because"] if line.startswith("LOWERED")]
    if lowered:
        words = [line.partition(": ")[2] for line in lowered]
        data = [line for line in words if UNEQUAL not in line]
        found += [f"Equal fields, by more time: {line}." for line in words if line not in data]
        found += ["Cleaner data: " + "; ".join(data) + "."] if data else []
    return found
