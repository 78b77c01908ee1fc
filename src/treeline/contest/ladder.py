"""The ladder: its rungs, and what its trials say as learning curves: every contender's scores by training rows."""

from __future__ import annotations

import numpy as np

from treeline.contest.fitting import cross_fitted
from treeline.contest.ledger import Ledger
from treeline.contest.roster import other_seeds, references
from treeline.contest.trial import Trial
from treeline.evidence.curves import Curve
from treeline.evidence.curves import gather as curve_of
from treeline.evidence.paired import score_interval
from treeline.problem.problem import Problem
from treeline.problem.task import Policy

__all__ = ["curves_of", "rungs_of"]


def rungs_of(rows: int, *, classes: int = 0, seconds: float = 60.0) -> tuple[float, ...]:
    """Return the shares of rows of the ladder's rungs, lowest first; 1.0 is the top.

    Halvings of the rows, at most six, none below 250 rows or 16 rows a class; with little time the ladder starts lower, at
    the number of rows that a slow candidate can fit within a few seconds.
    """
    floor = max(250, 16 * classes)
    first = max(floor, min(rows / 4, 60.0 * seconds))
    shares = [1.0]
    while len(shares) < 7 and rows * shares[0] / 2 >= floor and (rows * shares[0] > first or len(shares) < 4):
        shares.insert(0, shares[0] / 2)
    return tuple(shares)


def curves_of(ledger: Ledger, problem: Problem) -> list[Curve]:
    """Return every contender's scores by training rows; the noise of a score is its standard error on fold 0."""
    by_entry: dict[str, list[Trial]] = {}
    aside = references(ledger) | set(other_seeds(ledger))
    for trial in ledger.done():
        comparable = trial.fold == 0 or problem.policy is not Policy.TIME  # older folds judge other times
        if comparable and trial.score is not None and trial.entry not in aside:
            by_entry.setdefault(trial.entry, []).append(trial)
    rows = ledger.rows()
    inside = rows["fold"] == 0
    y, half, fold = rows["y"][inside], rows["half"][inside], rows["fold"][inside]
    group = rows["group"][inside] if "group" in rows else None
    curves = []
    for name, trials in by_entry.items():
        first = next((trial for trial in trials if trial.fold == 0), None)
        noise = None
        if first is not None:
            noise = score_interval(
                y, cross_fitted(ledger.predictions(first), half), problem.metric, fold=fold, group=group
            ).se
        shift = _difficulty(name, by_entry)
        records = [(t.rung, t.rows, t.fold, float(t.score or 0.0) + (shift if t.rung < 1.0 else 0.0)) for t in trials]
        curves.append(curve_of(name, trials[0].family, records, noise=noise))
    return curves


def _difficulty(name: str, by_entry: dict[str, list[Trial]]) -> float:
    """Return by how much the mean over an entry's folds at the top is above fold 0's score, the median over all who have them.

    Lower rungs are judged on fold 0 alone: without this a fold that is harder than the others would look like learning.
    """
    tops = {
        other: {trial.fold: float(trial.score or 0.0) for trial in trials if trial.rung == 1.0}
        for other, trials in by_entry.items()
    }
    mine = set(tops[name])
    if 0 not in mine or len(mine) < 2:
        return 0.0
    above = [float(np.mean([top[fold] for fold in mine])) - top[0] for top in tops.values() if mine <= set(top)]
    return float(np.median(above))
