"""The target as learners want it: the loss that fits the metric, and values of mean zero and spread one.

The contest hands out log(1 + target) where the metric measures relative errors, so nothing here takes logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Rows, Shape
from treeline.problem.metric import Array
from treeline.problem.task import Task

__all__ = ["Scale", "in_shape", "sigmoid", "softmax", "training_target", "wants_l1"]

L1 = ("mean_absolute_error", "median_absolute_error", "mean_absolute_percentage_error")


def wants_l1(shape: Shape) -> bool:
    """Whether the metric is served by absolute instead of squared errors."""
    return shape.metric.name in L1


@dataclass(frozen=True, slots=True)
class Scale:
    """A regression target centred and scaled."""

    middle: float = 0.0
    spread: float = 1.0

    @classmethod
    def fit(cls, y: Array, shape: Shape) -> Scale:
        """Learn from training values (n,)."""
        middle = float(np.median(y) if wants_l1(shape) else y.mean())
        spread = float(np.std(y))
        return cls(middle, spread if np.isfinite(spread) and spread > 0 else 1.0)

    def __call__(self, y: Array) -> Array:
        """Return (n,) float64 with the middle at 0 and the standard deviation 1."""
        return np.asarray((y - self.middle) / self.spread)

    def back(self, z: Array) -> Array:
        """Return (n,) values in the target's unit."""
        return np.asarray(z, dtype=np.float64) * self.spread + self.middle

    def weights(self, y: Array, shape: Shape) -> Array | None:
        """Return the weights (n,) that turn absolute into relative errors, where the metric wants those."""
        if shape.metric.name != "mean_absolute_percentage_error":
            return None
        size = np.abs(y)
        floor = np.quantile(size, 0.05) or size.mean() or 1.0
        weight = 1 / np.maximum(size, floor)
        return np.asarray(weight / weight.mean())

    def meta(self) -> dict[str, Any]:
        """Return JSON data for `Scale(**meta)`."""
        return {"middle": self.middle, "spread": self.spread}


def training_target(rows: Rows) -> tuple[Scale, Array, Array | None]:
    """Return the scale, the target (n,) to learn and its weights (n,) or None; labels as they are."""
    if rows.shape.task is not Task.REGRESSION:
        return Scale(), rows.target, None
    scale = Scale.fit(rows.target, rows.shape)
    return scale, scale(rows.target), scale.weights(rows.target, rows.shape)


def in_shape(probabilities: Array, shape: Shape) -> Array:
    """Return (n, C) probabilities as Treeline wants them: (n,) of `classes[1]` for two classes."""
    if shape.task is Task.BINARY and probabilities.ndim == 2:
        return np.asarray(probabilities[:, 1])
    return probabilities


def sigmoid(score: Array) -> Array:
    """Return 1 / (1 + exp(-score)) without overflow."""
    half = np.exp(-np.abs(score))
    return np.asarray(np.where(score >= 0, 1, half) / (1 + half))


def softmax(scores: Array) -> Array:
    """Return the probabilities (n, C) of scores (n, C)."""
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
