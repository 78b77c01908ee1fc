"""Linear and logistic regression along a path of penalties; the watch chooses the penalty.

A step is a place on the path, from strong to weak penalty, so the choice is cross-fitted like a stopping round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.blocks import Ready
from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State, Watch
from treeline.candidates.classical.target import Scale, in_shape, sigmoid, softmax, training_target, wants_l1
from treeline.candidates.prepare import Dense, settings, with_prefix, without_prefix
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "Linear", "Weights", "penalty_path"]

PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.01)
"Strength of the squared penalty on the weights of the whole training part, per step from 1."
USUAL = 6
"The place on the path where nothing chooses."
FEW, PLAIN = 40, 8
"So few held-out rows cannot choose a penalty: they take what 1, the default of plain libraries, is on inputs of this scale."
ROWS_A_TERM = 20
"Training rows that each hinge or product needs: with fewer a plain linear model is the better one."


@dataclass(frozen=True, slots=True)
class Terms:
    """What a linear model sees beside the inputs: hinges of the numbers, and products of pairs."""

    columns: Array
    "(k,) int32: the input of each hinge"
    knots: Array
    "(k,) float32: where its slope starts"
    pairs: Array
    "(m, 2) int32: inputs that are multiplied"

    @classmethod
    def fit(cls, matrix: Array, z: Array, numbers: int, *, knots: int, pairs: int) -> Terms:
        """Place knots on quantiles of the first `numbers` inputs of (n, d); choose the products that best explain the rest."""
        some = matrix[:20_000].astype(np.float64)
        levels = np.linspace(0, 1, knots + 2)[1:-1]
        places = [np.unique(np.quantile(some[:, j], levels)) if knots else levels for j in range(numbers)]
        columns = np.repeat(np.arange(numbers), [len(place) for place in places])
        flat = np.concatenate([*places, np.zeros(0)])
        chosen = np.zeros((0, 2))
        d = some.shape[1]
        if pairs and d > 1:
            left = z[: len(some)] - z.mean()
            some -= some.mean(axis=0)
            left = left - some @ np.linalg.solve(some.T @ some + np.eye(d), some.T @ left)
            strength = np.abs((some * left[:, None]).T @ some) / np.sqrt((some**2).T @ (some**2) + 1e-9)
            i, j = np.triu_indices(d, 1)
            best = np.argsort(-strength[i, j], kind="stable")[:pairs]
            chosen = np.stack([i[best], j[best]], axis=1)
        return cls(columns.astype(np.int32), flat.astype(np.float32), chosen.astype(np.int32))

    def __call__(self, matrix: Array) -> Array:
        """Return the inputs (n, d) with hinges and products to their right."""
        hinges = np.maximum(matrix[:, self.columns] - self.knots, 0)
        return np.hstack([matrix, hinges, matrix[:, self.pairs[:, 0]] * matrix[:, self.pairs[:, 1]]])

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        return {"columns": self.columns, "knots": self.knots, "pairs": self.pairs}


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights (d, k) and offsets (k,); k is 1 but for several classes."""

    slope: Array
    offset: Array

    def predict(self, matrix: Array, rows: Rows, scale: Scale) -> Array:
        """Return predictions in Treeline's shapes for inputs (n, d)."""
        score = matrix @ self.slope + self.offset
        if rows.shape.task is Task.REGRESSION:
            return scale.back(score[:, 0])
        return in_shape(softmax(score), rows.shape) if score.shape[1] > 1 else sigmoid(score[:, 0])


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted linear model."""

    inputs: Dense | Ready
    terms: Terms
    weights: Weights
    scale: Scale

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        return self.weights.predict(self.terms(self.inputs(rows)), rows, self.scale)

    def state(self) -> State:
        """Return weights, terms and the encoder."""
        arrays = {"slope": self.weights.slope, "offset": self.weights.offset}
        arrays |= with_prefix("inputs", self.inputs.arrays()) | with_prefix("terms", self.terms.arrays())
        return arrays, {"scale": self.scale.meta()}


def penalty_path(matrix: Array, rows: Rows, last: int | None) -> Iterator[tuple[int, Weights]]:
    """Yield (step, weights) for inputs (n, d) of training rows along `PENALTIES`, or only the step `last`."""
    wanted = range(1, len(PENALTIES) + 1) if last is None else [min(max(last, 1), len(PENALTIES))]
    if rows.shape.task is Task.REGRESSION:
        _, z, weight = training_target(rows)
        yield from _ridge(matrix, z, weight, wanted, robust=wants_l1(rows.shape))
    else:
        yield from _logistic(matrix, rows.target, rows.shape.n_classes, wanted)


def _ridge(
    matrix: Array, z: Array, weight: Array | None, wanted: Sequence[int], *, robust: bool
) -> Iterator[tuple[int, Weights]]:
    """Yield ridge regressions; absolute errors by reweighting (Schlossmacher, JASA 1973)."""
    full = np.hstack([matrix, np.ones((len(matrix), 1), np.float32)])
    base = np.ones(len(z)) if weight is None else weight
    size, gram = base, None
    for step in wanted:
        for _ in range(6 if robust else 1):
            if gram is None or robust:
                weighted = full * size[:, None].astype(np.float32)
                gram = (weighted.T @ full).astype(np.float64)
                moment = (weighted.T @ z.astype(np.float32)).astype(np.float64)
            penalty = np.full(len(gram), PENALTIES[step - 1])
            penalty[-1] = 1e-6 * len(z)
            solved = np.linalg.solve(gram + np.diag(penalty), moment)
            if robust:
                size = base / np.maximum(np.abs(z - full @ solved), 0.02)
        yield step, Weights(solved[:-1, None].astype(np.float32), solved[-1:].astype(np.float32))


def _logistic(matrix: Array, y: Array, classes: int, wanted: Sequence[int]) -> Iterator[tuple[int, Weights]]:
    """Yield logistic regressions, each started from the one before (L-BFGS; Zhu, Byrd, Lu, Nocedal, TOMS 1997)."""
    from scipy.optimize import minimize

    k = 1 if classes == 2 else classes
    truth = np.eye(classes, dtype=np.float32)[y] if k > 1 else y[:, None].astype(np.float32)
    share = (truth.mean(axis=0) + 1e-4) / (1 + 1e-4)
    n, d = matrix.shape
    point = np.zeros((d + 1, k))
    point[-1] = np.log(share) if k > 1 else np.log(share / (1 - np.minimum(share, 1 - 1e-4)))

    def loss(flat: Array, strength: float) -> tuple[float, Array]:
        at = flat.reshape(d + 1, k)
        score = (matrix @ at[:-1].astype(np.float32) + at[-1].astype(np.float32)).astype(np.float64)
        if k > 1:
            top = score.max(axis=1, keepdims=True)
            total = top + np.log(np.exp(score - top).sum(axis=1, keepdims=True))
            value, wrong = (total[:, 0] - (score * truth).sum(axis=1)).sum(), np.exp(score - total) - truth
        else:
            value, wrong = (np.logaddexp(0, score) - truth * score).sum(), sigmoid(score) - truth
        slope = np.empty_like(at)
        slope[:-1] = matrix.T @ wrong.astype(np.float32) + strength * at[:-1]
        slope[-1] = wrong.sum(axis=0)
        return (value + strength / 2 * (at[:-1] ** 2).sum()) / n, (slope / n).ravel()

    for step in wanted:
        found = minimize(
            loss, point.ravel(), args=(PENALTIES[step - 1],), jac=True, method="L-BFGS-B", options={"maxiter": 60}
        )
        point = found.x.reshape(d + 1, k)
        yield step, Weights(point[:-1].astype(np.float32), point[-1].astype(np.float32))


class Linear:
    """Ridge regression for values, logistic regression for classes."""

    def __init__(self, encoder: type[Dense] | type[Ready] = Dense) -> None:
        """`encoder` turns rows into the inputs that are weighed."""
        self.encoder = encoder

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Fit the path of penalties for each fold and keep the chosen one."""
        chosen = settings({"steps": None, "knots": 8, "pairs": 30, "levels": 30}, params)
        fitted: list[Fitted] = []
        for fold in folds:
            rows = fold.train
            inputs, matrix = self.encoder.fit(rows, seed=seed, cap=int(chosen["levels"]))
            scale, z, _ = training_target(rows)
            direction = z if rows.shape.task is not Task.MULTICLASS else (z == np.bincount(z).argmax())
            most = len(matrix) // ROWS_A_TERM
            knots, pairs = (
                min(int(chosen["knots"]), most // max(inputs.numbers, 1)),
                min(int(chosen["pairs"]), most // 2),
            )
            terms = Terms.fit(matrix, direction * 1.0, inputs.numbers, knots=knots, pairs=pairs)
            held = None if fold.watch is None else terms(inputs(fold.watch.rows))
            best = along(terms(matrix), fold, held, scale, steps=chosen["steps"])
            fitted.append(Fit(inputs, terms, best, scale))
        return fitted

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild the weights."""
        inputs = self.encoder.restore(without_prefix("inputs", arrays))
        weights = Weights(arrays["slope"], arrays["offset"])
        return Fit(inputs, Terms(**without_prefix("terms", arrays)), weights, Scale(**meta["scale"]))


def along(matrix: Array, fold: Fold, held: Array | None, scale: Scale, *, steps: int | None) -> Weights:
    """Return the weights that the fold's watch chooses along the path of penalties, or those of place `steps`."""
    watch = fold.watch
    last = steps if steps is not None else _blind(watch)
    best: Weights | None = None
    for step, weights in penalty_path(matrix, fold.train, last):
        if watch is None or held is None or watch.see(step, weights.predict(held, watch.rows, scale)) or best is None:
            best = weights
        if watch is not None and watch.stale >= 3:
            break
    assert best is not None
    return best


def _blind(watch: Watch | None) -> int | None:
    """Return the place on the path where no rows, or too few, can choose it."""
    return USUAL if watch is None else PLAIN if len(watch.rows) < FEW else None


CARDS = (
    Card(
        name="linear",
        title="Linear model",
        family=Family.CLASSICAL,
        build=f"{__name__}:Linear",
        paper="Hoerl, Kennard, Ridge regression, Technometrics 1970; Cox, J. R. Stat. Soc. B 1958",
        licence="Apache-2.0",
        requires=("scipy",),
        glass_box=True,
        seedless=True,
        mild=1,
        portfolio=({}, {"knots": 0, "pairs": 0}),
        space={"knots": (0, 16), "pairs": (0, 100), "levels": (5, 100)},
    ),
)
