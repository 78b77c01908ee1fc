"""The baseline: what can be said without looking at the inputs. A reference, never a contender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.target import in_shape, wants_l1
from treeline.candidates.prepare import settings
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "Baseline", "Constant", "constant"]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same answer for every row: class shares (C,), or one value (1,)."""

    answer: Array

    def predict(self, rows: Rows) -> Array:
        """Return the constant (n,), or the shares (n, C)."""
        if rows.shape.task is Task.REGRESSION:
            return np.full(len(rows), self.answer[0])
        return in_shape(np.tile(self.answer, (len(rows), 1)), rows.shape)

    def state(self) -> State:
        """Return the constant."""
        return {"answer": self.answer}, {}


def constant(fold: Fold) -> Constant:
    """Return the baseline of a fold, shown to its watch."""
    y, shape = fold.train.target, fold.train.shape
    if shape.task is not Task.REGRESSION:
        answer = np.bincount(y, minlength=shape.n_classes) / len(y)
    else:
        answer = np.array([np.median(y) if wants_l1(shape) else y.mean()])
    model = Constant(answer)
    if fold.watch is not None:
        fold.watch.see(0, model.predict(fold.watch.rows))
    return model


class Baseline:
    """Class shares; the mean, or the median where the metric counts absolute errors."""

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Count the training rows' targets."""
        settings({"steps": None}, params)
        return [constant(fold) for fold in folds]

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild the constant."""
        return Constant(arrays["answer"])


CARDS = (
    Card(
        name="baseline",
        title="Baseline",
        family=Family.CLASSICAL,
        build=f"{__name__}:Baseline",
        paper="Class shares, the mean or the median of the training rows.",
        licence="Apache-2.0",
        reference=True,
        cost_power=0.0,
    ),
)
