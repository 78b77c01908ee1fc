"""Support vector machine with a Gaussian kernel: exact on few rows, on sampled landmarks above that.

On landmarks (Nyström; Williams, Seeger, NeurIPS 2000) the margin's loss gives way to the logistic or squared one, along a
path of penalties that the watch chooses from, so that probabilities come for free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.blocks import Ready
from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.linear import Weights, along
from treeline.candidates.classical.target import Scale, training_target
from treeline.candidates.prepare import Dense, settings, with_prefix, without_prefix
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "KERNEL_MACHINE", "Svm"]

BLOCK = 2048
KERNEL_MACHINE: dict[str, Any] = {
    "licence": "BSD-3-Clause", "requires": ("sklearn", "scipy"), "max_rows": 100_000, "cost_power": 1.2,
    "portfolio": ({}, {"gamma": 0.5, "C": 10.0}),
    "space": {"gamma": (0.1, 3.0, "log"), "C": (0.5, 50.0, "log"), "components": (100, 500)},
}  # fmt: skip
"What the cards of kernel machines on principal components share."
MOST_CLASSES = 30
"Exact machines are one for each pair of classes; above this many classes landmarks are used."


@dataclass(frozen=True, slots=True)
class Kernel:
    """exp(-gamma |x - point|²) for each point, then a linear map of those."""

    points: Array
    "(m, d) float32"
    mix: Array
    "(m, k) float32"
    shift: Array
    "(k,) float32"
    gamma: float

    def __call__(self, matrix: Array) -> Array:
        """Return (n, k) float32 for inputs (n, d)."""
        out = np.empty((len(matrix), self.mix.shape[1]), np.float32)
        lengths = (self.points**2).sum(axis=1)
        for start in range(0, len(matrix), BLOCK):
            some = matrix[start : start + BLOCK]
            far = np.maximum((some**2).sum(axis=1, keepdims=True) + lengths - 2 * (some @ self.points.T), 0)
            out[start : start + BLOCK] = np.exp(-self.gamma * far) @ self.mix + self.shift
        return out


@dataclass(frozen=True, slots=True)
class Machine:
    """A fitted machine: inputs, kernel features or decision values, and the linear map to the answer."""

    inputs: Dense | Ready
    kernel: Kernel
    weights: Weights
    scale: Scale

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        return self.weights.predict(self.kernel(self.inputs(rows)), rows, self.scale)

    def state(self) -> State:
        """Return points and maps."""
        arrays = {"points": self.kernel.points, "mix": self.kernel.mix, "shift": self.kernel.shift}
        arrays |= {"slope": self.weights.slope, "offset": self.weights.offset}
        arrays |= with_prefix("inputs", self.inputs.arrays())
        return arrays, {"scale": self.scale.meta(), "gamma": self.kernel.gamma}


class Svm:
    """Support vector classification and regression."""

    def __init__(self, encoder: type[Dense] | type[Ready] = Dense) -> None:
        """`encoder` turns rows into the matrix that the kernel compares."""
        self.encoder = encoder

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Fit the exact machine up to `exact` training rows, else the one on landmarks."""
        defaults = {"steps": None, "C": 2.0, "gamma": 1.0, "exact": 5000, "landmarks": 800, "epsilon": 0.05}
        chosen = settings(defaults, params)
        return [self._fit(fold, chosen, seed) for fold in folds]

    def _fit(self, fold: Fold, chosen: dict[str, Any], seed: int) -> Fitted:
        rows = fold.train
        inputs, matrix = self.encoder.fit(rows, seed=seed, cap=20)
        scale, z, _ = training_target(rows)
        spread = float(matrix.var(axis=0).sum())
        gamma = float(chosen["gamma"]) / spread if spread > 0 else 1.0
        few = len(rows) <= chosen["exact"] and rows.shape.n_classes <= MOST_CLASSES
        few = few and len(np.unique(z)) > 1
        if few:
            kernel, values = _exact(matrix, z, gamma=gamma, chosen=chosen, seed=seed)
        else:
            kernel = _landmarks(matrix, gamma, int(chosen["landmarks"]), seed)
            values = kernel(matrix)
        watch = fold.watch
        if few and rows.shape.task is Task.REGRESSION:
            weights = Weights(np.ones((1, 1), np.float32), np.zeros(1, np.float32))
            if watch is not None:
                watch.see(1, weights.predict(kernel(inputs(watch.rows)), watch.rows, scale))
        else:
            held = None if watch is None else kernel(inputs(watch.rows))
            weights = along(values, fold, held, scale, steps=chosen["steps"])
        return Machine(inputs, kernel, weights, scale)

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild points and maps."""
        kernel = Kernel(arrays["points"], arrays["mix"], arrays["shift"], meta["gamma"])
        inputs = self.encoder.restore(without_prefix("inputs", arrays))
        return Machine(inputs, kernel, Weights(arrays["slope"], arrays["offset"]), Scale(**meta["scale"]))


def _landmarks(matrix: Array, gamma: float, count: int, seed: int) -> Kernel:
    """Return the map to features whose products are the kernel, exact on `count` sampled rows."""
    points = matrix[np.sort(np.random.default_rng(seed).permutation(len(matrix))[:count])]
    plain = Kernel(points, np.eye(len(points), dtype=np.float32), np.zeros(len(points), np.float32), gamma)
    values, vectors = np.linalg.eigh(plain(points).astype(np.float64))
    keep = values > 1e-5 * values[-1]
    mix = (vectors[:, keep] / np.sqrt(values[keep])).astype(np.float32)
    # Features of unit spread overall, so that the path of penalties means the same as for linear models.
    factor = np.float32(np.sqrt(mix.shape[1]))
    return Kernel(points, mix * factor, np.zeros(mix.shape[1], np.float32), gamma)


def _exact(matrix: Array, z: Array, *, gamma: float, chosen: dict[str, Any], seed: int) -> tuple[Kernel, Array]:
    """Return the decision function and its cross-fitted values (n, k) on the training rows, from which shares are learned."""
    kernel = _machine(matrix, z, gamma, chosen)
    if z.dtype.kind == "f":
        return kernel, z[:, None]
    third = np.empty(len(z), np.int64)
    third[np.lexsort((np.random.default_rng(seed).random(len(z)), z))] = np.arange(len(z)) % 3
    values = np.zeros((len(z), kernel.mix.shape[1]), np.float32)
    for k in range(3):
        out = third == k
        known = np.unique(z[~out])
        if len(known) == len(np.unique(z)):
            values[out] = _machine(matrix[~out], z[~out], gamma, chosen)(matrix[out])
        else:
            values[out] = kernel(matrix[out])
    return kernel, values


def _machine(matrix: Array, z: Array, gamma: float, chosen: dict[str, Any]) -> Kernel:
    """Return the decision function of scikit-learn's machine: one value, or one for each pair of classes."""
    from sklearn.svm import SVC, SVR

    common = {"C": float(chosen["C"]), "gamma": gamma, "cache_size": 500}
    if z.dtype.kind == "f":
        model = SVR(**common, epsilon=float(chosen["epsilon"])).fit(matrix, z)
        return _kernel(matrix[model.support_], model.dual_coef_.T, model.intercept_, gamma)
    model = SVC(**common, decision_function_shape="ovo").fit(matrix, z)
    points, counts, duals = matrix[model.support_], model.n_support_, model.dual_coef_
    if len(counts) == 2:
        return _kernel(points, duals.T, model.intercept_, gamma)
    starts = np.cumsum([0, *counts])
    pairs = [(i, j) for i in range(len(counts)) for j in range(i + 1, len(counts))]
    mix = np.zeros((len(points), len(pairs)))
    for column, (i, j) in enumerate(pairs):
        mix[starts[i] : starts[i + 1], column] = duals[j - 1, starts[i] : starts[i + 1]]
        mix[starts[j] : starts[j + 1], column] = duals[i, starts[j] : starts[j + 1]]
    return _kernel(points, mix, model.intercept_, gamma)


def _kernel(points: Array, mix: Array, shift: Array, gamma: float) -> Kernel:
    return Kernel(points, np.asarray(mix, dtype=np.float32), np.asarray(shift, dtype=np.float32), gamma)


CARDS = (
    Card(
        name="svm",
        title="Support vector machine",
        family=Family.CLASSICAL,
        build=f"{__name__}:Svm",
        paper="Cortes, Vapnik, Support-vector networks, Machine Learning 1995",
        licence="BSD-3-Clause",
        requires=("sklearn", "scipy"),
        max_rows=100_000,
        cost_power=1.8,
        portfolio=({}, {"C": 10.0, "gamma": 0.3}),
        space={"C": (0.1, 100.0, "log"), "gamma": (0.05, 3.0, "log")},
    ),
)
