"""From what was measured to the verdict: a pure function. Same input, same verdict, nothing refitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from treeline.errors import DataError
from treeline.evidence.advice import SURE, Share, beats_a_guess, cheaper_side, luck_bars, rows_needed
from treeline.evidence.again import Again
from treeline.evidence.call import MIN_ROWS, OPEN, Call, Reason, Terms, call_of, gates_of, leaning_of, strong
from treeline.evidence.caveats import caveats_of, lowered_by
from treeline.evidence.crossing import treeline
from treeline.evidence.curves import Curve, anchored, frontier
from treeline.evidence.mind import About, Decide, decide, mind
from treeline.evidence.paired import compare
from treeline.evidence.recommend import Choice, choose
from treeline.evidence.scores import Judged, cleaned
from treeline.evidence.sides import Sides, between, both_sides, measured, one_side
from treeline.evidence.verdict import Verdict
from treeline.evidence.words import told as told_in_words
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.paired import Difference
    from treeline.problem.metric import Array, Metric

__all__ = ["MIN_ROWS", "Call", "Reason", "Share", "Terms", "Verdict", "judge"]

SELECTION = (
    "Stopping step, champion and blend were chosen on one half of the out-of-fold rows and judged on the other half, "
    "and the other way round"
)


def judge(
    judged: Judged | None,
    *,
    margin: float,
    shares: Mapping[Family, Share],
    curves: Sequence[Curve] = (),
    guess: Array | None = None,
    terms: Terms | None = None,
) -> Verdict:
    """Return the verdict; where nothing can be said it is UNDECIDED, with the reason.

    Args:
        judged: out-of-fold predictions of all members.
        margin: the smallest difference that matters, in the metric's unit, fixed before the first fit.
        shares: what each family fielded and spent, and why it has no member.
        curves: the contenders' learning curves (`curves.gather`); frontiers are made here.
        guess: what a constant guess predicts for the judged rows.
        terms: findings that forbid or lower it, and what a longer run could judge.

    Raises:
        DataError: `judged` is None.
    """
    if judged is None:
        raise DataError("No contender of either side has predictions.", do="Look at why the trials failed.")
    sides, terms = {family: shares.get(family, Share()) for family in Family}, terms or Terms()
    judged = cleaned(judged)
    evidence = measured(judged)
    gap = between(judged, evidence, Family.CLASSICAL, Family.DEEP, margin) if len(evidence.measured) == 3 else None
    both, gain = both_sides(judged, evidence, margin)
    lowered, signal = lowered_by(terms.lowering, sides), _signal(judged, evidence, guess)
    said = _said(gap, gain, sides, gates_of(judged, gap, sides, terms), again=terms.again)
    because = (*said.because, *lowered)
    told = {family: one_side(judged, family, evidence) for family in Family}
    fronts = _fronts(curves, judged.metric, {} if any(side.unfinished for side in sides.values()) else told)
    line = treeline(*fronts, judged.metric, cut=[side for side in Family if sides[side].cut])
    reach = (len(judged.y), terms.held_out or len(judged.y))
    settled = _settled(gap, margin, reach, terms) if gap and because[0].code == OPEN else None
    shown, about = gap if said.choice else None, About(*reach, judged.metric.name, terms.again.sure(""))
    found = Verdict(
        call=said.call,
        choice=said.choice if beats_a_guess(signal) else None,  # who learned nothing is no choice
        strong=not lowered and strong(said.call, gap, gain),
        metric=judged.metric.name,
        greater_is_better=judged.metric.greater_is_better,
        margin=margin,
        judged_rows=len(judged.y),
        families={str(family): told[family] | asdict(sides[family]) for family in Family},
        both=both,
        difference=gap,
        treeline=line,
        curves=(*(front for front in fronts if front.points), *curves),
        because=because,
        leaning=said.leaning,
        decide=settled,
        mind=tuple(mind(said.call, shown, because, sides=sides, line=line, settled=settled, judged=about)),
        signal=signal,
        cheaper=cheaper_side(sides) if gap else None,
        beside=terms.beside,
        caveats=caveats_of(judged, gap, sides, terms.beside, signal),
        selection=SELECTION + f"; {' and '.join(f'{sides[f].contenders} {f}' for f in Family)} contenders were judged.",
    )
    return replace(found, words=told_in_words(found))


class _Said(NamedTuple):
    call: Call
    because: list[Reason]
    choice: Choice | None
    leaning: Call | None


def _said(
    gap: Difference | None,
    gain: Difference | None,
    sides: Mapping[Family, Share],
    gates: list[Reason],
    *,
    again: Again,
) -> _Said:
    """Gate first, then what the evidence says and what to do."""
    if gap is None or (gates and gates[0].code != "UNFINISHED"):
        return _Said(Call.UNDECIDED, gates, None, None)
    call, because = call_of(gap, gain, again)
    leaning = leaning_of(gap, gain) if call is Call.UNDECIDED else call if gates else None
    if gates:
        return _Said(Call.UNDECIDED, gates, None, leaning)
    return _Said(call, because, choose(call, gap, gain, sides, again=again), leaning)


def _settled(gap: Difference, margin: float, reach: tuple[int, int], terms: Terms) -> Decide:
    """Return what would decide an open verdict."""
    rows, held = reach
    sure = terms.again.later if terms.limit_s is not None else SURE  # who goes on looks once more
    return decide(
        rows_needed(gap, margin, rows, sure=sure), judged=rows, held_out=held, seconds_per_row=terms.seconds_per_row,
        luck=luck_bars(gap, margin, sure=sure), limit_s=terms.limit_s,
    )  # fmt: skip


def _fronts(curves: Sequence[Curve], metric: Metric, told: Mapping[Family, dict[str, Any]]) -> tuple[Curve, Curve]:
    """Return both frontiers, ending at the scores of the families' procedures where `told` has them."""
    classical, deep = (
        anchored(frontier(curves, family, metric), told.get(family, {}).get("score"), metric) for family in Family
    )
    return classical, deep


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
    p = max(0.0, 1 - len(found) * (1 - best.p_better))  # the better of two is looked at: Bonferroni
    return {"gain": best.estimate, "interval": list(best.interval), "p": p}
