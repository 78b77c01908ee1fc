"""Who climbs: which entry a family fits next, on how many rows and folds, and for how long.

The plan is a function of the trials so far and of the time left, so that a resumed run goes on where the killed one stopped;
it remembers only how many folds each family is working on. Every entry starts on the lowest rung, where a fit is cheap. The
scores there, moved up by the family's learning curve, order the entries; the measured seconds say what a fold at the top will
cost. The best entries climb first, on as many folds as the time can pay for, all entries on the same folds; what time is left
buys the other folds and settings.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from treeline.candidates.card import Card
from treeline.contest.record import Record
from treeline.contest.trial import Entry, Trial
from treeline.problem.metric import Metric
from treeline.problem.task import Family

__all__ = ["Plan", "Wish"]

SCREEN_SHARE = 0.05
"Share of a family's time that one entry may take on the lowest rung."
CLIMB_SHARE = 0.10
"Share of the time left that the middle rungs of one entry may take."
PROBE_SHARE = 0.04
"Share of the time left that a fit on plain numbers may take."
PROBE_S = 1.5
"Seconds that it may take in any case."
ENOUGH_NET, ENOUGH_BOOSTING, ENOUGH_MEDIA = 0.35, 0.25, 0.08
"Share of its planned steps below which a fit is not worth starting: nets anneal, boosting learns faster, media need long."
FRESH = 0.5
"Share of the time left that the first fits of nets of media may take together, where no lower rung has screened them."
SHAPE_SHARE = 0.45
"Share of the time left that a middle rung of the best net of media may take."
GOOD = 0.5
"Share of its planned steps that the width of the top is reckoned with."
STACK = 400_000
"Training rows that the folds of one batched job may hold together, for the sake of memory."
ENCODE_SHARE = 0.25
"Share of the time left after which a pretrained encoder that has not read the rows yet is given up."
TOP_SHARE = 0.6
"Share of the time left that the two best entries may take at the top."


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
    _width: dict[Family, int] = field(default_factory=dict)

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
        left_s -= record.start_s
        for wish in (
            self._reference,
            self._screen,
            self._climb,
            self._probe,
            self._shape,
            self._top,
            self._approach,
            self._vary,
        ):
            found = wish(family, record, left_s)
            if found is not None:
                return replace(found, patience=found.patience + record.start_s)
        return None

    def _reference(self, family: Family, record: Record, left_s: float) -> Wish | None:
        for entry in self.entries[family]:
            missing = [fold for fold in range(self.folds) if not record.touched(entry, 1.0, fold)]
            if entry.reference and not entry.probe and missing:
                return self._wish(entry, 1.0, tuple(missing[: self._together()]), 2.0, left_s)
        return None

    def _together(self) -> int:
        """How many folds one job may hold."""
        return max(1, STACK // max(self.rows, 1))

    def _contenders(self, family: Family, record: Record) -> list[Entry]:
        return [entry for entry in self.entries[family] if not entry.reference and not record.is_out(entry)]

    def _wave(self, family: Family, record: Record) -> list[Entry]:
        """Those that are screened before any setting is varied; another seed is none of them."""
        return [entry for entry in self._contenders(family, record) if not entry.again][: self.first_wave]

    def _screen(self, family: Family, record: Record, left_s: float) -> Wish | None:
        low = self.rungs[0]
        if low == 1.0:
            return None
        for entry in self._wave(family, record):
            if not record.touched(entry, low):
                return self._wish(entry, low, (0,), max(0.8, SCREEN_SHARE * left_s), left_s)
        return None

    def _climb(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """Middle rungs for the two best entries, where they cost little: the points of the learning curve."""
        for entry in record.ranked(self._wave(family, record))[:2]:
            middle = [rung for rung in self.rungs[1:-1] if not record.touched(entry, rung)]
            cost = sum(record.seconds(entry, rung) for rung in middle)
            if middle and cost <= CLIMB_SHARE * left_s:
                return self._wish(entry, middle[0], (0,), 2 * record.seconds(entry, middle[0]) + 0.5, left_s)
        return None

    def _shape(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """A middle rung for the best net of media, once its folds at the top are done: a curve of two points says little."""
        best = next(iter(record.ranked(self._wave(family, record))), None)
        middle = self.rungs[1:-1]
        if best is None or not middle or not self.cards[best.candidate].media_net:
            return None
        folds = range(self._width.get(family, self.folds))
        if any(record.touched(best, rung) for rung in middle) or not all(
            record.touched(best, 1.0, one) for one in folds
        ):
            return None
        rung = middle[len(middle) // 2]
        natural = record.seconds(best, rung)
        if GOOD * natural > SHAPE_SHARE * left_s:
            return None
        return self._wish(best, rung, (0,), min(1.3 * natural + 1.0, SHAPE_SHARE * left_s), left_s)

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
            if taken <= max(PROBE_SHARE * left_s, PROBE_S):
                return self._wish(probe, rung, (0,), 1.2 * taken + 0.1, left_s)
        return None

    def _top(self, family: Family, record: Record, left_s: float) -> Wish | None:
        entries = record.ranked(self._wave(family, record))
        best = entries[0] if entries else None
        if len(self.rungs) == 1:  # no lower rung has screened them: one fold of everybody comes first
            found = self._fill(entries, record, left_s, range(1), enough=ENOUGH_MEDIA)
            if found is not None:
                return found
        # It may grow once the first fold at the top has told what a fold costs.
        width = self._width[family] = max(self._width.get(family, 0), self._wide(entries, record, left_s))
        found = self._fill(entries, record, left_s, range(width), best=best)
        if found is None and best is not None:
            # Further folds are judged only where the best one is among the judged.
            beyond = range(width, self.folds)
            found = self._fill(entries[:1], record, left_s, beyond)
            shared = [fold for fold in beyond if record.touched(best, 1.0, fold)]
            found = found or self._fill(entries[1:3], record, left_s, shared)
        return found

    def _vary(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """Further settings, those of the best candidates first."""
        wave = self._wave(family, record)
        order = [entry.candidate for entry in record.ranked([entry for entry in wave if record.reached(entry)])]
        first = {entry.candidate for entry in wave}
        others = [
            entry for entry in self._contenders(family, record)
            if entry not in wave and (entry.candidate in order or entry.candidate not in first)
        ]  # fmt: skip
        place = {candidate: rank for rank, candidate in enumerate(order)}
        # Another seed of the best follows its settings, that of others comes last.
        others.sort(key=lambda one: (one.again and place.get(one.candidate) != 0, place.get(one.candidate, len(order))))
        return self._fill(others, record, left_s, range(self._width.get(family, self.folds)))

    def _wide(self, entries: Sequence[Entry], record: Record, left_s: float) -> int:
        """How many folds the two best entries can pay for; never so few that under 2,000 rows are judged.

        Three where the best entry alone can pay for them: with fewer the luck of single models hides who is better
        (docs/decisions/0012).
        """
        if not entries:
            return self.folds
        costs = [
            record.seconds(entry, 1.0) * max(GOOD, self._enough(self.cards[entry.candidate])) for entry in entries[:2]
        ]
        payable = TOP_SHARE * left_s
        seen = 3 if 3 * costs[0] <= payable else 1
        needed = int(np.ceil(2000 / max(self.rows / self.folds, 1)))
        return int(np.clip(payable / max(sum(costs), 1e-3), min(max(needed, seen), self.folds), self.folds))

    def _fill(
        self,
        entries: Sequence[Entry],
        record: Record,
        left_s: float,
        folds: Iterable[int],
        *,
        best: Entry | None = None,
        enough: float = ENOUGH_NET,
    ) -> Wish | None:
        """Return the first fit worth starting; `enough` is the least share of its steps for a net of media that is not `best`."""
        wanted = [(entry, [fold for fold in folds if not record.touched(entry, 1.0, fold)]) for entry in entries]
        wanted = [(entry, missing) for entry, missing in wanted if missing]
        for position, (entry, missing) in enumerate(wanted):
            card = self.cards[entry.candidate]
            natural = record.seconds(entry, 1.0)
            least = enough if card.media_net and entry is not best else self._enough(card)
            share = left_s * max(0.45, 1 / (len(wanted) - position))
            if card.batched:
                count = min(len(missing), self._together(), max(1, int(share / (least * natural))))
            else:
                count, share = 1, self._each(card, share, len(missing), natural)
            asked = 1.3 * natural * count + 1.0
            if card.media_net and not record.highest(entry):
                asked = max(asked, FRESH * left_s / len(wanted))
            seconds = min(asked, share if card.anytime else left_s, self._soft(left_s))
            if seconds >= least * natural * count and least * natural * count <= left_s:
                return self._wish(entry, 1.0, tuple(missing[:count]), seconds, left_s)
        return None

    @staticmethod
    def _each(card: Card, share: float, folds: int, natural: float) -> float:
        """Return the seconds of one fold: few folds of a net of media where so many would all be cut early."""
        if card.media_net and share / folds < ENOUGH_NET * natural:
            folds = min(folds, max(1, int(share / (GOOD * natural))))
        return share / folds

    def _approach(self, family: Family, record: Record, left_s: float) -> Wish | None:
        """Where the top is out of reach: the best entries on the highest rung that the time left can pay for."""
        for entry in record.ranked(self._wave(family, record)):
            card = self.cards[entry.candidate]
            higher = [
                rung for rung in self.rungs[:-1] if rung > record.highest(entry) and not record.touched(entry, rung)
            ]
            for rung in reversed(higher if not record.touched(entry, 1.0) else []):
                natural = record.seconds(entry, rung)
                if self._enough(card) * natural <= 0.9 * left_s:
                    return self._wish(entry, rung, (0,), min(1.3 * natural + 1.0, left_s), left_s)
        return None

    @staticmethod
    def _enough(card: Card) -> float:
        """The share of its natural time below which a fit is not worth starting."""
        if not card.anytime:
            return 1.2
        return ENOUGH_MEDIA if card.media_net else ENOUGH_NET if card.batched else ENOUGH_BOOSTING

    @staticmethod
    def _soft(left_s: float) -> float:
        """The soft deadline of a fit that may take all the time left: what it writes and predicts takes time as well."""
        return 0.85 * left_s - 0.5

    def _wish(self, entry: Entry, rung: float, folds: tuple[int, ...], seconds: float, left_s: float) -> Wish | None:
        if left_s < 0.5:
            return None
        card = self.cards[entry.candidate]
        soft = min(seconds, self._soft(left_s))
        patience = 2 * soft + 5.0 if card.anytime else max(3 * soft, 5.0)
        if card.pretrained and card.accepts:
            # The first fit loads the weights and reads all rows with them, once for all fits.
            patience = max(patience, ENCODE_SHARE * left_s)
        patience = min(patience, left_s)
        seed = zlib.crc32(f"{self.seed}/{entry.name}/{rung}/{folds[0]}".encode())
        return Wish(entry=entry, rung=rung, folds=folds, seconds=soft, patience=patience, seed=seed)
