"""What is judged: every contender's out-of-fold predictions for the same rows in the same order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from treeline.errors import DataError, shown

if TYPE_CHECKING:
    from treeline.problem.metric import Array, Metric
    from treeline.problem.task import Family

__all__ = ["Judged", "Member", "cleaned", "crossfitted"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """One contender's predictions for the m held-out rows, at three stopping steps."""

    name: str
    family: Family
    predictions: Array
    "(3, m) or (3, m, C) float32: at the step that half 0 chose, that half 1 chose, that all rows chose (the delivered one)."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """The m rows that every member predicted out of fold.

    A choice made on half h looks at `predictions[h]` of the rows of half h, and is judged on `predictions[h]` of the rows
    of the other half: no row judges a choice that it helped to make.
    """

    y: Array
    "(m,) floats for regression, integer codes for classification."
    fold: Array
    "(m,) the fold in which the row was held out."
    half: Array
    "(m,) 0 or 1."
    metric: Metric
    members: tuple[Member, ...]
    group: Array | None = None
    "(m,) rows that belong together (a customer, a day); intervals then count groups, not rows."
    blends: bool = True
    "Whether a mean of predictions is a prediction; losses cannot be blended, so a side is its champion."
    planned: int | None = None
    "Folds that there are when all have been judged; None where these are all."
    ordered: bool = False
    "Whether folds are stretches of time and the question is the next one: then folds are what is counted, not rows."
    notes: tuple[str, ...] = ()
    "Caveats that the verdict passes on."

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together with a `DataError`."""
        m = len(self.y)
        for what, part in (("folds", self.fold), ("halves", self.half), ("groups", self.group)):
            if part is not None and len(part) != m:
                raise DataError(
                    f"There are {m} targets and {len(part)} {what}.", do="Give one of each for every judged row."
                )
        for member in self.members:
            if member.predictions.ndim not in (2, 3) or member.predictions.shape[:2] != (3, m):
                raise DataError(
                    f"The predictions of {shown(member.name)} have shape {member.predictions.shape}, not (3, {m}).",
                    do="Give the predictions at three stopping steps for every judged row.",
                )
        names = [member.name for member in self.members]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"Two members are named {shown(twice[0])}.", do="Give every contender its own name.")

    def of(self, family: Family | None) -> tuple[Member, ...]:
        """Return the members of a family, or all for None."""
        return tuple(member for member in self.members if family is None or member.family is family)


def cleaned(judged: Judged) -> Judged:
    """Return `judged` without members whose predictions are not all finite; each is named in the notes."""
    good, notes = [], list(judged.notes)
    for member in judged.members:
        bad = int((~np.isfinite(member.predictions)).reshape(3, len(judged.y), -1).any(axis=(0, 2)).sum())
        if bad:
            notes.append(f"{member.name} was left out: {bad} of its predictions are not finite numbers.")
        else:
            good.append(member)
    return replace(judged, members=tuple(good), notes=tuple(notes))


def crossfitted(judged: Judged, member: Member) -> Array:
    """Return one member's (m,) or (m, C) predictions, each row at the stopping step that the other half chose."""
    pick = judged.half == 1
    if member.predictions.ndim == 3:
        pick = pick[:, None]
    return np.asarray(np.where(pick, member.predictions[0], member.predictions[1]))
