"""The refit: no model is handed over that has seen less than nearly all rows, where a fit on all of them is still in time.

Under the time policy fold 0's models know nothing of the most recent block (docs/decisions/0006); elsewhere a member that was
judged on one fold has seen four fifths of the rows, once (0021). Each such member is fitted once more on all rows, for as many
steps as its fold-0 fit kept. Nothing is chosen and nothing is judged here; a member whose refit does not fit into the time
left, or fails, keeps its model.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from treeline.contest.blend import standings
from treeline.contest.contest import trials_of
from treeline.contest.job import Job
from treeline.data.splits import ALL
from treeline.problem.task import Policy

if TYPE_CHECKING:
    from treeline.contest.contest import Contest
    from treeline.contest.delivery import Pick
    from treeline.contest.ledger import Ledger
    from treeline.contest.trial import Trial

__all__ = ["partial", "refit", "repeated"]

SLACK = 1.3
"A refit is started where so many times its expected seconds are left."


def partial(ledger: Ledger) -> bool:
    """Whether members of the delivered model may have seen only a part of the rows, together with their other folds."""
    if ledger.head["problem"]["policy"] == Policy.TIME:
        return True
    return any(one.reach == 1 for one in standings(ledger))


def refit(picks: Sequence[Pick], contest: Contest, *, deadline: float) -> None:
    """Fit the picked members on all rows, the heaviest first, and write each into the ledger as a fact `refit`.

    Args:
        picks: the members of the delivered model, each with its fold-0 trial first; those refitted before, and those whose
            folds' models have seen all rows together, are passed over.
        contest: one that is over: its engine, its ledger and its slots are used.
        deadline: `time.monotonic()` at which all must be over.
    """
    ledger, engine = contest.ledger, contest.engine
    known = ledger.refits()
    ordered = contest.folds.policy is Policy.TIME
    waiting = [pick for pick in picks if pick.name not in known and (ordered or len(pick.trials) == 1)]
    while (waiting or engine.running()) and not contest.stop.number and time.monotonic() < deadline:
        left = deadline - time.monotonic()
        while waiting and len(engine.running()) < contest.slots:
            job = _job(waiting.pop(0), contest, left=left)
            if job is not None:
                engine.start(job)
        for outcome in engine.poll(min(0.1, left)):
            for trial in trials_of(outcome, started_s=0.0, folds=contest.folds):
                ledger.append("refit", **trial.to_json())


def _job(pick: Pick, contest: Contest, *, left: float) -> Job | None:
    """Return the job that refits a member, or None where there is no time for it."""
    first = pick.trials[0]
    if SLACK * first.seconds_on(len(contest.folds.fold)) > left:
        return None
    count = sum(fact["entry"] == pick.name for fact in contest.ledger.of_kind("refit"))
    name = f"refit{count or ''}-{pick.name}"
    return repeated(first, contest.ledger, id=name, seconds=left, threads=contest.threads)


def repeated(kept: Trial, ledger: Ledger, *, id: str, seconds: float, threads: int) -> Job:
    """Return the job that does once more, on all rows, what the fit `kept` did: its settings, steps and learning rate."""
    params: dict[str, Any] = dict(kept.params) | ({"steps": kept.steps} if kept.steps else {})
    rate = ledger.model(kept)[1].get("rate")
    if rate:
        params["learning_rate"] = rate
    return Job(
        id=id, entry=kept.entry, candidate=kept.candidate, family=kept.family, params=params,
        rung=1.0, folds=(ALL,), seed=kept.seed, seconds=seconds, patience=seconds, threads=threads,
    )  # fmt: skip
