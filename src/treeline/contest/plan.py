"""Who climbs: which entry a family fits next, on how many rows and folds, and for how long.

The plan is a function of the trials so far and of the time left, so that a resumed run goes on where the killed one stopped;
it remembers only how many folds each family is working on. Every entry starts on the lowest rung, where a fit is cheap. The
scores there, moved up by the family's learning curve, order the entries; the measured seconds say what a fold at the top will
cost. The best entries climb first, on as many folds as the time can pay for, all entries on the same folds; what time is left
buys the other folds and settings.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from treeline.candidates.card import Card
from treeline.contest.runner import WORKER_DIED
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.metric import Metric
from treeline.problem.task import Family

__all__ = ["Plan", "Wish", "rungs_of"]

SCREEN_SHARE = 0.05
"Share of a family's time that one entry may take on the lowest rung."
CLIMB_SHARE = 0.10
"Share of the time left that the middle rungs of one entry may take."
ENOUGH_NET, ENOUGH_BOOSTING = 0.4, 0.25
"Share of its natural time below which a fit is not worth starting: nets need an annealed schedule."
TOP_SHARE = 0.6
"Share of the time left that the two best entries may take at the top."
START = 0.8
"Seconds of a fit that do not depend on the rows, at most 60% of a small one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a family wants to do next."""

    entry: Entry
    rung: float
    folds: tuple[int, ...]
    seconds: float
    patience: float
    seed: int


def rungs_of(rows: int, *, classes: int = 0, seconds: float = 60.0) -> tuple[float, ...]:
    """Return the shares of rows of the ladder's rungs, lowest first; 1.0 is the top.

    Halvings of the rows, at most six, none below 250 rows or 16 rows a class; with little time the ladder starts lower, at
    the number of rows that a slow candidate can fit within a few seconds.
    """
    floor = max(250, 16 * classes)
    first = max(floor, min(rows / 4, 60.0 * seconds))
    shares = [1.0]
    while len(shares) < 7 and rows * shares[0] / 2 >= floor and (rows * shares[0] > first or len(shares) < 4):
        shares.insert(0, shares[0] / 2)
    return tuple(shares)


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
    _width: dict[Family, int] = field(default_factory=dict)

    def next(
        self, family: Family, trials: Sequence[Trial], busy: Iterable[tuple[str, float, int]], left_s: float
    ) -> Wish | None:
        """Return what `family` should fit next, or None when nothing (more) fits into `left_s` seconds.

        `busy` holds the (entry, rung, fold) that are being fitted now.
        """
        record = _Record(self, [trial for trial in trials if trial.family is family], set(busy))
        for wish in (self._reference, self._screen, self._climb, self._top, self._approach, self._vary):
            found = wish(family, record, left_s)
            if found is not None:
                return found
        return None

    def _reference(self, family: Family, record: _Record, left_s: float) -> Wish | None:
        for entry in self.entries[family]:
            if entry.reference and not record.touched(entry, 1.0):
                return self._wish(entry, 1.0, tuple(range(self.folds)), 2.0, left_s)
        return None

    def _contenders(self, family: Family, record: _Record) -> list[Entry]:
        return [entry for entry in self.entries[family] if not entry.reference and not record.is_out(entry)]

    def _screen(self, family: Family, record: _Record, left_s: float) -> Wish | None:
        low = self.rungs[0]
        if low == 1.0:
            return None
        for entry in self._contenders(family, record)[: self.first_wave]:
            if not record.touched(entry, low):
                return self._wish(entry, low, (0,), max(0.8, SCREEN_SHARE * left_s), left_s)
        return None

    def _climb(self, family: Family, record: _Record, left_s: float) -> Wish | None:
        """Middle rungs for the two best entries, where they cost little: the points of the learning curve."""
        for entry in record.ranked(self._contenders(family, record)[: self.first_wave])[:2]:
            middle = [rung for rung in self.rungs[1:-1] if not record.touched(entry, rung)]
            cost = sum(record.seconds(entry, rung) for rung in middle)
            if middle and cost <= CLIMB_SHARE * left_s:
                return self._wish(entry, middle[0], (0,), 2 * record.seconds(entry, middle[0]) + 0.5, left_s)
        return None

    def _top(self, family: Family, record: _Record, left_s: float) -> Wish | None:
        entries = record.ranked(self._contenders(family, record)[: self.first_wave])
        width = self._width.setdefault(family, self._wide(entries, record, left_s))
        found = self._fill(entries, record, left_s, range(width))
        if found is None and width < self.folds:
            found = self._fill(entries[:3], record, left_s, range(width, self.folds))
        return found

    def _vary(self, family: Family, record: _Record, left_s: float) -> Wish | None:
        """Further settings, those of the best candidates first."""
        contenders = self._contenders(family, record)
        proven = [entry for entry in contenders[: self.first_wave] if record.reached(entry)]
        order = [entry.candidate for entry in record.ranked(proven)]
        first = {entry.candidate for entry in contenders[: self.first_wave]}
        others = [
            entry for entry in contenders[self.first_wave :] if entry.candidate in order or entry.candidate not in first
        ]
        others.sort(key=lambda entry: order.index(entry.candidate) if entry.candidate in order else len(order))
        return self._fill(others, record, left_s, range(self._width.get(family, self.folds)))

    def _wide(self, entries: Sequence[Entry], record: _Record, left_s: float) -> int:
        """How many folds the two best entries can pay for; never so few that under 2,000 rows are judged."""
        if not entries:
            return self.folds
        cost = sum(record.seconds(entry, 1.0) for entry in entries[:2])
        needed = int(np.ceil(2000 / max(self.rows / self.folds, 1)))
        return int(np.clip(TOP_SHARE * left_s / max(cost, 1e-3), min(needed, self.folds), self.folds))

    def _fill(self, entries: Sequence[Entry], record: _Record, left_s: float, folds: Iterable[int]) -> Wish | None:
        wanted = [(entry, [fold for fold in folds if not record.touched(entry, 1.0, fold)]) for entry in entries]
        wanted = [(entry, missing) for entry, missing in wanted if missing]
        for position, (entry, missing) in enumerate(wanted):
            card = self.cards[entry.candidate]
            todo = tuple(missing) if card.batched else (missing[0],)
            natural = record.seconds(entry, 1.0) * len(todo)
            share = left_s * max(0.45, 1 / (len(wanted) - position)) * len(todo) / len(missing)
            seconds = min(1.3 * natural + 1.0, share if card.anytime else left_s)
            enough = self._enough(card) * natural
            if seconds >= enough and enough <= left_s:
                return self._wish(entry, 1.0, todo, seconds, left_s)
        return None

    def _approach(self, family: Family, record: _Record, left_s: float) -> Wish | None:
        """Where the top is out of reach: the best entries on the highest rung that the time left can pay for."""
        for entry in record.ranked(self._contenders(family, record)[: self.first_wave]):
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
        """The share of its natural time below which a fit is not worth starting: nets need an annealed schedule."""
        return 1.2 if not card.anytime else ENOUGH_NET if card.batched else ENOUGH_BOOSTING

    def _wish(self, entry: Entry, rung: float, folds: tuple[int, ...], seconds: float, left_s: float) -> Wish | None:
        if left_s < 0.5:
            return None
        card = self.cards[entry.candidate]
        soft = min(seconds, 0.85 * left_s - 0.5)
        patience = min(2 * soft + 5.0 if card.anytime else max(3 * soft, 5.0), left_s)
        seed = zlib.crc32(f"{self.seed}/{entry.name}/{rung}/{folds[0]}".encode())
        return Wish(entry=entry, rung=rung, folds=folds, seconds=soft, patience=patience, seed=seed)


class _Record:
    """What the trials say about one family's entries."""

    def __init__(self, plan: Plan, trials: Sequence[Trial], busy: set[tuple[str, float, int]]) -> None:
        self.plan = plan
        self.trials: dict[str, list[Trial]] = {}
        for trial in trials:
            if not trial.reason.startswith("cut off") and not self._unlucky(trial, trials):
                self.trials.setdefault(trial.entry, []).append(trial)
        self.busy = busy

    @staticmethod
    def _unlucky(trial: Trial, trials: Sequence[Trial]) -> bool:
        """Whether the worker died under a fit, and not yet under another one of the same entry."""
        died = {
            other.id.rpartition("-f")[0]
            for other in trials
            if other.entry == trial.entry and other.reason == WORKER_DIED
        }
        return trial.reason == WORKER_DIED and len(died) < 2

    def touched(self, entry: Entry, rung: float, fold: int = 0) -> bool:
        """Whether that fit was made, is being made, or was tried in vain."""
        if (entry.name, rung, fold) in self.busy:
            return True
        return any(trial.rung == rung and trial.fold == fold for trial in self.trials.get(entry.name, []))

    def is_out(self, entry: Entry) -> bool:
        """Whether an entry, or its candidate with other settings, failed in a way that will not change with another fold."""
        lost = [
            trial for trials in self.trials.values() for trial in trials
            if trial.candidate == entry.candidate and trial.state is not State.DONE
        ]  # fmt: skip
        jobs = {trial.id.rpartition("-f")[0] for trial in lost if trial.entry == entry.name}
        return any(trial.state in (State.FAILED, State.OUT_OF_MEMORY) for trial in lost) or len(jobs) >= 2

    def highest(self, entry: Entry) -> float:
        """The highest rung on which the entry was fitted."""
        return max((trial.rung for trial in self._done(entry)), default=0.0)

    def reached(self, entry: Entry) -> bool:
        """Whether the entry was fitted at the top."""
        return any(trial.rung == 1.0 for trial in self._done(entry))

    def _done(self, entry: Entry) -> list[Trial]:
        return [trial for trial in self.trials.get(entry.name, []) if trial.state is State.DONE]

    def seconds(self, entry: Entry, rung: float) -> float:
        """Predict the wall seconds of one fold at a rung from the entry's largest fit, or from its candidate's."""
        done = self._done(entry) or [
            trial for trials in self.trials.values() for trial in trials
            if trial.candidate == entry.candidate and trial.state is State.DONE
        ]  # fmt: skip
        if not done:
            lost = self.trials.get(entry.name, [])
            return max((trial.wall_s * self.plan.rows * rung / max(trial.rows, 1) for trial in lost), default=1.0)
        largest = max(done, key=lambda trial: (trial.rows, trial.wall_s))
        rows = self.plan.rows * rung * (self.plan.folds - 1) / self.plan.folds
        power = self.plan.cards[entry.candidate].cost_power
        # A small fit is mostly start: what does not grow with the rows must not be scaled up.
        start = min(START, 0.6 * largest.wall_s)
        factor: float = max(rows / max(largest.rows, 1), 0.1) ** power
        return start + (largest.wall_s - start) * factor * (1.5 if "clock" in largest.reason else 1.0)

    def ranked(self, entries: Sequence[Entry]) -> list[Entry]:
        """Sort entries by the loss expected at the top: the latest one, moved along the family's learning curve."""
        gain = self._gain()
        order: Callable[[Entry], float] = lambda entry: self._expected(entry, gain)  # noqa: E731
        return sorted(entries, key=order)

    def _losses(self, entry: Entry) -> dict[float, float]:
        """Loss on fold 0 by rung."""
        sign = -1.0 if self.plan.metric.greater_is_better else 1.0
        return {
            trial.rung: sign * trial.score for trial in self._done(entry) if trial.fold == 0 and trial.score is not None
        }

    def _gain(self) -> float:
        """The median fall of the loss per doubling of the rows, over the entries seen on two rungs."""
        steps = []
        for trials in self.trials.values():
            by_rung = self._losses(
                Entry(name=trials[0].entry, candidate=trials[0].candidate, family=trials[0].family, params={})
            )
            rungs = sorted(by_rung)
            steps += [(by_rung[a] - by_rung[b]) / np.log2(b / a) for a, b in pairwise(rungs)]
        return float(np.median(steps)) if steps else 0.0

    def _expected(self, entry: Entry, gain: float) -> float:
        losses = self._losses(entry)
        if not losses:
            return float("inf")
        rung = max(losses)
        return losses[rung] - gain * float(np.log2(1.0 / rung))
