"""The treeline: the number of training rows at which the other family would overtake, and how likely that is.

A single fitted curve does not beat "whoever leads at the last rung"; what the curves add is a calibrated probability.
So both are stacked, with the weights found on LCDB 1.1 (bench/treeline_backtest.py). Nothing is said beyond 8 x the rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.curves import ALIKE, MIN_SE, Curve, extrapolate, to_loss
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.problem.metric import Array, Metric

__all__ = ["AHEAD", "Treeline", "crossing", "stack", "treeline"]

AHEAD = (2, 4, 8)
DRAWS = 200
IN_SIGHT = 0.5
"A crossing is given as rows only where it is this likely within 8 x the rows (0.8 is reached once in 6,298 LCDB cases)."
SPREAD = (0.5, 4.0)
"The crossing lies between half and four times its median with 80%: medians are 0.8 octaves early on LCDB 1.1."


@dataclass(frozen=True, slots=True, kw_only=True)
class Treeline:
    """Who leads, whether the other side would overtake, and what more rows would buy each side."""

    leader: Family | None
    p_overtaken: dict[str, float]
    "Probability that the leader has been overtaken at 2, 4 and 8 times today's rows."
    rows: int | None
    interval: tuple[int, int] | None
    last: int | None
    "Training rows of the last rung that both sides have: what 2, 4 and 8 times refer to."
    crossed_at: int | None
    "Training rows at which today's leader took the lead within the ladder; None where it led all along."
    doubling: dict[str, tuple[float, float]]
    "Per family what twice the rows would gain: score turned so that larger is better, and its standard error."
    flags: tuple[str, ...]
    words: str

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "rows": self.rows,
            "interval": list(self.interval) if self.interval else None,
            "leader": str(self.leader) if self.leader else None,
            "p_overtaken": dict(self.p_overtaken),
            "last": self.last,
            "crossed_at": self.crossed_at,
            "doubling": {side: {"gain": gain, "se": se} for side, (gain, se) in self.doubling.items()},
            "flags": list(self.flags),
            "words": self.words,
        }


def stack(p_last: Array | float, p_mix: Array | float, octaves: float) -> Array:
    """Return P(deep leads) that many octaves ahead, from who leads now and from what the curves say."""
    last, mix = _logit(p_last), _logit(p_mix)
    z = (0.32 - 0.044 * octaves) * last + (0.54 - 0.023 * octaves) * mix
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def _logit(p: Array | float) -> Array:
    clipped = np.clip(p, 0.005, 0.995)
    return np.asarray(np.log(clipped / (1 - clipped)))


def crossing(
    rows: Array, classical: Array, deep: Array, se: tuple[Array, Array], *, seed: int = 0
) -> tuple[dict[int, float], Array, Array]:
    """Return P(deep leads) at 1, 2, 4, 8 x the last rung, and both sides' resampled losses there.

    `rows` (J,), losses `classical` and `deep` (J,) at or above zero, `se` two (J,) standard errors.
    Losses come as (shapes, draws, 1 + octaves * 4) at quarter octaves from 1 to 8.
    """
    x, rng = rows / rows[-1], np.random.default_rng(seed)
    at = 2.0 ** np.arange(0, 3.01, 0.25)
    ahead = []
    for y, e in zip((classical, deep), se, strict=True):
        floor = np.maximum(e, MIN_SE)
        drawn = np.maximum(y + rng.normal(size=(DRAWS, len(x))) * floor, 0.0)
        ahead.append(extrapolate(x, drawn, floor, at))
    gap = classical[-1] - deep[-1]
    width = float(np.hypot(max(se[0][-1], MIN_SE), max(se[1][-1], MIN_SE)))
    p_last = float(0.5 * math.erfc(-gap / width / math.sqrt(2)))
    found = {1: p_last}
    for times in AHEAD:
        octaves = float(np.log2(times))
        column = round(octaves * 4)
        less = ahead[1][:, :, column] < ahead[0][:, :, column]
        ties = ahead[1][:, :, column] == ahead[0][:, :, column]
        found[times] = float(stack(p_last, float(np.mean(less + 0.5 * ties)), octaves))
    return found, ahead[0], ahead[1]


def treeline(classical: Curve, deep: Curve, metric: Metric, *, seed: int = 0) -> Treeline:
    """Return the treeline from two frontiers, measured on rungs that both have."""
    pairs = [
        (a, b)
        for a in classical.points
        for b in deep.points
        if abs(np.log(a.rows / b.rows)) < 0.05 and np.isfinite(a.score) and np.isfinite(b.score)
    ]
    if len(pairs) < 2:
        return _unknown("There are too few common rungs to draw both learning curves.", ("FEW_RUNGS",))
    rows = np.array([(a.rows + b.rows) / 2 for a, b in pairs])
    losses = [to_loss(metric, np.array([pair[side].score for pair in pairs])) for side in (0, 1)]
    if min(loss.min() for loss in losses) < 0:
        low = min(float(loss.min()) for loss in losses)
        losses = [loss - low for loss in losses]
    # In units of the largest loss, so that nothing below depends on the unit of the target.
    unit = max(float(np.max(loss)) for loss in losses) or 1.0
    losses = [loss / unit for loss in losses]
    errors = _errors(pairs, unit)
    p, low_side, high_side = crossing(rows, losses[0], losses[1], errors, seed=seed)
    leader = Family.DEEP if losses[1][-1] < losses[0][-1] else Family.CLASSICAL
    overtaken = {str(t): p[t] if leader is Family.CLASSICAL else 1 - p[t] for t in AHEAD}
    flags = _flags(rows, losses, errors)
    place = None
    if max(overtaken.values()) >= IN_SIGHT:
        place = _place(low_side, high_side, leader, float(rows[-1]))
    before = _crossed(rows, losses[0] - losses[1])
    gains = {
        str(family): _gain(side * unit) for family, side in ((Family.CLASSICAL, low_side), (Family.DEEP, high_side))
    }
    return Treeline(
        leader=leader,
        p_overtaken=overtaken,
        rows=place[0] if place else None,
        interval=(place[1], place[2]) if place else None,
        last=round(float(rows[-1])),
        crossed_at=before,
        doubling=gains,
        flags=flags,
        words=_words(leader, overtaken, place, before, round(float(rows[-1]))),
    )


def _unknown(words: str, flags: tuple[str, ...]) -> Treeline:
    return Treeline(
        leader=None,
        p_overtaken={},
        rows=None,
        interval=None,
        last=None,
        crossed_at=None,
        doubling={},
        flags=flags,
        words=words,
    )


def _errors(pairs: list[tuple[Any, Any]], unit: float) -> tuple[Array, Array]:
    """Standard errors of both sides; where both were scored on the same folds, the noise they share cancels."""
    first, second = [], []
    for a, b in pairs:
        se = (a.se, b.se)
        same = len(a.folds) > 0 and [fold for fold, _ in a.folds] == [fold for fold, _ in b.folds]
        if same and len(a.folds) > 2:
            gaps = [s - t for (_, s), (_, t) in zip(a.folds, b.folds, strict=True)]
            paired = float(np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
            share = max(paired / max(float(np.hypot(a.se, b.se)), MIN_SE * unit), 0.2)
            se = (a.se * share, b.se * share)
        elif same:
            se = (a.se * float(np.sqrt(1 - ALIKE)), b.se * float(np.sqrt(1 - ALIKE)))
        first.append(max(se[0] / unit, MIN_SE))
        second.append(max(se[1] / unit, MIN_SE))
    return np.array(first), np.array(second)


def _flags(rows: Array, losses: list[Array], errors: tuple[Array, Array]) -> tuple[str, ...]:
    flags = []
    if len(rows) < 4:
        flags.append("FEW_RUNGS")
    if rows[-1] / rows[0] < 4:
        flags.append("SHORT_LADDER")
    for name, loss, se in zip(("CLASSICAL", "DEEP"), losses, errors, strict=True):
        rise = np.diff(loss) > 2 * np.hypot(se[1:], se[:-1])
        if rise.any():
            flags.append(f"{name}_NOT_MONOTONE")
        if loss[0] - loss[-1] < float(np.hypot(se[0], se[-1])):
            flags.append(f"{name}_FLAT")
        if loss[-1] < 2 * se[-1]:
            flags.append(f"{name}_AT_CEILING")
    return tuple(flags)


def _place(classical: Array, deep: Array, leader: Family, last: float) -> tuple[int, int, int] | None:
    """Return the median crossing ahead and its range in training rows, None where no fitted pair crosses."""
    behind, ahead = (deep, classical) if leader is Family.CLASSICAL else (classical, deep)
    over = (behind < ahead).reshape(-1, classical.shape[2])[:, 1:]
    hit = over.any(axis=1)
    if not hit.any():
        return None
    middle = last * 2.0 ** (0.25 * (1 + float(np.median(over[hit].argmax(axis=1)))))
    return round(middle), round(max(last, middle * SPREAD[0])), round(min(8 * last, middle * SPREAD[1]))


def _crossed(rows: Array, gap: Array) -> int | None:
    """Return where the sign of `gap` (J,) last changed on the ladder, read off between two rungs on a log scale."""
    turns = np.flatnonzero(np.sign(gap[:-1]) * np.sign(gap[1:]) < 0)
    if len(turns) == 0:
        return None
    j = int(turns[-1])
    share = gap[j] / (gap[j] - gap[j + 1])
    return round(float(np.exp(np.log(rows[j]) + share * np.log(rows[j + 1] / rows[j]))))


def _gain(side: Array) -> tuple[float, float]:
    gain = side[:, :, 0] - side[:, :, 4]
    return float(gain.mean()), float(gain.std())


def _words(
    leader: Family, overtaken: dict[str, float], place: tuple[int, int, int] | None, before: int | None, last: int
) -> str:
    other = {Family.DEEP: "deep learning", Family.CLASSICAL: "classical models"}
    text = f"With {last:,} training rows the better scores are those of {other[leader]}"
    text += f", since about {before:,} rows. " if before else " and were at every smaller size tried. "
    if place:
        return text + (
            f"The lead is more likely than not ({max(overtaken.values()):.0%}) to change, at about {place[0]:,} rows "
            f"(80% range {place[1]:,} to {place[2]:,})."
        )
    return text + (
        f"A change of lead is not in sight up to {8 * last:,} rows: the chance of {other[leader.other]} leading there "
        f"is {overtaken['8']:.0%}."
    )
