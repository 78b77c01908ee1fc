"""Starts the workers, hands them jobs, and enforces time and memory from outside."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from treeline.contest.job import Job
from treeline.contest.trial import State
from treeline.contest.worker import LOG_LIMIT, OUT_OF_MEMORY_EXIT
from treeline.problem.task import Family

__all__ = ["WORKER_DIED", "Outcome", "Runner"]

WORKER_DIED = "its worker process died"
"A reason that says nothing of the candidate: the job is tried again."
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended."""

    job: Job
    state: State
    reason: str
    result: dict[str, Any]
    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(slots=True)
class _Running:
    job: Job
    began: float
    pid: int = 0
    killed: State | None = None
    peak_mb: float = 0.0


@dataclass(slots=True)
class _Template:
    process: subprocess.Popen[bytes]
    pending: bytes = b""
    jobs: dict[int, _Running] = field(default_factory=dict)
    "By a number that is never used twice: events of a run that was cleared away find no job."


class Runner:
    """The local engine: one template process per family."""

    def __init__(self, out: Path, *, slots: int = 2, threads: int = 1, memory_mb: float = 4000.0) -> None:
        """`slots` jobs may run at once, each with so many `threads`, each holding at most `memory_mb`."""
        self._templates: dict[Family, _Template] = {}
        self._looked = 0.0
        self._serial = 0
        self._over: list[Outcome] = []
        "What became of jobs whose template was found dead, until `poll` tells it."
        self.threads = threads
        self.prepare(out, slots=slots, threads=threads, memory_mb=memory_mb)

    def prepare(self, out: Path, *, slots: int, threads: int, memory_mb: float) -> None:
        """Serve another run; templates that were started for it with as many threads stay warm."""
        if threads != self.threads:
            self.stop()
        self.out, self.slots, self.threads, self.memory_mb = out, slots, threads, memory_mb

    def warm(self, family: Family, candidates: list[str]) -> None:
        """Start a family's template and let it import the candidates' libraries while the parent does other things.

        Nothing is written to the run's folder before the first job.
        """
        template = self._template(family)
        for name in candidates:
            self._send(template, {"load": name})

    def start(self, job: Job) -> None:
        """Begin a job; its outcome comes from `poll`."""
        for name in ("results", "logs", "scratch"):
            (self.out / "cache" / name).mkdir(parents=True, exist_ok=True)
        (self.out / "cache" / "results" / f"{job.id}.json").unlink(missing_ok=True)  # of a session that was killed
        template = self._template(job.family)
        self._serial += 1
        template.jobs[self._serial] = _Running(job, time.monotonic())
        self._send(template, {"job": job.to_json(), "key": self._serial, "out": str(self.out.resolve())})

    def running(self) -> list[tuple[Job, float]]:
        """Return the jobs whose outcome is not told yet, with the seconds since each began."""
        now = time.monotonic()
        runs = [run for template in self._templates.values() for run in template.jobs.values()]
        return [*((run.job, now - run.began) for run in runs), *((lost.job, lost.wall_s) for lost in self._over)]

    def poll(self, timeout: float) -> list[Outcome]:
        """Wait up to `timeout` seconds for jobs to end; kill those over their limits; return the outcomes."""
        streams = {template.process.stdout: (family, template) for family, template in self._templates.items()}
        outcomes, self._over = self._over, []
        ready, _, _ = select.select([stream for stream in streams if stream], [], [], 0.0 if outcomes else timeout)
        for stream in ready:
            family, template = streams[stream]
            chunk = os.read(stream.fileno(), 1 << 16)
            if not chunk:
                outcomes += self._lost(family, template)
                continue
            *lines, template.pending = (template.pending + chunk).split(b"\n")
            for line in lines:
                outcome = self._heed(template, json.loads(line))
                if outcome:
                    outcomes.append(outcome)
        self._enforce()
        return outcomes

    def clear(self) -> None:
        """Kill the jobs under way; the templates stay warm for the next run."""
        for template in self._templates.values():
            for run in template.jobs.values():
                _kill(run.pid)
            template.jobs.clear()
        self._over.clear()

    def stop(self) -> None:
        """Kill everything that runs."""
        self.clear()
        for template in self._templates.values():
            template.process.kill()
        for template in self._templates.values():
            template.process.wait()
            for stream in (template.process.stdin, template.process.stdout):
                if stream:
                    stream.close()
        self._templates.clear()

    def _template(self, family: Family) -> _Template:
        if family in self._templates and self._templates[family].process.poll() is not None:
            self._over += self._lost(family, self._templates[family])
        if family not in self._templates:
            environment = {**os.environ, "PYTHONHASHSEED": "0", "TOKENIZERS_PARALLELISM": "false"}
            environment |= {name: str(self.threads) for name in THREAD_VARIABLES}
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "treeline.contest.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=environment, start_new_session=True, bufsize=0,
            )  # fmt: skip
            self._templates[family] = _Template(process)
        return self._templates[family]

    @staticmethod
    def _send(template: _Template, message: dict[str, Any]) -> None:
        assert template.process.stdin is not None
        try:
            template.process.stdin.write((json.dumps(message) + "\n").encode())
        except BrokenPipeError:
            pass  # its end is noticed by `poll`

    def _heed(self, template: _Template, event: dict[str, Any]) -> Outcome | None:
        run = template.jobs.get(event.get("key", 0))
        if event["event"] == "started":
            if run is None:  # cleared away before it began
                _kill(event["pid"])
            else:
                run.pid, run.began = event["pid"], time.monotonic()
        if event["event"] != "ended" or run is None:
            return None
        del template.jobs[event["key"]]
        return self._outcome(run, event["status"], event["cpu_s"], max(event["peak_mb"], run.peak_mb))

    def _outcome(self, run: _Running, status: int, cpu_s: float, peak_mb: float) -> Outcome:
        job, path = run.job, self.out / "cache" / "results" / f"{run.job.id}.json"
        result: dict[str, Any] = {}
        if run.killed is not None:
            limit = f"{job.patience:.0f} s" if run.killed is State.TIMEOUT else f"{self.memory_mb:.0f} MB"
            state, reason = run.killed, f"killed at its limit of {limit}"
        elif path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            state, reason = (State.FAILED, result["error"]) if "error" in result else (State.DONE, "")
        elif os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            state = State.OUT_OF_MEMORY if os.WTERMSIG(status) == signal.SIGKILL else State.FAILED
            reason = f"killed by signal {name}" + (
                " (the system, short of memory)" if state is State.OUT_OF_MEMORY else ""
            )
        elif os.WEXITSTATUS(status) == OUT_OF_MEMORY_EXIT:
            state, reason = State.OUT_OF_MEMORY, f"asked for more memory than there is, at {peak_mb:.0f} MB"
        else:
            state, reason = State.FAILED, f"ended with exit status {os.WEXITSTATUS(status)}"
        path.unlink(missing_ok=True)
        wall = time.monotonic() - run.began
        return Outcome(job=job, state=state, reason=reason, result=result, wall_s=wall, cpu_s=cpu_s, peak_mb=peak_mb)

    def _lost(self, family: Family, template: _Template) -> list[Outcome]:
        """The template itself died: its jobs failed; the next job starts a new one."""
        template.process.wait()
        for stream in (template.process.stdin, template.process.stdout):
            if stream:
                stream.close()
        del self._templates[family]
        for run in template.jobs.values():
            _kill(run.pid)
        return [
            Outcome(job=run.job, state=State.FAILED, reason=WORKER_DIED, result={},
                    wall_s=time.monotonic() - run.began, cpu_s=(time.monotonic() - run.began) * self.threads,
                    peak_mb=run.peak_mb)
            for run in template.jobs.values()
        ]  # fmt: skip

    def _enforce(self) -> None:
        now = time.monotonic()
        if now - self._looked < 0.1:
            return
        self._looked = now
        for template in self._templates.values():
            for run in template.jobs.values():
                if not run.pid or run.killed is not None:
                    continue
                run.peak_mb = max(run.peak_mb, _resident_mb(run.pid))
                if run.peak_mb > self.memory_mb:
                    run.killed = State.OUT_OF_MEMORY
                elif now - run.began > run.job.patience:
                    run.killed = State.TIMEOUT
                if run.killed is not None:
                    _kill(run.pid)
                log = self.out / "cache" / "logs" / f"{run.job.id}.log"
                if log.exists() and log.stat().st_size > LOG_LIMIT:
                    os.truncate(log, 0)


def _kill(pid: int) -> None:
    if pid:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has just ended by itself


def _resident_mb(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0
