"""What makes a verdict less certain, and what to keep in mind beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from treeline.evidence.advice import Share, beats_a_guess, unequal
from treeline.evidence.call import Reason
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference
    from treeline.evidence.scores import Judged

__all__ = ["caveats_of", "lowered_by"]


def lowered_by(lowering: Sequence[str], sides: Mapping[Family, Share]) -> list[Reason]:
    """Return what makes the verdict less certain: findings of the data, then an unequal field."""
    found = [Reason("LOWERED", f"{name} makes the verdict less certain") for name in lowering]
    uneven = unequal(sides)
    return found + ([Reason("UNEQUAL_FIELD", f"{uneven}: this makes the verdict less certain")] if uneven else [])


def caveats_of(
    judged: Judged,
    gap: Difference | None,
    sides: Mapping[Family, Share],
    beside: str,
    signal: dict[str, Any] | None,
) -> tuple[str, ...]:
    """Return what to keep in mind, once each: what stands beside the headline first."""
    return tuple(filter(None, dict.fromkeys([beside, *_caveats(judged, gap, sides), *_weak(signal, sides)])))


def _weak(signal: dict[str, Any] | None, sides: Mapping[Family, Share]) -> list[str]:
    """Say where neither side learned anything, and where the clock may have hidden what a side can do."""
    found = []
    if signal and not beats_a_guess(signal):
        found.append(f"NO_SIGNAL: neither side is shown to beat a constant guess (P = {signal['p']:.3f}).")
    for family in Family:
        if sides[family].cut:
            names = ", ".join(sides[family].cut)
            found.append(f"The clock ended fits of {family.words} early ({names}); more time may help.")
    return found


def _caveats(judged: Judged, gap: Difference | None, sides: Mapping[Family, Share]) -> list[str]:
    """Pass on what was noted, and say where the two sides did not have the same chances."""
    found = [*judged.notes, *(gap.caveats if gap else ())]
    if not judged.of(Family.CLASSICAL) or not judged.of(Family.DEEP):
        return found
    counts = [sides[family].contenders for family in Family]
    seconds = [sides[family].cpu_s for family in Family]
    if counts[0] != counts[1]:
        found.append(f"The sides fielded {counts[0]} classical and {counts[1]} deep contenders, not equally many.")
    if min(seconds) > 0 and max(seconds) > 3 * min(seconds):
        found.append(f"The sides used unequal CPU seconds: {seconds[0]:.0f} classical, {seconds[1]:.0f} deep.")
    return found
