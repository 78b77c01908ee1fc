"""The top: who is fitted on all rows next, on which folds, and for how long (docs/decisions/0021).

A verdict rests on the folds that both sides were judged on, so two contenders come before the third fold of anybody, three folds
before full steps, all folds of a few before one of many. Folds are taken in order: what lacks an earlier one serves nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from treeline.contest.record import ENOUGH_NET, Record, least_of
from treeline.contest.trial import Entry, State, Trial

__all__ = ["GOOD", "ROOM", "THREE", "Top", "Turn", "refit_s", "soft"]

GOOD = 0.4
"Share of its planned steps that a fit may be cut to, that there may be a third fold."
ROOM = 0.85
"Share of the time left that is dealt out: writing and predicting take time as well."
THREE = 3
"Folds before which the luck of single models hides who is better (docs/decisions/0012)."
JUDGED = 2000
"Rows that are judged at least, however few a fold holds."
STACK = 400_000
"Training rows that the folds of one batched job may hold together, for the sake of memory."
FRESH = 0.5
"Share of the time left that the first fits of nets of media may take together, where no lower rung has screened them."
LONG = 0.1
"A fold takes long where it takes more than this share of the time left."
LATER = 0.45
"Share of the time left that one of several first folds may take."
PICKED = 4
"Members that a delivered model usually has at most."
CHOICE_S = 1.5
"Seconds until it is known whose turn that is."
REFIT_SHARE = 0.2
"Share of the run that fitting them once more may take."


@dataclass(frozen=True, slots=True)
class Turn:
    """A fit at the top."""

    entry: Entry
    folds: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Top:
    """What `left_s` seconds can pay for at the top."""

    record: Record
    left_s: float

    @property
    def together(self) -> int:
        """How many folds one job may hold."""
        return max(1, STACK // max(self.record.rows, 1))

    @property
    def aim(self) -> int:
        """The folds that are wanted of two contenders, even if none can do all of its steps."""
        needed = int(np.ceil(JUDGED / max(self.record.rows / self.record.folds, 1)))
        return min(max(THREE, needed), self.record.folds)

    def affords(self, entry: Entry) -> bool:
        """Whether the wanted folds of a contender fit into half of the time left."""
        return self.aim * max(GOOD, self._least(entry)) * self._natural(entry) <= self.left_s / 2

    def able(self, ranked: Sequence[Entry]) -> list[Entry]:
        """Leave out who has not begun and could not even be fitted once."""
        room = ROOM * self.left_s
        return [
            one for one in ranked
            if self.record.touched(one, 1.0) or self._least(one, first=True) * self._natural(one) <= room
        ]  # fmt: skip

    def missing_s(self, entries: Sequence[Entry]) -> float:
        """Seconds that the folds take which two contenders still lack of the wanted ones, all steps done."""
        return sum(max(0, self.aim - self.record.reach(one)) * self._natural(one) for one in entries[:2])

    def width(self, entries: Sequence[Entry]) -> int:
        """On how many folds each of `entries` can be judged: wholly where there is time, cut for the first few."""
        for width in range(self.record.folds if entries else 0, 0, -1):
            cost = 0.0
            for position, entry in enumerate(entries):
                cut = 1.0 if width > self.aim else GOOD if width > 1 else 0.0
                missing = max(0, width - self.record.reach(entry))
                cost += missing * self._natural(entry) * max(cut, self._least(entry, first=not position))
            if cost <= ROOM * self.left_s:
                return width
        return 0

    def everybody(self, ranked: Sequence[Entry], *, enough: float) -> Turn | None:
        """One fold of everybody, where no lower rung has screened them; media nets do the share `enough` of their steps."""
        waiting = [one for one in ranked if not self.record.touched(one, 1.0)]
        for position, entry in enumerate(waiting):
            least = enough if self.record.cards[entry.candidate].media_net else self._least(entry)
            turn = self._turn(entry, 1, self.left_s * max(LATER, 1 / (len(waiting) - position)), least, len(waiting))
            if turn is not None:
                return turn
        return None

    def lead(self, ranked: Sequence[Entry]) -> Turn | None:
        """The folds of the two contenders that lead, or of one where three of two cannot be paid for."""
        pair = self._pair(ranked := self.able(ranked))
        width = self.width(pair)
        levels = (1, 2, THREE, width) if width >= THREE else (1,) if self._needs_boosting(pair) else ()
        for level in levels:
            turn = self._level(pair, level, width)
            if turn is not None:
                return turn
        begun = any(self.record.touched(one, 1.0) for one in ranked)
        paired = (
            self.shared(ranked) >= THREE
        )  # then others come first: beyond those folds the two could not be compared
        for entry in () if paired else ranked[:1] if begun else ranked:
            turn = self.alone(entry)
            if turn is not None:
                return turn
        return None

    def alone(self, entry: Entry) -> Turn | None:
        """A further fold of one contender."""
        return self._level((entry,), self.record.folds, self.width((entry,)))

    def shared(self, ranked: Sequence[Entry]) -> int:
        """On how many folds two contenders were judged, or one where two were on fewer than three."""
        reaches = sorted(map(self.record.reach, ranked), reverse=True)
        return next((reach for reach in reaches[1:2] if reach >= THREE), max(reaches, default=0))

    def _level(self, entries: Sequence[Entry], level: int, width: int) -> Turn | None:
        """The next fold of `entries` up to a level, each given its part of what all may take up to `width`."""
        # Who takes long comes second, so that there is something early.
        for entry in sorted(entries, key=lambda one: self._natural(one) > LONG * self.left_s):
            upto = min(level, width)
            if self.record.cards[entry.candidate].batched:  # several folds at once are faster
                upto = width if level >= THREE else min(2, width)
            count = upto - self.record.reach(entry)
            if count > 0:
                part = count * self._part(entry, entries, width)
                turn = self._turn(entry, count, part, self._least(entry, first=entry is entries[0]), len(entries))
                if turn is not None:
                    return turn
        return None

    def _part(self, entry: Entry, entries: Sequence[Entry], width: int) -> float:
        """Seconds of a fold: where not all steps of all can be paid for those of the dear ones are cut, not of the cheap."""
        missing = {one.name: max(0, width - self.record.reach(one)) for one in entries}
        whole = sum(missing[one.name] * self._natural(one) for one in entries)
        room = ROOM * self.left_s
        fair = room / len(entries) / max(missing[entry.name], 1)
        return max(room * self._natural(entry) / whole, min(fair, 1.3 * self._natural(entry)))

    def follow(self, ranked: Sequence[Entry], others: Sequence[Entry], width: int) -> Turn | None:
        """Further contenders, each only where it can be judged on all of the first `width` folds."""
        room = self.room(ranked)
        for entry in (*ranked, *others):
            missing = width - self.record.reach(entry)
            if missing > 0 and missing * self._least(entry) * self._natural(entry) <= room:
                turn = self._turn(entry, missing, room, self._least(entry))
                if turn is not None:
                    return turn
        return None

    def room(self, ranked: Sequence[Entry]) -> float:
        """Seconds for others than who leads: a leader with one fold, which has seen four fifths, will be fitted on all rows."""
        once = [one for one in ranked if self.record.reach(one) == 1 < self.record.folds]
        if not once or max(map(self.record.reach, ranked)) > 1:
            return ROOM * self.left_s
        anew = 1.1 * self._natural(once[0]) * self.record.folds / (self.record.folds - 1)
        return ROOM * self.left_s - anew - CHOICE_S

    def _natural(self, entry: Entry) -> float:
        return self.record.seconds(entry, 1.0)

    def _least(self, entry: Entry, *, first: bool = False) -> float:
        """The share of its steps for which a fit is worth starting: a net of media that is not the first one needs more."""
        card = self.record.cards[entry.candidate]
        return ENOUGH_NET if card.media_net and not first else least_of(card)

    def _pair(self, ranked: Sequence[Entry]) -> tuple[Entry, ...]:
        """The two that lead; one of them boosts as long as no such contender was judged on all rows."""
        boosting = [one for one in ranked if self.record.cards[one.candidate].boosts]
        pair = tuple(ranked[:2])
        if not boosting or boosting[0] in pair or any(self.record.touched(one, 1.0) for one in boosting):
            return pair
        with_boosting = (*ranked[:1], boosting[0])
        return with_boosting if self.width(with_boosting) else pair

    def _needs_boosting(self, pair: Sequence[Entry]) -> bool:
        """Whether the second of the two, and not the first, is one that is always judged on all rows."""
        boosts = [self.record.cards[one.candidate].boosts for one in pair]
        return boosts == [False, True]

    def _turn(self, entry: Entry, count: int, seconds: float, least: float, rivals: int = 1) -> Turn | None:
        """`count` folds of an entry within `seconds`, as many as one job may hold; None where that is not worth starting."""
        card, natural, first = self.record.cards[entry.candidate], self._natural(entry), self.record.reach(entry)
        together = min(count, self.together) if card.batched else 1
        asked = 1.3 * natural * together + 1.0
        if card.media_net and not self.record.highest(entry):
            asked = max(asked, FRESH * self.left_s / rivals)
        given = min(asked, seconds * together / count if card.anytime else self.left_s, soft(self.left_s))
        if given < least * natural * together or least * natural * together > self.left_s:
            return None
        missing = [fold for fold in range(first, self.record.folds) if not self.record.touched(entry, 1.0, fold)]
        return Turn(entry, tuple(missing[:together]), given) if missing else None


def soft(left_s: float) -> float:
    """The soft deadline of a fit that may take all the time left: what it writes and predicts takes time as well."""
    return 0.85 * left_s - 0.5


def refit_s(trials: Sequence[Trial], left_s: float, rows: int) -> float:
    """Seconds to keep free for fitting once more, on all `rows`, who may be picked: two slots, as many as usually are."""
    tops = [trial for trial in trials if trial.rung == 1.0 and trial.fold == 0 and trial.state is State.DONE]
    whole = left_s + max((trial.started_s + trial.wall_s for trial in trials), default=0.0)
    costs = sorted((trial.seconds_on(rows) for trial in tops), reverse=True)
    anew = 1.3 * max(sum(costs[:PICKED]) / 2, costs[0]) + CHOICE_S if costs else whole
    return min(anew, REFIT_SHARE * whole)
