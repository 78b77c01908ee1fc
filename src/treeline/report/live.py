"""The display of a run: one live panel on a terminal, plain lines elsewhere, or nothing.

It goes to stderr, so that stdout stays free for data, and it is display only: whatever goes wrong here ends the display and
never the run.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, TextIO

from treeline.errors import UsageError, shown
from treeline.problem.metric import title_of
from treeline.report import numbers
from treeline.report.panel import Seen, draw
from treeline.report.privacy import clean
from treeline.report.wording import FAMILY, name_of, run_of, terms_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from treeline.problem.problem import Problem

__all__ = ["MODES", "Live"]

MODES = ("auto", "rich", "plain", "quiet")
PAUSE_S = 2.0
"Plain lines come no faster than this; what happens in between is told by its latest line."
SILENCE_S = 20.0
"After so long without news a plain line says what is running."
MISHAPS = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"A closed pipe, a terminal without the characters, a fact that is not as expected."


class Live:
    """Shows a run while it goes on. Every method may be called at any moment and none raises."""

    def __init__(
        self, mode: str = "auto", stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`auto` is `rich` where `stream` (stderr) is a terminal and `plain` elsewhere."""
        if mode not in MODES:
            raise UsageError(f"The display {shown(mode)} is unknown.", do="Choose one of: " + ", ".join(MODES) + ".")
        self.stream = sys.stderr if stream is None else stream
        if mode == "auto":
            mode = "rich" if self.stream is not None and self.stream.isatty() else "plain"
        self.mode = mode
        self._clock = clock
        self._lock = RLock()
        self._panel: Any = None
        self._ended = False
        self._began = self._told = clock()
        self._limit = 0.0
        self._left: float | None = None
        self._title, self._stage = "", ""
        self._families: list[str] = []
        self._better: Callable[[float, float], bool] = float.__gt__
        self._scores: dict[str, dict[str, tuple[float, Any]]] = {}
        self._firm: set[str] = set()
        self._rung: dict[str, float] = {}
        self._fits = {"done": 0, "lost": 0}
        self._running: list[dict[str, Any]] = []
        self._news: deque[tuple[float, str, str]] = deque(maxlen=5)
        self._waiting: dict[str, str] = {}

    def start(self, problem: Problem, limit_s: float, families: Sequence[Any] = ("classical", "deep")) -> None:
        """Begin: what is asked, how many seconds there are, who competes."""
        with self._lock:
            self._limit = limit_s
            self._title = f"{problem.target} · {title_of(problem.metric.name)}"
            self._better = problem.metric.better
            self._families = [str(family) for family in families]
            self._stage = ""
        if self.mode == "plain":
            against = " against ".join(FAMILY.get(name, name).lower() for name in self._families)
            told = [f"{self._title} · {against} · {numbers.duration(limit_s)}", *terms_of(problem)]
            for line in told:
                self._say(line)

    def event(self, kind: str, **facts: Any) -> None:
        """Take a fact from the contest: `stage`, `job`, `trial`, `score` or `tick`; other kinds are passed over."""
        if self.mode == "quiet":
            return
        take = {
            "stage": self._stage_is,
            "job": self._job,
            "trial": self._trial,
            "score": self._score,
            "tick": self._tick,
            "prior": lambda given: self._note("prior", str(given["words"]), ""),
        }.get(kind)
        if self.mode == "rich" and self._panel is None and not self._ended:
            self._guard(self._open)
        if take is not None:
            self._guard(self._locked, take, facts)

    def stop(self) -> None:
        """End the display; the terminal is as it was before. May be called twice."""
        self._ended = True
        if self.mode == "plain":
            self._guard(self._flush, True)
        panel, self._panel = self._panel, None
        if panel is not None:
            self._guard(panel.stop)

    def _guard(self, what: Callable[..., Any], *given: Any) -> None:
        try:
            what(*given)
        except MISHAPS:
            self.mode = "quiet"
            panel, self._panel = self._panel, None
            if panel is not None:
                self._guard(panel.stop)

    def _locked(self, take: Callable[[dict[str, Any]], None], facts: dict[str, Any]) -> None:
        # the panel is opened and closed outside this lock: its thread holds its own lock while it waits for ours
        with self._lock:
            take(facts)

    # what the facts mean

    def _stage_is(self, facts: dict[str, Any]) -> None:
        self._stage = str(facts.get("text", ""))
        if self.mode == "plain":
            self._flush(True)
            self._say(self._stage)

    def _job(self, facts: dict[str, Any]) -> None:
        rows, folds = facts.get("rows"), facts.get("folds")
        many = len(folds) if isinstance(folds, list | tuple) else folds
        size = f" on {numbers.count(rows)} rows" if rows else ""
        fits = f", {many} folds" if isinstance(many, int) and many > 1 else ""
        self._note("job", f"{name_of(facts)}{size}{fits}", str(facts.get("family", "")))

    def _trial(self, facts: dict[str, Any]) -> None:
        trial = facts["trial"]
        family, state = str(trial.family), str(trial.state)
        if state == "done":
            self._fits["done"] += 1
            before = self._rung.get(family, 0.0)
            known = trial.score is not None and family not in self._firm and not facts.get("reference")
            if known and trial.rung >= before:  # scores of other sizes do not compare
                if trial.rung > before:
                    self._scores.pop(family, None)
                self._rung[family] = trial.rung
                self._lead(family, trial.score, None, trial.entry)
        elif state != "skipped":
            self._fits["lost"] += 1
            reason = f": {trial.reason}" if trial.reason else ""
            self._note(f"lost {trial.entry}", f"{trial.entry} {state.replace('_', ' ')}{reason}"[:160], "lost")

    def _score(self, facts: dict[str, Any]) -> None:
        family = str(facts["family"])
        if family not in self._firm:
            # until now only single folds were seen: they do not compare with a score that has an interval
            self._scores.pop(family, None)
            self._firm.add(family)
        self._lead(family, float(facts["score"]), facts.get("interval"), name_of(facts))

    def _lead(self, family: str, score: float, interval: Any, name: str) -> None:
        before = self._best(family)
        self._scores.setdefault(family, {})[name] = (score, interval)
        best = self._best(family)
        if best == before or best is None:
            return
        score, interval, name = best
        span = f" ({numbers.between(interval)})" if interval else ""
        value = numbers.rounded(score, numbers.decimals(score, interval))
        self._note(f"best {family}", f"{FAMILY.get(family, family)} {value}{span} with {name}", family)

    def _best(self, family: str) -> tuple[float, Any, str] | None:
        best: tuple[float, Any, str] | None = None
        for name, (score, interval) in self._scores.get(family, {}).items():
            if best is None or self._better(score, best[0]):
                best = (score, interval, name)
        return best

    def _tick(self, facts: dict[str, Any]) -> None:
        self._left = facts.get("left_s")
        self._running = [run_of(one) for one in facts.get("running") or []]
        if self.mode != "plain":
            return
        self._flush(False)
        if self._clock() - self._told >= SILENCE_S and self._running:
            now = ", ".join(f"{name_of(one)} ({numbers.duration(one.get('seconds'))})" for one in self._running[:4])
            self._say(f"running {now}; {numbers.duration(self._remaining())} left")

    def _note(self, key: str, words: str, style: str) -> None:
        if self.mode == "plain":
            if key != "job":
                self._waiting.pop(key, None)
                self._waiting[key] = words
            self._flush(False)
        else:
            self._news.append((self._clock() - self._began, words, style))

    # plain lines

    def _flush(self, now: bool) -> None:
        if self._waiting and (now or self._clock() - self._told >= PAUSE_S):
            waiting, self._waiting = self._waiting, {}
            self._say("; ".join(waiting.values()))

    def _say(self, words: str) -> None:
        self._guard(self._write, words)

    def _write(self, words: str) -> None:
        self._told = self._clock()
        line = f"{numbers.duration(float(round(self._told - self._began))):>11}  {clean(words)}"
        line = line.replace("\n", " ")
        known = getattr(self.stream, "encoding", None) or "utf-8"
        self.stream.write(line.encode(known, "replace").decode(known) + "\n")
        self.stream.flush()

    # the panel

    def _open(self) -> None:
        from rich.console import Console
        from rich.live import Live as Panel

        class Patient(Console):
            def on_broken_pipe(self) -> None:
                self.quiet = True  # Rich itself would end the process

        console = Patient(file=self.stream, force_terminal=True, highlight=False)
        self._panel = Panel(
            console=console, get_renderable=self._safe, refresh_per_second=4, transient=True, redirect_stdout=False
        )
        self._panel.start()

    def _safe(self) -> RenderableType:
        from rich.text import Text

        try:
            with self._lock:
                return self._render()
        except MISHAPS:
            return Text("")

    def _remaining(self) -> float:
        return max(0.0, self._limit - (self._clock() - self._began) if self._left is None else self._left)

    def _render(self) -> RenderableType:
        sides = []
        for family in self._families:
            now = [
                f"{name_of(one)} {numbers.duration(one.get('seconds'))}"
                for one in self._running
                if str(one.get("family")) == family
            ]
            sides.append((family, self._best(family), ", ".join(now)))
        return draw(
            Seen(
                title=self._title, stage=self._stage, used_s=min(self._clock() - self._began, self._limit), limit_s=self._limit,
                left_s=self._remaining(), fits=dict(self._fits), news=tuple(self._news), sides=tuple(sides),
            )
        )  # fmt: skip
