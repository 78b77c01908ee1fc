"""Who is expected to lead at the top, and between whom the scores so far cannot tell.

A ranking inside its noise is no ranking (docs/decisions/0021). Within what their scores scatter by contenders stand in another
order: who has begun at the top, who can be paid for, who is no second setting, who boosts, the order of the field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from treeline.contest.record import Record, entry_of
from treeline.contest.trial import Entry

__all__ = ["ranked"]

STRAY = 0.5
"A contender's own gain per doubling of the rows is thought to differ from its family's by this share of it, or of its error."


@dataclass(frozen=True, slots=True)
class Guess:
    """What is thought of a contender at the top."""

    entry: Entry
    loss: float
    "The latest one, moved along the family's learning curve; infinity where nothing is known."
    se: float
    "Standard error of the score that it comes from."
    stray: float
    "What moving it may have added; 0 at the top."

    def beats(self, other: Guess) -> bool:
        """Whether what was seen says that it is better than `other`; nothing says so of who is unknown.

        Scores of one fold judge the same rows, so that a difference of one standard error is about one and a half of its own.
        """
        noise = float(np.hypot(max(self.se, other.se), np.hypot(self.stray, other.stray)))
        return bool(np.isfinite([self.loss, other.loss]).all()) and other.loss - self.loss > noise


def ranked(entries: Sequence[Entry], record: Record, *, affords: Callable[[Entry], bool]) -> list[Entry]:
    """Sort entries, which come in the order of the field, as said above; who beats another one goes before it."""
    gain = _gain(record)
    seen: set[str] = set()
    places: list[tuple[tuple[bool, ...], Guess]] = []
    for entry in entries:
        card = record.cards[entry.candidate]
        place = (not record.reached(entry), not affords(entry), entry.candidate in seen, not card.boosts)
        places.append((place, _guess(entry, record, gain)))
        seen.add(entry.candidate)
    order: list[Guess] = []
    for _, guess in sorted(places, key=lambda one: one[0]):
        order.insert(next((at for at, other in enumerate(order) if guess.beats(other)), len(order)), guess)
    return [guess.entry for guess in order]


def _guess(entry: Entry, record: Record, gain: float) -> Guess:
    losses = record.losses(entry)
    if not losses:
        return Guess(entry, float("inf"), 0.0, 0.0)
    rung = max(losses)
    doublings = float(np.log2(1.0 / rung))
    loss, se = losses[rung]
    return Guess(entry, loss - gain * doublings, se, STRAY * max(abs(gain), se) * doublings)


def _gain(record: Record) -> float:
    """The median fall of the loss per doubling of the rows, over the entries seen on two rungs."""
    steps = []
    for trials in record.trials.values():
        by_rung = record.losses(entry_of(trials))
        steps += [(by_rung[a][0] - by_rung[b][0]) / np.log2(b / a) for a, b in pairwise(sorted(by_rung))]
    return float(np.median(steps)) if steps else 0.0
