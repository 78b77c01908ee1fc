"""A family as a procedure: "the best it could do with its share", picking and blending included and paid for.

Ensemble selection of Caruana, Niculescu-Mizil, Crew and Ksikes (ICML 2004) with replacement, started from the single best
member. What half h of the rows chooses is judged on the other half, so best-of-many flatters nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.errors import DataError
from treeline.problem.metric import EPS
from treeline.problem.scoring import log_losses

if TYPE_CHECKING:
    from treeline.evidence.scores import Judged
    from treeline.problem.metric import Array, Metric
    from treeline.problem.task import Family

__all__ = ["Procedure", "blend", "choose", "procedure", "weights_for"]

ROUNDS = 40
CAP = 20_000
"Rows that a choice looks at: more do not change it, and evidence must stay cheap."
RANK_CAP = 3_000
"Rows on which members are ranked one by one."
BEST = 4
SHRINK = 50
WITHIN = 2.0
"Standard errors of the paired difference up to which a member may be as good as the best one."
SHOWN, WORTH = 3.0, 0.1
"Where the best one beats a constant guess by so many of them, who gains less than this share of its gain is at a guess's level."
LEAST = 0.01
"Smaller weights are not worth a model's prediction time."
LIKELIHOOD = ("log_loss", "roc_auc", "roc_auc_ovr", "average_precision")
SQUARES = ("root_mean_squared_error", "mean_squared_error", "r2")
RELATIVE = ("root_mean_squared_log_error", "mean_absolute_percentage_error")
"Metrics for which a plain squared error would look at the largest targets only."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Procedure:
    """What a family (or both together) delivers, and its honest out-of-fold predictions."""

    names: tuple[str, ...]
    prediction: Array
    "(m,) or (m, C); each row by the stops and weights that the other half chose."
    weights_by_half: Array
    "(2, k): what half 0 and half 1 chose."
    weights_all: Array
    "(k,): what all rows choose, for the model that is delivered."
    champions: tuple[str, str, str]
    "The single best member by half 0, half 1 and all rows."

    def weights(self) -> dict[str, float]:
        """Return the delivered weights above zero by name, largest first."""
        order = np.argsort(-self.weights_all, kind="stable")
        return {self.names[i]: float(self.weights_all[i]) for i in order if self.weights_all[i] > 0}


def procedure(judged: Judged, family: Family | None) -> Procedure:
    """Return the cross-fitted procedure of a family, or of both together for None.

    Raises:
        DataError: the family has no member.
    """
    members = judged.of(family)
    if not members:
        raise DataError(f"No member of the {family or 'two'} side was judged.", do="Look at why its trials failed.")
    halves = [np.flatnonzero(judged.half == h) for h in (0, 1)]
    prediction = np.empty(members[0].predictions.shape[1:], dtype=np.float64)
    chosen: list[Array] = []
    champions: list[str] = []
    for slot, rows in enumerate([*halves, np.arange(len(judged.y))]):
        stack = [member.predictions[slot] for member in members]
        seen = rows if len(rows) <= CAP else np.random.default_rng(slot).choice(rows, CAP, replace=False)
        weights, best = _picked([each[seen] for each in stack], judged.y[seen], judged)
        chosen.append(weights)
        champions.append(members[best].name)
        if slot < 2:
            other = halves[1 - slot]
            prediction[other] = blend([each[other] for each in stack], weights)
    return Procedure(
        names=tuple(member.name for member in members),
        prediction=prediction,
        weights_by_half=np.stack(chosen[:2]),
        weights_all=chosen[2],
        champions=(champions[0], champions[1], champions[2]),
    )


def blend(stack: Sequence[Array], weights: Array) -> Array:
    """Return the weighted mean of k predictions, (n,) or (n, C), float64."""
    total = np.zeros(stack[0].shape, dtype=np.float64)
    for each, weight in zip(stack, weights, strict=True):
        if weight > 0:
            total += weight * each
    return total


def weights_for(stack: Sequence[Array], y: Array, judged: Judged) -> Array:
    """Return the (k,) weights that a side chooses on these rows: a blend, or its champion where nothing can be blended."""
    return _picked(stack, y, judged)[0]


def _picked(stack: Sequence[Array], y: Array, judged: Judged) -> tuple[Array, int]:
    weights, best = _choose(stack, y, judged.metric)
    return (weights if judged.blends else np.eye(len(stack))[best]), best


def choose(stack: Sequence[Array], y: Array, metric: Metric, *, rows: Array | None = None) -> Array:
    """Return the (k,) weights, summing to one, that blend k predictions (n,) or (n, C) best on `rows`."""
    if rows is not None:
        stack, y = [each[rows] for each in stack], y[rows]
    return _choose(stack, y, metric)[0]


def _choose(stack: Sequence[Array], y: Array, metric: Metric) -> tuple[Array, int]:
    """Return weights and the single best member.

    Greedy weights are drawn towards an equal blend of those among the best few that these rows cannot tell from the best one; it
    counts as much as `SHRINK` rows: better on halves of 60 rows, within 0.3% of plain greedy selection on larger ones
    (docs/decisions/0005-evidence.md, 0024). Who is no better than a constant guess where others are has no part.
    """
    k = len(stack)
    if len(y) == 0:  # nobody chose: an equal blend
        return np.full(k, 1.0 / k), 0
    if k == 1:
        return np.ones(1), 0
    step = max(1, len(y) // RANK_CAP)
    seen, some = y[::step], [each[::step] for each in stack]
    alone = np.nan_to_num([metric.loss(seen, p) for p in some], nan=np.inf)
    order = np.argsort(alone, kind="stable")
    worth, level = _worth(seen, some, metric, int(order[0]))
    kept = np.flatnonzero(worth).tolist()
    counts = np.zeros(k)
    counts[kept] = _greedy(_candidate_losses([stack[i] for i in kept], y, metric), len(kept))
    few = level & np.isin(np.arange(k), order[:BEST])
    weights = (len(y) * counts / counts.sum() + SHRINK * few / few.sum()) / (len(y) + SHRINK)
    weights = np.where(weights < LEAST, 0.0, weights)
    return weights / weights.sum(), int(order[0])


def _worth(y: Array, stack: Sequence[Array], metric: Metric, best: int) -> tuple[Array, Array]:
    """Return (k,) who is better than a constant guess, and who of them these rows cannot tell from the best one."""
    losses = np.stack([_row_losses(y, p, metric) for p in stack])
    with np.errstate(invalid="ignore"):  # a loss may be infinite
        gain = _row_losses(y, _constant(y, stack[best], metric), metric) - losses
        worth = np.ones(len(stack), dtype=bool)
        if gain[best].mean() > SHOWN * _se(gain[best]):
            worth = gain.mean(axis=1) > WORTH * gain[best].mean()
        behind = losses - losses[best]
        level = worth & (behind.mean(axis=1) <= WITHIN * _se(behind))
    worth[best] = level[best] = True
    return worth, level


def _se(each: Array) -> Array:
    """Return the standard error of the mean over the last axis; no number where one row says nothing of it."""
    n = each.shape[-1]
    return np.asarray(each.std(axis=-1, ddof=1) / np.sqrt(n) if n > 1 else np.full(each.shape[:-1], np.inf))


def _row_losses(y: Array, p: Array, metric: Metric) -> Array:
    """Return (n,) losses that stand in for the metric where it has none, as they do in the greedy selection."""
    found = metric.losses(y, p)
    if found is not None:
        return found
    if metric.name in LIKELIHOOD:
        return log_losses(y, p)
    truth = np.eye(p.shape[1])[y.astype(np.int64)] if p.ndim == 2 else y
    return np.asarray(((p - truth) ** 2).reshape(len(y), -1).sum(axis=1))


def _constant(y: Array, like: Array, metric: Metric) -> Array:
    """Return the predictions of a constant guess from these targets."""
    if like.ndim == 2:
        return np.tile(np.bincount(y.astype(np.int64), minlength=like.shape[1]) / len(y), (len(y), 1))
    squares = y.dtype.kind != "f" or metric.name in SQUARES
    return np.full(len(y), y.mean() if squares else np.median(y))


def _greedy(losses: Callable[[Array], Array], k: int) -> Array:
    """Return how often each member was picked when the blend was best; ties prefer members already in."""
    counts = np.zeros(k, dtype=np.int64)
    best_counts, best_loss = counts, np.inf
    for _ in range(ROUNDS):
        tried = np.round(losses(counts), 6)
        pick = int(np.argmin(np.where(counts > 0, tried, tried + 1e-9)))
        counts = counts + (np.arange(k) == pick)
        if tried[pick] < best_loss:
            best_counts, best_loss = counts, tried[pick]
    return best_counts


def _candidate_losses(stack: Sequence[Array], y: Array, metric: Metric) -> Callable[[Array], Array]:
    """Return a function of the counts so far (k,) that gives the loss (k,) of adding each member once more.

    Log-loss stands in for the ranking metrics, squared error for labels and for regression metrics in the target's unit: fast,
    and smoother than the metric itself on small halves. Relative errors stand for themselves (docs/decisions/0005-evidence.md).
    """
    if metric.name in RELATIVE:
        return _relative(stack, y, metric)
    return _surprise(stack, y) if metric.name in LIKELIHOOD else _quadratic(stack, y)


def _surprise(stack: Sequence[Array], y: Array) -> Callable[[Array], Array]:
    """Log-loss: only the probability given to the true class matters."""
    rows, codes = np.arange(len(y)), y.astype(np.int64)
    truth = np.stack([np.where(codes == 1, p, 1 - p) if p.ndim == 1 else p[rows, codes] for p in stack])
    truth = np.clip(truth, EPS, 1.0).astype(np.float32)

    def losses(counts: Array) -> Array:
        mixed = (counts.astype(np.float32) @ truth + truth) / np.float32(counts.sum() + 1)
        return np.asarray(-np.log(mixed).mean(axis=1, dtype=np.float64))

    return losses


def _relative(stack: Sequence[Array], y: Array, metric: Metric) -> Callable[[Array], Array]:
    """The metric's own losses of the rows, of all members at once and in float32, which is four times faster."""
    every, truth = np.stack(stack).astype(np.float32), y.astype(np.float32)
    logs, size = np.log(1 + np.maximum(truth, 0)), np.maximum(np.abs(truth), np.float32(EPS))

    def losses(counts: Array) -> Array:
        mixed = (counts.astype(np.float32) @ every + every) / np.float32(counts.sum() + 1)
        if metric.name == "root_mean_squared_log_error":
            errors = (np.log(1 + np.maximum(mixed, 0)) - logs) ** 2
        else:
            errors = np.abs(mixed - truth) / size
        return np.asarray(errors.mean(axis=1, dtype=np.float64))

    return losses


def _quadratic(stack: Sequence[Array], y: Array) -> Callable[[Array], Array]:
    """Squared error (Brier for labels), through the (k, k) products of the members' errors."""
    truth: Any = y.astype(np.float64)
    if stack[0].ndim == 2:
        truth = np.eye(stack[0].shape[1])[y.astype(np.int64)]
    errors = np.stack([(p - truth).ravel() for p in stack])
    gram = errors @ errors.T / len(y)
    scale = max(float(np.diag(gram).min()), EPS)

    def losses(counts: Array) -> Array:
        size = counts.sum() + 1
        return np.asarray((counts @ gram @ counts + 2 * gram @ counts + np.diag(gram)) / (size**2 * scale))

    return losses
