"""Scores and per-row losses as plain functions of targets and predictions, on numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "EPS", "Array", "absolute", "ape", "auc", "average_precision", "balanced_accuracy", "brier", "f1", "f1_macro", "f1_weighted",
    "labels", "log_losses", "log_squared", "mcc", "r2", "roc_auc", "roc_auc_ovr", "squared", "zero_one",
]  # fmt: skip

Array = np.ndarray[Any, Any]
EPS = 1e-7


def labels(prediction: Array) -> Array:
    """Return the predicted class codes (n,)."""
    if prediction.ndim == 2:
        return np.asarray(prediction.argmax(axis=1))
    return np.asarray(prediction > 0.5).astype(np.int64)


def zero_one(y: Array, p: Array) -> Array:
    """Return (n,) 1 where the label is wrong, else 0."""
    return np.asarray(labels(p) != y).astype(np.float64)


def log_losses(y: Array, p: Array) -> Array:
    """Return (n,) minus log probability of the true class, clipped at 1e-7."""
    if p.ndim == 1:
        q = np.clip(p.astype(np.float64), EPS, 1 - EPS)
        return np.asarray(-np.where(y == 1, np.log(q), np.log1p(-q)))
    q = np.clip(p.astype(np.float64), EPS, 1.0)
    q /= q.sum(axis=1, keepdims=True)
    return np.asarray(-np.log(q[np.arange(len(y)), y.astype(np.int64)]))


def brier(y: Array, p: Array) -> Array:
    """Return (n,) squared errors of the positive class's probability."""
    return np.asarray((p.astype(np.float64) - y) ** 2)


def auc(positive: Array, score: Array) -> float:
    """Return the area under the ROC curve of a (n,) score for a (n,) boolean truth; nan with one class only."""
    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    if n_pos == 0 or n_neg == 0:
        return float("nan")
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    ends = np.r_[starts[1:], len(ranked)]
    ranks = np.repeat((starts + ends + 1) / 2.0, ends - starts)
    total = ranks[positive[order].astype(bool)].sum()
    return float((total - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def roc_auc(y: Array, p: Array) -> float:
    """Return the area under the ROC curve; class 1 is positive."""
    return auc(y == 1, p)


def roc_auc_ovr(y: Array, p: Array) -> float:
    """Return the mean over classes of one-against-rest areas; classes without both sides are left out."""
    values = [auc(y == c, p[:, c]) for c in range(p.shape[1])]
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def average_precision(y: Array, p: Array) -> float:
    """Return the mean precision over recalls; class 1 is positive."""
    n_pos = int((y == 1).sum())
    if n_pos == 0:
        return float("nan")
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(y[order] == 1)
    last = np.r_[np.flatnonzero(np.diff(p[order])), len(p) - 1]
    precision, recall = hits[last] / (last + 1), hits[last] / n_pos
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def _per_class(y: Array, p: Array) -> tuple[Array, Array, Array, Array]:
    guess = labels(p)
    n = int(max(p.shape[1] if p.ndim == 2 else 2, y.max(initial=0) + 1))
    hit = np.bincount(y[guess == y].astype(np.int64), minlength=n)
    return hit, np.bincount(y.astype(np.int64), minlength=n), np.bincount(guess, minlength=n), guess


def balanced_accuracy(y: Array, p: Array) -> float:
    """Return the mean recall of the classes that occur."""
    hit, true, _, _ = _per_class(y, p)
    return float((hit[true > 0] / true[true > 0]).mean())


def _f1_each(y: Array, p: Array) -> tuple[Array, Array]:
    hit, true, said, _ = _per_class(y, p)
    return 2 * hit / np.maximum(true + said, 1), true + said


def f1(y: Array, p: Array) -> float:
    """Return F1 of class 1."""
    return float(_f1_each(y, p)[0][1])


def f1_macro(y: Array, p: Array) -> float:
    """Return the mean F1 of the classes that occur or are said."""
    each, seen = _f1_each(y, p)
    return float(each[seen > 0].mean())


def f1_weighted(y: Array, p: Array) -> float:
    """Return the mean F1 by the classes' true shares."""
    each, _ = _f1_each(y, p)
    true = np.bincount(y.astype(np.int64), minlength=len(each))
    return float((each * true).sum() / true.sum())


def mcc(y: Array, p: Array) -> float:
    """Return Matthews' correlation coefficient (Gorodkin's for many classes)."""
    hit, true, said, _ = _per_class(y, p)
    n, c = float(len(y)), float(hit.sum())
    t, s = true.astype(np.float64), said.astype(np.float64)
    spread = np.sqrt(n * n - (s * s).sum()) * np.sqrt(n * n - (t * t).sum())
    return float((c * n - (t * s).sum()) / spread) if spread > 0 else 0.0


def squared(y: Array, p: Array) -> Array:
    """Return (n,) squared errors."""
    return np.asarray((p.astype(np.float64) - y) ** 2)


def absolute(y: Array, p: Array) -> Array:
    """Return (n,) absolute errors."""
    return np.asarray(np.abs(p.astype(np.float64) - y))


def log_squared(y: Array, p: Array) -> Array:
    """Return (n,) squared errors of log(1 + value)."""
    return np.asarray((np.log1p(np.maximum(p.astype(np.float64), 0)) - np.log1p(np.maximum(y, 0))) ** 2)


def ape(y: Array, p: Array) -> Array:
    """Return (n,) absolute errors as shares of the truth."""
    return np.asarray(np.abs(p.astype(np.float64) - y) / np.maximum(np.abs(y), np.finfo(np.float64).eps))


def r2(y: Array, p: Array) -> float:
    """Return the share of the variance explained; nan for a constant truth."""
    spread = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(squared(y, p).sum()) / spread if spread > 0 else float("nan")
