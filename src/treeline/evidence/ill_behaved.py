"""What is wrong with a learning curve, by code and in one plain sentence: where its forecast deserves less trust.

About one curve in seven of LCDB 1.1 is not monotone or not convex (Yan, Mohr, Viering, NeurIPS 2025); peaks and breaks are
described by Viering and Loog, The shape of learning curves: a review, IEEE TPAMI 45, 2023.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.outlook import Ladder
    from treeline.problem.metric import Array

__all__ = ["SIGNIFICANT", "ill_behaved", "peak"]

SIGNIFICANT = 2.0
"Standard errors by which a rung must differ before it is called a rise, a peak or a break."
WHO = {Family.CLASSICAL: "The classical side", Family.DEEP: "The deep side"}


def ill_behaved(rungs: Ladder, surprise: tuple[float, float] | None, cut: Collection[Family]) -> dict[str, str]:
    """Return the flags of both curves, each with its sentence.

    `surprise` says by how many standard errors each side's last loss is above what the rungs before it foretold; `cut` names
    the sides whose fits at the top were ended by the clock.
    """
    rows = rungs.rows
    found = {}
    if len(rows) < 4:
        found["FEW_RUNGS"] = f"Only {len(rows)} numbers of rows were tried by both sides: the curves say little."
    if rows[-1] / rows[0] < 4:
        found["SHORT_LADDER"] = (
            "The largest number of rows tried is less than four times the smallest: a short way to learn a curve."
        )
    for i, family in enumerate(Family):
        mine = _side(rows, rungs.losses[i], rungs.errors[i], WHO[family])
        if surprise and abs(surprise[i]) > SIGNIFICANT:
            how = "more" if surprise[i] < 0 else "less"
            mine["BREAK"] = (
                f"{WHO[family]} gained {how} on the way to {rows[-1]:,.0f} rows than its smaller rungs foretold: "
                "its curve has a break, and what it does next is less sure than said."
            )
        if family in cut:
            mine["CUT"] = (
                f"The clock ended fits of {WHO[family].lower()} at the top: with more time its last point may be better."
            )
        found |= {f"{family.upper()}_{code}": words for code, words in mine.items()}
    return found


def _side(rows: Array, loss: Array, se: Array, who: str) -> dict[str, str]:
    found = {}
    rises = np.flatnonzero(np.diff(loss) > SIGNIFICANT * np.hypot(se[1:], se[:-1]))
    top = peak(loss, se)
    if len(rises):
        at = int(rises[-1]) + 1
        found["NOT_MONOTONE"] = (
            f"{who} got worse from {rows[at - 1]:,.0f} to {rows[at]:,.0f} rows, by more than chance."
        )
    if top is not None:
        found["PEAK"] = (
            f"{who} has a bump at about {rows[top]:,.0f} rows, with better scores before and after it: no shape fits that."
        )
    if loss[0] - loss[-1] < float(np.hypot(se[0], se[-1])):
        found["FLAT"] = f"{who} gained nothing measurable from {rows[0]:,.0f} to {rows[-1]:,.0f} rows."
    if loss[-1] < 2 * se[-1]:
        found["AT_CEILING"] = f"{who} is as good as the metric can tell: more rows cannot show."
    return found


def peak(loss: Array, se: Array) -> int | None:
    """Return the rung of the highest bump: worse than one before and than one after, each by more than 2 standard errors."""
    bumps = []
    for j in range(1, len(loss) - 1):
        before = (loss[j] - loss[:j]) / np.hypot(se[j], se[:j])
        after = (loss[j] - loss[j + 1 :]) / np.hypot(se[j], se[j + 1 :])
        if min(before.max(), after.max()) > SIGNIFICANT:
            bumps.append((float(loss[j]), j))
    return max(bumps)[1] if bumps else None
