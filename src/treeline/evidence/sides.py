"""Both sides measured: their procedures, their blend and every member, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeline.evidence.choice import procedure
from treeline.evidence.influence import measure, score_by_fold
from treeline.evidence.paired import Difference, contrast, interval_of
from treeline.evidence.scores import Judged, crossfitted
from treeline.evidence.unrest import unrest
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.choice import Procedure
    from treeline.evidence.influence import Measured

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
        return {"score": None, "interval": None, "se": None, "best": None, "members": []}
    done = evidence.procedures[family]
    known = interval_of(evidence.measured[family], judged.metric, group=judged.group)
    weights = dict(zip(done.names, done.weights_all.tolist(), strict=True))
    members = []
    for name in sorted(weights, key=lambda name: -weights[name]):
        each = interval_of(evidence.members[name], judged.metric, group=judged.group)
        known_as = {"score": each.score, "interval": [each.low, each.high], "se": each.se}
        members.append({"name": name, "weight": weights[name], **known_as})
    return {
        "score": known.score,
        "interval": [known.low, known.high],
        "se": known.se,
        "best": done.champions[2],
        "members": members,
    }


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
        unrest=unrest(judged, (evidence.procedures[a], evidence.procedures[b]), (a, b)),
    )


def both_sides(judged: Judged, evidence: Sides, margin: float) -> tuple[dict[str, Any] | None, Difference | None]:
    """The blend across families and its gain over the better family; no gain where it holds one family only."""
    if len(evidence.measured) < 3:
        return None, None
    metric, done = judged.metric, evidence.procedures[None]
    sides = {member.name: member.family for member in judged.members}
    known = interval_of(evidence.measured[None], metric, group=judged.group)
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
