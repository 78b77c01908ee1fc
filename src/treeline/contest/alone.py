"""One small model: a contender's fit done once more on all rows, when the contest is over (docs/decisions/0019).

Nothing is chosen and nothing is judged here: settings, steps and learning rate are those that a fit of the contest ended with.
The ledger keeps it as a fact of its own, `single`, so that trials stay what they are, and asking again fits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from treeline.candidates.registry import cards
from treeline.contest.contest import trials_of
from treeline.contest.ledger import Ledger, trial_of
from treeline.contest.opening import clean_cache, encoder_of, folds_of, write_cache
from treeline.contest.refit import repeated
from treeline.contest.runner import Runner
from treeline.contest.source import read_again, rows_with_target
from treeline.contest.trial import State, Trial
from treeline.errors import BudgetError, DataError, SetupError, shown
from treeline.machine import budget_of
from treeline.problem.problem import Problem
from treeline.problem.settings import Settings

if TYPE_CHECKING:
    from treeline.contest.blend import Standing
    from treeline.contest.job import Job

__all__ = ["alone", "fitted_before", "kept_of", "refittable"]

PATIENCE, LEAST_S = 6.0, 60.0
"A fit may take so many times what is expected of it, but at least so many seconds."


def refittable(everyone: Sequence[Standing]) -> list[Standing]:
    """Return the contenders that can be fitted here once more.

    Raises:
        SetupError: there is none; says what is missing.
    """
    known, able, lacking = cards(), [], {}
    for one in everyone:
        card = known.get(one.trials[0].candidate)
        missing = (one.trials[0].candidate,) if card is None else card.missing()
        if missing:
            lacking[one.name] = ", ".join(missing)
        else:
            able.append(one)
    if not able:
        causes = "; ".join(f"{name} needs {modules}" for name, modules in lacking.items())
        raise SetupError(
            f"Nothing can be fitted once more on this machine: {causes}.",
            do="Install what is missing; see `treeline doctor`.",
        )
    return able


def kept_of(trials: Sequence[Trial]) -> Trial:
    """Return the fit to repeat: the one whose steps are the middle ones, as steps and learning rate belong together."""
    return sorted(trials, key=lambda trial: (trial.steps, trial.fold))[(len(trials) - 1) // 2]


def fitted_before(ledger: Ledger, kept: Trial) -> Trial | None:
    """Return the model that did the same on all rows before, None where there is none."""
    asked = _job(ledger, kept)
    made = [trial_of(fact) for kind in ("single", "refit") for fact in ledger.of_kind(kind)]
    same = [
        trial
        for trial in made
        if trial.state is State.DONE
        and (trial.entry, trial.params, trial.seed) == (kept.entry, asked.params, kept.seed)
    ]
    return same[-1] if same else None


def alone(ledger: Ledger, kept: Trial, *, source: Any = None, notify: Callable[[str], None]) -> Trial:
    """Do on all rows what the fit `kept` did on its own, in a child process; return the new model's trial.

    Args:
        ledger: open for writing.
        kept: a fit of the contest.
        source: where the data lies now, or the table itself; where the run found it if None.
        notify: told in words what is done.

    Raises:
        IntegrityError: the data has changed.
        BudgetError: the fit came to its limit of time or memory.
        DataError: it failed.
    """
    notify("reading the data again")
    dataset = read_again(ledger, source)
    rows, problem = ledger.rows(), Problem.from_json(ledger.head["problem"])
    count, budget = len(rows["y"]), budget_of(Settings())
    threads = max(1, budget.cores // 2)  # as in the contest: nets on all cores of a busy machine wait for each other
    expected = kept.seconds_on(count)
    job = _job(ledger, kept, seconds=max(LEAST_S, PATIENCE * expected), threads=threads)
    runner = Runner(ledger.out, slots=1, threads=threads, memory_mb=0.8 * budget.memory_mb)
    try:
        targets = (rows_with_target(ledger, dataset), rows["y"])
        write_cache(ledger.out, dataset, targets, problem=problem, encoder=encoder_of(ledger), half=rows["half"])
        notify(f"fitting {kept.entry} once on all {count:,} rows, about {max(1.0, expected):.0f} s")
        runner.start(job)
        outcomes = runner.poll(0.1)
        while not outcomes:
            outcomes = runner.poll(0.1)
    finally:
        runner.stop()
        clean_cache(ledger.out)
    (trial,) = trials_of(outcomes[0], started_s=0.0, folds=folds_of(ledger))
    ledger.append("single", **trial.to_json())
    if trial.state is State.DONE:
        return trial
    what = f"The fit of {shown(trial.entry)} on all rows did not succeed: {trial.reason}."
    if trial.state is State.FAILED:
        raise DataError(what, do="Choose another contender with --only.")
    raise BudgetError(what, do="Free time or memory, or choose another contender with --only.")


def _job(ledger: Ledger, kept: Trial, *, seconds: float = 0.0, threads: int = 1) -> Job:
    return repeated(kept, ledger, id=f"single-{kept.entry}", seconds=seconds, threads=threads)
