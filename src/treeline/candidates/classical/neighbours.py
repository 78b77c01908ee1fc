"""Nearest neighbours: the watch chooses how many, so one search serves all counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.blocks import Ready
from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.target import in_shape, wants_l1
from treeline.candidates.prepare import Dense, settings, with_prefix, without_prefix
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "Neighbours"]

COUNTS = (1, 2, 4, 8, 16, 24, 32, 48, 64)
USUAL = 16
BLOCK = 256


@dataclass(frozen=True, slots=True)
class Near:
    """The training rows, and how many of them answer."""

    inputs: Dense | Ready
    points: Array
    "(m, d) float32"
    y: Array
    "(m,) values or class codes"
    prior: Array
    "(C,) class shares, or (1,) with no meaning"
    count: int

    def search(self, rows: Rows, most: int) -> tuple[Array, Array]:
        """Return the targets and the squared distances (n, most) of the nearest training rows, nearest first."""
        matrix = self.inputs(rows)
        most = min(most, len(self.points))
        y = np.empty((len(matrix), most), self.y.dtype)
        far = np.empty((len(matrix), most), np.float32)
        lengths = (self.points**2).sum(axis=1)
        for start in range(0, len(matrix), BLOCK):
            some = matrix[start : start + BLOCK]
            gap = lengths - 2 * (some @ self.points.T)
            near = np.argpartition(gap, most - 1, axis=1)[:, :most]
            gap = np.take_along_axis(gap, near, axis=1)
            order = np.argsort(gap, axis=1, kind="stable")
            y[start : start + BLOCK] = self.y[np.take_along_axis(near, order, axis=1)]
            far[start : start + BLOCK] = np.take_along_axis(gap, order, axis=1) + (some**2).sum(axis=1, keepdims=True)
        return y, np.maximum(far, 0)

    def answer(self, y: Array, far: Array, count: int, rows: Rows) -> Array:
        """Return predictions from the `count` nearest, each with weight 1 / distance."""
        y, distance = y[:, :count], np.sqrt(far[:, :count].astype(np.float64))
        weight = 1 / (distance + 0.1 * distance.mean(axis=1, keepdims=True) + 1e-6)
        weight /= weight.sum(axis=1, keepdims=True)
        if rows.shape.task is Task.REGRESSION:
            if not wants_l1(rows.shape):
                return np.asarray((y * weight).sum(axis=1))
            order = np.argsort(y, axis=1, kind="stable")
            middle = (np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1) >= 0.5).argmax(axis=1)
            return np.asarray(np.take_along_axis(y, order, axis=1)[np.arange(len(y)), middle])
        n, c = len(y), rows.shape.n_classes
        cells = (np.arange(n)[:, None] * c + y).ravel()
        share = np.bincount(cells, weights=weight.ravel(), minlength=n * c).reshape(n, c)
        return in_shape((share * count + self.prior) / (count + 1), rows.shape)

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        y, far = self.search(rows, self.count)
        return self.answer(y, far, y.shape[1], rows)

    def state(self) -> State:
        """Return the training rows as the search sees them."""
        arrays = {"points": self.points, "y": self.y, "prior": self.prior}
        return arrays | with_prefix("inputs", self.inputs.arrays()), {"count": self.count}


class Neighbours:
    """k nearest neighbours among scaled, one-hot inputs."""

    def __init__(self, encoder: type[Dense] | type[Ready] = Dense) -> None:
        """`encoder` turns rows into the matrix in which distances are taken."""
        self.encoder = encoder

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Keep at most `rows` training rows of each fold; a step is a number of neighbours."""
        chosen = settings({"steps": None, "rows": 30_000, "levels": 20}, params)
        fitted: list[Fitted] = []
        for fold in folds:
            train, watch = fold.train, fold.watch
            inputs, matrix = self.encoder.fit(train, seed=seed, cap=int(chosen["levels"]))
            keep = np.sort(np.random.default_rng(seed).permutation(len(train))[: int(chosen["rows"])])
            classes = train.shape.n_classes
            prior = np.bincount(train.target, minlength=classes) / len(train) if classes else np.ones(1)
            count = chosen["steps"] or USUAL
            near = Near(inputs, matrix[keep], train.target[keep], prior, min(count, len(keep)))
            if watch is not None:
                counts = sorted({min(k, len(keep)) for k in ([chosen["steps"]] if chosen["steps"] else COUNTS)})
                y, far = near.search(watch.rows, counts[-1])
                for k in counts:
                    watch.see(k, near.answer(y, far, k, watch.rows))
                near = Near(inputs, near.points, near.y, prior, watch.steps[2])
            fitted.append(near)
        return fitted

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild the search."""
        inputs = self.encoder.restore(without_prefix("inputs", arrays))
        return Near(inputs, arrays["points"], arrays["y"], arrays["prior"], meta["count"])


CARDS = (
    Card(
        name="neighbours",
        memorises=True,
        title="Nearest neighbours",
        family=Family.CLASSICAL,
        build=f"{__name__}:Neighbours",
        paper="Fix, Hodges, 1951; Cover, Hart, IEEE Transactions on Information Theory 1967",
        licence="Apache-2.0",
        portfolio=({},),
        space={"levels": (5, 50)},
    ),
)
