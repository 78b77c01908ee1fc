"""A whole candidate in a few lines of numpy: least squares on numbers (missing = 0) and one-hot levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task


def matrix(rows: Rows) -> Array:
    parts = [np.nan_to_num(rows.num.astype(np.float64)), np.ones((len(rows), 1))]
    parts += [np.eye(card)[rows.cat[:, j]] for j, card in enumerate(rows.shape.cards)]
    return np.hstack(parts)


class Line:
    def __init__(self, weights: Array) -> None:
        self.weights = weights

    def predict(self, rows: Rows) -> Array:
        raw = matrix(rows) @ self.weights
        if rows.shape.task is Task.REGRESSION:
            return raw[:, 0]
        shares = np.clip(raw, 0.01, 0.99)
        shares = shares / shares.sum(axis=1, keepdims=True)
        return shares[:, 1] if rows.shape.task is Task.BINARY else shares

    def state(self) -> State:
        return {"weights": self.weights.T, "one": np.asarray(1.0), "none": np.zeros((0, 3))}, {"note": "tiny"}


class Tiny:
    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        fitted = [Line(self._solve(fold.train)) for fold in folds]
        for fold, line in zip(folds, fitted, strict=True):
            if fold.watch is not None:
                fold.watch.see(0, line.predict(fold.watch.rows))
        return list(fitted)

    def _solve(self, rows: Rows) -> Array:
        x, y = matrix(rows), rows.target
        goal = y[:, None] if rows.shape.task is Task.REGRESSION else np.eye(rows.shape.n_classes)[y.astype(np.int64)]
        return np.linalg.solve(x.T @ x + 1e-2 * np.eye(x.shape[1]), x.T @ goal)

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        assert (arrays["one"].shape, arrays["none"].shape) == ((), (0, 3)), "shapes survive"
        return Line(arrays["weights"].T * float(arrays["one"]))


CARDS = (
    Card(name="tiny", title="Tiny", family=Family.CLASSICAL, build=f"{__name__}:Tiny", paper="none"),
    Card(
        name="tiny_far",
        title="Tiny Far",
        family=Family.DEEP,
        build=f"{__name__}:Tiny",
        paper="none",
        needs=("no_such_library",),
        extra="deep",
    ),
)
