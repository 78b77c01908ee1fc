"""The treeline: the number of training rows from which the other family would lead, and how likely that is.

How the chances and the range are made is in `outlook`; what spoils a curve is in `ill_behaved`. Nothing is said beyond
8 x the rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.ill_behaved import ill_behaved
from treeline.evidence.outlook import AHEAD, PLACE, Ladder, doubled, ladder, lead_alone, look_ahead
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.curves import Curve
    from treeline.problem.metric import Array, Metric

__all__ = ["Treeline", "treeline"]

IN_SIGHT = 0.5
"Where a change would come is said only where the other side is this likely to lead at 8 x the rows."
LIKELY = 0.6
"From here on a change is called more likely than not: said 0.5 to 0.6, it came in about half of the cases."
LEAST_RUNGS = 3
"Through two points every shape goes exactly, and what it says beyond them is its own: then the lead alone counts."
FAR = 0.2
"Below this chance at 8 x the rows a change of lead is called not in sight."


@dataclass(frozen=True, slots=True, kw_only=True)
class Treeline:
    """Who leads, whether the other side would overtake, and what more rows would buy each side."""

    leader: Family | None
    p_overtaken: dict[str, float]
    "Probability that the leader has been overtaken at 2, 4 and 8 times today's rows."
    between: tuple[int, int] | None
    "Today's rows and 4 x as many: there it changed in public data. None if the other side is unlikely to lead at 8 x the rows."
    last: int | None
    "Training rows of the last rung that both sides have: what 2, 4 and 8 times refer to."
    crossed_at: int | None
    "Training rows at which today's leader took the lead within the ladder; None where it led all along."
    doubling: dict[str, tuple[float, float]]
    "Per family what twice the rows would gain: score turned so that larger is better, and its standard error."
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    "One sentence for each flag."
    self_check: dict[str, Any] | None
    "What would have been said of the last rung without seeing it; None with fewer than four common rungs."
    words: str

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "between": list(self.between) if self.between else None,
            "leader": str(self.leader) if self.leader else None,
            "p_overtaken": dict(self.p_overtaken),
            "last": self.last,
            "crossed_at": self.crossed_at,
            "doubling": {side: {"gain": value, "se": se} for side, (value, se) in self.doubling.items()},
            "flags": list(self.flags),
            "notes": list(self.notes),
            "self_check": self.self_check,
            "words": self.words,
        }


def treeline(classical: Curve, deep: Curve, metric: Metric, *, cut: Collection[Family] = (), seed: int = 0) -> Treeline:
    """Return the treeline from two frontiers, measured on rungs that both have.

    `cut` names the sides whose fits at the top were ended by the clock.
    """
    rungs = ladder(classical, deep, metric)
    doubling = {str(curve.family): doubled(curve, metric, seed) for curve in (classical, deep)}
    known = {family: gained for family, gained in doubling.items() if gained is not None}
    if not len(rungs.rows):
        return _unknown("Both sides have no number of rows in common: their learning curves do not compare.", known)
    few = len(rungs.rows) < LEAST_RUNGS
    leader = Family.DEEP if rungs.losses[1][-1] < rungs.losses[0][-1] else Family.CLASSICAL
    p_deep = lead_alone(rungs, AHEAD) if few else look_ahead(rungs, AHEAD, seed).p_deep
    other = p_deep if leader is Family.CLASSICAL else 1 - p_deep
    overtaken = {str(times): float(p) for times, p in zip(AHEAD, other, strict=True) if times > 1}
    last = round(float(rungs.rows[-1]))
    if few:
        return _by_lead(rungs, leader, overtaken, known)
    where = (round(last * PLACE[0]), round(last * PLACE[1])) if other[-1] >= IN_SIGHT else None
    before = _crossed(rungs.rows, rungs.losses[0] - rungs.losses[1])
    check, surprise = _self_check(rungs, metric, seed) if len(rungs.rows) >= 4 else (None, None)
    faults = ill_behaved(rungs, surprise, cut)
    return Treeline(
        leader=leader,
        p_overtaken=overtaken,
        between=where,
        last=last,
        crossed_at=before,
        doubling=known,
        flags=tuple(faults),
        notes=tuple(faults.values()),
        self_check=check,
        words=_words(leader, overtaken, where, before, last),
    )


def _by_lead(
    rungs: Ladder, leader: Family, overtaken: dict[str, float], doubling: dict[str, tuple[float, float]]
) -> Treeline:
    """Return what one or two numbers of rows tell: who led there, and how often such a lead is lost."""
    gap, last = rungs.losses[0] - rungs.losses[1], round(float(rungs.rows[-1]))
    leaders = [(Family.DEEP if each > 0 else Family.CLASSICAL).words for each in gap[:-1]]
    words = f"With {last:,} training rows the better scores are those of {leader.words}"
    if leaders:
        same = leaders[0] == leader.words
        words += f", with {round(float(rungs.rows[0])):,} {'as well' if same else f'those of {leaders[0]}'}"
    words += (
        f". So few numbers of rows do not show where the curves go. Going by who leads there alone, the chance of "
        f"{leader.other.words} leading at {AHEAD[-1] * last:,} rows is {overtaken[str(AHEAD[-1])]:.0%}."
    )
    told = _unknown(words, doubling)
    return replace(told, leader=leader, p_overtaken=overtaken, last=last)


def _unknown(words: str, doubling: dict[str, tuple[float, float]]) -> Treeline:
    return Treeline(
        leader=None,
        p_overtaken={},
        between=None,
        last=None,
        crossed_at=None,
        doubling=doubling,
        flags=("FEW_RUNGS",),
        notes=(words,),
        self_check=None,
        words=words,
    )


def _self_check(rungs: Ladder, metric: Metric, seed: int) -> tuple[dict[str, Any] | None, tuple[float, float] | None]:
    """Return what the rungs up to half the rows say of the last one beside what was seen, and how surprising that is."""
    known = rungs.below(0.6)
    if len(known.rows) < 3:
        return None, None
    ahead = look_ahead(known, [float(rungs.rows[-1] / known.rows[-1])], seed)
    p_deep = float(ahead.p_deep[0])
    seen = [float(loss[-1]) for loss in rungs.losses]
    leader = Family.DEEP if p_deep > 0.5 else Family.CLASSICAL
    up = -1.0 if metric.greater_is_better else 1.0
    off = [float(side.mean()) - loss for side, loss in zip(ahead.sides, seen, strict=True)]
    width = [float(np.hypot(side.std(), se[-1])) for side, se in zip(ahead.sides, rungs.errors, strict=True)]
    check = {
        "rows": round(float(rungs.rows[-1])),
        "leader": str(leader),
        "p_leader_said": max(p_deep, 1 - p_deep),
        "leader_right": (seen[1] < seen[0]) == (leader is Family.DEEP),
        "error": {str(f): up * d * rungs.unit for f, d in zip(Family, off, strict=True)},
        "se": {str(f): w * rungs.unit for f, w in zip(Family, width, strict=True)},
    }
    return check, (-off[0] / width[0], -off[1] / width[1])


def _crossed(rows: Array, gap: Array) -> int | None:
    """Return where the sign of `gap` (J,) last changed on the ladder, read off between two rungs on a log scale."""
    turns = np.flatnonzero(np.sign(gap[:-1]) * np.sign(gap[1:]) < 0)
    if len(turns) == 0:
        return None
    j = int(turns[-1])
    share = gap[j] / (gap[j] - gap[j + 1])
    return round(float(np.exp(np.log(rows[j]) + share * np.log(rows[j + 1] / rows[j]))))


def _words(
    leader: Family, overtaken: dict[str, float], where: tuple[int, int] | None, before: int | None, last: int
) -> str:
    other, far = leader.other.words, f"{AHEAD[-1] * last:,} rows"
    text = f"With {last:,} training rows the better scores are those of {leader.words}"
    text += f", since about {before:,} rows. " if before else " and were at every smaller size tried. "
    chance = f"the chance of {other} leading there is {overtaken['8']:.0%}."
    if where:
        odds = "more likely than not" if overtaken["8"] >= LIKELY else "as likely as not"
        return (
            f"{text}The lead is {odds} to change up to {far}: {chance} If it does, then between "
            f"{where[0]:,} and {where[1]:,} rows, as on public data; these rows do not tell where."
        )
    if overtaken["8"] >= FAR:
        return f"{text}The lead may change up to {far}, but more likely does not: {chance}"
    return f"{text}A change of lead is not in sight up to {far}: {chance}"
