"""The call: what the evidence says, and the reasons for it as codes with words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from treeline.evidence.advice import LEANING, SURE, Share
from treeline.evidence.again import FIRST, Again, not_worse
from treeline.problem.metric import title_of
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference
    from treeline.evidence.scores import Judged

__all__ = ["MIN_ROWS", "OPEN", "Call", "Reason", "Terms", "call_of", "gates_of", "leaning_of", "strong"]

MIN_ROWS = 30
"Fewer judged rows than this say nothing."
OPEN = "NOT_ENOUGH_ROWS"
"The reason of an open verdict: the sides were compared, and the rows do not tell."


class Call(StrEnum):
    """What the verdict says."""

    CLASSICAL = "CLASSICAL"
    DEEP = "DEEP"
    EQUIVALENT = "EQUIVALENT"
    "The difference lies inside the margin."
    BOTH = "BOTH"
    "A blend of the two beats the better one by more than the margin."
    UNDECIDED = "UNDECIDED"
    "The evidence does not tell, or may not speak."


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is as it is: a code to decide by, and words to read."""

    code: str
    words: str

    def __str__(self) -> str:
        """Return `CODE: words`, as verdict.json has it."""
        return f"{self.code}: {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a verdict is reached: what the data forbid, and what a longer run could do."""

    blocking: Sequence[str] = ()
    "Findings that forbid a verdict, each its code, with words if wanted."
    lowering: Sequence[str] = ()
    "Findings that make it less certain."
    beside: str = ""
    "What must be read together with the headline."
    held_out: int | None = None
    "Rows that a longer run could judge; those that were judged where it is None."
    seconds_per_row: float = 0.0
    "Wall seconds of judging one more row."
    limit_s: float | None = None
    "The time limit that the same command may make longer; None where no run can go on."
    again: Again = FIRST
    "What earlier verdicts on the same run said."


def gates_of(judged: Judged, gap: Difference | None, sides: Mapping[Family, Share], terms: Terms) -> list[Reason]:
    """Return why the sides may not be compared, gravest first; empty where they may."""
    found = [Reason("BLOCKED", f"finding {name} forbids a verdict") for name in terms.blocking]
    found += [
        Reason(f"{family.upper()}_MISSING", sides[family].missing or "no contender of this side finished")
        for family in Family
        if not judged.of(family)
    ]
    if found:
        return found
    if len(judged.y) < MIN_ROWS:
        were = "row was" if len(judged.y) == 1 else "rows were"
        found.append(Reason("TOO_FEW_ROWS", f"{len(judged.y)} {were} judged, {MIN_ROWS} are the least"))
    elif judged.group is not None and len(np.unique(judged.group)) < 2:
        words = "rows of one group only were judged, two are the least; give the run more time"
        found.append(Reason("ONE_GROUP", words))
    elif gap is None or not np.isfinite(gap.estimate) or not np.isfinite(gap.se):
        found.append(Reason("METRIC_UNDEFINED", f"{title_of(judged.metric.name)} has no value on the judged rows"))
    found += [Reason("UNFINISHED", side.unfinished) for side in sides.values() if side.unfinished]
    return found


def call_of(gap: Difference, gain: Difference | None, again: Again = FIRST) -> tuple[Call, list[Reason]]:
    """Return the call where the sides may be compared: first the blend, then the better side, then the tie."""
    if gain is not None and gain.p_better >= again.sure(Call.BOTH):
        return Call.BOTH, [
            Reason("BLEND_GAINS", f"a blend of both sides gains more than the margin (P = {gain.p_better:.3f})")
        ]
    if gap.p_better >= again.sure(Call.DEEP):
        return Call.DEEP, [Reason("DEEP_BETTER", f"better by more than the margin (P = {gap.p_better:.3f})")]
    if gap.p_worse >= again.sure(Call.CLASSICAL):
        return Call.CLASSICAL, [Reason("CLASSICAL_BETTER", f"better by more than the margin (P = {gap.p_worse:.3f})")]
    if gap.p_same >= again.sure(Call.EQUIVALENT):
        return Call.EQUIVALENT, [
            Reason("WITHIN_MARGIN", f"the difference lies inside the margin (P = {gap.p_same:.3f})")
        ]
    because = [Reason(OPEN, f"neither side, nor a tie, is at least {again.asked}")]
    for family, p in ((Family.DEEP, gap.p_worse), (Family.CLASSICAL, gap.p_better)):
        if 1 - p >= again.sure(not_worse(family)):
            words = f"{family.words} {family.verb('are', 'is')} better or within the margin (P = {1 - p:.3f})"
            because.append(Reason(f"{family.upper()}_NOT_WORSE", words))
    return Call.UNDECIDED, because


def leaning_of(gap: Difference, gain: Difference | None) -> Call | None:
    """Return the call that is at least 80% probable, None where none is."""
    odds = {Call.DEEP: gap.p_better, Call.CLASSICAL: gap.p_worse, Call.EQUIVALENT: gap.p_same}
    if gain is not None:
        odds[Call.BOTH] = gain.p_better
    best = max(odds, key=lambda call: odds[call])
    return best if odds[best] >= LEANING else None


def strong(call: Call, gap: Difference | None, gain: Difference | None) -> bool:
    """Whether the posterior over folds says the same as the rows; never of an open call."""
    found = {
        Call.BOTH: gain.p_fold_better if gain else None,
        Call.DEEP: gap.p_fold_better if gap else None,
        Call.CLASSICAL: gap.p_fold_worse if gap else None,
        Call.EQUIVALENT: gap.p_fold_same if gap else None,
    }.get(call)
    return found is not None and found >= SURE
