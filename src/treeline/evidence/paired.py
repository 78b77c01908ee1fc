"""Which of two predictions is better on the same rows, by how much, and how sure that is.

The interval pairs rows, where a t-test over folds wastes half of the power. What rows cannot show, the luck of the folds' models,
is added as a variance (`luck.py`). Beside it stands the posterior of Benavoli, Corani, Demšar and Zaffalon (JMLR 2017) over
folds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.influence import Measured, measure, score_by_fold, turn
from treeline.evidence.luck import Scatter, scatter, t_quantile

if TYPE_CHECKING:
    from treeline.problem.metric import Array, Metric

__all__ = [
    "WIDEN",
    "Difference",
    "Interval",
    "compare",
    "contrast",
    "correlated_t",
    "score_interval",
    "spread_of",
    "three_way",
]

WIDEN = 1.2
"Widens the interval of a single score, which nothing is added to."
FEW_UNITS = 20


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its 95% interval, in the metric's unit."""

    score: float
    low: float
    high: float
    se: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`b - a` in score units turned so that larger is better: above zero means that `b` is better."""

    estimate: float
    se: float
    "Standard error of rows, of choosing and of the luck of the folds' models."
    luck: float
    "The last of these alone: more rows in the same folds do not take it away."
    scale: float
    "Of the Student that the interval and the probabilities are read from; `se` is its standard deviation."
    df: float
    "Its degrees of freedom."
    interval: tuple[float, float]
    p_better: float
    "Probability that `b` is better by more than the margin."
    p_same: float
    p_worse: float
    p_fold_better: float | None
    "The same by the correlated posterior over folds; None with fewer than two folds."
    p_fold_same: float | None
    p_fold_worse: float | None
    method: str
    corrected_for: tuple[str, ...]
    caveats: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "interval": list(self.interval)}


def compare(
    y: Array,
    a: Array,
    b: Array,
    metric: Metric,
    *,
    fold: Array,
    margin: float,
    group: Array | None = None,
) -> Difference:
    """Compare predictions `b` with `a`, both (n,) or (n, C), out of fold for the same rows.

    `margin` is the smallest difference that matters, in the metric's unit. `group` (n,) marks rows that belong together.
    """
    first, second = measure(y, (a, b), metric, fold=fold, group=group)
    folds = score_by_fold(y, b, metric, fold) - score_by_fold(y, a, metric, fold)
    return contrast(first, second, metric, margin=margin, folds=folds, group=group)


def contrast(
    a: Measured,
    b: Measured,
    metric: Metric,
    *,
    margin: float,
    folds: Array,
    group: Array | None = None,
    unrest: float = 1.0,
) -> Difference:
    """Compare two measured predictions of the same rows; `folds` (K,) are the differences of the folds, turned.

    `unrest` is how many times wider the difference scatters when both sides choose anew (see `unrest.py`).
    """
    estimate = turn(metric, b.score - a.score)
    spread, units = spread_of(a, b, group)
    known = folds[np.isfinite(folds)]
    found = scatter(unrest * spread, spread, known, one_row=_one_row(a, b, group, (spread, units)), units=units)
    p_better, p_same, p_worse = three_way(estimate, found.scale, margin, found.df)
    reach = t_quantile(found.df) * found.scale
    by_fold = correlated_t(known, margin)
    caveats = []
    if len(known) < 2:
        caveats.append("Only one fold was judged: how the difference varies with the training rows is not seen.")
    if len(known) < len(folds) and len(known):
        caveats.append(f"{len(folds) - len(known)} of {len(folds)} folds have no score by this metric.")
    if group is not None and units < FEW_UNITS:
        were = "group was" if units == 1 else "groups were"
        caveats.append(f"Only {units} {were} judged; with fewer than {FEW_UNITS} the interval is rough.")
    corrected = [_told(found, len(known))]
    if unrest > 1.0:
        corrected.append(f"choosing anew in every resample (interval widened by {unrest:.2f})")
    if group is not None:
        corrected.append(f"rows of one group being alike ({units} groups)")
    return Difference(
        estimate=estimate,
        se=found.se,
        luck=found.luck,
        scale=found.scale,
        df=found.df,
        interval=(estimate - reach, estimate + reach),
        p_better=p_better,
        p_same=p_same,
        p_worse=p_worse,
        p_fold_better=by_fold[0] if by_fold else None,
        p_fold_same=by_fold[1] if by_fold else None,
        p_fold_worse=by_fold[2] if by_fold else None,
        method=f"paired {b.method} and the luck of the folds' models"
        + ("; beside it the correlated-fold posterior" if by_fold else ""),
        corrected_for=tuple(corrected),
        caveats=tuple(caveats),
    )


def score_interval(
    y: Array, prediction: Array, metric: Metric, *, fold: Array, group: Array | None = None, draws: int = 100
) -> Interval:
    """Return the score of out-of-fold predictions (n,) or (n, C) and its 95% interval.

    `draws` bootstrap samples serve metrics that need them; differences between families take many more.
    """
    return interval_of(measure(y, (prediction,), metric, fold=fold, group=group, draws=draws)[0], metric, group=group)


def interval_of(measured: Measured, metric: Metric, *, group: Array | None = None) -> Interval:
    """Return the 95% interval of a measured score, cut to what the metric can be."""
    spread, units = spread_of(None, measured, group)
    se = WIDEN * spread
    reach = t_quantile(units - 1) * se
    low, high = measured.score - reach, measured.score + reach
    if metric.greater_is_better:
        high = min(high, 1.0)
    if metric.name not in ("r2", "matthews_corrcoef", "loss"):  # a loss that was handed to us may be anything
        low = max(low, 0.0)
    return Interval(measured.score, low, high, se)


def three_way(estimate: float, se: float, margin: float, df: float) -> tuple[float, float, float]:
    """Return P(better than the margin), P(within it), P(worse) for a Student centred at `estimate` with scale `se`."""
    if not np.isfinite(estimate) or not np.isfinite(se):
        return 0.0, 0.0, 0.0
    if se <= 0:
        better, worse = float(estimate > margin), float(estimate < -margin)
        return better, 1.0 - better - worse, worse
    from scipy.special import stdtr  # the import is slow, and only a finished contest needs it

    better = float(stdtr(max(df, 1), -(margin - estimate) / se))
    worse = float(stdtr(max(df, 1), (-margin - estimate) / se))
    return better, max(0.0, 1.0 - better - worse), worse


def correlated_t(differences: Array, margin: float) -> tuple[float, float, float] | None:
    """Return the three probabilities of the Bayesian correlated t-test on (K,) fold differences; None for K < 2."""
    k = len(differences)
    if k < 2:
        return None
    scale = float(differences.std(ddof=1)) * np.sqrt(1 / k + 1 / (k - 1))  # Nadeau and Bengio (2003): rho = 1/k
    return three_way(float(differences.mean()), scale, margin, k - 1)


def _one_row(a: Measured, b: Measured, group: Array | None, grouped: tuple[float, int]) -> float:
    """Return the variance of a row's difference; of metrics that are resampled group by group, that of a group's."""
    if group is None or b.influence is None:
        return float(grouped[0] ** 2 * grouped[1])
    plain, rows = spread_of(a, b, None)
    return float(plain**2 * rows)


def _told(found: Scatter, folds: int) -> str:
    """Return what the luck of the models made of the interval."""
    rows = np.sqrt(max(found.se**2 - found.luck**2, 0.0))
    wider = f" (interval widened by {found.se / rows:.2f})" if rows > 0 else ""
    return f"the luck of the folds' models, {'of a usual size' if folds < 2 else 'as far as they show it'}{wider}"


def spread_of(a: Measured | None, b: Measured, group: Array | None) -> tuple[float, int]:
    """Return the standard error of `b - a` and how many independent units it rests on."""
    codes = None if group is None else np.unique(group, return_inverse=True)[1]
    if b.influence is not None:
        pull = b.influence if a is None or a.influence is None else b.influence - a.influence
        n = len(pull)
        if codes is None:
            return float(np.sqrt((pull @ pull) / n**2 + b.floor)), n
        sums = np.bincount(codes, weights=pull)
        units = len(sums)
        wide = units / max(units - 1, 1)
        return float(np.sqrt(wide * (sums @ sums) / n**2 + b.floor * n / units)), units
    assert b.draws is not None
    moved = b.draws if a is None or a.draws is None else b.draws - a.draws
    moved = moved[np.isfinite(moved)]
    units = b.rows if codes is None else int(codes.max()) + 1
    spread = float(moved.std(ddof=1)) if len(moved) > 1 else float("nan")
    return float(np.sqrt(spread**2 + b.floor)), units
