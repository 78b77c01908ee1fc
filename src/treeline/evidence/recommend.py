"""The choice: which side to use, on what ground, at what risk (docs/decisions/0018).

A call says what is known; a choice says what to do. A call may be open while the choice is safe: a side that is not worse by more
than the margin, and cheaper, is a reason to act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from treeline.evidence.advice import Share, cheaper_side, clearly_cheaper, regret, spent_of
from treeline.evidence.again import FIRST, Again, not_worse
from treeline.evidence.call import Call, Reason
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference

__all__ = ["BOTH", "Choice", "Ground", "choose", "said_of"]

BOTH = "both"


class Ground(StrEnum):
    """Why a side is chosen, the best ground first."""

    WON = "WON"
    "Better by more than the margin."
    NOT_WORSE_CHEAPER = "NOT_WORSE_CHEAPER"
    "Not worse by more than the margin, and cheaper."
    NOT_WORSE = "NOT_WORSE"
    "Not worse by more than the margin; the sides cost about the same, or nobody knows what they cost."
    NOT_WORSE_DEARER = "NOT_WORSE_DEARER"
    "Not worse by more than the margin, but more expensive; of the cheaper side that cannot be said."
    BETTER_SCORE = "BETTER_SCORE"
    "Neither is safe: the better expected score."

    @property
    def safe(self) -> bool:
        """Whether it holds with 95% probability that the choice does not lose more than the margin."""
        return self is not Ground.BETTER_SCORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to do."""

    side: str
    "`classical`, `deep` or `both` (a blend)."
    because: Ground
    p_not_worse: float
    "Probability that it is better than the other side, or worse by less than the margin."
    p_loses_more_than_margin: float
    "The rest: what is risked by following it."
    regret: float | None
    "What following it loses on average, in the metric's unit; 0 would be the better side for certain."
    cost: dict[str, Any] | None
    "`cheaper` side (None: about the same), CPU and GPU seconds of one full fit of each; None where they are not known."

    @property
    def family(self) -> Family | None:
        """The side, None for the blend of both."""
        return None if self.side == BOTH else Family(self.side)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self) | {"because": str(self.because)}


def choose(
    call: Call, gap: Difference, gain: Difference | None, sides: Mapping[Family, Share], *, again: Again = FIRST
) -> Choice:
    """Return what to do, where the sides may be compared.

    Args:
        call: what the same evidence says.
        gap: deep minus classical.
        gain: the blend of both minus the better side; None where there is none.
        sides: what each side cost.
        again: what earlier verdicts on the same run said.
    """
    cheaper, cost = clearly_cheaper(sides), _cost(sides)
    if call is Call.BOTH and gain is not None:
        return Choice(
            side=BOTH, because=Ground.WON, p_not_worse=1 - gain.p_worse, p_loses_more_than_margin=gain.p_worse,
            regret=regret(gain, Family.DEEP), cost=cost,
        )  # fmt: skip
    risk = {Family.CLASSICAL: gap.p_better, Family.DEEP: gap.p_worse}
    equal = call is Call.EQUIVALENT
    safe = [family for family in Family if equal or 1 - risk[family] >= again.sure(not_worse(family))]
    ahead = Family.DEEP if gap.estimate > 0 else Family.CLASSICAL
    if call in (Call.CLASSICAL, Call.DEEP):
        side, ground = Family(str(call).lower()), Ground.WON
    elif cheaper in safe:
        side, ground = cheaper, Ground.NOT_WORSE_CHEAPER
    elif safe:
        side = ahead if ahead in safe else safe[0]
        ground = Ground.NOT_WORSE if cheaper is None else Ground.NOT_WORSE_DEARER
    else:
        side, ground = ahead, Ground.BETTER_SCORE
    return Choice(
        side=str(side), because=ground, p_not_worse=1 - risk[side], p_loses_more_than_margin=risk[side],
        regret=regret(gap, side), cost=cost,
    )  # fmt: skip


def said_of(call: Call, because: Sequence[Reason], choice: Choice | None) -> tuple[str, ...]:
    """Return what a later verdict need not be surer of: the call, and everybody who was said not to be worse."""
    codes = {reason.code for reason in because}
    chosen = choice.family if choice is not None and choice.because.safe else None
    safe = [
        not_worse(family) for family in Family
        if call is Call.EQUIVALENT or family is chosen or f"{family.upper()}_NOT_WORSE" in codes
    ]  # fmt: skip
    return (*(() if call is Call.UNDECIDED else (str(call),)), *safe)


def _cost(sides: Mapping[Family, Share]) -> dict[str, Any] | None:
    if cheaper_side(sides) is None:
        return None
    cheaper = clearly_cheaper(sides)
    return {
        "cheaper": str(cheaper) if cheaper else None,
        "cpu_s": {str(family): spent_of(sides, family)[0] for family in Family},
        "gpu_s": {str(family): spent_of(sides, family)[1] for family in Family},
    }
