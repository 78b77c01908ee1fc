"""Both sides measured: their procedures, their blend and every member, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeline.evidence.choice import procedure
from treeline.evidence.field import Upside, upside
from treeline.evidence.influence import measure, score_by_fold, score_of
from treeline.evidence.paired import Difference, Doubt, Interval, contrast, interval_of
from treeline.evidence.scores import Judged, crossfitted
from treeline.evidence.unrest import unrest
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.choice import Procedure
    from treeline.evidence.influence import Measured
    from treeline.problem.metric import Array

__all__ = ["Sides", "between", "both_sides", "measured", "one_side"]

MEMBER_DRAWS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Procedures and their measured scores: by family, and both together under None."""

    procedures: dict[Family | None, Procedure]
    measured: dict[Family | None, Measured]
    members: dict[str, Measured]


def measured(judged: Judged, *, members: bool = True) -> Sides:
    """Return the procedures of both families and of their blend, measured on the same rows; without `members` only them."""
    known: list[Family | None] = [family for family in Family if judged.of(family)]
    if not known or len(judged.y) == 0:
        return Sides({}, {}, {})
    asked = [*known, None] if len(known) == 2 else known
    procedures = {family: procedure(judged, family) for family in asked}
    y, metric, fold, group = judged.y, judged.metric, judged.fold, judged.group
    found = measure(y, [procedures[key].prediction for key in asked], metric, fold=fold, group=group)
    if not members:
        return Sides(procedures, dict(zip(asked, found, strict=True)), {})
    alone = [crossfitted(judged, member) for member in judged.members]
    single = measure(y, alone, metric, fold=fold, group=group, draws=MEMBER_DRAWS)
    return Sides(
        procedures,
        dict(zip(asked, found, strict=True)),
        dict(zip([member.name for member in judged.members], single, strict=True)),
    )


def one_side(judged: Judged, family: Family, evidence: Sides) -> dict[str, Any]:
    """Return a family's score with its interval, its champion and its members; all None where it has no member."""
    if family not in evidence.procedures:
        return {"score": None, "interval": None, "se": None, "luck": None, "best": None, "members": []}
    done = evidence.procedures[family]
    known = _interval(judged, evidence.measured[family], done.prediction)
    weights = dict(zip(done.names, done.weights_all.tolist(), strict=True))
    members = []
    alone = {member.name: member for member in judged.of(family)}
    for name in sorted(weights, key=lambda name: -weights[name]):
        each = _interval(judged, evidence.members[name], crossfitted(judged, alone[name]))
        members.append({"name": name, "weight": weights[name], **_as_json(each)})
    return {
        **_as_json(known),
        "best": done.champions[2],
        "members": members,
    }


def _interval(judged: Judged, found: Measured, prediction: Array) -> Interval:
    folds = score_by_fold(judged.y, prediction, judged.metric, judged.fold)
    return interval_of(found, judged.metric, folds=folds, group=judged.group)


def _as_json(known: Interval) -> dict[str, Any]:
    return {"score": known.score, "interval": [known.low, known.high], "se": known.se, "luck": known.luck}


def between(judged: Judged, evidence: Sides, a: Family | None, b: Family | None, margin: float) -> Difference:
    """Compare procedure `b` with procedure `a`; None names the blend of both families."""
    folds = [score_by_fold(judged.y, evidence.procedures[key].prediction, judged.metric, judged.fold) for key in (a, b)]
    return contrast(
        evidence.measured[a],
        evidence.measured[b],
        judged.metric,
        margin=margin,
        folds=folds[1] - folds[0],
        group=judged.group,
        doubt=Doubt(
            unrest=unrest(judged, (evidence.procedures[a], evidence.procedures[b]), (a, b)),
            planned=judged.planned,
            ordered=judged.ordered,
            # Whoever might join one family joins the blend of both as well, so a gain of the blend has no doubt about the field.
            field=(Upside(), Upside())
            if a is None or b is None
            else (_upside(judged, evidence, a), _upside(judged, evidence, b)),
        ),
    )


def _upside(judged: Judged, evidence: Sides, side: Family) -> Upside:
    scores = [
        evidence.members[one.name].score
        if one.name in evidence.members
        else score_of(judged.y, crossfitted(judged, one), judged.metric, fold=judged.fold)
        for one in judged.of(side)
    ]
    return upside(judged, side, evidence.procedures[side], scores)


def both_sides(judged: Judged, evidence: Sides, margin: float) -> tuple[dict[str, Any] | None, Difference | None]:
    """The blend across families and its gain over the better family; no gain where it holds one family only."""
    if len(evidence.measured) < 3:
        return None, None
    metric, done = judged.metric, evidence.procedures[None]
    sides = {member.name: member.family for member in judged.members}
    known = _interval(judged, evidence.measured[None], done.prediction)
    classical, deep = evidence.measured[Family.CLASSICAL].score, evidence.measured[Family.DEEP].score
    better = Family.DEEP if metric.better(deep, classical) else Family.CLASSICAL
    gain = between(judged, evidence, better, None, margin)
    weights = done.weights()
    mixed = len({sides[name] for name in weights}) == 2
    both = {
        "mixed": mixed,
        "score": known.score,
        "interval": [known.low, known.high],
        "gain": gain.estimate,
        "gain_interval": list(gain.interval),
        "gain_over": str(better),
        "p_gain": gain.p_better,
        "weights": weights,
    }
    return both, gain if mixed else None
