"""The verdict: a pure function of what was measured. Same input, same verdict, nothing refitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.errors import DataError
from treeline.evidence.advice import LEANING, SURE, Share, cheaper_side, regret, rows_needed, unequal
from treeline.evidence.crossing import Treeline, treeline
from treeline.evidence.curves import Curve, anchored, frontier
from treeline.evidence.paired import compare
from treeline.evidence.scores import Judged, cleaned
from treeline.evidence.sides import Sides, between, both_sides, measured, one_side
from treeline.evidence.words import as_json, plain_lines, sentence
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference
    from treeline.problem.metric import Array, Metric

__all__ = ["MIN_ROWS", "Call", "Share", "Verdict", "judge"]

MIN_ROWS = 30
"Fewer judged rows than this say nothing."
SELECTION = (
    "Stopping step, champion and blend were chosen on one half of the out-of-fold rows and judged on the other half, "
    "and the other way round"
)


class Call(StrEnum):
    """What the verdict says."""

    CLASSICAL = "CLASSICAL"
    DEEP = "DEEP"
    EQUIVALENT = "EQUIVALENT"
    "The difference lies inside the margin: take the cheaper side."
    BOTH = "BOTH"
    "A blend of the two beats the better one by more than the margin."
    UNDECIDED = "UNDECIDED"
    "The evidence does not tell, or may not speak."


OPEN, WON = "NOT_ENOUGH_ROWS", (Call.CLASSICAL, Call.DEEP, Call.BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who won, how sure that is, why, and what it would take to know better."""

    call: Call
    strong: bool
    "Rows and folds agree, and no finding lowers it."
    metric: str
    greater_is_better: bool
    margin: float
    judged_rows: int
    families: dict[str, dict[str, Any]]
    both: dict[str, Any] | None
    difference: Difference | None
    treeline: Treeline | None
    curves: tuple[Curve, ...]
    "The families' frontiers, named after them, and the contenders' curves."
    because: tuple[str, ...]
    "Each `CODE: sentence`."
    leaning: str | None
    "For UNDECIDED: the call that is at least 80% probable."
    take: str | None
    "What to use meanwhile: the winner, or the cheaper side."
    needed: int | None
    "Judged rows that would decide, by N (1.96 SE / gap)^2; None where decided or out of reach."
    signal: dict[str, Any] | None
    "How much the better side gains over a constant guess: `gain`, `interval`, `p`; None where the guess is not known."
    cheaper: str | None
    regret: float | None
    "Expected loss, in the metric's unit, of taking the cheaper side."
    caveats: tuple[str, ...]
    selection: str
    "How the best of many was paid for."

    @property
    def speaks(self) -> bool:
        """Whether the sides may be compared: nothing blocks it, nobody is missing, there are rows and a metric."""
        return self.call is not Call.UNDECIDED or self.because[0].startswith(OPEN)

    def to_json(self) -> dict[str, Any]:
        """Return plain data with the plain sentence; numbers that do not exist are None."""
        found = {
            "call": str(self.call),
            "strong": self.strong,
            "metric": self.metric,
            "greater_is_better": self.greater_is_better,
            "margin": self.margin,
            "judged_rows": self.judged_rows,
            "families": self.families,
            "both": self.both,
            "difference": {"of": "deep - classical", **self.difference.to_json()} if self.difference else None,
            "treeline": self.treeline.to_json() if self.treeline else None,
            "curves": {str(family): [] for family in Family}
            | {curve.name: [p.to_json() for p in curve.points] for curve in self.curves if curve.name == curve.family},
            "member_curves": [curve.to_json() for curve in self.curves if curve.name != curve.family],
            "because": list(self.because),
            "leaning": self.leaning,
            "take": self.take,
            "needed": self.needed,
            "signal": self.signal,
            "cheaper": self.cheaper,
            "regret": self.regret,
            "caveats": list(self.caveats),
            "selection": self.selection,
        }
        plain: dict[str, Any] = as_json(found)
        plain["sentence"] = sentence(plain)
        return plain

    def lines(self) -> list[str]:
        """Return the verdict as a few plain lines."""
        return plain_lines(self.to_json())


def judge(
    judged: Judged | None,
    *,
    margin: float,
    shares: Mapping[Family, Share],
    curves: Sequence[Curve] = (),
    blocking: Sequence[str] = (),
    lowering: Sequence[str] = (),
    guess: Array | None = None,
) -> Verdict:
    """Return the verdict; where nothing can be said it is UNDECIDED, with the reason.

    Args:
        judged: out-of-fold predictions of all members.
        margin: the smallest difference that matters, in the metric's unit, fixed before the first fit.
        shares: what each family fielded and spent, and why it has no member.
        curves: the contenders' learning curves (`curves.gather`); frontiers are made here.
        blocking: findings that forbid a verdict, each its code, with words if wanted.
        lowering: findings that make it less certain.
        guess: what a constant guess predicts for the judged rows.

    Raises:
        DataError: `judged` is None.
    """
    if judged is None:
        raise DataError("No contender of either side has predictions.", do="Look at why the trials failed.")
    sides = {family: shares.get(family, Share()) for family in Family}
    judged, lowering = cleaned(judged), [*lowering, *unequal(sides)]
    evidence = measured(judged)
    gap = between(judged, evidence, Family.CLASSICAL, Family.DEEP, margin) if len(evidence.measured) == 3 else None
    both, gain = both_sides(judged, evidence, margin)
    call, because = _call(judged, gap, gain, sides, blocking)
    leaning = _leaning(gap, gain) if call is Call.UNDECIDED and because[0].startswith(OPEN) else None
    waiting = [f"UNFINISHED: {side.unfinished}" for side in sides.values() if side.unfinished]
    if waiting:
        leaning = leaning if call is Call.UNDECIDED else str(call)
        call, because = Call.UNDECIDED, [*waiting, *because]
    signal, cheaper = _signal(judged, evidence, guess), cheaper_side(sides) if gap else None
    cost = regret(gap, cheaper)
    told = {family: one_side(judged, family, evidence) for family in Family}
    fronts = _fronts(curves, judged.metric, {} if waiting else told)
    undecided = call is Call.UNDECIDED
    return Verdict(
        call=call,
        strong=not undecided and not lowering and _strong(call, gap, gain),
        metric=judged.metric.name,
        greater_is_better=judged.metric.greater_is_better,
        margin=margin,
        judged_rows=len(judged.y),
        families={str(family): told[family] | asdict(sides[family]) for family in Family},
        both=both,
        difference=gap,
        treeline=treeline(fronts[0], fronts[1], judged.metric, cut=[side for side in Family if sides[side].cut]),
        curves=(*(front for front in fronts if front.points), *curves),
        because=(*because, *(f"LOWERED: {code} makes the verdict less certain" for code in lowering)),
        leaning=leaning,
        take=str(call).lower() if call in WON else _take(gap, cheaper, cost, margin),
        needed=rows_needed(gap, margin, len(judged.y)) if undecided and not blocking and not waiting else None,
        signal=signal,
        cheaper=str(cheaper) if cheaper else None,
        regret=cost,
        caveats=tuple(dict.fromkeys([*_caveats(judged, gap, sides), *_weak(signal, sides)])),
        selection=SELECTION + f"; {' and '.join(f'{sides[f].contenders} {f}' for f in Family)} contenders were judged.",
    )


def _fronts(curves: Sequence[Curve], metric: Metric, told: Mapping[Family, dict[str, Any]]) -> list[Curve]:
    """Return both frontiers, ending at the scores of the families' procedures where `told` has them."""
    return [anchored(frontier(curves, family, metric), told.get(family, {}).get("score"), metric) for family in Family]


def _call(
    judged: Judged,
    gap: Difference | None,
    gain: Difference | None,
    sides: Mapping[Family, Share],
    blocking: Sequence[str],
) -> tuple[Call, list[str]]:
    """Gate first, then the blend, then the better side, then the tie."""
    gates = [f"BLOCKED: finding {code} forbids a verdict" for code in blocking]
    gates += [
        f"{family.upper()}_MISSING: {sides[family].missing or 'no contender of this side finished'}"
        for family in Family
        if not judged.of(family)
    ]
    if not gates and len(judged.y) < MIN_ROWS:
        were = "row was" if len(judged.y) == 1 else "rows were"
        gates.append(f"TOO_FEW_ROWS: {len(judged.y)} {were} judged, {MIN_ROWS} are the least")
    if not gates and judged.group is not None and len(np.unique(judged.group)) < 2:
        gates.append("ONE_GROUP: rows of one group only were judged, two are the least; give the run more time")
    if not gates and (gap is None or not np.isfinite(gap.estimate) or not np.isfinite(gap.se)):
        gates.append(f"METRIC_UNDEFINED: {judged.metric.name} has no value on the judged rows")
    if gates or gap is None:
        return Call.UNDECIDED, gates
    if gain is not None and gain.p_better >= SURE:
        return Call.BOTH, [f"BLEND_GAINS: a blend of both sides gains more than the margin (P = {gain.p_better:.3f})"]
    if gap.p_better >= SURE:
        return Call.DEEP, [f"DEEP_BETTER: better by more than the margin (P = {gap.p_better:.3f})"]
    if gap.p_worse >= SURE:
        return Call.CLASSICAL, [f"CLASSICAL_BETTER: better by more than the margin (P = {gap.p_worse:.3f})"]
    if gap.p_same >= SURE:
        return Call.EQUIVALENT, [f"WITHIN_MARGIN: the difference lies inside the margin (P = {gap.p_same:.3f})"]
    because = [f"{OPEN}: neither side, nor a tie, is 95% probable"]
    if gap.p_better + gap.p_same >= SURE:
        because.append(f"DEEP_NOT_WORSE: deep learning is better or within the margin (P = {1 - gap.p_worse:.3f})")
    if gap.p_worse + gap.p_same >= SURE:
        because.append(f"CLASSICAL_NOT_WORSE: classical is better or within the margin (P = {1 - gap.p_better:.3f})")
    return Call.UNDECIDED, because


def _leaning(gap: Difference | None, gain: Difference | None) -> str | None:
    if gap is None:
        return None
    odds = {Call.DEEP: gap.p_better, Call.CLASSICAL: gap.p_worse, Call.EQUIVALENT: gap.p_same}
    if gain is not None:
        odds[Call.BOTH] = gain.p_better
    best = max(odds, key=lambda call: odds[call])
    return str(best) if odds[best] >= LEANING else None


def _take(gap: Difference | None, cheaper: Family | None, cost: float | None, margin: float) -> str | None:
    """The cheaper side, unless that is expected to lose more than the margin."""
    if gap is None or cheaper is None:
        return None
    return str(cheaper if cost is None or cost <= margin else Family.DEEP if gap.estimate > 0 else Family.CLASSICAL)


def _signal(judged: Judged, evidence: Sides, guess: Array | None) -> dict[str, Any] | None:
    """Compare the better side with a constant guess."""
    sides = {family: done for family, done in evidence.procedures.items() if family is not None}
    if guess is None or not sides:
        return None
    found = [
        compare(judged.y, guess, done.prediction, judged.metric, fold=judged.fold, margin=0.0, group=judged.group)
        for done in sides.values()
    ]
    best = max(found, key=lambda one: one.p_better)
    return {"gain": best.estimate, "interval": list(best.interval), "p": best.p_better}


def _weak(signal: dict[str, Any] | None, sides: Mapping[Family, Share]) -> list[str]:
    """Say where neither side learned anything, and where the clock may have hidden what a side can do."""
    found = []
    if signal and not signal["p"] >= SURE:
        found.append(f"NO_SIGNAL: neither side is shown to beat a constant guess (P = {signal['p']:.3f}).")
    for family in Family:
        if sides[family].cut:
            names = ", ".join(sides[family].cut)
            found.append(f"The clock ended fits of the {family} side early ({names}); more time may help it.")
    return found


def _strong(call: Call, gap: Difference | None, gain: Difference | None) -> bool:
    """Whether the posterior over folds says the same as the rows."""
    found = {
        Call.BOTH: gain.p_fold_better if gain else None,
        Call.DEEP: gap.p_fold_better if gap else None,
        Call.CLASSICAL: gap.p_fold_worse if gap else None,
        Call.EQUIVALENT: gap.p_fold_same if gap else None,
    }[call]
    return found is not None and found >= SURE


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
