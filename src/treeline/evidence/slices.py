"""Accuracy beyond one number: by class, by slice of an input, and whether the stated probabilities hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.problem.metric import METRICS
from treeline.problem.task import Task

if TYPE_CHECKING:
    from treeline.problem.metric import Array, Metric

__all__ = ["by_class", "by_slice", "calibration_error", "cut", "cut_levels", "se_of_mean", "wilson"]

MOST_CLASSES = 30
MOST_LEVELS = 4
LEAST_ROWS = 50
"Smaller slices say nothing."
BINS = 10
WIDEN = 1.2
"For the luck of the folds' models, which the few rows of a slice cannot show."
LOSSES = {
    "root_mean_squared_error": "squared error", "r2": "squared error", "mean_squared_error": "squared error",
    "root_mean_squared_log_error": "squared error of the logarithm", "mean_absolute_error": "absolute error",
    "accuracy": "error rate", "log_loss": "log-loss",
}  # fmt: skip
"What the losses of rows are called; a root or a share of them has no rows."


def by_class(y: Array, prediction: Array, classes: int) -> list[dict[str, Any]]:
    """Return per class its rows and recall with a 95% interval (Wilson); codes `y` (n,), probabilities (n,) or (n, C)."""
    said = prediction.argmax(axis=1) if prediction.ndim == 2 else (prediction >= 0.5).astype(np.int64)
    found = []
    for code in range(min(classes, MOST_CLASSES)):
        mine = y == code
        right, rows = int((said[mine] == code).sum()), int(mine.sum())
        low, high = wilson(right, rows)
        found.append({"class": code, "rows": rows, "recall": right / rows if rows else None, "interval": [low, high]})
    return found


def wilson(hits: int, rows: int) -> tuple[float, float]:
    """Return the 95% interval of a share (Wilson 1927); 0 to 1 where there are no rows."""
    if rows == 0:
        return 0.0, 1.0
    z, p = 1.959964, hits / rows
    middle = (p + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * float(np.sqrt(p * (1 - p) / rows + z * z / (4 * rows * rows)))
    return max(0.0, middle - half), min(1.0, middle + half)


def calibration_error(y: Array, prediction: Array) -> float:
    """Return the mean gap between stated and seen probability over ten equally filled bins (of the top class for several)."""
    if prediction.ndim == 2:
        p, hit = prediction.max(axis=1), (prediction.argmax(axis=1) == y).astype(float)
    else:
        p, hit = prediction, (y == 1).astype(float)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return float(sum(len(part) * abs(p[part].mean() - hit[part].mean()) for part in parts) / len(p))


def cut(values: Array) -> tuple[Array, list[str]]:
    """Cut an input (n,) into at most four slices; return the slice of each row and the slices' names, -1 where in none."""
    known = np.isfinite(values)
    found = np.unique(values[known])
    if len(found) <= MOST_LEVELS:
        return np.where(known, np.searchsorted(found, values), -1), [f"{level:g}" for level in found]
    edges = np.unique(np.quantile(values[known], [1 / 3, 2 / 3]))
    names = [f"up to {edges[0]:.4g}"]
    names += [f"{a:.4g} to {b:.4g}" for a, b in pairwise(edges)] + [f"above {edges[-1]:.4g}"]
    return np.where(known, np.searchsorted(edges, values, side="left"), -1), names


def cut_levels(codes: Array, levels: Sequence[str]) -> tuple[Array, list[str]]:
    """Cut a category (n,), coded 2, 3, … by falling frequency, into its three largest levels and the rest; -1 where missing."""
    kept = min(MOST_LEVELS - 1, len(levels))
    known = np.isfinite(codes) & (codes >= 2)
    place = np.where(known, np.minimum(np.nan_to_num(codes) - 2, kept), -1).astype(np.int64)
    return place, [*levels[:kept], *(["any other"] if len(levels) > kept else [])]


def by_slice(
    y: Array,
    sides: tuple[Array, Array],
    metric: Metric,
    *,
    task: Task,
    slices: Mapping[str, tuple[Array, list[str]]],
    group: Array | None = None,
) -> list[dict[str, Any]]:
    """Return the difference of mean losses (classical - deep: above zero deep is better) in every slice, 95% simultaneous.

    Losses are the metric's own where it has some, else log-loss or squared error. Intervals are widened for the number of
    slices (Bonferroni), so that a slice in which the order is reversed is no accident of having looked at many. They count
    groups where `group` (n,) says that rows belong together; they are widened by 1.2.
    """
    classical, deep = sides
    lost = [metric.losses(y, side) for side in (classical, deep)]
    unit = LOSSES.get(metric.name, metric.name)
    if lost[0] is None or lost[1] is None:
        stand_in = METRICS["log_loss" if task.is_classification else "mean_squared_error"]
        lost, unit = [stand_in.losses(y, side) for side in (classical, deep)], LOSSES.get(stand_in.name, stand_in.name)
    lead = np.asarray(lost[0]) - np.asarray(lost[1])
    groups = [
        (column, name, np.flatnonzero(code == number))
        for column, (code, names) in slices.items()
        for number, name in enumerate(names)
    ]
    groups = [group for group in groups if len(group[2]) >= LEAST_ROWS]
    z = _z(1 - 0.025 / max(len(groups), 1))
    found = []
    for column, name, rows in groups:
        mean, half = (
            float(lead[rows].mean()),
            z * WIDEN * se_of_mean(lead[rows], None if group is None else group[rows]),
        )
        favours = "deep" if mean - half > 0 else "classical" if mean + half < 0 else None
        found.append(
            {"column": column, "slice": name, "rows": len(rows), "difference": mean, "interval": [mean - half, mean + half],
             "favours": favours, "loss": unit}
        )  # fmt: skip
    return found


def se_of_mean(lead: Array, group: Array | None) -> float:
    """Return the standard error of a mean over rows (n,), or over the groups of rows."""
    n = len(lead)
    if group is None:
        return float(lead.std(ddof=1) / np.sqrt(n))
    codes = np.unique(group, return_inverse=True)[1]
    sums = np.bincount(codes, weights=lead - lead.mean())
    units = len(sums)
    return float(np.sqrt(units / max(units - 1, 1) * (sums @ sums)) / n)


def _z(p: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(p))
