"""The worlds of `truth.py`: real learners on drawn samples of a known law, judged as a contest's ledger is judged.

Eight contenders are fitted in five folds: two learners x two settings x two seeds. They are dealt to the sides in two ways:
`same`: one seed of everything to each side, so the sides are exchangeable and the true difference is zero, unless an error is
added to one side; `unlike`: trees against the smooth learner, whose true difference is what the law makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from truth_laws import Array, Law, shifted, smooth, trees

from treeline.evidence.advice import SURE, Share
from treeline.evidence.choice import Procedure, blend, procedure
from treeline.evidence.influence import measure, score_by_fold, turn
from treeline.evidence.judge import judge
from treeline.evidence.paired import three_way
from treeline.evidence.scores import Judged, Member
from treeline.problem.metric import METRICS, Metric
from treeline.problem.task import Family, Task

FOLDS = 5
FRESH = 4000
"Unseen rows of each world; a cell's truth is the mean over its worlds, so their noise averages out."
ASKED = {
    Task.BINARY: ("log_loss", "roc_auc", "accuracy"),
    Task.MULTICLASS: ("log_loss", "accuracy"),
    Task.REGRESSION: ("root_mean_squared_error", "mean_absolute_error"),
}
SHARES = {family: Share(contenders=4, cpu_s=1.0, fit_cpu_s=1.0) for family in Family}
EXPECTED = 0.5


@dataclass(frozen=True)
class Fits:
    """All that was fitted on one sample: predictions at three stages, out of fold and for fresh rows."""

    law: Law
    x: Array
    y: Array
    fold: Array
    half: Array
    held: dict[tuple[str, int, int], Array]
    "By learner, setting, seed: (stages, n) or (stages, n, C)."
    fresh_x: Array
    fresh_y: Array
    fresh: dict[tuple[str, int, int], Array]
    "(folds, stages, FRESH) or (folds, stages, FRESH, C)."


def fitted(law: Law, seed: int, rows: int, *, fresh_of: tuple[int, int] | None = None) -> Fits:
    """Draw a sample and fit all eight contenders; `fresh_of` (seed, rows) gives the worlds of a law the same fresh rows."""
    rng = np.random.default_rng(seed)
    x, y = law.draw(rng, rows)
    fresh_x, fresh_y = law.draw(np.random.default_rng(fresh_of[0]), fresh_of[1]) if fresh_of else law.draw(rng, FRESH)
    fold, half = rng.permutation(rows) % FOLDS, rng.integers(0, 2, rows)
    held, fresh = {}, {}
    for name, fit in (("trees", trees), ("smooth", smooth)):
        for setting in (0, 1):
            for side in (0, 1):
                parts, out = None, []
                for k in range(FOLDS):
                    inside = fold == k
                    own = int(rng.integers(2**31))
                    stages = fit(x[~inside], y[~inside], law.task, setting=setting, seed=own)
                    kept = np.stack(stages(x[inside]))
                    if parts is None:
                        parts = np.empty((len(kept), rows, *kept.shape[2:]))
                    parts[:, inside] = kept
                    out.append(np.stack(stages(fresh_x)))
                held[name, setting, side], fresh[name, setting, side] = parts, np.stack(out)
    return Fits(law, x, y, fold, half, held, fresh_x, fresh_y, fresh)


def dealt(fits: Fits, deal: str) -> dict[Family, list[tuple[str, int, int]]]:
    """Return which contenders play for which side."""
    keys = list(fits.held)
    if deal == "same":
        return {family: [key for key in keys if key[2] == side] for side, family in enumerate(Family)}
    return {
        family: [key for key in keys if key[0] == name]
        for name, family in zip(("trees", "smooth"), Family, strict=True)
    }


@dataclass(frozen=True)
class World:
    """What evidence judges, and the predictions of the same models for fresh rows."""

    judged: Judged
    fresh_y: Array
    fresh: dict[str, Array]
    "Per member (2, folds, FRESH, ...): at the stages that half 0 and half 1 chose."

    def truth(self, done: Procedure) -> float:
        """Return the score of a procedure on fresh rows, larger is better: the mean over halves and folds."""
        return float(self.truth_by_fold(done).mean())

    def truth_by_fold(self, done: Procedure) -> Array:
        """Return the (folds,) scores of a procedure's models on fresh rows, the mean over halves."""
        metric = self.judged.metric
        found = [
            turn(metric, metric.score(self.fresh_y, blend([self.fresh[name][h, k] for name in done.names], weights)))
            for h, weights in enumerate(done.weights_by_half)
            for k in range(FOLDS)
        ]
        return np.reshape(found, (-1, FOLDS)).mean(axis=0)


def world(fits: Fits, metric: Metric, deal: str, size: float = 0.0) -> World:
    """Deal the contenders, add an error of `size` to the classical side, choose stages as `candidates.card.Watch` does."""
    members, fresh, task = [], {}, fits.law.task
    for family, keys in dealt(fits, deal).items():
        for key in keys:
            more = size if family is Family.CLASSICAL else 0.0
            held = shifted(fits.held[key], fits.x, task, more)
            out = shifted(fits.fresh[key], fits.fresh_x, task, more)
            kept, taken = np.empty((3, *held.shape[1:]), dtype=np.float32), []
            for k in range(FOLDS):
                rows = np.flatnonzero(fits.fold == k)
                best = [_best(metric, fits.y, held, part) for part in (*_halves(fits, rows), rows)]
                kept[:, rows] = np.stack([held[b][rows] for b in best])
                taken.append(out[k][best[:2]])
            name = f"{family}:{'-'.join(map(str, key))}"
            members.append(Member(name=name, family=family, predictions=kept))
            fresh[name] = np.stack(taken, axis=1)
    judged = Judged(y=fits.y, fold=fits.fold, half=fits.half, metric=metric, members=tuple(members))
    return World(judged, fits.fresh_y, fresh)


def _halves(fits: Fits, rows: Array) -> list[Array]:
    return [rows[fits.half[rows] == h] for h in (0, 1)]


def _best(metric: Metric, y: Array, held: Array, rows: Array) -> int:
    return int(np.argmin(np.nan_to_num([metric.loss(y[rows], stage[rows]) for stage in held], nan=np.inf)))


def default_margin(metric: Metric, y: Array, task: Task) -> float:
    """Return the margin that `treeline run` would take: for losses 2% of half the loss of a constant guess."""
    if not metric.relative_margin:
        return metric.margin
    if task is Task.REGRESSION:
        guess = np.full(len(y), np.median(y) if metric.name == "mean_absolute_error" else y.mean())
    else:
        shares = np.bincount(y) / len(y)
        guess = np.full(len(y), shares[1]) if task is Task.BINARY else np.tile(shares, (len(y), 1))
    return metric.margin_at(EXPECTED * metric.score(y, guess))


def case(fits: Fits, metric_name: str, deal: str, size: float = 0.0) -> dict[str, Any]:
    """Return what the evidence said of a world and what is true of it."""
    metric = METRICS[metric_name]
    drawn = world(fits, metric, deal, size)
    margin = default_margin(metric, fits.fresh_y, fits.law.task)
    said = judge(drawn.judged, margin=margin, shares=SHARES)
    gap, n = said.difference, len(fits.y)
    assert gap is not None and said.both is not None and said.choice is not None
    truths = {family: drawn.truth(procedure(drawn.judged, family)) for family in (*Family, None)}
    at_zero = three_way(gap.estimate, gap.scale, 0.0, gap.df)
    wide = [part for part in gap.corrected_for if part.startswith("choosing anew")]
    return {
        "task": str(fits.law.task), "metric": metric_name, "rows": n, "deal": deal, "size": size, "margin": margin,
        "call": str(said.call), "estimate": gap.estimate, "se": gap.se, "luck": gap.luck, "scale": gap.scale,
        "df": gap.df,
        "p_better": gap.p_better, "p_worse": gap.p_worse,
        "unrest": float(wide[0].rsplit(" ", 1)[1].rstrip(")")) if wide else 1.0,
        "called_at_zero": "DEEP" if at_zero[0] >= SURE else "CLASSICAL" if at_zero[2] >= SURE else "",
        "truth": truths[Family.DEEP] - truths[Family.CLASSICAL],
        **_by_fold(drawn.judged),
        "choice": {"side": said.choice.side, "because": str(said.choice.because)},
        "choice_lead": _lead(truths, said.choice.family),
        "gain_truth": truths[None] - max(truths[Family.DEEP], truths[Family.CLASSICAL]),
    }  # fmt: skip


def _lead(truths: dict[Family | None, float], side: Family | None) -> float:
    """Return by how much the chosen side is truly ahead of the other, or the blend of both of the better one."""
    if side is None:
        return truths[None] - max(truths[Family.DEEP], truths[Family.CLASSICAL])
    return truths[side] - truths[side.other]


def _by_fold(judged: Judged) -> dict[str, float]:
    """Return the variance of the folds' differences, and what the rows alone say it should be."""
    done = [procedure(judged, family).prediction for family in Family]
    pulls = [each.influence for each in measure(judged.y, done, judged.metric, fold=judged.fold)]
    scores = [score_by_fold(judged.y, each, judged.metric, judged.fold) for each in done]
    pull = pulls[1] - pulls[0]
    within = [np.var(pull[judged.fold == k], ddof=1) / (judged.fold == k).sum() for k in range(FOLDS)]
    return {"between": float(np.var(scores[1] - scores[0], ddof=1)), "within": float(np.mean(within))}


def cases(job: Sequence[Any]) -> list[dict[str, Any]]:
    """Return all cases of one job: (law, seed, rows, list of (metric, deal, size))."""
    law, seed, rows, asked = job
    fits = fitted(law, seed, rows)
    return [{"shuffled": law.shuffled, "law": law.seed, **case(fits, *each)} for each in asked]
