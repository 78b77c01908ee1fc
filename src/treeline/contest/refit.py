"""The refit: rows ordered in time are predicted by models that have seen the newest of them (docs/decisions/0006).

Under the time policy fold 0's models know nothing of the most recent block. Each picked member is fitted once more on all
rows, for as many steps as its fold-0 fit kept. Nothing is chosen and nothing is judged here; a member whose refit does not
fit into the time left, or fails, keeps its fold-0 model.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from treeline.contest.contest import trials_of
from treeline.contest.job import Job
from treeline.data.splits import ALL

if TYPE_CHECKING:
    from treeline.contest.contest import Contest
    from treeline.contest.delivery import Pick

__all__ = ["REFIT_SHARE", "refit"]

REFIT_SHARE = 0.1
"Share of the time limit that is kept free for it."
SLACK = 1.3
"A refit is started where so many times its expected seconds are left."


def refit(picks: Sequence[Pick], contest: Contest, *, deadline: float) -> None:
    """Fit the picked members on all rows, the heaviest first, and write each into the ledger as a fact `refit`.

    Args:
        picks: the members of the delivered model, each with its fold-0 trial first; those refitted before are passed over.
        contest: one that is over: its engine, its ledger and its slots are used.
        deadline: `time.monotonic()` at which all must be over.
    """
    ledger, engine = contest.ledger, contest.engine
    known = ledger.refits()
    waiting = [pick for pick in picks if pick.name not in known]
    while (waiting or engine.running()) and not contest.stopped and time.monotonic() < deadline:
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
    expected = first.wall_s * len(contest.folds.fold) / max(first.rows, 1)
    if SLACK * expected > left:
        return None
    params: dict[str, Any] = dict(first.params) | ({"steps": first.steps} if first.steps else {})
    rate = contest.ledger.model(first)[1].get("rate")
    if rate:
        params["learning_rate"] = rate
    return Job(
        id=f"refit-{pick.name}", entry=pick.name, candidate=pick.candidate, family=first.family, params=params,
        rung=1.0, folds=(ALL,), seed=first.seed, seconds=left, patience=left, threads=contest.threads,
    )  # fmt: skip
