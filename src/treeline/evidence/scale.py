"""From scores of any metric to shares of the way from a constant guess (0) to a perfect score (1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from treeline.problem.metric import Metric

__all__ = ["Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """The way of one metric. Roots of squared errors are squared first: bias, variance and noise add up in squares."""

    metric: Metric
    guess: float
    "Score of a constant guess."

    @property
    def perfect(self) -> float:
        """The best score there is."""
        return 1.0 if self.metric.greater_is_better else 0.0

    @property
    def known(self) -> bool:
        """Whether there is a way at all."""
        return bool(np.isfinite(self.guess)) and self.guess != self.perfect

    def share(self, score: float) -> float:
        """Return how far a score is on the way."""
        if self.metric.name.startswith("root_"):
            return 1 - (score / self.guess) ** 2
        return (score - self.guess) / (self.perfect - self.guess)

    def gain(self, score: float, amount: float) -> float:
        """Return how much of the way the last `amount` of a score was, above zero for better; in the metric's unit."""
        before = score - amount if self.metric.greater_is_better else score + amount
        return self.share(score) - self.share(before)
