"""Sensitivity and specificity: what a test for the second of two classes finds, and whom it leaves in peace."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.slices import wilson

if TYPE_CHECKING:
    from treeline.problem.metric import Array

__all__ = ["OperatingPoint", "operating_points"]

REACH = 0.95
"The sensitivity that the second threshold reaches."


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What a threshold does: rows with at least this probability are called positive."""

    threshold: float
    chosen_here: bool
    "Whether the threshold was chosen on the very rows that it is judged on, which flatters it a little."
    positives: int
    negatives: int
    sensitivity: float
    sensitivity_interval: tuple[float, float]
    "95% (Wilson 1927)."
    specificity: float
    specificity_interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def operating_points(y: Array, p: Array, *, reach: float = REACH) -> list[OperatingPoint]:
    """Return what the thresholds do: 0.5, and the highest one that finds the share `reach` of the positive rows.

    Args:
        y: classes (n,), 0 or 1.
        p: probabilities of class 1 (n,), for rows that the model was not trained on.
        reach: a sensitivity above 0, at most 1.

    Returns:
        Two points; none where a class has no row.
    """
    positive = np.sort(p[y == 1])[::-1]
    if not len(positive) or len(positive) == len(y):
        return []
    needed = max(1, math.ceil(reach * len(positive) - 1e-9))
    return [_point(y, p, 0.5, chosen=False), _point(y, p, float(positive[needed - 1]), chosen=True)]


def _point(y: Array, p: Array, threshold: float, *, chosen: bool) -> OperatingPoint:
    called = p >= threshold
    positives, negatives = int((y == 1).sum()), int((y == 0).sum())
    found, spared = int(called[y == 1].sum()), int((~called[y == 0]).sum())
    return OperatingPoint(
        threshold=threshold, chosen_here=chosen, positives=positives, negatives=negatives,
        sensitivity=found / positives, sensitivity_interval=wilson(found, positives),
        specificity=spared / negatives, specificity_interval=wilson(spared, negatives),
    )  # fmt: skip
