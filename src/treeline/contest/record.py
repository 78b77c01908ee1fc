"""What the trials of one family say of its entries: who was fitted where, how well it did, what a fit will cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from treeline.candidates.card import Card
from treeline.contest.runner import WORKER_DIED
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.metric import Metric

__all__ = ["Record", "entry_of", "least_of"]

ENOUGH_NET, ENOUGH_BOOSTING, ENOUGH_MEDIA = 0.35, 0.25, 0.08
"Share of its planned steps below which a fit is not worth starting: nets anneal, boosting learns faster, media need long."

START = 0.8
"Seconds of a fit that do not depend on the rows, at most 60% of a small one."
KILLED = 0.25
"Share of its steps that a fit is thought to have done that should have stopped by itself and had to be killed."


def least_of(card: Card) -> float:
    """Return the share of its natural time below which a fit is not worth starting."""
    if not card.anytime:
        return 1.2
    return ENOUGH_MEDIA if card.media_net else ENOUGH_NET if card.batched else ENOUGH_BOOSTING


def entry_of(trials: Sequence[Trial]) -> Entry:
    """Return the entry that these trials are of, as far as they tell."""
    first = trials[0]
    return Entry(name=first.entry, candidate=first.candidate, family=first.family, params=first.params)


class Record:
    """What the trials say about one family's entries."""

    def __init__(
        self,
        trials: Sequence[Trial],
        busy: set[tuple[str, float, int]],
        *,
        rows: int,
        folds: int,
        cards: Mapping[str, Card],
        metric: Metric,
        again: frozenset[str] = frozenset(),
    ) -> None:
        """`rows` and `folds` are those of the data set; `busy` holds the (entry, rung, fold) that are being fitted now.

        The trials named in `again` say what a fit costs and how well it did; yet it may be made once more.
        """
        self.rows, self.folds, self.cards, self.metric = rows, folds, cards, metric
        self.trials: dict[str, list[Trial]] = {}
        for trial in trials:
            if not trial.reason.startswith("cut off") and not self._unlucky(trial, trials):
                self.trials.setdefault(trial.entry, []).append(trial)
        self.busy, self.again = busy, again

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
        """Whether that fit was made, is being made, or was tried in vain; at the top, a timeout is tried once more."""
        if (entry.name, rung, fold) in self.busy:
            return True
        mine = [trial for trial in self.trials.get(entry.name, []) if trial.id not in self.again]
        found = [trial for trial in mine if trial.rung == rung and trial.fold == fold]
        late = rung == 1.0 and all(trial.state is State.TIMEOUT for trial in found)
        return len(found) >= (2 if late else 1)

    def is_out(self, entry: Entry) -> bool:
        """Whether an entry, or its candidate with other settings, failed in a way that will not change with another fold."""
        lost = [
            trial for trials in self.trials.values() for trial in trials
            if trial.candidate == entry.candidate and trial.state is not State.DONE and trial.id not in self.again
        ]  # fmt: skip
        jobs = {trial.id.rpartition("-f")[0] for trial in lost if trial.entry == entry.name}
        return any(trial.state in (State.FAILED, State.OUT_OF_MEMORY) for trial in lost) or len(jobs) >= 2

    def highest(self, entry: Entry) -> float:
        """The highest rung on which the entry was fitted."""
        return max((trial.rung for trial in self._done(entry)), default=0.0)

    def rungs(self, entry: Entry) -> set[float]:
        """The rungs on which the entry was fitted on fold 0."""
        return {trial.rung for trial in self._done(entry) if trial.fold == 0}

    def taken(self, entry: Entry, rung: float) -> float:
        """The wall seconds that the entry's fit on fold 0 of a rung took, as far as the clock let it go."""
        return max((trial.wall_s for trial in self._done(entry) if trial.rung == rung and trial.fold == 0), default=0.0)

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
            known = KILLED if self.cards[entry.candidate].anytime else 1.0
            tried = [trial.wall_s * self.rows * rung / max(trial.rows, 1) / known for trial in lost]
            return max(tried) if tried else self._like_others(rung)
        largest = max(done, key=lambda trial: (trial.rows, trial.wall_s))
        rows = self.rows * rung * (self.folds - 1) / self.folds
        power = self.cards[entry.candidate].cost_power
        # A small fit is mostly start: what does not grow with the rows must not be scaled up.
        opened = min(largest.start_s, 0.9 * largest.wall_s)
        start = opened + min(START, 0.6 * (largest.wall_s - opened))
        factor: float = max(rows / max(largest.rows, 1), 0.1) ** power
        return start + (largest.wall_s - start) * factor / max(largest.done, 0.05)

    def _like_others(self, rung: float) -> float:
        """What a fit of the family's other contenders costs: the first guess for one that nobody has tried."""
        known = [
            self.seconds(entry, rung) for entry in map(entry_of, self.trials.values())
            if self._done(entry) and not self.cards[entry.candidate].reference
        ]  # fmt: skip
        return float(np.median(known)) if known else 1.0

    @property
    def start_s(self) -> float:
        """Wall seconds that a fit of this family needs before its clock begins: 0 but for GPUs."""
        return max((trial.start_s for trials in self.trials.values() for trial in trials), default=0.0)

    def losses(self, entry: Entry) -> dict[float, tuple[float, float]]:
        """Return by rung the loss on fold 0 and its standard error, 0 in an old ledger; not of fits that were hardly begun.

        A net that did a few hundredths of its steps on a few hundred rows says nothing of itself on all of them.
        """
        sign = -1.0 if self.metric.greater_is_better else 1.0
        enough = least_of(self.cards[entry.candidate])
        return {
            trial.rung: (sign * trial.score, trial.se or 0.0) for trial in self._done(entry)
            if trial.fold == 0 and trial.score is not None and (trial.rung == 1.0 or trial.done >= min(enough, 1.0))
        }  # fmt: skip

    def reach(self, entry: Entry) -> int:
        """On how many folds at the top, from the first on, the entry was fitted or is being fitted."""
        return next((fold for fold in range(self.folds) if not self.touched(entry, 1.0, fold)), self.folds)
