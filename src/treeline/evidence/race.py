"""Whether a race is lost: one side may be left behind early, by a rule whose error is controlled.

Looks happen when both sides have been judged on one more fold, from the third on: before that the luck of the folds' models
cannot be seen, so nobody is dropped where fewer are planned. A side is dropped at a look when it is worse by more than the margin
with probability 1 - ALPHA / looks: by the union bound (Bonferroni) a side that is not worse by that much is dropped with about
ALPHA at most over all looks, however they depend on each other. Picking is paid for as in the verdict. The rule speaks of what
the sides have shown; so nobody is dropped before its first wave has been judged.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.sides import between, measured
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.scores import Judged

__all__ = ["ALPHA", "LEAST_FOLDS", "LEAST_ROWS", "Lost", "lost"]

ALPHA = 0.05
LEAST_FOLDS = 3
"Judged folds before which nobody is left behind."
LEAST_ROWS = 500
"Judged rows before which nobody is left behind."


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A side that is left behind."""

    family: Family
    p: float
    "Probability that it is worse by more than the margin."
    bound: float
    look: int
    looks: int

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self) | {"family": str(self.family)}


def lost(judged: Judged, margin: float, *, folds: int) -> Lost | None:
    """Return the side that has lost the race, None while both may still win; `folds` are those that the plan has."""
    seen = len(np.unique(judged.fold))
    if seen < LEAST_FOLDS or len(judged.y) < LEAST_ROWS or not all(judged.of(family) for family in Family):
        return None
    look, looks = seen - LEAST_FOLDS + 1, max(folds - LEAST_FOLDS + 1, 1)
    gap = between(judged, measured(judged, members=False), Family.CLASSICAL, Family.DEEP, margin)
    bound = 1 - ALPHA / looks
    for family, p in ((Family.CLASSICAL, gap.p_better), (Family.DEEP, gap.p_worse)):
        if p >= bound:
            return Lost(family=family, p=p, bound=bound, look=look, looks=looks)
    return None
