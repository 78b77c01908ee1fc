"""How much each row pulls on a score: influence values where they exist, paired resampling where they do not.

Means of row losses and their roots: the row loss, by the delta method. ROC AUC: the components of DeLong, DeLong and
Clarke-Pearson (1988), taken inside each fold, because scores of different folds must not be pooled (Airola et al. 2011).
Average precision: its derivative by the weight of the row, inside folds. Other metrics: a bootstrap of rows (or groups)
inside folds, with the same draws for every prediction, so that differences pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeline.problem.metric import labels

if TYPE_CHECKING:
    from treeline.problem.metric import Array, Metric

__all__ = ["Measured", "delong", "measure", "resampled", "score_by_fold", "score_of", "turn"]

Scorer = Callable[["Array", "Array"], float]
RANKED = ("roc_auc", "roc_auc_ovr", "average_precision")
COUNTED = ("balanced_accuracy", "f1", "f1_macro", "f1_weighted", "matthews_corrcoef")


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A score with what its uncertainty needs; one of `influence` and `draws` is None."""

    score: float
    "In the metric's unit; for ranking metrics the mean over folds."
    influence: Array | None
    "(n,) deviations, turned so that larger is better; the score moves by their mean."
    draws: Array | None
    "(B,) resampled scores, turned."
    floor: float
    "Variance of two rows' worth of doubt: two perfect scores on few rows are not known to be equal."
    method: str
    rows: int


def turn(metric: Metric, score: float) -> float:
    """Return the score turned so that larger is better."""
    return score if metric.greater_is_better else -score


def measure(
    y: Array,
    predictions: Sequence[Array],
    metric: Metric,
    *,
    fold: Array,
    group: Array | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> list[Measured]:
    """Return each prediction's (n,) or (n, C) score and what its uncertainty needs, paired over predictions."""
    if metric.name in ("roc_auc", "roc_auc_ovr"):
        return [_ranked(y, p, fold) for p in predictions]
    if metric.name == "average_precision":
        return [_precise(y == 1, p, fold) for p in predictions]
    smooth = [_smooth(y, p, metric) for p in predictions]
    found = [each for each in smooth if each is not None]
    if len(found) == len(smooth):
        return found
    count = draws or int(np.clip(2e7 / max(len(y), 1), 300, 2000))
    if metric.name in COUNTED and group is None:
        table = _counted(y, predictions, metric, fold=fold, count=count, seed=seed)
    else:
        scorers = [_scorer(y, p, metric) for p in predictions]
        table = np.array([[scorer(w) for scorer in scorers] for w in resampled(fold, group, count, seed)])
    floor, sign = _floor(y, metric), turn(metric, 1.0)
    return [
        Measured(metric.score(y, p), None, sign * table[:, i], floor, f"bootstrap inside folds, {count} draws", len(y))
        for i, p in enumerate(predictions)
    ]


def score_of(y: Array, p: Array, metric: Metric, *, fold: Array) -> float:
    """Return the score as `measure` counts it, without its uncertainty: ranking metrics inside folds, others over all rows."""
    if metric.name in RANKED:
        return measure(y, [p], metric, fold=fold)[0].score
    return metric.score(y, p)


def score_by_fold(y: Array, prediction: Array, metric: Metric, fold: Array) -> Array:
    """Return the (K,) scores of the folds, turned so that larger is better; nan where a fold has none."""
    found = []
    for k in np.unique(fold):
        rows = fold == k
        seen = len(np.unique(y[rows])) if metric.name in (*RANKED, *COUNTED) else 2
        found.append(turn(metric, metric.score(y[rows], prediction[rows])) if seen > 1 else np.nan)
    return np.array(found)


def _smooth(y: Array, p: Array, metric: Metric) -> Measured | None:
    """A mean of row losses, or the root of one."""
    if metric.name == "r2":
        return _explained(y, p, metric)
    losses = metric.losses(y, p)
    if losses is None:
        return None
    n, mean, score = len(y), float(losses.mean()), metric.score(y, p)
    if metric.greater_is_better or abs(score - mean) <= 1e-6 * abs(mean):
        slope = 1.0
    elif abs(score * score - mean) <= 1e-6 * abs(mean):
        slope = 0.5 / score if score > 0 else 0.0
    else:
        return None
    pull = -slope * (losses - mean) * np.sqrt(n / max(n - 1, 1))
    floor = 2.0 / n**2 if metric.name == "accuracy" else 0.0
    return Measured(score, pull, None, floor, "row losses" if slope == 1.0 else "row losses, delta method", n)


def _explained(y: Array, p: Array, metric: Metric) -> Measured:
    """The share of variance explained, 1 - a / b: both means move with the row."""
    n, error, spread = len(y), (p - y) ** 2, (y - y.mean()) ** 2
    a, b = float(error.mean()), float(spread.mean())
    pull = (a / b * (spread - b) - (error - a)) / b if b > 0 else np.full(n, np.nan)
    return Measured(metric.score(y, p), pull, None, 0.0, "row losses, delta method", n)


def delong(positive: Array, score: Array) -> Array:
    """Return (n,) components of the AUC: for a positive row the share of negatives below it, and the other way round."""
    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    order = np.argsort(score, kind="stable")
    ranked, hit = score[order], positive[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    sizes = np.diff(np.r_[starts, len(ranked)])
    pos_in = np.add.reduceat(hit.astype(np.int64), starts)
    neg_in = sizes - pos_in
    below = (np.cumsum(neg_in) - 0.5 * neg_in) / n_neg
    above = (n_pos - np.cumsum(pos_in) + 0.5 * pos_in) / n_pos
    share = np.empty(len(score))
    share[order] = np.where(hit, np.repeat(below, sizes), np.repeat(above, sizes))
    return share


def _ranked(y: Array, p: Array, fold: Array) -> Measured:
    """ROC AUC, inside folds; the mean over classes for (n, C)."""
    if p.ndim == 1:
        score, pull, floor = _auc_pull(y == 1, p, fold)
        return Measured(score, pull, None, floor, "DeLong components inside folds", len(y))
    parts = [_auc_pull(y == c, p[:, c], fold) for c in range(p.shape[1])]
    parts = [part for part in parts if np.isfinite(part[0])]
    if not parts:
        return Measured(float("nan"), np.zeros(len(y)), None, 0.0, "DeLong components inside folds", len(y))
    c = len(parts)
    return Measured(
        float(np.mean([part[0] for part in parts])),
        np.sum([part[1] for part in parts], axis=0) / c,
        None,
        sum(part[2] for part in parts) / c**2,
        "DeLong components inside folds, mean over classes",
        len(y),
    )


def _auc_pull(positive: Array, score: Array, fold: Array) -> tuple[float, Array, float]:
    n = len(positive)
    share, used = np.zeros(n), np.zeros(n, dtype=bool)
    for k in np.unique(fold):
        rows = np.flatnonzero(fold == k)
        hits = int(positive[rows].sum())
        if 0 < hits < len(rows):
            share[rows] = delong(positive[rows], score[rows])
            used[rows] = True
    pos, neg = used & positive, used & ~positive
    n_pos, n_neg = int(pos.sum()), int(neg.sum())
    if n_pos == 0 or n_neg == 0:
        return float("nan"), np.zeros(n), 0.0
    pull = np.zeros(n)
    for side, size in ((pos, n_pos), (neg, n_neg)):
        pull[side] = (share[side] - share[side].mean()) * n / size * np.sqrt(size / max(size - 1, 1))
    return float(share[pos].mean()), pull, 0.125 / n_pos**2 + 0.125 / n_neg**2


def _precise(positive: Array, score: Array, fold: Array) -> Measured:
    """Average precision inside folds; a row's pull is the derivative by its weight (infinitesimal jackknife)."""
    n, n_pos = len(positive), max(int(positive.sum()), 1)
    precision, pull = np.zeros(n), np.zeros(n)
    for k in np.unique(fold):
        rows = np.flatnonzero(fold == k)
        order = rows[np.argsort(-score[rows], kind="stable")]
        hit = positive[order]
        ends = np.r_[np.flatnonzero(np.diff(score[order])), len(order) - 1]
        sizes = np.diff(np.r_[-1, ends])
        hits, seen = np.cumsum(hit)[ends], ends + 1.0
        new = np.diff(np.r_[0, hits])
        lost = np.cumsum((new * hits / seen**2)[::-1])[::-1]
        won = np.cumsum((new / seen)[::-1])[::-1]
        precision[order] = np.repeat(hits / seen, sizes)
        pull[order] = np.where(hit, np.repeat(won - lost, sizes), -np.repeat(lost, sizes))
    value = float(precision[positive].mean()) if positive.any() else float("nan")
    pull = (pull + np.where(positive, precision - value, 0.0)) * n / n_pos
    return Measured(value, pull, None, 0.5 / n_pos**2, "average precision inside folds, derivative by row", n)


def _floor(y: Array, metric: Metric) -> float:
    if metric.name not in COUNTED:
        return 0.0
    counts = np.bincount(y.astype(np.int64))
    counts = counts[counts > 0]
    return float(2.0 / (len(counts) * counts.min()) ** 2)


def resampled(fold: Array, group: Array | None, count: int, seed: int) -> Iterator[Array]:
    """Yield `count` times how often each row (n,) was drawn: rows or groups, with replacement, inside their fold."""
    rng = np.random.default_rng(seed)
    if group is None:
        unit, first = np.arange(len(fold)), np.arange(len(fold))
    else:
        _, first, unit = np.unique(group, return_index=True, return_inverse=True)
    strata = [np.flatnonzero(fold[first] == k) for k in np.unique(fold[first])]
    times = np.zeros(len(first), dtype=np.int64)
    for _ in range(count):
        for stratum in strata:
            times[stratum] = np.bincount(rng.integers(0, len(stratum), len(stratum)), minlength=len(stratum))
        yield times[unit]


def _counted(y: Array, predictions: Sequence[Array], metric: Metric, *, fold: Array, count: int, seed: int) -> Array:
    """Return (count, k) resampled scores of metrics of label counts.

    Rows that are labelled alike by the truth and by all predictions, in one fold, are exchangeable: drawing how many of each kind
    there are is drawing rows, at a cost that does not grow with them.
    """
    rng = np.random.default_rng(seed)
    said = [labels(p) for p in predictions]
    classes = int(max(y.max(initial=0) + 1, *(p.shape[1] if p.ndim == 2 else 2 for p in predictions)))
    kinds, times = np.unique(np.stack([fold, y.astype(np.int64), *said]), axis=1, return_counts=True)
    strata = [np.flatnonzero(kinds[0] == k) for k in np.unique(kinds[0])]
    cells = [kinds[1] * classes + kinds[2 + i] for i in range(len(said))]
    drawn, table = np.zeros(len(times)), np.empty((count, len(said)))
    for turn_ in range(count):
        for stratum in strata:
            size = int(times[stratum].sum())
            drawn[stratum] = rng.multinomial(size, times[stratum] / size)
        for i, cell in enumerate(cells):
            counts = np.bincount(cell, weights=drawn, minlength=classes**2).reshape(classes, classes)
            table[turn_, i] = _from_counts(metric.name, counts)
    return table


def _scorer(y: Array, p: Array, metric: Metric) -> Callable[[Array], float]:
    """Return the metric as a function of row counts (n,)."""
    if metric.name in COUNTED:
        classes = int(max(p.shape[1] if p.ndim == 2 else 2, y.max(initial=0) + 1))
        cell = y.astype(np.int64) * classes + labels(p)

        def counted(w: Array) -> float:
            table = np.bincount(cell, weights=w, minlength=classes**2).reshape(classes, classes)
            return _from_counts(metric.name, table)

        return counted
    rows = np.arange(len(y))

    def plain(w: Array) -> float:
        index = np.repeat(rows, w)
        return metric.score(y[index], p[index])

    return plain


def _from_counts(name: str, table: Array) -> float:
    """Return a metric from its (C, C) table of true by predicted label counts."""
    hit, true, said = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    if name == "balanced_accuracy":
        return float((hit[true > 0] / true[true > 0]).mean())
    if name == "matthews_corrcoef":
        n = table.sum()
        spread = np.sqrt(n * n - (said**2).sum()) * np.sqrt(n * n - (true**2).sum())
        return float((hit.sum() * n - (true * said).sum()) / spread) if spread > 0 else 0.0
    each = 2 * hit / np.maximum(true + said, 1)
    if name == "f1":
        return float(each[1])
    if name == "f1_macro":
        return float(each[true + said > 0].mean())
    return float((each * true).sum() / true.sum())
