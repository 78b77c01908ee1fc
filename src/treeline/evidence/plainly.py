"""A difference in words that need no statistics: hits per 1,000 rows, pairs put right, a typical error in the target's unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.numbers import COUNTED, number
from treeline.evidence.slices import se_of_mean
from treeline.problem.task import Family, Task

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference
    from treeline.evidence.scores import Judged
    from treeline.problem.metric import Array

__all__ = ["found_per_thousand", "plainly"]

ERRORS = {
    "root_mean_squared_error": "typical error (RMSE)",
    "mean_absolute_error": "mean error",
    "median_absolute_error": "median error",
}
RELATIVE = {"root_mean_squared_log_error", "mean_absolute_percentage_error"}


def found_per_thousand(y: Array, classical: Array, deep: Array, group: Array | None = None) -> tuple[float, float]:
    """Return by how many more of the positives deep learning finds per 1,000 rows, and the standard error of the rows.

    Both sides flag as many rows as there are positives, those with their highest probabilities; ties are shared. `group` (n,)
    marks rows that belong together.
    """
    share = float(np.mean(y == 1))
    hits = [_flagged(p, share) * (y == 1) for p in (classical, deep)]
    gap = hits[1] - hits[0]
    return 1000 * float(gap.mean()), 1000 * se_of_mean(gap, group)


def _flagged(p: Array, share: float) -> Array:
    """Return (n,) how much each row is flagged, 0 to 1, when a share of all rows is."""
    edge = float(np.quantile(p, 1 - share, method="lower")) if share < 1 else -np.inf
    above, level = p > edge, p == edge
    rest = share * len(p) - above.sum()
    return np.asarray(above + level * min(max(rest / max(level.sum(), 1), 0.0), 1.0))


def plainly(
    judged: Judged, gap: Difference, predictions: tuple[Array, Array], *, task: Task, label: str
) -> dict[str, Any] | None:
    """Return `words` on the difference, with `per_1000` and its interval where rows are counted; None where no words help.

    Args:
        judged: the rows.
        gap: deep minus classical.
        predictions: both sides' procedures, (m,) or (m, C) each.
        task: of the problem.
        label: the positive class, or the target's name.
    """
    metric, better = judged.metric.name, (Family.DEEP if gap.estimate > 0 else Family.CLASSICAL).words
    size = abs(gap.estimate)
    if metric in COUNTED:
        return _counted(gap.estimate, gap.interval, COUNTED[metric], better)
    if task is Task.BINARY and predictions[0].ndim == 1:
        lead, se = found_per_thousand(judged.y, *predictions, judged.group)
        if lead * gap.estimate < 0:
            return None  # the metric and this count see different things: words would confuse
        side = (Family.DEEP if lead > 0 else Family.CLASSICAL).words
        half = _reach(gap) * se * _widened(gap)
        told = _counted(lead / 1000, ((lead - half) / 1000, (lead + half) / 1000), f"{label!r} rows found", side)
        return told | {"words": told["words"] + f", when as many rows are flagged as are {label!r}"}
    if metric in ("log_loss",):
        times = math.exp(min(size, 700.0))
        more = f"{times:.2g} times as high" if times >= 2 else f"{100 * (times - 1):.2g}% higher"
        return {"words": f"{better} {_verb(better, 'give')} the true class a probability {more} (geometric mean)"}
    if metric in ERRORS:
        return {"words": f"the {ERRORS[metric]} of {better} is smaller by {number(size)} in the unit of {label}"}
    if metric in RELATIVE:
        return {"words": f"the relative error of {better} is smaller by about {100 * size:.2g} percentage points"}
    if metric == "r2":
        return {"words": f"{better} {_verb(better, 'explain')} {1000 * size:.0f} more of 1,000 parts of the variance"}
    return None


def _verb(side: str, verb: str) -> str:
    return verb if side == Family.CLASSICAL.words else verb + "s"


def _widened(gap: Difference) -> float:
    """Return how many times wider luck and field make what rows alone give."""
    rows = gap.se**2 - gap.luck**2 - gap.field**2
    return float(np.sqrt(gap.se**2 / rows)) if rows > 0 else 1.0


def _reach(gap: Difference) -> float:
    """Return how many standard errors the verdict's own 95% interval reaches."""
    return (gap.interval[1] - gap.interval[0]) / 2 / gap.se if gap.se > 0 else 0.0


def _counted(share: float, interval: tuple[float, float], what: str, better: str) -> dict[str, Any]:
    low, high = (1000 * end for end in interval)
    count = 1000 * abs(share)
    near, far = (low, high) if share > 0 else (-high, -low)
    amount = f"about {count:.0f} more {what}" if count >= 1 else f"less than 1 more {what}"
    words = f"with {better} {amount} per 1,000 rows (95% interval {near:.0f} to {far:.0f})"
    return {"words": words, "per_1000": 1000 * share, "interval": [low, high]}
