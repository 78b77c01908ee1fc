"""The luck of the folds' models: what another draw of training rows and seeds would change, and rows cannot show.

Models of single folds differ by more than the held-out rows explain. How much more is known a little before any fold was judged,
from worlds whose law is known, and a little from the folds at hand: so few say little about a variance. Both are put together by
Bayes' rule. Where the folds differ by more than those worlds make believable, the folds alone speak (docs/decisions/0017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from treeline.problem.metric import Array

__all__ = ["Scatter", "in_stretches", "scatter", "t_quantile"]

ROWS, SPREAD = 2_000.0, 1.5
"The held-out rows of a fold at which they weigh as much as the luck of its models: median of a lognormal, and its deviation."
UNHEARD = 0.01
"Where folds without luck would differ so much this seldom, what they differ by counts whole."
FIELD_DF = 5.0
"The freedom of what other contenders might have scored: what it is depends on the table."
AT = np.exp(np.linspace(np.log(3.0), np.log(1e6), 80))


@dataclass(frozen=True, slots=True)
class Scatter:
    """How a difference scatters: a Student around the estimate."""

    se: float
    "Its standard deviation."
    scale: float
    "Smaller by sqrt((df - 2) / df), as far as it is luck that makes the tails."
    luck: float
    "What of the standard deviation is luck: more rows in the same folds do not take it away."
    df: float
    field: float = 0.0
    "What of it is what other contenders might have scored."


def in_stretches(found: Scatter, folds: Array) -> Scatter:
    """Return the scatter where folds (K,) are stretches of time: what is asked is one more stretch, not one more row.

    So few of them say little: K - 1 degrees of freedom, one for a single stretch, and no less than their own standard error.
    """
    k = len(folds)
    spread = float(folds.std(ddof=1) / np.sqrt(k)) if k > 1 else 0.0
    free = min(found.df, max(k - 1.0, 1.0))
    return replace(found, se=max(found.se, spread), scale=max(found.scale, spread), df=free)


def scatter(rows_se: float, spread: float, folds: Array, *, one_row: float, units: int, field: float = 0.0) -> Scatter:
    """Put rows, luck and field together.

    Args:
        rows_se: the standard error that rows and choosing leave.
        spread: that of rows alone, or of the groups that they form.
        folds: (K,) the finite differences of the folds.
        one_row: the variance of a row's difference, groups or not: what luck is counted in.
        units: independent units.
        field: the scale of what other contenders might have scored (`field.py`), a Student of `FIELD_DF`.

    The mixture over all amounts of luck is told by the Student that has its mean variance and the spread of that variance.
    """
    mean, square = _luck(spread, folds, one_row)
    more = field**2 * FIELD_DF / (FIELD_DF - 2)
    total = rows_se**2 + mean + more
    doubt = max(square - mean**2, 0.0) + 2 * more**2 / (FIELD_DF - 4)
    free = 4 + 2 * total**2 / doubt if doubt > 1e-12 * total**2 else np.inf
    shrunk = (free - 2) / free if np.isfinite(free) else 1.0
    share = rows_se**2 / total if total > 0 else 1.0
    df = 1 / (1 / free + share**2 / max(units - 1, 1))
    told = Scatter(
        float(np.sqrt(total)), float(np.sqrt(total * shrunk)), float(np.sqrt(mean)), float(df), float(np.sqrt(more))
    )
    seen = _seen(rows_se, spread, folds, units, more)
    if seen is None or t_quantile(seen.df) * seen.scale < t_quantile(told.df) * told.scale:
        return told
    return seen


def _seen(rows_se: float, spread: float, folds: Array, units: int, more: float) -> Scatter | None:
    """Return what (K,) folds say alone, with the freedom of Satterthwaite (1946); None where they differ as they usually do."""
    from scipy.special import chdtri

    k = len(folds)
    if k < 3 or not spread > 0:
        return None
    ratio = float(folds.var(ddof=1)) / (k * spread**2)
    if ratio * (k - 1) < chdtri(k - 1, UNHEARD):
        return None
    luck = spread**2 * (ratio - 1)
    total = rows_se**2 + luck + more
    parts = rows_se**2 / total, luck / total, more / total
    df = 1 / (parts[0] ** 2 / max(units - 1, 1) + parts[1] ** 2 / (k - 1) + parts[2] ** 2 / FIELD_DF)
    return Scatter(float(np.sqrt(total)), float(np.sqrt(total)), float(np.sqrt(luck)), float(df), float(np.sqrt(more)))


def t_quantile(df: float) -> float:
    """Return the 97.5% point of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(max(df, 1.0), 0.975))


def _luck(spread: float, folds: Array, one_row: float) -> tuple[float, float]:
    """Return mean and mean square of the variance that luck gives the mean of (K,) folds."""
    k = max(len(folds), 1)
    if not spread > 0:  # no rows differ: the folds cannot either
        return 0.0, 0.0
    log = -0.5 * (np.log(AT / ROWS) / SPREAD) ** 2
    if k > 1:
        # If rows were all, the variance of the folds would be K times that of their mean.
        wide = 1 + one_row / AT / (k * spread**2)
        log -= 0.5 * (k - 1) * (np.log(wide) + float(folds.var(ddof=1)) / (k * spread**2) / wide)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    each = one_row / (k * AT)
    return float(weight @ each), float(weight @ each**2)
