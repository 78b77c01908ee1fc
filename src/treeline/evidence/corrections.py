"""What an interval has in it beside rows, and what a reader must know of it, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from treeline.evidence.field import FEW_UNITS, most_said

if TYPE_CHECKING:
    from treeline.evidence.luck import Scatter

__all__ = ["cautions", "corrected"]


def cautions(folds: tuple[int, int], groups: int | None, unseen: Sequence[str]) -> tuple[str, ...]:
    """Return what a reader must know; `folds` are those with a score, and all."""
    known, judged = folds
    found = []
    if known < 2:
        found.append("Only one fold was judged: how the difference varies with the training rows is not seen.")
    if 0 < known < judged:
        found.append(f"{judged - known} of {judged} folds have no score by this metric.")
    if groups is not None and groups < FEW_UNITS:
        were = "group was" if groups == 1 else "groups were"
        found.append(f"Only {groups} {were} judged; with fewer than {FEW_UNITS} the interval is rough.")
    if unseen:
        found.append(f"No side is given more than {most_said(len(unseen)):.0%}: {' and '.join(unseen)}.")
    return tuple(found)


def corrected(
    found: Scatter, folds: int, unrest: float, *, groups: int | None, ordered: bool = False
) -> tuple[str, ...]:
    """Return what the interval has in it beside rows."""
    told = [_told(found, folds)]
    if found.field > 0:
        wider = found.se / np.sqrt(found.se**2 - found.field**2) if found.se > found.field else np.inf
        told.append(f"other contenders that the side behind might have fielded (interval widened by {wider:.2f})")
    if unrest > 1.0:
        told.append(f"choosing anew in every resample (interval widened by {unrest:.2f})")
    if ordered:
        stretches = f"{folds} stretches were" if folds != 1 else "1 stretch was"
        told.append(f"the next stretch of time being another one ({stretches} judged)")
    elif groups is not None:
        told.append(f"rows of one group being alike ({groups} groups)")
    return tuple(told)


def _told(found: Scatter, folds: int) -> str:
    """Return what the luck of the models made of the interval."""
    rows = np.sqrt(max(found.se**2 - found.luck**2 - found.field**2, 0.0))
    wider = f" (interval widened by {np.hypot(rows, found.luck) / rows:.2f})" if rows > 0 else ""
    return f"the luck of the folds' models, {'of a usual size' if folds < 2 else 'as far as they show it'}{wider}"
