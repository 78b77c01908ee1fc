"""From a table and a target to a `Problem`: task, classes, metric, margin and split policy, each with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from treeline.data.policy import choose_policy, choose_repeats
from treeline.data.target import classes_of, place_of, rows_of, task_of
from treeline.errors import DataError, UsageError, nearest, shown
from treeline.problem.metric import default_metric, metric_named
from treeline.problem.problem import Problem
from treeline.problem.task import Policy, Task

if TYPE_CHECKING:
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array, Metric

__all__ = ["ask", "rows_of"]

MIN_ROWS = 10
EXPECTED = 0.5
"A good model is expected to halve the loss of the best constant guess; the default margin of a loss is a share of that."


def ask(  # noqa: PLR0913 (one keyword for each thing that a user may decide)
    dataset: Dataset,
    target: str,
    *,
    task: str | None = None,
    metric: str | None = None,
    margin: float | None = None,
    split: str | None = None,
    repeats: str | None = None,
    group: str | None = None,
    time: str | None = None,
    seed: int = 0,
) -> Problem:
    """Return the problem of predicting `target`; what is not given is inferred, and `why` says how.

    - task: a number is a regression target unless it has two values or looks like class numbers (see `target.py`);
      anything else is a label.
    - classes: numbers rise, words are sorted; of two, `classes[1]` is the positive one: the larger number, the one known as
      positive (yes, true, spam …), else the rarer one.
    - margin: the metric's own, or for losses with a unit 2 % of half the loss of the best constant guess.
    - policy, repeats: see `treeline.data.policy`.

    Raises:
        UsageError: an argument is unknown or does not fit.
        DataError: the target is absent, empty, has one class, a class with one row, or is no such target.
    """
    if target not in dataset.names:
        raise DataError(
            f"There is no column {shown(target)}: {nearest(target, dataset.names)}",
            do="Name the target column as it is written in the data.",
            where=dataset.source,
        )
    where = place_of(dataset, target)
    series = dataset.frame[target].drop_nulls()
    if not len(series):
        raise DataError("Every value of the target is missing.", do="Choose another target.", where=where)
    if len(series) < MIN_ROWS:
        raise DataError(
            f"Only {len(series)} rows have a target; at least {MIN_ROWS} are needed.", do="Add rows.", where=where
        )
    chosen, why_task = task_of(dataset, target, task)
    judge = default_metric(chosen) if metric is None else metric_named(metric, chosen)
    why_metric = f"{judge.name} " + (f"is the default of a {chosen} task" if metric is None else "was asked for")
    draft = Problem(
        task=chosen,
        target=target,
        classes=classes_of(dataset, target, chosen) if chosen.is_classification else (),
        metric=judge,
        margin=0.0,
        policy=Policy.RANDOM,
        seed=seed,
        why={"task": why_task, "metric": why_metric},
    )
    rows, y, _ = rows_of(dataset, draft)
    if judge.name == "root_mean_squared_log_error" and float(y.min()) < 0:
        raise UsageError(
            f"The metric {judge.name} needs a target of zero or more; the smallest value is {y.min():g}.",
            do="Choose root_mean_squared_error.",
        )
    width, why_margin = _margin(judge, margin, y, chosen)
    draft = replace(draft, margin=width, why={**draft.why, "margin": why_margin})
    problem = choose_policy(dataset, draft, rows, y, split=split, group=group, time=time)
    return choose_repeats(dataset, problem, rows, asked=repeats)


def _margin(metric: Metric, asked: float | None, y: Array, task: Task) -> tuple[float, str]:
    if asked is not None:
        if not 0 <= asked < float("inf"):
            raise UsageError(f"The margin is {asked}; it must be zero or more.", do="Give it in the metric's unit.")
        return float(asked), "asked for"
    if not metric.relative_margin:
        return metric.margin, f"{metric.margin:g} {metric.name}, the usual smallest difference that matters"
    guess = _best_constant(metric, y, task)
    width = metric.margin_at(EXPECTED * guess)
    if not width > 0:
        raise DataError("One constant guess is never wrong about this target.", do="Choose another target or metric.")
    return width, (
        f"{metric.margin:.0%} of half the loss of the best constant guess ({guess:.4g}), as a good model about halves that loss"
    )


def _best_constant(metric: Metric, y: Array, task: Task) -> float:
    """The metric's value for the best prediction that is the same for every row."""
    if task is Task.REGRESSION:
        sample = np.random.default_rng(0).choice(y, min(len(y), 20_000), replace=False)
        guesses = [*np.quantile(sample, np.linspace(0, 1, 41)).tolist(), float(sample.mean())]
        return min(metric.score(sample, np.full(len(sample), guess)) for guess in guesses)
    shares = np.bincount(y.astype(np.int64)) / len(y)
    constant = np.full(len(y), shares[1]) if task is Task.BINARY else np.tile(shares, (len(y), 1))
    return metric.score(y, constant)
