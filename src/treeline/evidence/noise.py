"""What wrong labels cost: conflicting copies, suspected errors, and rows that all contenders miss where they are surest.

A missing cause makes errors rarer the surer a prediction is; labels flipped at random are missed alike however sure it is. So
labels are suspected where the error of the surest fifth of the rows is about that of the next two fifths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeline.problem.scoring import labels

if TYPE_CHECKING:
    from treeline.evidence.scale import Scale
    from treeline.problem.metric import Array, Metric

__all__ = ["Noise", "noise_of", "shared_error", "sure_errors"]

FLAT, RISE = 0.8, 1.5
"""The second and third fifth keep so much of the first one's excess over a guess, and err at most so many times as often: where
the margin is normal and its noise normal or logistic, one of the two fails, whatever the slope (docs/decisions/0013)."""
LEAST = 0.02
"A rate of sure errors whose 95% bound lies below is no noise."
FEW = 200
"Fewer rows make no fifths."
EXCESS = 0.1
"The surest fifth must be right more often than a constant guess by this, or there is no sureness to speak of."


@dataclass(frozen=True, slots=True)
class Noise:
    """What wrong labels cost, as a share of the way from a constant guess to a perfect score."""

    cost: float | None
    rate: float | None
    "Share of labels that seem wrong."
    words: str
    shared: float | None = None
    "Correlation of the two sides' errors: near 1, no form of model resolves what is left."


def sure_errors(y: Array, consensus: Array) -> tuple[float, float, bool] | None:
    """Return the error of the surest fifth of rows, its lower 95% bound (Wilson), and whether errors are flat behind it.

    `y` (n,) codes, `consensus` (n,) or (n, C) mean probabilities. None for few rows or without any sureness.
    """
    if len(y) < FEW:
        return None
    sure = consensus.max(axis=1) if consensus.ndim == 2 else np.abs(consensus - 0.5)
    wrong = (labels(consensus) != y)[np.argsort(-sure, kind="stable")].astype(np.float64)
    fifth = len(y) // 5
    first, behind = float(wrong[:fifth].mean()), float(wrong[fifth : 3 * fifth].mean())
    base = 1 - float(np.bincount(y.astype(np.int64)).max()) / len(y)
    if base - first < EXCESS:
        return None
    z = 1.96
    middle = first + z * z / (2 * fifth)
    reach = z * np.sqrt(first * (1 - first) / fifth + z * z / (4 * fifth * fifth))
    low = (middle - reach) / (1 + z * z / fifth)
    return first, float(low), base - behind >= FLAT * (base - first) and behind <= RISE * first


def shared_error(y: Array, a: Array, b: Array) -> float | None:
    """Return how alike two sides err, 1 for the same errors: the cosine of their residuals; None without errors."""
    truth = np.eye(a.shape[1])[y.astype(np.int64)] if a.ndim == 2 else y.astype(np.float64)
    first, second = (truth - a).ravel(), (truth - b).ravel()
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size > 0 else None


def noise_of(y: Array, consensus: Array, scale: Scale | None, *, suspects: int = 0, conflicts: float = 0.0) -> Noise:
    """Return what wrong labels cost.

    Args:
        y: (n,) targets of the judged rows.
        consensus: (n,) or (n, C) mean out-of-fold prediction of all contenders of both sides.
        scale: the way from a constant guess to a perfect score.
        suspects: rows that finding D015 suspects.
        conflicts: share of rows that share their inputs with a row of another answer (finding D002).
    """
    told, rate, cost = [], 0.0, 0.0
    if scale is None or not scale.known:
        return Noise(None, None, "how a constant guess scores is not known")
    metric = scale.metric
    if y.dtype.kind != "f":
        found = sure_errors(y, consensus)
        if found:
            first, low, flat = found
            told.append(f"of the rows that all contenders are surest of, {first:.1%} carry another label")
            if flat and low >= LEAST:
                rate = first
                told[-1] += ", about as many as among less sure ones, as wrong labels do, or chance of one size for all"
        rate = max(rate, min(conflicts / 2, float((labels(consensus) != y).mean())))
        if rate:
            ceiling = _ceiling(y, metric, rate)
            cost = 1 - scale.share(ceiling)
            told.append(f"with {rate:.1%} wrong labels a perfect model scores {ceiling:.4g}")
    if conflicts:
        told.append(f"{conflicts:.1%} of the rows share their inputs with a row of another answer")
    if suspects:
        # What they cost is not known: the worst predictions are the worst whether their answers are wrong or merely rare.
        told.append(f"{suspects} answers lie far from every prediction: look at them")
    if not told:
        return Noise(None, None, "nothing in the predictions tells wrong labels from causes that no column holds")
    return Noise(float(np.clip(cost, 0.0, 1.0)), rate, "; ".join(told))


def _ceiling(y: Array, metric: Metric, rate: float) -> float:
    """Return the score of a model that knows the true labels and the rate, on labels of which that share is wrong."""
    classes = int(y.max()) + 1
    codes = y.astype(np.int64)
    flip = np.random.default_rng(0).random(len(y)) < rate
    truth = np.where(flip, (codes + 1) % max(classes, 2), codes)
    if classes <= 2:
        return metric.score(y, np.where(truth == 1, 1 - rate, rate))
    p = np.full((len(y), classes), rate / (classes - 1))
    p[np.arange(len(y)), truth] = 1 - rate
    return metric.score(y, p)
