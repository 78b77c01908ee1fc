"""How much one column alone says about the target, without fitting a model.

Every value (a number goes by its bin) predicts what rows with that value had in the other half of the sample. The strength is
0 for nothing and 1 for everything: 2 AUC - 1 of two classes, the share of errors saved of many (as in the predictive power
score, Wetschoreck 2020), R2 of a number. Numbers are also judged by their order and by a straight line, which bins blur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.column import Kind
from treeline.problem.metric import auc
from treeline.problem.task import Task

if TYPE_CHECKING:
    from treeline.data.view import View
    from treeline.problem.metric import Array

__all__ = ["bins", "order_strength", "ranks", "strength", "strengths", "value_strength"]

LEVELS = 2000
"Of a category with more levels, further ones are one level."
DETAILED = 300
"Of wider tables the columns that correlate most are looked at one by one."


def ranks(values: Array) -> Array:
    """Return the mean ranks (n,) of values (n,), scaled to 0..1."""
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - count / 2)[code] / len(values))


def bins(values: Array) -> Array:
    """Return (n,) codes: 0 for NaN, then rising by value; each value its own bin if they are few, else equal shares."""
    known = np.isfinite(values)
    distinct = np.unique(values[known])
    count = int(min(200, max(4, np.sqrt(len(values)))))
    edges = distinct
    if len(distinct) > 1.5 * count:
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, count + 1)[1:]))
    codes = np.zeros(len(values), dtype=np.int64)
    codes[known] = 1 + np.searchsorted(edges, values[known], side="left")
    return codes


def strength(codes: Array, y: Array, task: Task) -> float:
    """Return the strength of codes (n,) for the target (n,), predicting each half of the rows from the other half."""
    size = int(codes.max(initial=0)) + 1
    half = np.random.default_rng(0).permutation(len(y)) % 2
    if task is Task.MULTICLASS:
        return _errors_saved(codes, y.astype(np.int64), half, size)
    goals = (y, ranks(y)) if task is Task.REGRESSION else (y.astype(np.float64),)
    best = 0.0
    for goal in goals:
        guess = np.empty(len(y))
        for side in (0, 1):
            train = half == side
            mean = goal[train].mean()
            total = np.bincount(codes[train], weights=goal[train] - mean, minlength=size)
            guess[~train] = mean + (total / (np.bincount(codes[train], minlength=size) + 1e-3))[codes[~train]]
        if task is Task.BINARY:
            parts = [auc(goal[half == side] == 1, guess[half == side]) for side in (0, 1)]
            best = max(best, 2 * float(np.mean(parts)) - 1)
        else:
            spread = float(((goal - goal.mean()) ** 2).sum())
            best = max(best, 1 - float(((goal - guess) ** 2).sum()) / spread if spread > 0 else 0.0)
    return best if np.isfinite(best) else 0.0


def _errors_saved(codes: Array, y: Array, half: Array, size: int) -> float:
    classes = int(y.max(initial=0)) + 1
    if size * classes > 4_000_000:
        return 0.0
    right = 0
    for side in (0, 1):
        train, test = half == side, half != side
        table = np.bincount(codes[train] * classes + y[train], minlength=size * classes).reshape(size, classes)
        # The commonest class wins where a value was not seen.
        guess = (table + np.bincount(y[train], minlength=classes) / len(y)).argmax(axis=1)
        right += int((guess[codes[test]] == y[test]).sum())
    base = int(np.bincount(y).max())
    return (right - base) / (len(y) - base) if len(y) > base else 0.0


def order_strength(values: Array, y: Array, task: Task) -> float:
    """Return the strength of the order (or the straight line) of values (n,); 0 for multiclass and for much missing."""
    known = np.isfinite(values)
    if task is Task.MULTICLASS or known.mean() < 0.95:
        return 0.0
    x, goal = values[known], y[known]
    if task is Task.BINARY:
        area = auc(goal == 1, x)
        return abs(2 * area - 1) if np.isfinite(area) else 0.0
    pairs = ((x, goal), (ranks(x), ranks(goal)))
    with np.errstate(invalid="ignore", over="ignore"):
        found = [float(np.corrcoef(a, b)[0, 1]) ** 2 for a, b in pairs if np.ptp(a) > 0 and np.ptp(b) > 0]
    return max((value for value in found if np.isfinite(value)), default=0.0)


def value_strength(values: Array, y: Array, task: Task) -> float:
    """Return the strength of numbers (n,), NaN for missing."""
    return max(strength(bins(values), y, task), order_strength(values, y, task))


def strengths(view: View, names: list[str]) -> dict[str, float]:
    """Return the strength of each of these columns (of the likely ones where they are many), strongest first."""
    assert view.problem is not None
    task, y = view.problem.task, view.y[view.sample]
    kinds = {column.name: column.kind for column in view.columns}
    found: dict[str, float] = {}
    for name in _likely(view, names) if len(names) > DETAILED else names:
        if kinds[name] in (Kind.NUMBER, Kind.DATE):
            found[name] = value_strength(view.numbers(name), y, task)
        else:
            codes = view.codes(name)
            common = np.argsort(-np.bincount(codes), kind="stable")
            place = np.full(len(common), LEVELS)
            place[common[:LEVELS]] = np.arange(min(LEVELS, len(common)))
            found[name] = strength(place[codes], y, task)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _likely(view: View, names: list[str]) -> list[str]:
    """The columns that correlate most with the target (linearly, by value or by being missing), and the first categories."""
    import polars as pl

    assert view.problem is not None
    kinds = {column.name: column.kind for column in view.columns}
    numeric = [name for name in names if kinds[name] is Kind.NUMBER]
    others = [name for name in names if kinds[name] is not Kind.NUMBER][:DETAILED]
    y = view.y[view.sample].astype(np.float64)
    goals = np.stack([y, ranks(y)], axis=1)
    if view.problem.task is Task.MULTICLASS:
        common = np.argsort(-np.bincount(y.astype(np.int64)), kind="stable")[:20]
        goals = (y[:, None] == common).astype(np.float64)
    goals = (goals - goals.mean(axis=0)) / (goals.std(axis=0) + 1e-12)
    score = np.zeros(len(numeric))
    for start in range(0, len(numeric), 2000):
        part = numeric[start : start + 2000]
        block = view.frame.select(pl.col(part).cast(pl.Float64))[view.sample].to_numpy()
        gone = ~np.isfinite(block)
        for x in (np.where(gone, np.nan, block), gone.astype(np.float64)):
            mean = np.nansum(x, axis=0) / np.maximum(1, (~np.isnan(x)).sum(axis=0))
            flat = np.nan_to_num(x - mean)
            scale = np.sqrt((flat**2).mean(axis=0))
            link = np.abs(flat.T @ goals).max(axis=1) / (len(y) * np.where(scale > 0, scale, np.inf))
            score[start : start + len(part)] = np.maximum(score[start : start + len(part)], link)
    best = np.argsort(-score, kind="stable")[:DETAILED]
    return [numeric[i] for i in np.sort(best)] + others
