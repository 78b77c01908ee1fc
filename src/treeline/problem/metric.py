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
from treeline.problem import scoring as of
from treeline.problem.scoring import EPS, Array, auc, labels
from treeline.problem.task import Task

__all__ = ["EPS", "METRICS", "Array", "Metric", "auc", "default_metric", "labels", "metric_named", "title_of"]

Fn = Callable[[Array, Array], Any]
CLS = (Task.BINARY, Task.MULTICLASS)
TITLES = {
    "roc_auc": "ROC AUC",
    "roc_auc_ovr": "ROC AUC (one against rest)",
    "f1": "F1",
    "f1_macro": "macro F1",
    "f1_weighted": "weighted F1",
    "log_loss": "log-loss",
    "brier_score_loss": "Brier score",
    "matthews_corrcoef": "Matthews correlation",
    "root_mean_squared_error": "RMSE",
    "mean_squared_error": "MSE",
    "mean_absolute_error": "MAE",
    "root_mean_squared_log_error": "RMSLE",
    "mean_absolute_percentage_error": "MAPE",
    "r2": "R²",
}
"How people write a metric, on every page; the others by their names."


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


def title_of(name: str) -> str:
    """Return a metric's name as people write it."""
    return TITLES.get(name, name.replace("_", " "))


REG, BIN, MULTI = (Task.REGRESSION,), (Task.BINARY,), (Task.MULTICLASS,)


def _mean(losses: Fn) -> Fn:
    return lambda y, p: losses(y, p).mean()


def _root(losses: Fn) -> Fn:
    return lambda y, p: np.sqrt(losses(y, p).mean())


def _good(
    name: str, tasks: tuple[Task, ...], score: Fn, words: str, *, losses: Fn | None = None, margin: float = 0.01
) -> Metric:
    """A score within 0..1, or -1..1, where greater is better."""
    return Metric(
        name=name, tasks=tasks, greater_is_better=True, score_fn=score, losses_fn=losses, margin=margin, words=words
    )  # fmt: skip


def _bad(name: str, tasks: tuple[Task, ...], score: Fn, words: str, *, losses: Fn | None = None) -> Metric:
    """A loss with a unit of its own: its margin is a share of it."""
    return Metric(
        name=name, tasks=tasks, greater_is_better=False, score_fn=score, losses_fn=losses, words=words,
        margin=0.02, relative_margin=True,
    )  # fmt: skip


ALL = (
    _good(
        "roc_auc",
        BIN,
        of.roc_auc,
        "the chance that a random positive row is ranked above a random negative one",
        margin=0.005,
    ),
    _good("roc_auc_ovr", MULTI, of.roc_auc_ovr, "the mean over classes of the area under the ROC curve", margin=0.005),
    _good("average_precision", BIN, of.average_precision, "the mean precision over all recalls"),
    _good(
        "accuracy",
        CLS,
        lambda y, p: 1 - of.zero_one(y, p).mean(),
        "the share of rows labelled right",
        losses=of.zero_one,
    ),
    _good("balanced_accuracy", CLS, of.balanced_accuracy, "the mean over classes of the share found"),
    _good("f1", BIN, of.f1, "the balance of precision and recall for the positive class"),
    _good("f1_macro", CLS, of.f1_macro, "the mean over classes of F1"),
    _good("f1_weighted", CLS, of.f1_weighted, "the mean over rows of their class's F1"),
    _good("matthews_corrcoef", CLS, of.mcc, "the correlation of predicted and true labels"),
    _bad(
        "log_loss", CLS, _mean(of.log_losses), "how surprised the probabilities were by the truth", losses=of.log_losses
    ),
    _bad("brier_score_loss", BIN, _mean(of.brier), "the squared error of the probabilities", losses=of.brier),
    _bad(
        "root_mean_squared_error",
        REG,
        _root(of.squared),
        "the typical size of an error, large ones counting more",
        losses=of.squared,
    ),
    _bad("mean_squared_error", REG, _mean(of.squared), "the mean squared error", losses=of.squared),
    _bad("mean_absolute_error", REG, _mean(of.absolute), "the mean size of an error", losses=of.absolute),
    _bad("median_absolute_error", REG, lambda y, p: np.median(of.absolute(y, p)), "the middle size of an error"),
    _bad(
        "root_mean_squared_log_error",
        REG,
        _root(of.log_squared),
        "the typical relative error, roughly",
        losses=of.log_squared,
    ),
    _bad(
        "mean_absolute_percentage_error", REG, _mean(of.ape), "the mean error in per cent of the truth", losses=of.ape
    ),
    _good("r2", REG, of.r2, "the share of the target's variance explained"),
)
METRICS = {metric.name: metric for metric in ALL}
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
    """Return the metric used when none is asked for: of.roc_auc, log_loss or root_mean_squared_error."""
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
