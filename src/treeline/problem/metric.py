"""Metrics by scikit-learn's names, on plain numpy arrays, with per-row losses where they exist.

A prediction has one shape everywhere in Treeline (n = rows, C = classes):
regression (n,) values; binary (n,) probability of `classes[1]`; multiclass (n, C) probabilities.
A target is (n,) floats for regression and (n,) integer codes for classification.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.errors import UsageError, nearest, shown
from treeline.problem.problem import Task

__all__ = ["METRICS", "Array", "Metric", "default_metric", "metric_named"]

Array = np.ndarray[Any, Any]
Fn = Callable[[Array, Array], Any]
EPS = 1e-7
CLS = (Task.BINARY, Task.MULTICLASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How a prediction is judged."""

    name: str
    tasks: tuple[Task, ...]
    greater_is_better: bool
    score_fn: Fn
    losses_fn: Fn | None = None
    "Per-row losses whose mean orders models as the score does; None where the metric has no such form."
    margin: float = 0.01
    relative_margin: bool = False
    "Whether `margin` is a share of the score (errors with a unit) or a plain difference (scores within 0..1)."
    words: str = ""
    "What the score is, in words that a manager understands."

    def score(self, y: Array, prediction: Array) -> float:
        """Return the score of predictions (n,) or (n, C) for targets (n,)."""
        return float(self.score_fn(y, prediction))

    def losses(self, y: Array, prediction: Array) -> Array | None:
        """Return the (n,) losses of the rows (lower is better), or None where the metric has none."""
        return None if self.losses_fn is None else np.asarray(self.losses_fn(y, prediction), dtype=np.float64)

    def loss(self, y: Array, prediction: Array) -> float:
        """Return the score turned so that lower is better."""
        value = self.score(y, prediction)
        return -value if self.greater_is_better else value

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` beats score `b`."""
        return a > b if self.greater_is_better else a < b

    def margin_at(self, score: float) -> float:
        """Return the default margin, given the best score seen or expected."""
        return self.margin * abs(score) if self.relative_margin else self.margin


def labels(prediction: Array) -> Array:
    """Return the predicted class codes (n,)."""
    if prediction.ndim == 2:
        return np.asarray(prediction.argmax(axis=1))
    return np.asarray(prediction > 0.5).astype(np.int64)


def _zero_one(y: Array, p: Array) -> Array:
    return np.asarray(labels(p) != y).astype(np.float64)


def _log_losses(y: Array, p: Array) -> Array:
    if p.ndim == 1:
        q = np.clip(p.astype(np.float64), EPS, 1 - EPS)
        return np.asarray(-np.where(y == 1, np.log(q), np.log1p(-q)))
    q = np.clip(p.astype(np.float64), EPS, 1.0)
    q /= q.sum(axis=1, keepdims=True)
    return np.asarray(-np.log(q[np.arange(len(y)), y.astype(np.int64)]))


def _brier(y: Array, p: Array) -> Array:
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


def _roc_auc(y: Array, p: Array) -> float:
    return auc(y == 1, p)


def _roc_auc_ovr(y: Array, p: Array) -> float:
    values = [auc(y == c, p[:, c]) for c in range(p.shape[1])]
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _average_precision(y: Array, p: Array) -> float:
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


def _balanced_accuracy(y: Array, p: Array) -> float:
    hit, true, _, _ = _per_class(y, p)
    return float((hit[true > 0] / true[true > 0]).mean())


def _f1_each(y: Array, p: Array) -> tuple[Array, Array]:
    hit, true, said, _ = _per_class(y, p)
    return 2 * hit / np.maximum(true + said, 1), true + said


def _f1(y: Array, p: Array) -> float:
    return float(_f1_each(y, p)[0][1])


def _f1_macro(y: Array, p: Array) -> float:
    each, seen = _f1_each(y, p)
    return float(each[seen > 0].mean())


def _f1_weighted(y: Array, p: Array) -> float:
    each, _ = _f1_each(y, p)
    true = np.bincount(y.astype(np.int64), minlength=len(each))
    return float((each * true).sum() / true.sum())


def _mcc(y: Array, p: Array) -> float:
    hit, true, said, _ = _per_class(y, p)
    n, c = float(len(y)), float(hit.sum())
    t, s = true.astype(np.float64), said.astype(np.float64)
    spread = np.sqrt(n * n - (s * s).sum()) * np.sqrt(n * n - (t * t).sum())
    return float((c * n - (t * s).sum()) / spread) if spread > 0 else 0.0


def _squared(y: Array, p: Array) -> Array:
    return np.asarray((p.astype(np.float64) - y) ** 2)


def _absolute(y: Array, p: Array) -> Array:
    return np.asarray(np.abs(p.astype(np.float64) - y))


def _log_squared(y: Array, p: Array) -> Array:
    return np.asarray((np.log1p(np.maximum(p.astype(np.float64), 0)) - np.log1p(np.maximum(y, 0))) ** 2)


def _ape(y: Array, p: Array) -> Array:
    return np.asarray(np.abs(p.astype(np.float64) - y) / np.maximum(np.abs(y), np.finfo(np.float64).eps))


def _r2(y: Array, p: Array) -> float:
    spread = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(_squared(y, p).sum()) / spread if spread > 0 else float("nan")


REG = (Task.REGRESSION,)
BIN = (Task.BINARY,)
MULTI = (Task.MULTICLASS,)


def _make() -> dict[str, Metric]:
    def mean(fn: Fn) -> Fn:
        return lambda y, p: fn(y, p).mean()

    def root(fn: Fn) -> Fn:
        return lambda y, p: np.sqrt(fn(y, p).mean())

    up = {"greater_is_better": True}
    down = {"greater_is_better": False}
    rel = {"relative_margin": True, "margin": 0.02}
    rows: list[tuple[str, tuple[Task, ...], Fn, Fn | None, dict[str, Any], str]] = [
        (
            "roc_auc",
            BIN,
            _roc_auc,
            None,
            {**up, "margin": 0.005},
            "the chance that a random positive row is ranked above a random negative one",
        ),
        (
            "roc_auc_ovr",
            MULTI,
            _roc_auc_ovr,
            None,
            {**up, "margin": 0.005},
            "the mean over classes of the area under the ROC curve",
        ),
        (
            "average_precision",
            BIN,
            _average_precision,
            None,
            {**up, "margin": 0.01},
            "the mean precision over all recalls",
        ),
        (
            "accuracy",
            CLS,
            lambda y, p: 1 - _zero_one(y, p).mean(),
            _zero_one,
            {**up, "margin": 0.01},
            "the share of rows labelled right",
        ),
        (
            "balanced_accuracy",
            CLS,
            _balanced_accuracy,
            None,
            {**up, "margin": 0.01},
            "the mean over classes of the share found",
        ),
        ("f1", BIN, _f1, None, {**up, "margin": 0.01}, "the balance of precision and recall for the positive class"),
        ("f1_macro", CLS, _f1_macro, None, {**up, "margin": 0.01}, "the mean over classes of F1"),
        ("f1_weighted", CLS, _f1_weighted, None, {**up, "margin": 0.01}, "the mean over rows of their class's F1"),
        ("matthews_corrcoef", CLS, _mcc, None, {**up, "margin": 0.01}, "the correlation of predicted and true labels"),
        (
            "log_loss",
            CLS,
            mean(_log_losses),
            _log_losses,
            {**down, **rel},
            "how surprised the probabilities were by the truth",
        ),
        ("brier_score_loss", BIN, mean(_brier), _brier, {**down, **rel}, "the squared error of the probabilities"),
        (
            "root_mean_squared_error",
            REG,
            root(_squared),
            _squared,
            {**down, **rel},
            "the typical size of an error, large ones counting more",
        ),
        ("mean_squared_error", REG, mean(_squared), _squared, {**down, **rel}, "the mean squared error"),
        ("mean_absolute_error", REG, mean(_absolute), _absolute, {**down, **rel}, "the mean size of an error"),
        (
            "median_absolute_error",
            REG,
            lambda y, p: np.median(_absolute(y, p)),
            None,
            {**down, **rel},
            "the middle size of an error",
        ),
        (
            "root_mean_squared_log_error",
            REG,
            root(_log_squared),
            _log_squared,
            {**down, **rel},
            "the typical relative error, roughly",
        ),
        (
            "mean_absolute_percentage_error",
            REG,
            mean(_ape),
            _ape,
            {**down, **rel},
            "the mean error in per cent of the truth",
        ),
        ("r2", REG, _r2, None, {**up, "margin": 0.01}, "the share of the target's variance explained"),
    ]
    return {
        name: Metric(name=name, tasks=tasks, score_fn=score, losses_fn=losses, words=words, **more)
        for name, tasks, score, losses, more, words in rows
    }


METRICS = _make()
ALIASES = {
    "auc": "roc_auc",
    "pr_auc": "average_precision",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmsle": "root_mean_squared_log_error",
    "mape": "mean_absolute_percentage_error",
    "logloss": "log_loss",
    "mcc": "matthews_corrcoef",
    "brier": "brier_score_loss",
    "roc_auc_ovr_macro": "roc_auc_ovr",
}


def default_metric(task: Task) -> Metric:
    """Return the metric used when none is asked for: roc_auc, log_loss or root_mean_squared_error."""
    return METRICS[
        {Task.BINARY: "roc_auc", Task.MULTICLASS: "log_loss", Task.REGRESSION: "root_mean_squared_error"}[task]
    ]


def metric_named(name: str, task: Task) -> Metric:
    """Return a metric by scikit-learn's name (a leading `neg_` is accepted) or a common alias.

    Raises:
        UsageError: the name is unknown, or the metric does not judge such a task.
    """
    key = name.strip().lower().removeprefix("neg_")
    key = ALIASES.get(key, key)
    if key == "roc_auc" and task is Task.MULTICLASS:
        key = "roc_auc_ovr"
    fitting = [metric.name for metric in METRICS.values() if task in metric.tasks]
    if key not in METRICS:
        raise UsageError(
            f"The metric {shown(name)} is unknown: {nearest(key, fitting)}",
            do="Choose one of: " + ", ".join(fitting) + ".",
        )
    if task not in METRICS[key].tasks:
        raise UsageError(
            f"The metric {shown(name)} does not judge a {task} task.", do="Choose one of: " + ", ".join(fitting) + "."
        )
    return METRICS[key]
