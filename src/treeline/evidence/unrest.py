"""Choosing anew: how much wider a difference scatters because another sample would have chosen otherwise.

The choice is cross-fitted, so it flatters nobody; but where contenders are nearly equal the scores of the two halves lean the
same way, and the rows alone do not show it (docs/decisions/0009). So rows are resampled, both sides choose again in every
resample, and the scatter is compared with that of the choice that was made. A resample has the noise of the sample and its
own, so choices flip in it more often than from sample to sample: half of the variance that is found more counts (0017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.evidence.choice import blend, weights_for
from treeline.evidence.influence import resampled
from treeline.problem.scoring import log_losses, squared

if TYPE_CHECKING:
    from treeline.evidence.choice import Procedure
    from treeline.evidence.scores import Judged
    from treeline.problem.metric import Array
    from treeline.problem.task import Family

__all__ = ["unrest"]

DRAWS = 40
CAP = 3_000
"Rows that are resampled: with fewer rows than were judged choices flip more often, which errs on the careful side."


def unrest(judged: Judged, chosen: tuple[Procedure, Procedure], sides: tuple[Family | None, Family | None]) -> float:
    """Return the factor, at least 1, by which the standard error of a difference grows when choosing is repeated.

    Args:
        judged: all members' predictions.
        chosen: the procedures of both sides as they were chosen.
        sides: the two sides, None for both families together.
    """
    if all(len(judged.of(side)) < 2 for side in sides):
        return 1.0
    rng = np.random.default_rng(0)
    n = len(judged.y)
    rows = np.arange(n) if n <= CAP else np.sort(rng.choice(n, CAP, replace=False))
    group = None if judged.group is None else judged.group[rows]
    stacks = [[member.predictions[:, rows] for member in judged.of(side)] for side in sides]
    made = [_losses(judged, rows, each.prediction[rows]) for each in chosen]
    fixed, anew = [], []
    for drawn in resampled(judged.fold[rows], group, DRAWS, 0):
        again = [_chosen_losses(judged, rows, stack, drawn) for stack in stacks]
        fixed.append(float(drawn @ (made[1] - made[0])) / drawn.sum())
        anew.append(float(drawn @ (again[1] - again[0])) / drawn.sum())
    before = float(np.var(fixed))
    more = float(np.var(anew)) / before - 1 if before > 0 else 0.0
    return float(np.sqrt(1 + max(more, 0.0) / 2))


def _chosen_losses(judged: Judged, rows: Array, stack: list[Array], drawn: Array) -> Array:
    """Return (n,) row losses of a side that chose on the drawn rows (n,), each half by the other."""
    half, y = judged.half[rows], judged.y[rows]
    prediction = np.zeros(stack[0].shape[1:], dtype=np.float64)
    for h in (0, 1):
        inside = np.repeat(np.flatnonzero(half == h), drawn[half == h])
        weights = weights_for([each[h][inside] for each in stack], y[inside], judged)
        other = half != h
        prediction[other] = blend([each[h][other] for each in stack], weights)
    return _losses(judged, rows, prediction)


def _losses(judged: Judged, rows: Array, prediction: Array) -> Array:
    """Return row losses that stand in for the metric where it has none."""
    y, found = judged.y[rows], judged.metric.losses(judged.y[rows], prediction)
    if found is not None:
        return found
    return squared(y, prediction) if y.dtype.kind == "f" else log_losses(y, prediction)
