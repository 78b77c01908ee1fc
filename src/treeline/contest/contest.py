"""The contest: the only thing that moves. Asks the plan, runs the jobs, writes the ledger, keeps the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from treeline.contest.cache import Cache
from treeline.contest.job import Job
from treeline.contest.ledger import Ledger
from treeline.contest.plan import Plan
from treeline.contest.runner import Outcome
from treeline.contest.sessions import STOPPED
from treeline.contest.trial import State, Trial
from treeline.data.splits import Folds
from treeline.evidence.race import Lost
from treeline.machine import joules
from treeline.problem.task import Family

__all__ = ["Contest", "Engine", "Stop"]

Notify = Callable[..., None]


@dataclass(slots=True)
class Stop:
    """The signal that asked a run to end with the best so far; 0 while none did."""

    number: int = 0
    at: float = 0.0
    "`time.monotonic()` when it came."


class Engine(Protocol):
    """Where jobs run; the contest does not know whether that is here or on a cluster."""

    def start(self, job: Job) -> None:
        """Begin a job."""
        ...

    def poll(self, timeout: float) -> list[Outcome]:
        """Return the jobs that ended, waiting up to `timeout` seconds."""
        ...

    def running(self) -> list[tuple[Job, float]]:
        """Return the jobs under way with the seconds since each began."""
        ...


@dataclass(slots=True)
class Contest:
    """Runs the ladder until the clock ends or nothing is left to try.

    Both families run side by side, each on its own half of the slots, so that at every moment both have had the same time.
    A family that has tried everything leaves its slots to the other; the ledger says so.
    """

    plan: Plan
    folds: Folds
    cache: Cache
    ledger: Ledger
    engine: Engine
    slots: int
    threads: int
    origin: float
    "`time.monotonic()` when the run began."
    deadline: float
    "`time.monotonic()` at which the contest must be over."
    notify: Notify
    used_before: float = 0.0
    "Seconds that earlier sessions of a resumed run have used."
    race: Callable[[], Lost | None] | None = None
    "Asked when both sides were judged on one more fold: which of them has lost. None: nobody is left behind."
    stop: Stop = field(default_factory=Stop)
    "Set from outside while the contest runs."
    _count: int = 0
    _finished: set[Family] = field(default_factory=set)
    _lost: set[Family] = field(default_factory=set)

    def left(self) -> float:
        """Seconds until the contest must be over."""
        return self.deadline - time.monotonic()

    def run(self) -> None:
        """Play until the clock ends, nothing is left to try, or it is asked to stop."""
        meter = joules()
        self._count = 1 + max((int(trial.id.split("-")[0]) for trial in self.ledger.trials), default=-1)
        self._lost = {Family(fact["family"]) for fact in self.ledger.of_kind("lost")}
        while self.left() > 0 and not self.stop.number:
            self._deal()
            running = self.engine.running()
            if not running:
                break
            for outcome in self.engine.poll(min(0.1, max(self.left(), 0.0))):
                self.tell(outcome)
            self.notify(
                "tick", left_s=self.left(), running=[(str(j.family), j.entry, s) for j, s in self.engine.running()]
            )
        why = STOPPED if self.stop.number else "time is up" if self.left() <= 0 else self._quiet()
        for job, seconds in self.engine.running():
            self.tell(
                Outcome(
                    job=job,
                    state=State.TIMEOUT,
                    reason=f"cut off: {why}",
                    result={},
                    wall_s=seconds,
                    cpu_s=seconds * self.threads,
                    peak_mb=0.0,
                )
            )
        self.ledger.append(
            "stop",
            why=why,
            used_s=round(self.used(), 3),
            session_s=round(self.used() - self.used_before, 3),
            signal=self.stop.number,
            joules=_spent(meter, joules()),
        )

    def _quiet(self) -> str:
        """Why nobody wants anything although there is time."""
        more = any(
            self.plan.next(family, self.ledger.trials, (), self.deadline + 1e6) is not None
            for family in self.plan.entries
        )
        return "nothing more fits into the time left" if more else "nothing left to try"

    def used(self) -> float:
        """Wall seconds of the run so far, over all its sessions."""
        return self.used_before + time.monotonic() - self.origin

    def ask(self, family: Family) -> Job | None:
        """Return the next job of a family, or None when it has nothing to do now."""
        busy = [(job.entry, job.rung, fold) for job, _ in self.engine.running() for fold in job.folds]
        wish = self.plan.next(family, self.ledger.trials, busy, self.left())
        if wish is None:
            return None
        job = Job(
            id=f"{self._count:04d}-{wish.entry.name}", entry=wish.entry.name, candidate=wish.entry.candidate, family=family,
            params=wish.entry.params, rung=wish.rung, folds=wish.folds, seed=wish.seed, seconds=wish.seconds,
            patience=wish.patience, threads=self.threads,
        )  # fmt: skip
        self._count += 1
        for fold in job.folds:
            self.cache.share_rows(self.folds, fold, job.rung)
        return job

    def tell(self, outcome: Outcome) -> None:
        """Write the trials that a job became."""
        for trial in trials_of(outcome, started_s=self.used() - outcome.wall_s, folds=self.folds):
            self.ledger.record(trial)
            self.notify("trial", trial=trial)
        self._look()

    def _look(self) -> None:
        """Leave a side behind that has lost the race; its time goes to the other."""
        found = self.race() if self.race is not None and not self._lost and self.left() > 0 else None
        if found is not None:
            self._lost.add(found.family)
            self.ledger.append("lost", **found.to_json(), left_s=round(self.left(), 1))
            self.notify(
                "stage", text=f"the {found.family} side has lost (P = {found.p:.3f}): its time goes to the other"
            )

    def _deal(self) -> None:
        """Start jobs until every slot is taken or nobody wants one."""
        families = [family for family in self.plan.entries if family not in self._lost]
        while True:
            running = [job.family for job, _ in self.engine.running()]
            hungry = [family for family in families if running.count(family) < self._share(family)]
            started = False
            for family in hungry:
                job = self.ask(family)
                if job is not None:
                    self.engine.start(job)
                    self.notify(
                        "job",
                        family=str(family),
                        entry=job.entry,
                        rows=round(self.plan.rows * job.rung),
                        folds=job.folds,
                    )
                    started = True
                elif family not in running and family not in self._finished:
                    self._finished.add(family)
                    if len(families) > 1 and self.left() > 1:
                        self.ledger.append("handover", family=str(family), left_s=round(self.left(), 1))
            if not started:
                return

    def _share(self, family: Family) -> int:
        others = [other for other in self.plan.entries if other is not family]
        if all(other in self._finished | self._lost for other in others):
            return self.slots
        return max(1, self.slots // len(self.plan.entries))


def _spent(before: float | None, after: float | None) -> float | None:
    """Return the joules between two readings; None without a meter, or where it has begun anew in between."""
    return None if before is None or after is None or after < before else round(after - before, 1)


def trials_of(outcome: Outcome, *, started_s: float, folds: Folds) -> list[Trial]:
    """Turn a job's outcome into one trial per fold, its costs shared by their training rows."""
    job = outcome.job
    parts: Sequence[dict[str, Any]] = outcome.result.get("trials", [])
    rows = {part["fold"]: part["rows"] for part in parts}
    total = sum(rows.values())
    made = []
    for fold in job.folds:
        part: dict[str, Any] = next((part for part in parts if part["fold"] == fold), {})
        share = rows[fold] / total if total else 1 / len(job.folds)
        score, state, reason = part.get("score"), outcome.state, outcome.reason or part.get("reason", "")
        if state is State.DONE and score is not None and not np.isfinite(score):
            score, reason = None, "the metric is undefined on this fold"
        made.append(
            Trial(
                id=job.trial_id(fold), entry=job.entry, candidate=job.candidate, family=job.family, params=job.params,
                rung=job.rung, rows=part.get("rows", len(folds.train_rows(fold, job.rung))), fold=fold,
                seed=job.seed, state=state, score=score, se=part.get("se"), steps=part.get("steps", 0),
                done=part.get("done", 1.0),
                wall_s=outcome.wall_s * share,
                cpu_s=outcome.cpu_s * share, predict_s=part.get("predict_s", 0.0),
                gpu_s=part.get("gpu_s", 0.0), vram_mb=part.get("vram_mb", 0.0),
                gpu_j=part.get("gpu_j"), start_s=part.get("start_s", 0.0), peak_mb=outcome.peak_mb,
                preds_crc=part.get("preds_crc"), train_score=part.get("train_score"), late_gain=part.get("late_gain"),
                model_bytes=part.get("model_bytes", 0), started_s=max(started_s, 0.0), reason=reason,
            )
        )  # fmt: skip
    return made
