"""Worlds whose true winner is known: out-of-fold predictions drawn from a law, and endless rows to check a verdict on.

Every row has a latent value; a member sees it with an error of its family, of itself, of its fold (the luck of the
training rows) and of its stopping step. Steps are chosen as `Watch` does, by half 0, by half 1 and by all rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeline.evidence.choice import blend
from treeline.evidence.influence import turn
from treeline.evidence.scores import Judged, Member
from treeline.problem.metric import default_metric, metric_named
from treeline.problem.task import Family, Task

if TYPE_CHECKING:
    from treeline.evidence.choice import Procedure
    from treeline.problem.metric import Array, Metric

__all__ = ["World", "world"]

FOLDS = 5
STEPS = 4
UNSEEN = 2500


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What a contest would hand to the verdict, and the same members' predictions for rows that nobody saw."""

    judged: Judged
    truth_y: Array
    truth: dict[str, Array]
    "Per member (3, K, t) or (3, K, t, C): the delivered and the two cross-fitted models of each fold."

    def score(self, procedure: Procedure) -> float:
        """Return the true score of a procedure, turned so that larger is better: the mean over halves and folds."""
        metric = self.judged.metric
        found = []
        for half, weights in enumerate(procedure.weights_by_half):
            for fold in range(FOLDS):
                stack = [self.truth[name][half, fold] for name in procedure.names]
                found.append(turn(metric, metric.score(self.truth_y, blend(stack, weights))))
        return float(np.mean(found))

    def difference(self, classical: Procedure, deep: Procedure) -> float:
        """Return by how much the deep procedure is truly better, in the metric's unit."""
        return self.score(deep) - self.score(classical)


@dataclass(frozen=True, slots=True)
class _Law:
    """How a member sees the latent value (rows, width)."""

    task: Task
    family: float
    own: float = 0.5
    fold: float = 0.15
    step: float = 0.2


def world(
    seed: int,
    *,
    rows: int = 600,
    gap: float = 0.0,
    members: tuple[int, int] = (3, 3),
    metric: Metric | str | None = None,
    classes: int = 2,
    groups: int = 0,
) -> World:
    """Draw a world. `gap` > 0 makes every classical member noisier, so that the deep side truly wins; 0 is a null world.

    `members` are the classical and the deep contenders; `classes` is 0 for regression; with `groups` the rows of a group
    share their latent value in part, and so their errors.
    """
    rng = np.random.default_rng(seed)
    task = Task.REGRESSION if classes == 0 else Task.BINARY if classes == 2 else Task.MULTICLASS
    judge = (
        default_metric(task) if metric is None else metric_named(metric, task) if isinstance(metric, str) else metric
    )
    width = classes if task is Task.MULTICLASS else 1
    unseen = UNSEEN
    total = rows + unseen
    group = np.sort(rng.integers(0, groups, rows)) if groups else None
    latent, y = _truth(rng, total, width, task)
    shared = _group_noise(rng, group, total, width, groups)
    fold = np.empty(rows, dtype=np.int64)
    unit = np.arange(rows) if group is None else group
    fold[:] = rng.permutation(int(unit.max()) + 1)[unit] % FOLDS
    half = rng.integers(0, 2, rows)
    made, truth = [], {}
    for family, count in zip((Family.CLASSICAL, Family.DEEP), members, strict=True):
        law = _Law(task, 0.5 + (gap if family is Family.CLASSICAL else 0.0))
        common = rng.normal(size=latent.shape) * law.family
        for k in range(count):
            name = f"{family}-{k}"
            seen = latent + common + shared[family] + rng.normal(size=latent.shape) * law.own
            kept, out = _member(rng, seen, (y, fold, half), judge, law)
            made.append(Member(name=name, family=family, predictions=kept))
            truth[name] = out
    judged = Judged(y=y[:rows], fold=fold, half=half, metric=judge, members=tuple(made), group=group)
    return World(judged, y[rows:], truth)


def _truth(rng: np.random.Generator, total: int, width: int, task: Task) -> tuple[Array, Array]:
    latent = rng.normal(size=(total, width)) * 1.5
    if task is Task.REGRESSION:
        return latent, latent[:, 0] + rng.normal(size=total)
    if task is Task.BINARY:
        return latent, (rng.random(total) < _squash(latent, task)).astype(np.int64)
    noisy = latent + rng.gumbel(size=latent.shape)
    return latent, noisy.argmax(axis=1)


def _group_noise(
    rng: np.random.Generator, group: Array | None, total: int, width: int, groups: int
) -> dict[Family, Array]:
    """Errors that all members of a family make alike on the rows of a group; unseen rows are groups of their own."""
    found = {}
    for family in Family:
        noise = np.zeros((total, width))
        if group is not None:
            noise = rng.normal(size=(total, width)) * 0.7
            noise[: len(group)] = (rng.normal(size=(groups, width)) * 0.7)[group]
        found[family] = noise
    return found


def _squash(latent: Array, task: Task) -> Array:
    if task is Task.REGRESSION:
        return np.asarray(latent[:, 0])
    if task is Task.BINARY:
        return np.asarray(1.0 / (1.0 + np.exp(-latent[:, 0])))
    high = np.exp(latent - latent.max(axis=1, keepdims=True))
    return np.asarray(high / high.sum(axis=1, keepdims=True))


def _member(
    rng: np.random.Generator, seen: Array, where: tuple[Array, Array, Array], metric: Metric, law: _Law
) -> tuple[Array, Array]:
    """Return the kept (3, m, …) predictions and those for unseen rows (3, K, t, …); steps chosen fold by fold."""
    y, fold, half = where
    m = len(fold)
    kept, out = [], []
    for k in range(FOLDS):
        shrink = 1.0 + rng.normal() * law.fold
        steps = [_squash(seen * shrink + rng.normal(size=seen.shape) * law.step, law.task) for _ in range(STEPS)]
        rows = np.flatnonzero(fold == k)
        parts = [rows[half[rows] == 0], rows[half[rows] == 1], rows]
        best = [
            int(np.argmin(np.nan_to_num([metric.loss(y[part], step[part]) for step in steps], nan=np.inf)))
            for part in parts
        ]
        kept.append((rows, np.stack([steps[b][rows] for b in best])))
        out.append(np.stack([steps[b][m:] for b in best]))
    whole = np.empty((3, m, *kept[0][1].shape[2:]), dtype=np.float32)
    for rows, values in kept:
        whole[:, rows] = values
    return whole, np.stack(out, axis=1).astype(np.float32)
