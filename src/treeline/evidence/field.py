"""Doubt about the field: what a side might have scored with other contenders or settings, and what cannot be seen at all.

A side that is behind may be behind because of what it fielded. By how much a better contender would move it was measured on
public results, with half of the contenders left out (docs/decisions/0024, `bench/truth_field.py`): it goes with the side's loss,
falls with the number of contenders, and is larger where the side hangs on its best one. A side that is ahead has shown what it
can do: other contenders would not take that away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from treeline.evidence.choice import procedure
from treeline.evidence.influence import score_of, turn

if TYPE_CHECKING:
    from treeline.evidence.choice import Procedure
    from treeline.evidence.scores import Judged
    from treeline.problem.metric import Array, Metric
    from treeline.problem.task import Family

__all__ = ["FEW_UNITS", "UNSEEN", "Upside", "most_said", "unseen_doubts", "upside"]

OF_LOSS = 0.01
"What another contender may win, as a share of the loss of a side with one contender; it falls with the root of their number."
OF_BEST = 0.05
"The same, as a share of what the side would lose without its best contender."
FEW_UNITS = 20
"Fewer groups say little of what another group brings."
UNSEEN = 0.03
"What each doubt that cannot be seen takes from a probability: 98% is the most that is said with one, and three make no call."


@dataclass(frozen=True, slots=True)
class Upside:
    """By how much a side might have been better, in the metric's unit."""

    scale: float = 0.0
    "Of a Student with `luck.FIELD_DF`."
    spread: float = 0.0
    "Standard deviation of the scores of its contenders."


def upside(judged: Judged, family: Family, done: Procedure, scores: Sequence[float]) -> Upside:
    """Return how much better a side might have been; `scores` are those of its single contenders, nan where not known."""
    members = judged.of(family)
    score = score_of(judged.y, done.prediction, judged.metric, fold=judged.fold)
    known = np.asarray([one for one in scores if np.isfinite(one)])
    hangs = 0.0
    if len(members) > 1:
        best = done.names[int(done.weights_all.argmax())]
        rest = replace(judged, members=tuple(one for one in members if one.name != best))
        without = score_of(judged.y, procedure(rest, None).prediction, judged.metric, fold=judged.fold)
        hangs = max(turn(judged.metric, score) - turn(judged.metric, without), 0.0)
    scale = np.hypot(OF_LOSS / np.sqrt(max(len(members), 1)) * _loss(score, judged.metric), OF_BEST * hangs)
    return Upside(float(np.nan_to_num(scale)), float(known.std(ddof=1)) if len(known) > 1 else 0.0)


def unseen_doubts(folds: Array, groups: int | None, *, spread: float, estimate: float) -> list[str]:
    """Return what makes a difference doubtful beyond any number, in words.

    Args:
        folds: (K,) the differences of the judged folds.
        groups: how many groups were judged; None where rows form none.
        spread: how far the contenders of the side behind differ (`Upside.spread`).
        estimate: the difference.
    """
    found = ["only one fold was judged"] if len(folds) < 2 else []
    if groups is not None and groups < FEW_UNITS:
        found.append(f"fewer than {FEW_UNITS} groups were judged")
    if spread > abs(estimate):
        found.append("the contenders of the side behind differ by more than the lead")
    return found


def most_said(doubts: int) -> float:
    """Return the largest probability that is given to a side with so many doubts that cannot be seen."""
    kept = (1 - UNSEEN) ** doubts
    return kept + (1 - kept) / 3


def _loss(score: float, metric: Metric) -> float:
    """Return what is missing from a perfect score."""
    return abs(1 - score) if metric.greater_is_better else abs(score)
