"""From the ledger to what evidence judges: every entry at its best, on the rows that all of them predicted out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from treeline.contest.field import FIRST_WAVE
from treeline.contest.ledger import Ledger
from treeline.contest.roster import entries_of, other_seeds, references
from treeline.contest.trial import Trial
from treeline.errors import IntegrityError
from treeline.evidence.paired import Interval, score_interval
from treeline.evidence.scores import Judged, Member, crossfitted
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy

__all__ = ["Standing", "gather", "held_out", "scored", "standings"]


CUT = 0.5
"A fold whose fit did less than this share of the steps of the entry's longest fit does not count."


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry at the highest rung that it reached."""

    name: str
    family: Family
    trials: tuple[Trial, ...]
    "Its trials there, by fold: fold 0, fold 1, … without a gap."

    @property
    def reach(self) -> int:
        """How many folds it covers."""
        return len(self.trials)

    @property
    def rung(self) -> float:
        """The rung they were made on."""
        return self.trials[0].rung


def standings(ledger: Ledger, *, reference: bool = False) -> list[Standing]:
    """Return every entry that has held-out predictions for fold 0, the baseline only with `reference`."""
    aside = references(ledger) | {fact["entry"] for fact in ledger.of_kind("withdrawn")}
    by_entry: dict[str, dict[float, dict[int, Trial]]] = {}
    for trial in ledger.done():
        by_entry.setdefault(trial.entry, {}).setdefault(trial.rung, {})[trial.fold] = trial
    for rungs in by_entry.values():
        for folds in rungs.values():
            _without_the_cut(folds)
    found = []
    for name, rungs in by_entry.items():
        usable = [rung for rung, folds in rungs.items() if 0 in folds]
        if not usable or (name in aside and not reference):
            continue
        folds = rungs[max(usable)]
        prefix = next(count for count in range(len(folds) + 1) if count not in folds)
        trials = tuple(folds[fold] for fold in range(prefix))
        found.append(Standing(name, trials[0].family, trials))
    return found


def _without_the_cut(folds: dict[int, Trial]) -> None:
    """Leave out folds whose fit the clock ended far earlier than the others': their models would spoil the mean of all.

    Goes by the steps that were done, never by a score. Fold 0 stays: without it an entry has no standing.
    """
    most = max(trial.done for trial in folds.values())
    for fold in [fold for fold, trial in folds.items() if fold and trial.done < CUT * most]:
        del folds[fold]


def held_out(fold: Array, count: int) -> Array:
    """Return the row numbers held out in folds 0 … count - 1, fold by fold."""
    return np.concatenate([np.flatnonzero(fold == number) for number in range(count)])


def gather(
    ledger: Ledger,
    problem: Problem,
    among: Sequence[Standing] | None = None,
    *,
    equal: bool = False,
    folds: int | None = None,
) -> Judged:
    """Return what evidence judges: the contenders that reached the top, on the folds that serve both families best.

    A family none of which reached the top is represented by what its members did on their highest rungs. With `equal` both
    families field equally many, the first ones in the order that was fixed before the first fit, but never fewer than
    the first wave (docs/decisions/0007); another seed is no other contender. With `folds` exactly so many are looked at.

    Raises:
        IntegrityError: a prediction file does not fit the rows.
    """
    everyone = list(standings(ledger) if among is None else among)
    if equal:
        seeds = other_seeds(ledger)
        everyone = [one for one in everyone if one.name not in seeds]
    sides = [_at_the_top([one for one in everyone if one.family is family]) for family in Family]
    if equal and all(sides):
        most = max(FIRST_WAVE, min(map(len, sides)))
        order = {entry.name: position for position, entry in enumerate(entries_of(ledger))}
        sides = [sorted(side, key=lambda one: order.get(one.name, len(order)))[:most] for side in sides]
    width = folds or min((_width(side) for side in sides if side), default=0)
    return _judged(ledger, problem, ledger.rows(), [one for side in sides for one in side if one.reach >= width], width)


def _at_the_top(side: list[Standing]) -> list[Standing]:
    """Leave out who was fitted on fewer rows, where somebody of the side was fitted on all."""
    return [one for one in side if one.rung == 1.0] or side


def scored(ledger: Ledger, problem: Problem, one: Standing, *, folds: int | None = None) -> Interval:
    """Return an entry's cross-fitted score over its folds, or the first `folds` of them, with its interval."""
    width = one.reach if folds is None else min(folds, one.reach)
    judged = _judged(ledger, problem, ledger.rows(), [one], width)
    prediction = crossfitted(judged, judged.members[0])
    return score_interval(judged.y, prediction, problem.metric, fold=judged.fold, group=judged.group)


def _width(members: list[Standing]) -> int:
    """How many folds are judged: as many as make folds times members that cover them largest, more folds where equal.

    A count, not a score: no row judges what it helped to choose.
    """
    reaches = sorted((one.reach for one in members), reverse=True)
    return max(reaches, key=lambda width: (width * sum(reach >= width for reach in reaches), width))


def _judged(
    ledger: Ledger, problem: Problem, rows: dict[str, Array], members: Sequence[Standing], width: int
) -> Judged:
    index = held_out(rows["fold"], width) if width else np.zeros(0, dtype=np.int64)
    made = []
    for one in members:
        parts = [ledger.predictions(trial) for trial in one.trials[:width]]
        stack = np.concatenate(parts, axis=1)
        if stack.shape[1] != len(index):
            raise IntegrityError(
                f"The predictions of {one.name} are for {stack.shape[1]} rows, not {len(index)}.",
                where=str(ledger.out / "ledger" / "preds"), do="Start again in another --out.",
            )  # fmt: skip
        made.append(Member(name=one.name, family=one.family, predictions=stack))
    group = rows["group"][index] if "group" in rows else None
    return Judged(
        y=rows["y"][index],
        fold=rows["fold"][index],
        half=rows["half"][index],
        metric=problem.metric,
        members=tuple(made),
        group=group,
        planned=int(rows["fold"].max()) + 1,
        ordered=problem.policy is Policy.TIME,
    )
