"""What lies ahead of two learning curves: who leads at 2, 4 and 8 times the rows, and from where on.

A single fitted curve does not beat "whoever leads at the last rung"; what the curves add is a calibrated probability.
So both are stacked, with three weights found on LCDB 1.1 (Yan, Mohr, Viering, NeurIPS 2025) and judged on data sets left
out (bench/treeline_backtest.py, docs/decisions/0011-the-treeline-calibrated.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeline.evidence.curves import MIN_SE, extrapolate, same_rung, to_loss

if TYPE_CHECKING:
    from treeline.evidence.curves import Curve
    from treeline.problem.metric import Array, Metric

__all__ = ["AHEAD", "PLACE", "Ladder", "Outlook", "doubled", "gain", "ladder", "lead_alone", "look_ahead", "stack"]

AHEAD = (1, 2, 4, 8)
"Times the last rung at which curves are read; nothing is said beyond the last."
DRAWS = 200
WEIGHTS = (0.47, -0.11, 0.43)
"Of who leads now, of a classical lead for each doubling of the rows (it wears off), and of what the curves say."
ALONE = (0.73, -0.15)
"The first two where there are too few rungs for curves: by who leads now alone (frontiers: Brier .114, .169, .179 at 2, 4, 8 x)."
PLACE = (1.0, 4.0)
"Times the last rung between which a change of lead came on public data in 4 of 5 cases where it came by 8 x the rows."
GAIN_SE = 0.65
"The spread of shapes and draws, times this, is the standard error of what twice the rows gain."


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """The rungs that both sides have: losses in units of the largest one, so that nothing depends on the target's unit."""

    rows: Array
    "(J,) training rows, growing."
    losses: tuple[Array, Array]
    "Classical and deep, (J,) each, at or above zero."
    errors: tuple[Array, Array]
    unit: float
    "What a loss of 1 is in the metric's unit."

    def below(self, share: float) -> Ladder:
        """Return the rungs up to that share of the last one's rows."""
        kept = self.rows <= share * self.rows[-1]
        cut = [tuple(side[kept] for side in pair) for pair in (self.losses, self.errors)]
        return Ladder(self.rows[kept], (cut[0][0], cut[0][1]), (cut[1][0], cut[1][1]), self.unit)


def ladder(classical: Curve, deep: Curve, metric: Metric) -> Ladder:
    """Return the rungs that two frontiers share, maybe none."""
    pairs = [
        (a, b)
        for a in classical.points
        for b in deep.points
        if same_rung(a, b) and np.isfinite(a.score) and np.isfinite(b.score)
    ]
    rows = np.array([(a.rows + b.rows) / 2 for a, b in pairs])
    first, second = (to_loss(metric, np.array([pair[side].score for pair in pairs])) for side in (0, 1))
    low = min([0.0, *first, *second])
    # Noise that both sides share (about half on LCDB 1.1) is not taken out: that made the chances no better.
    unit = float(max([0.0, *(first - low), *(second - low)])) or 1.0
    one, two = (np.maximum(np.array([pair[side].se for pair in pairs]) / unit, MIN_SE) for side in (0, 1))
    return Ladder(rows, ((first - low) / unit, (second - low) / unit), (one, two), unit)


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What the rungs say of H larger numbers of rows."""

    p_last: float
    "P(deep leads) at the last rung, from the losses there and their standard errors alone."
    p_mix: Array
    "(H,) share of the fitted and resampled pairs of curves in which deep leads."
    p_deep: Array
    "(H,) P(deep leads), both stacked."
    sides: tuple[Array, Array]
    "Classical and deep, (shapes, DRAWS, H) losses each."


def look_ahead(rungs: Ladder, times: Sequence[float], seed: int = 0) -> Outlook:
    """Return what two or more rungs say of `times` (H,) the rows of the last one."""
    at, rng = np.asarray(times, dtype=float), np.random.default_rng(seed)
    classical, deep = (_drawn(rungs.rows, y, se, at, rng) for y, se in zip(rungs.losses, rungs.errors, strict=True))
    p_last = _leads(rungs)
    p_mix = ((deep < classical) + 0.5 * (deep == classical)).mean(axis=(0, 1))
    return Outlook(p_last, p_mix, stack(p_last, p_mix, np.log2(at)), (classical, deep))


def lead_alone(rungs: Ladder, times: Sequence[float]) -> Array:
    """Return P(deep leads) at `times` (H,) the rows of the last rung by who leads there, where rungs are too few for curves."""
    last, octaves = _logit(_leads(rungs)), np.log2(np.asarray(times, dtype=float))
    return np.asarray(1.0 / (1.0 + np.exp(-(ALONE[0] * last + ALONE[1] * octaves * np.minimum(last, 0.0)))))


def _leads(rungs: Ladder) -> float:
    """Return P(deep leads) at the last rung."""
    gap = float(rungs.losses[0][-1] - rungs.losses[1][-1])
    width = float(np.hypot(rungs.errors[0][-1], rungs.errors[1][-1]))
    return 0.5 * math.erfc(-gap / width / math.sqrt(2))


def _drawn(rows: Array, loss: Array, se: Array, at: Array, rng: np.random.Generator) -> Array:
    seen = np.maximum(loss + rng.normal(size=(DRAWS, len(rows))) * se, 0.0)
    return extrapolate(rows / rows[-1], seen, se, at)


def stack(p_last: Array | float, p_mix: Array | float, octaves: Array | float) -> Array:
    """Return P(deep leads) that many doublings ahead, from who leads now and from what the curves say."""
    last, mix = _logit(p_last), _logit(p_mix)
    z = WEIGHTS[0] * last + WEIGHTS[1] * np.asarray(octaves) * np.minimum(last, 0.0) + WEIGHTS[2] * mix
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def _logit(p: Array | float) -> Array:
    clipped = np.clip(p, 0.005, 0.995)
    return np.asarray(np.log(clipped / (1 - clipped)))


def doubled(curve: Curve, metric: Metric, seed: int = 0) -> tuple[float, float] | None:
    """Return what twice the rows would gain one side, and its standard error, by all rungs of its own; three are needed."""
    points = [point for point in curve.points if np.isfinite(point.score)]
    if len(points) < 3:
        return None
    loss = to_loss(metric, np.array([point.score for point in points]))
    loss = loss - min(0.0, float(loss.min()))
    unit = float(loss.max()) or 1.0
    errors = np.maximum(np.array([point.se for point in points]) / unit, MIN_SE)
    rows = np.array([point.rows for point in points], dtype=float)
    return gain(unit * _drawn(rows, loss / unit, errors, np.array([1.0, 2.0]), np.random.default_rng(seed)))


def gain(side: Array) -> tuple[float, float]:
    """Return what twice the rows take off a side's (shapes, DRAWS, H) losses, read at 1 and 2 first, and its standard error."""
    less = side[:, :, 0] - side[:, :, 1]
    return float(less.mean()), GAIN_SE * float(less.std())
