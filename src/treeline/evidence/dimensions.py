"""The seven dimensions the field argues about, measured on one run: a number a side, its doubt, and who is better.

Data needed, compute, feature engineering, training time, accuracy, scalability, interpretability
(docs/decisions/0014-seven-dimensions.md). Nothing here is a canned text: what was not measured is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from treeline.evidence.advice import LEANING, SURE
from treeline.evidence.luck import t_quantile
from treeline.evidence.numbers import number
from treeline.evidence.paired import three_way
from treeline.problem.metric import title_of
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference
    from treeline.problem.metric import Array

__all__ = [
    "DIMENSIONS",
    "FACTOR",
    "Dimension",
    "Gain",
    "Odds",
    "Side",
    "accuracy",
    "drawn",
    "engineering",
    "normal",
    "unmeasured",
]

DIMENSIONS = {
    "data": "Data needed",
    "compute": "Compute",
    "engineering": "Feature engineering",
    "time": "Training time",
    "accuracy": "Accuracy",
    "scalability": "Scalability",
    "interpretability": "Interpretability",
}
FACTOR = 1.15
"Costs within this factor of each other are called the same."
MANY = 1e6
"Degrees of freedom of a normal."


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """Probabilities that classical is better, that neither is by more than what matters, that deep learning is better."""

    classical: float
    same: float
    deep: float

    @property
    def winner(self) -> str | None:
        """`classical`, `deep` or `same` where that is at least 80% (for a tie 95%) probable."""
        if self.same >= SURE:
            return "same"
        best = "deep" if self.deep > self.classical else "classical"
        return best if max(self.deep, self.classical) >= LEANING else None

    @property
    def clear(self) -> bool:
        """Whether the winner is at least 95% probable."""
        return max(self.classical, self.same, self.deep) >= SURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one family measures on a dimension."""

    value: float | None
    interval: tuple[float, float] | None = None
    "95%; None where a single measurement says nothing of its spread."
    text: str = ""
    "The value as a person reads it."
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One dimension: both sides, who is better, how sure that is, and how it was measured."""

    name: str
    unit: str
    sides: Mapping[str, Side]
    odds: Odds | None
    words: str
    how: str

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        odds = self.odds
        return {
            "name": self.name,
            "title": DIMENSIONS[self.name],
            "unit": self.unit,
            "sides": {name: asdict(side) for name, side in self.sides.items()},
            "winner": odds.winner if odds else None,
            "clear": bool(odds and odds.clear),
            "odds": asdict(odds) if odds else None,
            "words": self.words,
            "how": self.how,
        }


def unmeasured(name: str, why: str) -> Dimension:
    """Return a dimension on which this run says nothing, and why."""
    return Dimension(name=name, unit="", sides={}, odds=None, words=f"Not measured: {why}.", how="")


def drawn(lead: Array, margin: float) -> Odds:
    """Return the odds from draws (S,) of by how much deep learning is better; each draw stands for one possible truth."""
    deep, classical = float(np.mean(lead > margin)), float(np.mean(lead < -margin))
    return Odds(classical=classical, same=max(0.0, 1.0 - deep - classical), deep=deep)


def normal(lead: float, se: float, margin: float, *, df: float = MANY) -> Odds:
    """Return the odds for an estimate of by how much deep learning is better, with its standard error and freedom."""
    deep, same, classical = three_way(lead, se, margin, df)
    return Odds(classical=classical, same=same, deep=deep)


def accuracy(
    families: Mapping[str, Mapping[str, Any]], gap: Difference | None, detail: Mapping[str, Any], *, metric: str
) -> Dimension:
    """Return the verdict's own comparison as a dimension; `detail` holds classes, slices and calibration by family."""
    if gap is None or not np.isfinite(gap.estimate):
        return unmeasured("accuracy", "the sides have no scores that compare")
    sides = {
        name: Side(
            value=side["score"],
            interval=(side["interval"][0], side["interval"][1]) if side["interval"] else None,
            text=number(side["score"]),
            detail=dict(detail.get(name, {})),
        )
        for name, side in families.items()
        if side["score"] is not None
    }
    odds = Odds(classical=gap.p_worse, same=gap.p_same, deep=gap.p_better)
    ahead, unit = Family.DEEP if gap.estimate > 0 else Family.CLASSICAL, title_of(metric)
    words = f"{ahead.words.capitalize()} {ahead.verb('lead', 'leads')} by {number(abs(gap.estimate))} {unit}."
    return Dimension(name="accuracy", unit="metric", sides=sides, odds=odds, words=words, how=gap.method)


BARE = {"text": "counts of words", "image": "bare pixels", "sound": "the bare spectrogram"}


class Gain(NamedTuple):
    """What engineered inputs bought one contender, turned so that larger is better: a Student around the estimate."""

    estimate: float
    scale: float
    df: float
    title: str
    "Of the contender."

    @property
    def half(self) -> float:
        """Half of its 95% interval."""
        return t_quantile(self.df) * self.scale


def engineering(gains: Mapping[Family, Gain], margin: float, *, rows: int, media: str = "") -> Dimension:
    """Compare what engineered inputs buy each family; the better one is that which has less to lose.

    Args:
        gains: by family.
        margin: the smallest difference that matters.
        rows: training rows at which both were fitted.
        media: the kind of media that leads, where one does: nets take it as it is, so they have nothing to lose.
    """
    if media and Family.CLASSICAL in gains:
        gains = {**gains, Family.DEEP: Gain(0.0, 0.0, MANY, "nets")}
    if len(gains) < 2:
        return unmeasured("engineering", "the clock left no time for whole fits on plain inputs")
    sides, told = {}, []
    for family, one in gains.items():
        ends = (one.estimate - one.half, one.estimate + one.half)
        detail = {"contender": one.title, "rows": rows}
        sides[str(family)] = Side(value=one.estimate, interval=ends, text=f"{one.estimate:+.3g}", detail=detail)
        if family is Family.CLASSICAL or not media:
            told.append(f"{one.title} {one.estimate:+.3g} (± {one.half:.2g})")
    classical, deep = gains[Family.CLASSICAL], gains[Family.DEEP]
    own = " Nets make their own." if media else ""
    said = (
        f"Features made by hand instead of {BARE[media]}"
        if media
        else "Typed and derived inputs instead of plain numbers"
    )
    return Dimension(
        name="engineering",
        unit="metric, towards better",
        sides=sides,
        odds=normal(
            classical.estimate - deep.estimate,
            float(np.hypot(classical.scale, deep.scale)),
            margin,
            df=min(classical.df, deep.df),
        ),
        words=f"{said} gained: {', '.join(told)}.{own} Less to lose is better.",
        how=f"The first {'classical contender' if media else 'contender of each side'} once with and once without, "
        f"on {rows:,} training rows of fold 0; rows paired.",
    )
