"""Rounds of an iterative learner: when to look, when to stop, how much time is left for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from treeline.candidates.card import Clock, Watch
from treeline.problem.metric import Array

__all__ = ["faster", "look_at", "patience_at", "run_rounds", "share_of"]


def share_of(clock: Clock, folds_left: int) -> float:
    """Return the moment (`time.monotonic`) until which the next of `folds_left` folds may be fitted."""
    return time.monotonic() + max(clock.left(), 0.0) / max(folds_left, 1) * 0.95


def faster(seconds_per_round: float, until: float, *, enough: int = 250) -> float:
    """Return the factor for the learning rate (1 to 4) where fewer than `enough` rounds fit before `until`."""
    fit = (until - time.monotonic()) / max(seconds_per_round, 1e-6)
    return float(min(max(enough / max(fit, 1.0), 1.0), 4.0))


def patience_at(best: int, most: int, rate: float) -> int:
    """Return how many rounds without a better one are waited for: longer for slow learning and a late best, at most `most`."""
    return int(min(most, 4 / rate + best / 3))


def look_at(rounds: int) -> Iterator[int]:
    """Yield the rounds after which the watch is shown the predictions: 1, 6, …, 100, then every twentieth part."""
    at = 1
    while at < rounds:
        yield at
        at += max(5, at // 20)
    yield rounds


def run_rounds(
    step: Callable[[int], bool],
    show: Callable[[int], Array],
    *,
    watch: Watch | None,
    until: float,
    rounds: int,
    patience: int,
    rate: float,
) -> int:
    """Call `step(1)`, `step(2)`, … and return how many rounds the model should keep.

    `step` returns whether it could go on; `show(round)` returns the predictions for the watch's rows.
    It ends after `rounds`, at the moment `until`, or when the watch has seen nothing better for long, given the learning `rate`.
    Without a watch only `rounds` counts.
    """
    looks = look_at(rounds)
    next_look, done = next(looks), 0
    for done in range(1, rounds + 1):
        more = step(done)
        late = watch is not None and time.monotonic() > until
        if watch is not None and (done >= next_look or late or not more):
            watch.see(done, show(done))
            next_look = next(looks, rounds)
            if watch.stale > patience_at(max(watch.steps), patience, rate):
                break
        if late or not more:
            if watch is not None and late and done < rounds:
                watch.done = min(
                    1.0, done / min(rounds, patience_at(max(watch.steps), patience, rate) + max(watch.steps))
                )
            break
    return done if watch is None else watch.steps[2]
