"""When the contest asks whether the race is decided: each time both sides were judged on one more fold, from the third on."""

from __future__ import annotations

from dataclasses import dataclass

from treeline.contest.blend import Standing, gather, standings
from treeline.contest.field import FIRST_WAVE
from treeline.contest.ledger import Ledger
from treeline.contest.plan import Plan
from treeline.contest.trial import State
from treeline.evidence.race import LEAST_FOLDS, Lost, lost
from treeline.problem.problem import Problem
from treeline.problem.task import Family

__all__ = ["Looks"]


@dataclass(slots=True)
class Looks:
    """Takes each look of a run once, also when the run is resumed, so that their error stays what `evidence.race` promises."""

    ledger: Ledger
    problem: Problem
    plan: Plan

    @property
    def taken(self) -> int:
        """Folds on which both sides had been judged at the latest look; 0 before the first."""
        return max((int(fact["folds"]) for fact in self.ledger.of_kind("look")), default=0)

    def __call__(self) -> Lost | None:
        """Return the side that has lost, or None: no new fold, or both may still win."""
        if len(self.plan.entries) < 2:
            return None
        everyone = [one for one in standings(self.ledger) if one.rung == 1.0]
        width = min(self._width(family, everyone) for family in Family)
        if width < LEAST_FOLDS or width <= self.taken:
            return None
        self.ledger.append("look", folds=width)
        judged = gather(self.ledger, self.problem, everyone, equal=True, folds=width)
        return lost(judged, self.problem.margin, folds=self.plan.folds)

    def _width(self, family: Family, everyone: list[Standing]) -> int:
        """On how many folds the whole first wave was judged; 0 while one of it is missing that has not failed."""
        wave = [entry for entry in self.plan.entries[family] if not entry.reference][:FIRST_WAVE]
        first = [
            entry for entry in wave if entry.name == entry.candidate
        ]  # further settings of the same are no newcomers
        failed = {t.entry for t in self.ledger.trials if t.state not in (State.DONE, State.TIMEOUT)}
        reach = {one.name: one.reach for one in everyone}
        return min((reach.get(entry.name, 0) for entry in first if entry.name not in failed), default=0)
