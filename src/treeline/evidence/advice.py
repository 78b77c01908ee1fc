"""What a choice goes by: which side is cheaper, what taking one may cost, how many rows would decide."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference

__all__ = [
    "LEANING",
    "SURE",
    "Share",
    "beats_a_guess",
    "cheaper_side",
    "clearly_cheaper",
    "luck_bars",
    "price_of",
    "regret",
    "rows_needed",
    "spent_of",
    "unequal",
]

ABOUT_THE_SAME = 1.15
"Prices within this factor are called the same."
SURE = 0.95
"A call is made at this probability."
LEANING = 0.80
"From here on an open verdict says which way it leans."
FAR = 1000
"Above this many times the judged rows, more rows are no way to decide."


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a family fielded and spent."""

    contenders: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    fit_cpu_s: float | None = None
    "CPU seconds of one fit of all that its procedure uses: decides which side is cheaper; `cpu_s` does where it is unknown."
    gpu_s: float = 0.0
    fit_gpu_s: float = 0.0
    "The same of a GPU."
    gpu_as_cpu: float = 50.0
    "CPU seconds that a GPU second costs."
    cut: tuple[str, ...] = ()
    "Members whose fits the clock ended well before their planned end."
    unfinished: str | None = None
    "Why its score is that of fewer rows than the other side's; None where it was fitted on all."
    missing: str | None = None
    "Why the family has no member: not installed, not asked for, all failed."


def spent_of(shares: Mapping[Family, Share], family: Family) -> tuple[float, float]:
    """Return CPU and GPU seconds by which sides are held against each other: of one full fit where both are known, else all."""
    known = [shares.get(each, Share()).fit_cpu_s for each in Family]
    mine = shares.get(family, Share())
    return (mine.cpu_s, mine.gpu_s) if None in known else (float(mine.fit_cpu_s or 0.0), mine.fit_gpu_s)


def price_of(shares: Mapping[Family, Share], family: Family) -> float:
    """Return what a side costs, in CPU seconds: a GPU second counts as many as the run's prices say."""
    cpu, gpu = spent_of(shares, family)
    return cpu + gpu * shares.get(family, Share()).gpu_as_cpu


def cheaper_side(shares: Mapping[Family, Share]) -> Family | None:
    """Return the side with the lower price; classical where equal, None where nothing is known of the costs."""
    classical, deep = (price_of(shares, family) for family in Family)
    if not (classical or deep):
        return None
    return Family.DEEP if deep < classical else Family.CLASSICAL


def clearly_cheaper(shares: Mapping[Family, Share]) -> Family | None:
    """Return the cheaper side, None where both cost about the same, or nothing is known."""
    less = cheaper_side(shares)
    if less is None or price_of(shares, less.other) < ABOUT_THE_SAME * price_of(shares, less):
        return None
    return less


def rows_needed(gap: Difference | None, margin: float, rows: int, *, sure: float = SURE) -> int | None:
    """Return how many judged rows would decide, rounded up to two digits and never fewer than `rows`; None where out of reach.

    With room, the distance of the estimate from the nearer edge of the margin, (1.645 SE)^2 must fall to room^2: calls are
    one-sided at 95%, or as `sure` as a later look asks for. Of SE^2 only the part of the rows falls as 1 / N; the luck of the
    folds' models and the doubt about the field stay, so that they alone may be too much.
    """
    if gap is None or not np.isfinite(gap.se) or not np.isfinite(gap.estimate):
        return None
    stays = gap.luck**2 + gap.field**2
    left = _room(gap, margin, sure) ** 2 - stays
    times = (gap.se**2 - stays) / left if left > 0 else np.inf
    if times > FAR:
        return None
    needed = math.ceil(rows * max(times, 1.0))
    step = int(10 ** max(len(str(needed)) - 2, 0))
    return -(-needed // step) * step


def luck_bars(gap: Difference, margin: float, *, sure: float = SURE) -> bool:
    """Return whether no number of rows judged in the same folds would decide, because luck and field alone are too much."""
    return 0 < _room(gap, margin, sure) <= float(np.hypot(gap.luck, gap.field))


def _room(gap: Difference, margin: float, sure: float) -> float:
    """Return the standard error at which it is decided: the distance from the nearer edge of the margin, in such errors."""
    from scipy.special import ndtri

    return float(abs(abs(gap.estimate) - margin) / ndtri(sure))


def regret(gap: Difference, side: Family) -> float | None:
    """Return what taking a side loses on average, in the metric's unit: SE phi(z) + lead Phi(z), z = lead of the other / SE.

    `gap` is deep minus classical; None where it has no number.
    """
    if not np.isfinite(gap.estimate) or not np.isfinite(gap.se):
        return None
    lead = gap.estimate if side is Family.CLASSICAL else -gap.estimate
    if gap.se <= 0:
        return max(lead, 0.0)
    z = lead / gap.se
    return float(gap.se * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) + lead * 0.5 * math.erfc(-z / math.sqrt(2)))


def beats_a_guess(signal: Mapping[str, Any] | None) -> bool:
    """Whether a side is shown to beat a constant guess (`Verdict.signal`), or there is none to hold against."""
    return signal is None or bool(signal["p"] >= SURE)


def unequal(sides: Mapping[Family, Share]) -> str:
    """Say where one side fielded at least twice as many contenders: who fields more moves the verdict."""
    counts = [sides[family].contenders for family in Family]
    if min(counts) > 0 and max(counts) >= 2 * min(counts):
        return f"unequally many contenders were judged ({counts[0]} classical, {counts[1]} deep)"
    return ""
