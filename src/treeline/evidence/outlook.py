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

from treeline.evidence.curves import ALIKE, MIN_SE, extrapolate, to_loss

if TYPE_CHECKING:
    from treeline.evidence.curves import Curve, Point
    from treeline.problem.metric import Array, Metric

__all__ = ["AHEAD", "Ladder", "errors_of", "gain", "ladder", "look_ahead", "place", "stack"]

AHEAD = (1, 2, 4, 8)
"Times the last rung at which curves are read; nothing is said beyond the last."
DRAWS = 200
WEIGHTS = (0.43, -0.11, 0.58)
"Of who leads now, of a classical lead for each doubling of the rows (it wears off), and of what the curves say."
SPOKEN = 0.75
"That the other side leads already is never taken to be surer than this: said surer, it was so in about 3 of 4 cases."
GAIN_SE = 0.7
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
    """Return the rungs that two frontiers share, maybe none; rows that differ by less than 5% are one rung."""
    pairs = [
        (a, b)
        for a in classical.points
        for b in deep.points
        if abs(np.log(a.rows / b.rows)) < 0.05 and np.isfinite(a.score) and np.isfinite(b.score)
    ]
    rows = np.array([(a.rows + b.rows) / 2 for a, b in pairs])
    first, second = (to_loss(metric, np.array([pair[side].score for pair in pairs])) for side in (0, 1))
    low = min([0.0, *first, *second])
    unit = float(max([0.0, *(first - low), *(second - low)])) or 1.0
    return Ladder(rows, ((first - low) / unit, (second - low) / unit), errors_of(pairs, unit), unit)


def look_ahead(rungs: Ladder, times: Sequence[float], seed: int = 0) -> tuple[Array, tuple[Array, Array]]:
    """Return P(deep leads) at `times` (H,) the last rung, and both sides' (shapes, DRAWS, H) losses there."""
    at, rng = np.asarray(times, dtype=float), np.random.default_rng(seed)
    classical, deep = (drawn(rungs.rows, y, se, at, rng) for y, se in zip(rungs.losses, rungs.errors, strict=True))
    gap = float(rungs.losses[0][-1] - rungs.losses[1][-1])
    width = float(np.hypot(max(rungs.errors[0][-1], MIN_SE), max(rungs.errors[1][-1], MIN_SE)))
    p_last = 0.5 * math.erfc(-gap / width / math.sqrt(2))
    less = (deep < classical) + 0.5 * (deep == classical)
    return stack(p_last, less.mean(axis=(0, 1)), np.log2(at)), (classical, deep)


def drawn(rows: Array, loss: Array, se: Array, at: Array, rng: np.random.Generator) -> Array:
    """Return (shapes, DRAWS, H) losses at the shares `at` (H,) of the last rung, from (J,) losses and standard errors."""
    floor = np.maximum(se, MIN_SE)
    seen = np.maximum(loss + rng.normal(size=(DRAWS, len(rows))) * floor, 0.0)
    return extrapolate(rows / rows[-1], seen, floor, at)


def stack(p_last: Array | float, p_mix: Array | float, octaves: Array | float) -> Array:
    """Return P(deep leads) that many doublings ahead, from who leads now and from what the curves say."""
    last, mix = _logit(p_last), _logit(p_mix)
    z = WEIGHTS[0] * last + WEIGHTS[1] * np.asarray(octaves) * np.minimum(last, 0.0) + WEIGHTS[2] * mix
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def _logit(p: Array | float) -> Array:
    clipped = np.clip(p, 0.005, 0.995)
    return np.asarray(np.log(clipped / (1 - clipped)))


def place(p_now: float, p_far: float) -> tuple[float, float, float]:
    """Return from how many doublings on the other side leads, given that it leads at 8 x the rows: median and 80% range.

    Either it leads already (not seen, for noise), or the change comes anywhere in the three doublings ahead: on LCDB 1.1
    neither curves nor chances tell where. `p_now` and `p_far` are the chances that it leads now and at 8 x the rows.
    """
    far = math.log2(AHEAD[-1])
    already = min((p_now / p_far) ** 2, SPOKEN)

    def quantile(share: float) -> float:
        return far * max(share - already, 0.0) / (1 - already)

    low = 0.0 if already >= 0.1 else 0.1
    return quantile(0.5), quantile(low), quantile(low + 0.8)


def gain(side: Array) -> tuple[float, float]:
    """Return what twice the rows take off a side's (shapes, DRAWS, H) losses, and its standard error."""
    less = side[:, :, 0] - side[:, :, 1]
    return float(less.mean()), GAIN_SE * float(less.std())


def errors_of(pairs: list[tuple[Point, Point]], unit: float) -> tuple[Array, Array]:
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
