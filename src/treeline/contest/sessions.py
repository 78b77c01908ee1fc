"""The sessions of one run: the same command with a longer limit goes on from the same ledger (docs/decisions/0022).

A session that fits begins with a fact `session` (its limit, the command, the moment), ends with a `stop` and, once its verdict
was told, with an `end`. Ledgers from before these facts have one limit, in their head.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from treeline.contest.ledger import Ledger
from treeline.contest.trial import State, Trial
from treeline.evidence.again import Again

__all__ = ["CUT", "STOPPED", "another_try", "begin", "command_of", "is_over", "limit_of", "told_before", "used_seconds"]

STOPPED = "stopped by the user"
"Why a session ended whose run goes on with the same limit."
CUT = 0.5
"A fit at the top that the clock ended before this share of its steps is made again under a limit at least twice as long."


def begin(ledger: Ledger, *, limit_s: float, command: str) -> None:
    """Write down that a session begins to fit."""
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    ledger.append("session", limit_s=limit_s, command=command, started=started)


def limit_of(ledger: Ledger) -> float:
    """Return the limit in seconds that the run was last given."""
    return float((ledger.of_kind("session") or [ledger.head["budget"]])[-1]["limit_s"])


def command_of(ledger: Ledger) -> str:
    """Return how the run was last called; empty where it was called from Python, or long ago."""
    return str((ledger.of_kind("session") or [{}])[-1].get("command", ""))


def used_seconds(ledger: Ledger) -> float:
    """Return the wall seconds of a run so far, over all its sessions."""
    told = [float(fact["used_s"]) for fact in ledger.facts if "used_s" in fact]
    return max([*told, *(trial.started_s + trial.wall_s for trial in ledger.trials)], default=0.0)


def is_over(ledger: Ledger, limit_s: float) -> bool:
    """Return whether there is nothing to go on for: the limit is used, or the run ended by itself under one as long."""
    if not ledger.head:
        return False
    latest = [fact for fact in ledger.facts if fact["fact"] in ("session", "stop")][-1:]
    ended = any(fact["fact"] == "stop" and fact["why"] != STOPPED for fact in latest)
    return used_seconds(ledger) >= limit_s or (ended and limit_s <= limit_of(ledger))


def told_before(ledger: Ledger) -> Again:
    """Return what the verdicts said that were told before further fits on all rows; one that could not speak is no look."""
    before: list[tuple[str, ...]] = []
    latest: tuple[str, ...] | None = None
    for fact in ledger.facts:
        if fact["fact"] == "end":
            said = fact.get("said", ())
            latest = latest if said is None else tuple(said)
        elif fact["fact"] == "trial" and fact["state"] == State.DONE and fact["rung"] == 1.0 and latest is not None:
            before.append(latest)
            latest = None
    return Again(tuple(before))


def another_try(ledger: Ledger) -> frozenset[str]:
    """Return the ids of the fits that the longer limit of this session gives another try.

    Those that were killed by the clock under a shorter one; and those at the top that it ended before half of their steps, where
    the limit was half as long or less: with little more time they would end as early again.
    """
    now = limit_of(ledger)
    return frozenset(
        trial.id for limit, trial in _with_limits(ledger)
        if (trial.state is State.TIMEOUT and limit < now)
        or (trial.state is State.DONE and trial.rung == 1.0 and trial.done < CUT and 2 * limit <= now)
    )  # fmt: skip


def _with_limits(ledger: Ledger) -> Iterator[tuple[float, Trial]]:
    """Yield every trial with the limit that it was made under."""
    limit, trials = float(ledger.head["budget"]["limit_s"]), iter(ledger.trials)
    for fact in ledger.facts:
        if fact["fact"] == "session":
            limit = float(fact["limit_s"])
        elif fact["fact"] == "trial":
            yield limit, next(trials)
