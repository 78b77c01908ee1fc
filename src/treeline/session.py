"""One session of a run: the ledger is opened, the contest is played, the result is told."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.registry import card_named
from treeline.contest.blend import scored, standings
from treeline.contest.contest import Contest, Stop
from treeline.contest.delivery import to_hand_over
from treeline.contest.field import FIRST_WAVE
from treeline.contest.items import keep_items
from treeline.contest.ledger import Ledger
from treeline.contest.looks import Looks
from treeline.contest.opening import Opening, clean_cache
from treeline.contest.refit import partial, refit
from treeline.contest.result import conclude, retold
from treeline.contest.roster import references
from treeline.contest.runner import Runner
from treeline.contest.same import check_same
from treeline.contest.sessions import another_try, limit_of, used_seconds
from treeline.deliver.handover import hand_over
from treeline.deliver.runtime import load
from treeline.errors import IntegrityError
from treeline.evidence.paired import score_interval
from treeline.telling import tell

if TYPE_CHECKING:
    from treeline.contest.result import Result
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem
    from treeline.problem.settings import Settings
    from treeline.report.live import Live

__all__ = ["Term", "finish", "opened", "play", "spare", "stopped_by_signals", "told_again"]

MOST = 2_000
"Rows of a given test part that are judged."
CROWD = 8.0
"On a machine so many times slower than alone, or more, the ending is given so many times the time."
SAME_S = 1.0
"Seconds after a signal in which another one says nothing new."


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The time of one session."""

    origin: float
    "`time.monotonic()` when it began."
    limit_s: float
    "The run's limit, over all its sessions, but for what judging a given test part takes."
    crowded: float = 1.0
    "How many wall seconds a CPU second took so far: on a busy machine the ending needs more time as well."


@contextmanager
def opened(folder: Path, dataset: Dataset, settings: Settings, problem: Problem | None = None) -> Iterator[Ledger]:
    """Open the run's ledger for writing; take an empty one away again when the opening fails."""
    fresh = not folder.exists()
    ledger = Ledger(folder, write=True)
    try:
        check_same(ledger, dataset.fingerprint, settings, problem)
        yield ledger
    except KeyboardInterrupt:
        if ledger.trials:
            kept = f"Interrupted before the verdict was written; {len(ledger.done()):,} fits are kept in {folder}."
            raise KeyboardInterrupt(kept) from None
        raise
    finally:
        ledger.close()
        if not ledger.facts and not (ledger.path.exists() and ledger.path.stat().st_size):
            shutil.rmtree(folder if fresh else folder / "ledger", ignore_errors=True)


def told_again(ledger: Ledger) -> str:
    """Say why a run only tells its verdict again."""
    used, limit = used_seconds(ledger), limit_of(ledger)
    return (
        f"this run has used {used:.0f} s of its {limit:.0f} s: telling its verdict again; a longer --time-limit goes on"
    )


def play(opening: Opening, ledger: Ledger, runner: Runner, *, live: Live, term: Term, stop: Stop) -> None:
    """Run the contest until its time is over, or a signal asks it to stop."""
    spent, origin, limit = used_seconds(ledger), term.origin, term.limit_s
    if ledger.trials:
        live.event("stage", text=f"going on from {len(ledger.done()):,} fits and {spent:.0f} s")
    crowded = min(max(term.crowded, 1.0), CROWD)
    share = 0.3 if crowded < 2 else 0.45
    ending = min(share * max(limit - spent, 0.0), (1.5 + 0.03 * limit + opening.cells / 4e6) * crowded)
    end = origin + limit - spent - ending
    opening.plan.again = another_try(ledger)
    contest = Contest(
        plan=opening.plan, folds=opening.folds, cache=opening.cache, ledger=ledger,
        engine=runner, slots=runner.slots, threads=runner.threads,
        origin=origin, deadline=max(end, origin + 1.0),
        notify=_watched(live, ledger, opening.problem), used_before=spent,
        race=Looks(ledger, opening.problem, opening.plan), stop=stop,
    )  # fmt: skip
    warm_up(dict.fromkeys(entry.candidate for listed in opening.plan.entries.values() for entry in listed[:FIRST_WAVE]))
    contest.run()
    runner.clear()
    if not stop.number and partial(ledger):
        live.event("stage", text="fitting the best once more, on all rows")
        refit(to_hand_over(ledger, opening.problem), contest, deadline=end)
        runner.clear()
    if stop.number:
        live.event("stage", text="stopped: writing down the best so far; Ctrl-C once more ends without it")


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Note the first Ctrl-C or SIGTERM instead of ending at once; a later one ends at once.

    Those that follow within `SAME_S` are the same: who presses twice wants an end, not the loss of the best so far.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def heed(number: int, _: Any) -> None:
        if not stop.number:
            stop.number, stop.at = number, time.monotonic()
        elif time.monotonic() - stop.at > SAME_S:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, heed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watched(live: Live, ledger: Ledger, problem: Problem) -> Callable[..., None]:
    """Return what the contest tells its facts to: the display, with a score and its interval for every fit at the top."""

    aside = references(ledger)

    def notify(kind: str, **facts: Any) -> None:
        if kind == "trial":
            facts["reference"] = facts["trial"].entry in aside
        live.event(kind, **facts)
        if kind == "trial" and facts["trial"].rung == 1.0 and facts["trial"].score is not None:
            trial = facts["trial"]
            for one in standings(ledger):
                if one.name == trial.entry and one.rung == 1.0 and live.mode != "quiet":
                    found = scored(ledger, problem, one)
                    live.event(
                        "score",
                        family=str(trial.family),
                        entry=one.name,
                        score=found.score,
                        interval=[found.low, found.high],
                    )

    return notify


def spare(settings: Settings, held: tuple[Array, Array]) -> float:
    """Return the seconds to leave for judging the model on a given test part."""
    return min(0.1 * settings.seconds, 1.0 + len(held[0]) / 400) if len(held[0]) else 0.0


def finish(
    ledger: Ledger,
    dataset: Dataset,
    rows: Array,
    *,
    origin: float | None,
    command: str,
    held: tuple[Array, Array] | None = None,
) -> None:
    """Say who won, write the model and the report.

    `rows` (n,) are the data set's row numbers that have a target; `origin` is when this session began, None where it only
    tells again what an earlier one found; `held` are the rows of a given test part and their targets, (k,) each.
    """
    result = conclude(ledger)
    bundle: dict[str, Any] = {}
    while result.picks and not bundle:
        try:
            bundle = hand_over(ledger, result, dataset, rows)
        except IntegrityError as error:  # a model that does not read back as it was: the rest goes on without it
            culprit = error.where if error.where in {pick.name for pick in result.picks} else result.picks[0].name
            ledger.append("withdrawn", entry=culprit, reason=error.what)
            result = conclude(ledger)
    if bundle and held is not None and len(held[0]) and not _judged_since(ledger):
        ledger.append("given_test", **_on_given_test(ledger, result, dataset, *held))
    if origin is not None:
        stop = ledger.of_kind("stop")[-1]
        verdict, used = result.conclusion.verdict, stop["used_s"] - stop["session_s"] + time.monotonic() - origin
        ledger.append("end", used_s=round(used, 3), said=list(verdict.said) if verdict.speaks else None)
    result = retold(ledger, result)
    keep_items(ledger, result, dataset, rows)
    tell(ledger, result, command=command, bundle=bundle)
    clean_cache(ledger.out)


def _judged_since(ledger: Ledger) -> bool:
    """Return whether the delivered model was judged on the given test part after the latest fit, withdrawal or refit."""
    kinds = [fact["fact"] for fact in ledger.facts if fact["fact"] in ("given_test", "trial", "refit", "withdrawn")]
    return kinds[-1:] == ["given_test"]


def _on_given_test(ledger: Ledger, result: Result, dataset: Dataset, rows: Array, y: Array) -> dict[str, Any]:
    """Judge the delivered model on the test part that the source brought along, on `MOST` of its rows at most."""
    some = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST])
    rows, y = rows[some], y[some]
    model = load(ledger.out / "bundle", check=False)
    said = model.scores_of(dataset.frame[rows], {name: array[rows] for name, array in dataset.media.items()}, {})
    found = score_interval(y, said, result.problem.metric, fold=None)
    return {"rows": len(rows), "score": found.score, "low": found.low, "high": found.high}


def warm_up(candidates: Iterable[str]) -> None:
    """Import, while the contest runs elsewhere, what the ending will need."""
    modules = ["treeline.report.html", "treeline.report.terminal", "treeline.deliver.handover"]
    modules += [module for name in candidates for module in card_named(name).needs]

    def load() -> None:
        for module in modules:
            with suppress(ImportError):
                import_module(module)

    threading.Thread(target=load, name="warm-up", daemon=True).start()
