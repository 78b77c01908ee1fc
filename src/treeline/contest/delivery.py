"""Which model is handed over: the procedure with the best cross-fitted score, without what only slows it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from treeline.contest.blend import Standing, gather, standings
from treeline.contest.ledger import Ledger
from treeline.contest.trial import Trial
from treeline.evidence.choice import Procedure, procedure
from treeline.evidence.influence import score_of, turn
from treeline.evidence.recommend import BOTH
from treeline.evidence.scores import Judged
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy

__all__ = ["BOTH", "CALLED", "Delivered", "Pick", "deliver", "of_side", "seconds_per_1000", "to_hand_over"]

CALLED = {**{str(family): family.words for family in Family}, BOTH: "a blend of both sides"}

SLOW, UNFELT = 0.3, 0.1
"A member with this share of the prediction time is left out where that costs less than this share of the margin."
FRESH = 0.2
"Members with this share of a blend, or more, that have seen the newest rows do without those that have not."
QUICK = 0.1
"Seconds for 1,000 rows below which prediction is quick enough."
MEASURABLE = 0.2
"Seconds below which a measured prediction time is mostly noise, and must decide nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A member of the delivered model: an entry, its weight and the trials whose models are averaged."""

    name: str
    candidate: str
    weight: float
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A procedure that can be handed over."""

    what: str
    "classical, deep or both: whose models are in it."
    picks: tuple[Pick, ...]
    judged: Judged
    prediction: Array
    losses: dict[str, float] = field(default_factory=dict)
    "Of each side on the rows that all share, lower is better: what the run's own choice looked at."
    side: str = ""
    "The side that the run chose; not always `what`, for members that only slow a blend down are left out."


def deliver(ledger: Ledger, everyone: list[Standing], problem: Problem) -> Delivered | None:
    """Choose the procedure with the best cross-fitted score on the rows that all share: a family's blend, or that of both.

    The blend of both must be better by an amount that could be felt.
    """
    judged = gather(ledger, problem, everyone)
    sides: list[Family | None] = [family for family in Family if judged.of(family)]
    losses = {
        str(side or BOTH): _loss(judged, procedure(judged, side).prediction)
        for side in ([*sides, None] if len(sides) > 1 else sides)
    }
    asked = {
        side: loss + (UNFELT * problem.margin if side == BOTH else 0.0)
        for side, loss in losses.items()
        if np.isfinite(loss)
    }
    if not asked:
        return None
    best = min(asked, key=lambda one: asked[one])
    return replace(of_side(ledger, everyone, problem, best), losses=losses, side=best)


def to_hand_over(ledger: Ledger, problem: Problem) -> list[Pick]:
    """Return the members of the model that the run chose, then those of each side's own: any may be asked for later."""
    everyone = standings(ledger)
    chosen = deliver(ledger, everyone, problem)
    if chosen is None:
        return []
    sides = [side for side, loss in chosen.losses.items() if side != BOTH and np.isfinite(loss)]
    own = [of_side(ledger, everyone, problem, side) for side in sides]
    return list({pick.name: pick for one in (chosen, *own) for pick in one.picks}.values())


def of_side(ledger: Ledger, everyone: list[Standing], problem: Problem, side: str, *, alone: bool = False) -> Delivered:
    """Return what a side, or `both` together, hands over: its blend, or with `alone` its best contender.

    A family's weights are chosen on all folds that it covers, which may be more than the other family covers.

    Raises:
        DataError: nobody of that side was judged.
    """
    family = None if side == BOTH else Family(side)
    judged = gather(ledger, problem, everyone)
    own = judged if family is None else gather(ledger, problem, [one for one in everyone if one.family is family])
    if family is not None and _loses(own, judged, family, problem.margin):
        own = judged
    own, made = _without_the_slow(replace(own, blends=not alone), family, everyone, problem.margin)
    refits = ledger.refits()
    if problem.policy is Policy.TIME:
        own, made = _without_the_stale(own, made, family, refits)
    standing = {one.name: one for one in everyone}
    picks = []
    for name, weight in made.weights().items():
        trials = standing[name].trials
        if problem.policy is Policy.TIME:
            # Fold 0 has seen the most, and the most recent, rows; older folds would only dilute it. Its refit has seen all.
            trials = (refits.get(name, trials[0]),)
        elif len(trials) == 1 and name in refits:  # one fold's model has seen a part of the rows, its refit all of them
            trials = (*(trials if trials[0].rung == 1.0 else ()), refits[name])
        picks.append(Pick(name=name, candidate=trials[0].candidate, weight=weight, trials=trials))
    families = {str(standing[pick.name].family) for pick in picks}
    return Delivered(
        what=BOTH if len(families) == 2 else families.pop(),
        picks=tuple(picks),
        judged=own,
        prediction=made.prediction,
    )


def seconds_per_1000(board: Sequence[dict[str, Any]], picks: Sequence[Pick]) -> float | None:
    """Return the seconds that the picked models need for 1,000 rows, from the leaderboard; None where too few were timed."""
    one = {row["name"]: row["predict_s_per_1000"] for row in board}
    if not picks or any(one.get(pick.name) is None for pick in picks):
        return None
    return float(sum(one[pick.name] * len(pick.trials) for pick in picks))


def _without_the_slow(
    judged: Judged, side: Family | None, everyone: list[Standing], margin: float
) -> tuple[Judged, Procedure]:
    """Leave out members that take much of the prediction time and whose loss would hardly be felt."""
    made = procedure(judged, side)
    allowed = _loss(judged, made.prediction) + UNFELT * margin
    seconds = {one.name: sum(trial.predict_s for trial in one.trials) for one in everyone}
    for name in sorted(made.weights(), key=lambda one: -seconds[one]):
        whole = sum(seconds[one] for one in made.weights())
        if (
            len(made.weights()) == 1
            or seconds[name] < SLOW * whole
            or whole < max(MEASURABLE, QUICK * len(judged.y) / 1000)
        ):
            break
        rest = replace(judged, members=tuple(member for member in judged.members if member.name != name))
        spared = procedure(rest, side)
        if _loss(rest, spared.prediction) > allowed:
            break
        judged, made = rest, spared
    return judged, made


def _without_the_stale(
    judged: Judged, made: Procedure, side: Family | None, refits: Mapping[str, Trial]
) -> tuple[Judged, Procedure]:
    """Leave out members that know nothing of the newest rows, where others were fitted on them: by time they fall behind.

    Not where those others are a small part of the blend.
    """
    known = {name: weight for name, weight in made.weights().items() if name in refits}
    if not FRESH <= sum(known.values()) < 1.0 - 1e-9:
        return judged, made
    fresh = replace(judged, members=tuple(member for member in judged.members if member.name in known))
    return fresh, procedure(fresh, side)


def _loses(own: Judged, judged: Judged, side: Family, margin: float) -> bool:
    """Whether members that cover more folds do worse, on the rows that all share, than all of the side's members do there.

    More folds are worth having, but not at the price of the best member where the clock gave it fewer.
    """
    shared = np.arange(min(len(own.y), len(judged.y)))  # both go fold by fold
    wide = procedure(own, side).prediction[shared]
    loss = -turn(own.metric, score_of(own.y[shared], wide, own.metric, fold=own.fold[shared]))
    return bool(loss > _loss(judged, procedure(judged, side).prediction) + UNFELT * margin)


def _loss(judged: Judged, prediction: Array) -> float:
    """Return the score by folds, as the verdict counts it, turned so that lower is better."""
    return -turn(judged.metric, score_of(judged.y, prediction, judged.metric, fold=judged.fold))
