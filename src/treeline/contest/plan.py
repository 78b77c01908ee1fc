"""Who climbs: which entry a family fits next, on how many rows and folds, and for how long.

The plan is a function of the trials so far and of the time left, so that a resumed run goes on where the killed one stopped.
Every entry starts on the lowest rung, where a fit is cheap. The scores there, moved up by the family's learning curve, order the
entries as far as they can (`ranking`); the measured seconds say what a fold at the top will cost. There two contenders come
first, on as many folds as the time can pay for, then the others (`top`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from treeline.candidates.card import Card
from treeline.contest.ranking import ranked
from treeline.contest.record import ENOUGH_MEDIA, Record, least_of
from treeline.contest.top import GOOD, ROOM, THREE, Top, Turn, refit_s, soft
from treeline.contest.trial import Entry, Trial
from treeline.problem.metric import Metric
from treeline.problem.task import Family

__all__ = ["Plan", "Wish"]

SCREEN_SHARE = 0.05
"Share of a family's time that one entry may take on the lowest rung."
CLIMB_SHARE = 0.10
"Share of the time left that the middle rungs of one entry may take, where what the top needs first is left over."
PROBE_SHARE = 0.04
"Share of the time left that a fit on plain numbers may take."
PROBE_S = 1.5
"Seconds that it may take in any case."
KEPT = 0.2
"Share of the time left that the folds of such nets leave for that."
SHAPE_SHARE = 0.45
"Share of the time left that a middle rung of the best net of media may take."
ENCODE_SHARE = 0.25
"Share of the time left after which a pretrained encoder that has not read the rows yet is given up."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a family wants to do next."""

    entry: Entry
    rung: float
    folds: tuple[int, ...]
    seconds: float
    patience: float
    seed: int


@dataclass(slots=True)
class Plan:
    """The ladder of one run, for all its families."""

    entries: dict[Family, tuple[Entry, ...]]
    cards: dict[str, Card]
    rungs: tuple[float, ...]
    rows: int
    "Rows of the data set."
    folds: int
    metric: Metric
    seed: int
    first_wave: int = 4
    "How many entries of a family are screened before any setting is varied."
    again: frozenset[str] = frozenset()
    "Ids of the trials that a longer limit gives another try (`sessions.another_try`)."
    newest: bool = False
    "Whether what is picked will be fitted once more on all rows, as rows ordered in time are."

    def next(
        self, family: Family, trials: Sequence[Trial], busy: Iterable[tuple[str, float, int]], left_s: float
    ) -> Wish | None:
        """Return what `family` should fit next, or None when nothing (more) fits into `left_s` seconds.

        `busy` holds the (entry, rung, fold) that are being fitted now.
        """
        mine = [trial for trial in trials if trial.family is family]
        record = Record(
            mine, set(busy), rows=self.rows, folds=self.folds, cards=self.cards, metric=self.metric, again=self.again
        )
        left_s -= record.start_s + (refit_s(trials, left_s, self.rows) if self.newest else 0.0)
        for wish in (
            self._reference,
            self._screen,
            self._climb,
            self._probe,
            self._shape,
            self._lead,
            self._follow,
            self._approach,
        ):
            found = wish(family, record, left_s)
            if found is not None:
                return replace(found, patience=found.patience + record.start_s)
        return None

    def _reference(self, family: Family, record: Record, left_s: float) -> Wish | None:
        for entry in self.entries[family]:
            missing = [fold for fold in range(self.folds) if not record.touched(entry, 1.0, fold)]
            if entry.reference and not entry.probe and missing:
                return self._wish(entry, 1.0, tuple(missing[: Top(record, left_s).together]), 2.0, left_s)
        return None

    def _contenders(self, family: Family, record: Record) -> list[Entry]:
        return [entry for entry in self.entries[family] if not entry.reference and not record.is_out(entry)]

    def _wave(self, family: Family, record: Record) -> list[Entry]:
        """Those that are screened before any setting is varied; another seed is none of them."""
        return [entry for entry in self._contenders(family, record) if not entry.again][: self.first_wave]

    def _ranked(self, family: Family, record: Record, left_s: float) -> list[Entry]:
        return ranked(self._wave(family, record), record, affords=Top(record, left_s).affords)

    def _screen(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """The lowest rung: what a fit costs, and who is far behind; no further one where that can tell nothing."""
        low, wave = self.rungs[0], self._wave(family, record)
        seen = [entry for entry in wave if record.rungs(entry)]
        if low == 1.0 or (seen and not any(record.losses(entry) for entry in seen)):
            return None
        cheapest = sorted(seen, key=lambda one: record.seconds(one, 1.0))
        if len(seen) >= 2 and GOOD * Top(record, left_s).missing_s(cheapest) > left_s:
            return None
        for entry in wave:
            if not record.touched(entry, low):
                return self._wish(entry, low, (0,), max(0.8, SCREEN_SHARE * left_s), left_s)
        return None

    def _spare(self, family: Family, record: Record, left_s: float) -> float:
        """The time left when two contenders have the folds that are wanted of them."""
        top = Top(record, left_s)
        return ROOM * left_s - top.missing_s(self._ranked(family, record, left_s))

    def _climb(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """Middle rungs for the two best entries, where they cost little: the points of the learning curve."""
        spare = self._spare(family, record, left_s)
        for entry in self._ranked(family, record, left_s)[:2]:
            middle = [rung for rung in self.rungs[1:-1] if not record.touched(entry, rung)]
            cost = sum(record.seconds(entry, rung) for rung in middle)
            if middle and cost <= min(CLIMB_SHARE * left_s, spare):
                return self._wish(entry, middle[0], (0,), 2 * record.seconds(entry, middle[0]) + 0.5, left_s)
        return None

    def _shape(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """A middle rung for the best net of media, once its folds at the top are done: a curve of two points says little."""
        best = next(iter(self._ranked(family, record, left_s)), None)
        if best is None or not self._unshaped(best, record):
            return None
        if record.reach(best) < max(1, min(THREE, Top(record, left_s).width((best,)))):
            return None
        middle = self.rungs[1:-1]
        for rung in reversed(middle[: len(middle) // 2 + 1]):
            natural = record.seconds(best, rung)
            if GOOD * natural <= SHAPE_SHARE * left_s:
                return self._wish(best, rung, (0,), min(1.3 * natural + 1.0, SHAPE_SHARE * left_s), left_s)
        return None

    def _unshaped(self, entry: Entry, record: Record) -> bool:
        """Whether it is a net of media that still lacks a middle rung."""
        middle = self.rungs[1:-1]
        lacks = not any(record.touched(entry, rung) for rung in middle)
        return bool(middle) and lacks and self.cards[entry.candidate].media_net

    def _probe(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """The first contender with less to look at, on the highest rung below the top that it has seen and that costs little."""
        first = next((entry for entry in self.entries[family] if not entry.reference), None)
        probes = [entry for entry in self.entries[family] if entry.probe]
        probe = next((one for one in probes if not any(record.touched(one, rung) for rung in self.rungs)), None)
        if first is None or probe is None:
            return None
        seen = [rung for rung in self.rungs[:-1] or self.rungs if rung in record.rungs(first)]
        for rung in reversed(seen):
            taken = record.taken(first, rung)
            if taken <= min(max(PROBE_SHARE * left_s, PROBE_S), self._spare(family, record, left_s)):
                return self._wish(probe, rung, (0,), 1.2 * taken + 0.1, left_s)
        return None

    def _lead(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """The top: the two contenders that lead."""
        order = self._ranked(family, record, left_s)
        shapeless = any(self._unshaped(entry, record) for entry in order[:1])
        top = Top(record, left_s * (1 - KEPT if shapeless else 1))
        turn = top.everybody(order, enough=ENOUGH_MEDIA) if len(self.rungs) == 1 else None
        return self._at_the_top(turn or top.lead(order), left_s)

    def _follow(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """The top: the others of the first wave, then further settings, those of the best candidates first."""
        order = self._ranked(family, record, left_s)
        wave = {entry.candidate for entry in order}
        names = [entry.candidate for entry in order if record.reached(entry)]
        others = [
            entry for entry in self._contenders(family, record)
            if entry not in order and (entry.candidate in names or entry.candidate not in wave)
        ]  # fmt: skip
        place = {candidate: rank for rank, candidate in reversed(list(enumerate(names)))}
        # Another seed of the best follows its settings, that of others comes last.
        others.sort(key=lambda one: (one.again and place.get(one.candidate) != 0, place.get(one.candidate, len(names))))
        top = Top(record, left_s)
        turn = top.follow(order, others, top.shared(order))
        if turn is None and order:
            turn = top.alone(order[0]) or top.follow(order, others, max(map(record.reach, order)))
        return self._at_the_top(turn, left_s)

    def _at_the_top(self, turn: Turn | None, left_s: float) -> Wish | None:
        return None if turn is None else self._wish(turn.entry, 1.0, turn.folds, turn.seconds, left_s)

    def _approach(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """What else the time left can pay for: where nobody reached the top the highest rung, else points of the curves."""
        order = self._ranked(family, record, left_s)
        begun = any(record.touched(one, 1.0) for one in order)
        room = Top(record, left_s).room(order)
        for entry in order[:2] if begun else order:
            rungs = self.rungs[1:-1] if begun else [rung for rung in self.rungs[-2::-1] if rung > record.highest(entry)]
            for rung in rungs:
                natural = record.seconds(entry, rung)
                enough = 1.0 if begun else least_of(self.cards[entry.candidate])
                if not record.touched(entry, rung) and enough * natural <= room:
                    return self._wish(entry, rung, (0,), min(1.3 * natural + 1.0, room), left_s)
        return None

    def _wish(self, entry: Entry, rung: float, folds: tuple[int, ...], seconds: float, left_s: float) -> Wish | None:
        if left_s < 0.5:
            return None
        card = self.cards[entry.candidate]
        seconds = min(seconds, soft(left_s))
        patience = 2 * seconds + 5.0 if card.anytime else max(3 * seconds, 5.0)
        if card.pretrained and card.accepts:
            # The first fit loads the weights and reads all rows with them, once for all fits.
            patience = max(patience, ENCODE_SHARE * left_s)
        patience = min(patience, left_s)
        seed = zlib.crc32(f"{self.seed}/{entry.name}/{rung}/{folds[0]}".encode())
        return Wish(entry=entry, rung=rung, folds=folds, seconds=seconds, patience=patience, seed=seed)
