"""Which of two predictions is better on the same rows, by how much, and how sure that is.

The interval pairs rows, where a t-test over folds wastes half of the power. What rows cannot show, the luck of the folds' models,
is added as a variance (`luck.py`). Beside it stands the posterior of Benavoli, Corani, Demšar and Zaffalon (JMLR 2017) over
folds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.corrections import cautions, corrected
from treeline.evidence.field import UNSEEN, Upside, unseen_doubts
from treeline.evidence.influence import Measured, measure, score_by_fold, turn
from treeline.evidence.luck import Scatter, in_stretches, scatter, t_quantile

if TYPE_CHECKING:
    from treeline.problem.metric import Array, Metric

__all__ = [
    "Difference",
    "Doubt",
    "Interval",
    "compare",
    "contrast",
    "correlated_t",
    "score_interval",
    "spread_of",
    "three_way",
]


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its 95% interval, in the metric's unit."""

    score: float
    low: float
    high: float
    se: float
    "Standard error of rows and of the luck of the folds' models."
    luck: float
    "The second alone."


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`b - a` in score units turned so that larger is better: above zero means that `b` is better."""

    estimate: float
    se: float
    "Standard error of rows, of choosing, of the luck of the folds' models and of the field."
    luck: float
    "Of the luck alone: more rows in the same folds do not take it away."
    field: float
    "Of what other contenders of the side behind might have scored alone (`field.py`): only more contenders take it away."
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What is not in the rows of two predictions and yet makes their difference doubtful."""

    unrest: float = 1.0
    "How many times wider it scatters when both sides choose anew (`unrest.py`)."
    ordered: bool = False
    "Whether folds are stretches of time (`Judged.ordered`)."
    planned: int | None = None
    "Folds that there are when all have been judged; None where these are all."
    field: tuple[Upside, Upside] = (Upside(), Upside())
    "By how much each of the two might have been better with other contenders (`field.py`)."


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
    doubt: Doubt | None = None,
) -> Difference:
    """Compare two measured predictions of the same rows; `folds` (K,) are the differences of the folds, turned."""
    doubt = doubt or Doubt()
    estimate = turn(metric, b.score - a.score)
    spread, units = spread_of(a, b, group)
    known = folds[np.isfinite(folds)]
    one_row = _one_row(a, b, group, (spread, units))
    both = [
        scatter(doubt.unrest * spread, spread, known, one_row=one_row, units=units, field=side.scale)
        for side in doubt.field
    ]
    if doubt.ordered:
        both = [in_stretches(one, known) for one in both]
    found = both[0] if estimate > 0 else both[1]  # the side behind may be better than it showed
    leads = abs(estimate) > margin  # of a tie it is no doubt that contenders differ
    unseen = unseen_doubts(
        known, None if group is None else units, spread=leads * doubt.field[estimate <= 0].spread, estimate=estimate
    )
    p_better, p_same, p_worse = _odds(estimate, (both[0], both[1]), margin, len(unseen))
    reach = t_quantile(found.df) * found.scale
    by_fold = correlated_t(known, margin, planned=doubt.planned)
    return Difference(
        estimate=estimate,
        se=found.se,
        luck=found.luck,
        field=found.field,
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
        corrected_for=corrected(
            found, len(known), doubt.unrest, groups=None if group is None else units, ordered=doubt.ordered
        ),
        caveats=cautions((len(known), len(folds)), None if group is None else units, unseen),
    )


def score_interval(
    y: Array,
    prediction: Array,
    metric: Metric,
    *,
    fold: Array | None,
    group: Array | None = None,
    draws: int = 100,
) -> Interval:
    """Return the score of predictions (n,) or (n, C) and its 95% interval.

    `fold` (n,) says in which fold each row was held out; None where one model predicted them all and only it is asked about, so
    that no luck of its training is added. `draws` bootstrap samples serve metrics that need them; differences between families
    take many more.
    """
    at = np.zeros(len(y), dtype=np.int64) if fold is None else fold
    found = measure(y, (prediction,), metric, fold=at, group=group, draws=draws)[0]
    folds = None if fold is None else score_by_fold(y, prediction, metric, fold)
    return interval_of(found, metric, folds=folds, group=group)


def interval_of(measured: Measured, metric: Metric, *, folds: Array | None, group: Array | None = None) -> Interval:
    """Return the 95% interval of a measured score, cut to what the metric can be; `folds` (K,) are the scores of its folds."""
    spread, units = spread_of(None, measured, group)
    if folds is None:
        found = Scatter(se=spread, scale=spread, luck=0.0, df=units - 1)
    else:
        one_row = _one_row(None, measured, group, (spread, units))
        found = scatter(spread, spread, folds[np.isfinite(folds)], one_row=one_row, units=units)
    reach = t_quantile(found.df) * found.scale
    low, high = measured.score - reach, measured.score + reach
    if metric.greater_is_better:
        high = min(high, 1.0)
    if metric.name not in ("r2", "matthews_corrcoef", "loss"):  # a loss that was handed to us may be anything
        low = max(low, 0.0)
    return Interval(measured.score, low, high, found.se, found.luck)


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


def correlated_t(differences: Array, margin: float, *, planned: int | None = None) -> tuple[float, float, float] | None:
    """Return the three probabilities of the Bayesian correlated t-test on (K,) fold differences; None for K < 2.

    Folds hang together by the share of the rows that one of them holds out: one in `planned`, however few were judged.
    """
    k = len(differences)
    if k < 2:
        return None
    rho = 1 / max(planned or k, k)
    scale = float(differences.std(ddof=1)) * np.sqrt(1 / k + rho / (1 - rho))  # Nadeau and Bengio (2003)
    return three_way(float(differences.mean()), scale, margin, k - 1)


def _one_row(a: Measured | None, b: Measured, group: Array | None, grouped: tuple[float, int]) -> float:
    """Return the variance of a row's difference, or of one score; of metrics resampled group by group, that of a group's."""
    if group is None or b.influence is None:
        return float(grouped[0] ** 2 * grouped[1])
    plain, rows = spread_of(a, b, None)
    return float(plain**2 * rows)


def _odds(estimate: float, both: tuple[Scatter, Scatter], margin: float, unseen: int) -> tuple[float, float, float]:
    """Return the three probabilities; that a side is better has the doubt about the other one's field in it.

    Each doubt that cannot be seen takes the same share of them away and gives it to all three alike.
    """
    if not np.isfinite(estimate) or not np.isfinite(both[0].scale):
        return 0.0, 0.0, 0.0
    better = three_way(estimate, both[0].scale, margin, both[0].df)[0]
    worse = three_way(estimate, both[1].scale, margin, both[1].df)[2]
    kept = (1 - UNSEEN) ** unseen
    better, worse = (kept * p + (1 - kept) / 3 for p in (better, worse))
    return better, max(0.0, 1.0 - better - worse), worse


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
