"""Linear models on sparse rows along a path of penalties, from strong to weak.

By L-BFGS (Zhu, Byrd, Lu, Nocedal, TOMS 1997):
`logistic`  softmax or logistic loss
`squared`   squared loss on a standardised target
Each fit of a path starts from the one before. Support vector machines are LIBLINEAR's (Fan et al., JMLR 2008), each class
against the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from treeline.candidates.classical.linear import Weights
from treeline.candidates.classical.target import sigmoid
from treeline.problem.metric import Array

__all__ = ["columns_for", "margin_path", "platt", "sparse_path"]

MOST_WEIGHTS = 1_500_000
"Of all classes together: what L-BFGS can hold and move in reasonable time."
ITERATIONS = 50


def columns_for(classes: int) -> int:
    """Return how many features fit `MOST_WEIGHTS`."""
    return MOST_WEIGHTS // max(1, classes if classes > 2 else 1)


def sparse_path(matrix: Any, target: Array, *, loss: str, penalties: Sequence[float]) -> Iterator[Weights]:
    """Yield weights (d, k) for each penalty on the squared weights of the whole training part, strong to weak.

    Args:
        matrix: (n, d) scipy CSR.
        target: (n, k) float32: one column of 0 and 1 for two classes, one a class for several; values for `squared`.
        loss: see the module.
        penalties: of decreasing strength.
    """
    from scipy.optimize import minimize

    n, d = matrix.shape
    k = target.shape[1]
    turned = matrix.T.tocsr()
    point = np.zeros((d + 1, k), np.float64)
    point[-1] = _start(target, loss)
    slope_of = {"logistic": _logistic, "squared": _squared}[loss]

    def wrong(flat: Array, strength: float) -> tuple[float, Array]:
        at = flat.reshape(d + 1, k)
        weight = at[:-1].astype(np.float32)
        score = matrix @ weight + at[-1].astype(np.float32)
        value, off = slope_of(score, target)
        step = np.empty_like(at)
        step[:-1] = turned @ off + strength * at[:-1]
        step[-1] = off.sum(axis=0)
        return (value + strength / 2 * float((at[:-1] ** 2).sum())) / n, (step / n).ravel()

    for strength in penalties:
        found = minimize(
            wrong, point.ravel(), args=(strength,), jac=True, method="L-BFGS-B",
            options={"maxiter": ITERATIONS, "maxcor": 7, "ftol": 1e-5},
        )  # fmt: skip
        point = found.x.reshape(d + 1, k)
        yield Weights(point[:-1].astype(np.float32), point[-1].astype(np.float32))


def margin_path(
    matrix: Any, target: Array, *, penalties: Sequence[float], factor: Array | None = None
) -> Iterator[Weights]:
    """Yield the weights (d, k) of linear support vector machines (squared hinge loss), their scores being margins.

    Args:
        matrix: (n, d) scipy CSR.
        target: (n, k) of 0 and 1: one column for two classes, one a class for several.
        penalties: on the squared weights of the whole training part.
        factor: (d, k) or None: features are multiplied by these for each output (NB-SVM).
    """
    from scipy import sparse
    from sklearn.svm import LinearSVC

    ready = matrix if factor is not None else matrix.astype(np.float64)
    for strength in penalties:
        slope = np.zeros((matrix.shape[1], target.shape[1]), np.float32)
        offset = np.full(target.shape[1], -1.0, np.float32)
        for j, y in enumerate(target.T):
            if len(np.unique(y)) < 2:
                offset[j] = 2 * y[0] - 1
                continue
            gain = np.ones(matrix.shape[1]) if factor is None else factor[:, j].astype(np.float64)
            some = ready if factor is None else matrix @ sparse.diags_array(gain)
            model = LinearSVC(C=1 / strength, tol=1e-2, max_iter=300, random_state=0).fit(some, y)
            slope[:, j], offset[j] = model.coef_[0] * gain, model.intercept_[0]
        yield Weights(slope, offset)


def _start(target: Array, loss: str) -> Array:
    if loss != "logistic":
        return np.zeros(target.shape[1])
    share = (target.mean(axis=0) + 1e-4) / (1 + 2e-4)
    return np.asarray(np.log(share) if len(share) > 1 else np.log(share / (1 - share)))


def _logistic(score: Array, target: Array) -> tuple[float, Array]:
    """Return the loss over all rows and its slope (n, k)."""
    if score.shape[1] == 1:
        return float((np.logaddexp(0, score) - target * score).sum(dtype=np.float64)), (sigmoid(score) - target)
    top = score.max(axis=1, keepdims=True)
    total = top + np.log(np.exp(score - top).sum(axis=1, keepdims=True))
    return float((total[:, 0] - (score * target).sum(axis=1)).sum(dtype=np.float64)), np.exp(score - total) - target


def _squared(score: Array, target: Array) -> tuple[float, Array]:
    off = score - target
    return float((off**2).sum(dtype=np.float64)) / 2, off


def platt(margins: Array, target: Array) -> tuple[Array, Array]:
    """Return scale and shift (k,) that turn margins (n, k) of unseen rows into log-odds or, of several, into softmax scores.

    Platt, Probabilistic outputs for support vector machines, 1999; for several classes one scale for all.
    """
    from scipy.optimize import minimize

    k = margins.shape[1]

    def wrong(point: Array) -> tuple[float, Array]:
        value, off = _logistic((margins * point[0] + point[1:]).astype(np.float64), target)
        slope = np.concatenate([[(off * margins).sum()], off.sum(axis=0)])
        return (value + 1e-3 * float(point[1:] @ point[1:])) / len(margins), (
            slope + np.concatenate([[0.0], 2e-3 * point[1:]])
        ) / len(margins)

    found = minimize(
        wrong, np.concatenate([[1.0], np.zeros(k)]), jac=True, method="L-BFGS-B", bounds=[(0.05, 50)] + [(-20, 20)] * k
    )
    return np.full(k, found.x[0], np.float32), found.x[1:].astype(np.float32)
