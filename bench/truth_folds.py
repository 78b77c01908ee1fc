"""How lucky the models of one fold are: what the interval of a difference must hold where one or two folds were judged.

    python bench/truth.py folds                what every metric, size and number of judged folds says

The worlds are those of `truth.py power` whose sides are unlike learners, judged on the first 1, 2, 3 and 5 of their five folds.
The worlds of a law share their fresh rows, so that the scores of their models there differ by the luck of the models alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from truth_laws import Array, Law
from truth_worlds import Fits, default_margin, fitted, world

from treeline.evidence.influence import score_by_fold
from treeline.evidence.paired import spread_of
from treeline.evidence.scores import Judged
from treeline.evidence.sides import between, measured
from treeline.evidence.unrest import unrest
from treeline.problem.metric import METRICS
from treeline.problem.task import Family, Task

FRESH = 10_000
LAWS = 4
SAMPLES = {1000: 10, 4000: 10, 16_000: 5}
"Worlds of each law, by rows of the table."
JUDGED = (1, 2, 3, 5)
METRICS_OF = {
    Task.BINARY: ("log_loss", "accuracy"),
    Task.MULTICLASS: ("log_loss",),
    Task.REGRESSION: ("root_mean_squared_error",),
}


def fold_jobs() -> list[tuple[Law, int, int]]:
    """Return (law, seed, rows) of every world, spread so that a run that was stopped early has some of each."""
    most = max(SAMPLES.values())
    return [
        (Law(task, law), 1_000_000 * (1 + law) + 100 * rows + number, rows)
        for number in range(most)
        for law in range(LAWS)
        for rows, samples in SAMPLES.items()
        for task in Task
        if number < samples
    ]


def fold_cases(job: Sequence[Any]) -> list[dict[str, Any]]:
    """Return what one world says for every metric and number of judged folds."""
    law, seed, rows = job
    fits = fitted(law, seed, rows, fresh_of=(900_000 + law.seed, FRESH))
    return [
        {"law": law.seed, "seed": seed, "task": str(law.task), "rows": rows} | line
        for metric in METRICS_OF[law.task]
        for line in _seen(fits, metric)
    ]


def _seen(fits: Fits, name: str) -> list[dict[str, Any]]:
    """Return one line for each number of judged folds."""
    metric = METRICS[name]
    drawn, lines = world(fits, metric, "unlike"), []
    margin = default_margin(metric, fits.fresh_y, fits.law.task)
    for folds in JUDGED:
        part = first(drawn.judged, folds)
        known = measured(part, members=False)
        pair = (Family.CLASSICAL, Family.DEEP)
        gap = between(part, known, *pair, margin)
        done = [known.procedures[family] for family in pair]
        bare = spread_of(known.measured[pair[0]], known.measured[pair[1]], None)[0]
        real = [drawn.truth_by_fold(each)[:folds] for each in done]
        scores = [score_by_fold(part.y, each.prediction, metric, part.fold) for each in done]
        lines.append({
            "metric": name, "folds": folds, "judged": len(part.y), "margin": margin, "estimate": gap.estimate,
            "se": gap.se, "interval": list(gap.interval), "rows_se": bare, "unrest": unrest(part, tuple(done), pair),
            "real": (real[1] - real[0]).tolist(), "seen": (scores[1] - scores[0]).tolist(),
        })  # fmt: skip
    return lines


def first(judged: Judged, folds: int) -> Judged:
    """Return what is known after the first folds."""
    seen: Array = judged.fold < folds
    members = tuple(replace(one, predictions=one.predictions[:, seen]) for one in judged.members)
    return replace(judged, y=judged.y[seen], fold=judged.fold[seen], half=judged.half[seen], members=members)


def told(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one line for each metric, number of rows and number of judged folds.

    The truth of a law is what the models of all its worlds score on average. `luck_rows` is the variance of a row's difference
    over that of one fold's models: with so many rows in a fold both weigh the same. It is given for each law.
    """
    every: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        every[one["law"], one["task"], one["metric"], one["rows"], one["folds"]].append(one)
    cells: dict[tuple[Any, ...], list[tuple[float, ...]]] = defaultdict(list)
    luck: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for (law, *kind, folds), worlds in sorted(every.items()):
        real = np.array([one["real"] for one in every[law, *kind, max(JUDGED)]])
        truth = float(real.mean())
        row = float(np.mean([one["rows_se"] ** 2 * one["judged"] for one in worlds]))
        luck[*kind, folds].append(row / float(real.var(ddof=1)))
        for one in worlds:
            low, high = one["interval"]
            cells[*kind, folds].append((one["estimate"] - truth, one["se"], one["rows_se"], low <= truth <= high))
    lines = []
    for key, values in sorted(cells.items()):
        off, se, rows, held = np.array(values, dtype=float).T
        lines.append({
            **dict(zip(("task", "metric", "rows", "folds"), key, strict=True)), "worlds": len(values),
            "held": float(held.mean()), "se_over_scatter": float(np.sqrt(np.mean(se**2) / np.mean(off**2))),
            "scatter_over_rows": float(np.sqrt(np.mean((off / rows) ** 2))), "luck_rows": [round(m) for m in luck[key]],
        })  # fmt: skip
    return lines
