"""Suspected label errors, found in predictions by models that did not see the row.

Classes: confident learning (Northcutt, Jiang, Chuang 2021): a row is suspect when another class is predicted at least as
surely as that class's own rows are on average. Numbers: residuals far outside the bulk (median and median absolute deviation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.findings import Finding, Severity
from treeline.errors import shown
from treeline.problem.task import Task

if TYPE_CHECKING:
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["label_errors", "suspected"]

FAR = 10.0
"Robust standard deviations (1.4826 MAD of the residuals at this level) that make a number suspect."
SURE = 0.05
"A label is suspect only if its own class was given at most this probability,"
SURELY = 0.5
"and another one at least this."


def label_errors(y: Array, prediction: Array, problem: Problem, rows: Array) -> Finding | None:
    """Return finding D015, the most suspect rows first, or None.

    Args:
        y: targets (n,).
        prediction: out-of-fold predictions, (n,) or (n, C); rows with NaN are passed over.
        problem: the problem.
        rows: (n,) row numbers of the data set.
    """
    known = np.isfinite(prediction if prediction.ndim == 1 else prediction.sum(axis=1))
    y, prediction, rows = y[known], prediction[known].astype(np.float64), rows[known]
    if len(y) < 50:
        return None
    if problem.task is Task.REGRESSION:
        order, named = _worst_first(_far_off(y, prediction)), ""
    else:
        order, said, many = suspected(y.astype(np.int64), prediction)
        if not many:
            return None
        named = (
            f"; the clearest is labelled {shown(problem.classes[int(y[order[0]])], 40)}"
            f" but looks like {shown(problem.classes[int(said[0])], 40)}"
        )
    if not len(order):
        return None
    count = len(order)
    return Finding(
        code="D015",
        severity=Severity.WARN if count > 0.03 * len(y) else Severity.NOTE,
        title="Labels that may be wrong" if problem.classes else "Target values that may be wrong",
        columns=(problem.target,),
        rows=count,
        examples=tuple(rows[order[:10]].tolist()),
        found=f"{count} of {len(y)} rows ({count / len(y):.2%}) contradict models that did not see them{named}.",
        do="Look at the examples: a repaired label helps every model, and the score itself.",
    )


def suspected(y: Array, prediction: Array) -> tuple[Array, Array, bool]:
    """Return the rows whose class looks wrong, the most suspect first (k,), and the class that each looks like (k,).

    Third: whether they are more than chance would give, were all labels right. `y` holds codes (n,), `prediction`
    out-of-fold probabilities, (n,) or (n, C), all finite.
    """
    doubt, said, chance = _contradicted(y, prediction)
    order = _worst_first(doubt)
    return order, said[order], len(order) > chance + 3 * np.sqrt(chance)


def _worst_first(doubt: Array) -> Array:
    return np.argsort(-doubt, kind="stable")[: int((doubt > 0).sum())]


def _contradicted(y: Array, prediction: Array) -> tuple[Array, Array, float]:
    """Return how much surer another class is than the label (n,), 0 where nothing is wrong, and that class (n,).

    Third: so many rows would look like this by chance, were all labels right and the probabilities honest.
    """
    p = np.stack([1 - prediction, prediction], axis=1) if prediction.ndim == 1 else prediction
    each = np.arange(len(y))
    own = p[each, y]
    count = np.bincount(y, minlength=p.shape[1])
    surety = np.bincount(y, weights=own, minlength=p.shape[1]) / np.maximum(1, count)
    rival = np.where((count > 0) & (p >= surety), p, 0.0)
    rival[each, y] = 0.0
    said = rival.argmax(axis=1)
    best = rival[each, said]
    chance = float(np.where((p <= SURE) & (p.max(axis=1, keepdims=True) >= SURELY), p, 0.0).sum())
    return np.where((own <= SURE) & (best >= SURELY), best - own, 0.0), said, chance


def _far_off(y: Array, prediction: Array) -> Array:
    """Return by how many robust deviations a residual is beyond `FAR` (n,), 0 where it is not.

    Residuals often grow with the value, so they are compared with those of rows predicted alike.
    """
    off = np.abs(y - prediction - np.median(y - prediction))
    near = np.argsort(prediction, kind="stable")
    scale = np.empty(len(y))
    for part in np.array_split(near, max(1, min(20, len(y) // 100))):
        scale[part] = 1.4826 * np.median(off[part])
    scale = np.maximum(scale, 1.4826 * np.median(off) / 10)
    return np.where(off > FAR * scale, off / np.where(scale > 0, scale, np.inf), 0.0)
