"""The public face: run a contest, open its study, predict, audit, report. The command line calls nothing else."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treeline.candidates.registry import card_named
from treeline.contest.field import FIRST
from treeline.contest.ledger import Ledger
from treeline.contest.opening import excluded_columns, given_of, open_contest, reprice
from treeline.contest.result import conclude
from treeline.contest.runner import Runner
from treeline.contest.sessions import begin, is_over, used_seconds
from treeline.contest.source import read_source
from treeline.data.ask import ask, rows_of
from treeline.data.given_test import apart
from treeline.data.read_table import read
from treeline.errors import BudgetError, UsageError, shown
from treeline.evidence.prior import expected
from treeline.machine import budget_of, check_supported
from treeline.problem.settings import Settings
from treeline.problem.task import TRANSCRIPTION, Family
from treeline.report.live import Live
from treeline.report.privacy import without_secrets
from treeline.session import Term, finish, opened, play, spare, stopped_by_signals, told_again
from treeline.study import Study, runs
from treeline.telling import tell

if TYPE_CHECKING:
    from treeline.data.dataset import Dataset
    from treeline.evidence.prior import Prior
    from treeline.evidence.verdict import Verdict
    from treeline.problem.problem import Problem

__all__ = ["advise", "audit", "judge", "load", "predict", "report", "run", "runs", "samples"]

LEAST_SECONDS = 5.0
"Below this limit no run can give a usable model."


def run(
    source: Any,
    *,
    out: str | Path | None = None,
    progress: str = "auto",
    command: str = "",
    runner: Runner | None = None,
    **settings: Any,
) -> Study:
    """Run the contest on a table and return its study.

    Args:
        source: the path of a CSV, TSV, Parquet, Feather, JSON-lines or Excel file, a database URL (with `query`),
            `sample:NAME`, or a pandas, Polars or Arrow table.
        out: the folder of the run; the same call again resumes a run that was killed or stopped. `runs/NAME` if not given.
        progress: `auto`, `rich`, `plain` or `quiet`.
        command: how the run was called, for the report.
        runner: workers of an earlier run that are still warm; they stay so.
        **settings: the fields of `treeline.problem.settings.Settings`: target, time_limit, metric, families …

    Raises:
        TreelineError: see `treeline.errors`; nothing is written to `out` for a bad input.
    """
    origin, cpu = time.monotonic(), time.process_time()
    wanted = _possible(Settings.of(**settings))
    folder = Path(out) if out is not None else _default_out(source)
    if wanted.task == TRANSCRIPTION:
        return _transcribed(source, wanted, folder, progress=progress, command=command, origin=origin)
    budget = budget_of(wanted)
    families = [Family(name) for name in wanted.families]
    slots = max(2, len(families)) if budget.cores > 1 else len(families)
    workers, memory_mb = runner or Runner(folder), 0.8 * budget.memory_mb / slots
    workers.prepare(folder, slots=slots, threads=max(1, budget.cores // slots), memory_mb=memory_mb)
    live = Live(progress)
    try:
        for family in families:
            workers.warm(family, _first_needed(family, wanted))
        live.event("stage", text="reading")
        dataset, wanted = _read(source, wanted, folder)
        problem = _asked(dataset, str(wanted.target), wanted)
        (rows, y), held = apart(dataset, problem)
        with opened(folder, dataset, wanted, problem) as ledger:
            reprice(ledger, wanted)
            if is_over(ledger, wanted.seconds):
                live.event("stage", text=told_again(ledger))
                finish(ledger, dataset, rows, origin=None, command=command, held=held)
            else:
                live.start(problem, wanted.seconds - used_seconds(ledger), families)
                opening = open_contest(dataset, problem, ledger, settings=wanted, budget=budget, targets=(rows, y))
                begin(ledger, limit_s=wanted.seconds, command=without_secrets(command))
                if not ledger.trials:
                    live.event("prior", words=expected(ledger.head["prior"]))
                crowded = (time.monotonic() - origin) / max(time.process_time() - cpu, 0.1)
                term = Term(origin=origin, limit_s=wanted.seconds - spare(wanted, held), crowded=crowded)
                with stopped_by_signals() as stop:
                    play(opening, ledger, workers, live=live, term=term, stop=stop)
                    live.event("stage", text="weighing the evidence")
                    finish(ledger, dataset, rows, origin=origin, command=command, held=held)
    finally:
        workers.clear()
        if runner is None:
            workers.stop()
        live.stop()
    return Study(folder)


def _possible(wanted: Settings) -> Settings:
    """Return the settings of a run that can be made here and in the time that they give."""
    check_supported()
    if wanted.seconds < LEAST_SECONDS:
        raise BudgetError(
            f"The time limit is {wanted.seconds:g} s.", do=f"Give at least {LEAST_SECONDS:g}s, better 60s."
        )
    return wanted


def _transcribed(source: Any, wanted: Settings, folder: Path, *, progress: str, command: str, origin: float) -> Study:
    """Judge a pretrained model of speech instead of a contest."""
    from treeline.transcription import transcribe

    live = Live(progress)
    try:
        live.event("stage", text="reading")
        kinds = {**wanted.kind, **({wanted.target: "text"} if wanted.target else {})}
        dataset, wanted = _read(source, replace(wanted, kind=kinds), folder)
        transcribe(dataset, wanted, folder, origin=origin, notify=live.event, command=command)
    finally:
        live.stop()
    return Study(folder)


def load(out: str | Path) -> Study:
    """Open a past run."""
    return Study(out)


def predict(run: str | Path, data: Any, output: str | Path, *, escape: bool = True) -> list[str]:
    """Predict the rows of `data` with a run's model (or a bundle), write them to `output`; return notes for the user."""
    from treeline.deliver.predictions import write_predictions
    from treeline.deliver.spoken import NAME, open_bundle

    folder = Path(run)
    sealed = any((folder / name).exists() for name in ("manifest.json", NAME))
    model = open_bundle(folder) if sealed else Study(folder).model
    frame = model.predict_frame(data)
    write_predictions(frame, Path(output), escape=escape)
    notes = [f"note: {what}: {count:,}" for what, count in model.problems.items()]
    return [*notes, f"{frame.height:,} rows predicted, written to {output}"]


def audit(source: Any, *, target: str | None = None, **settings: Any) -> Any:
    """Read a table and return an `Audited`: its columns, records and findings. Fits nothing."""
    from treeline.data.audit import audit as examine
    from treeline.telling import Audited

    wanted = Settings.of(**settings)
    dataset = read_source(source, wanted, None)
    target = target or dataset.label
    problem = _asked(dataset, target, wanted) if target else None
    found = examine(dataset, problem, deadline_s=60.0, drop=wanted.drop)
    return Audited(dataset=dataset, problem=problem, findings=tuple(found))


def advise(source: Any, *, target: str, **settings: Any) -> Prior:
    """Return what public results say of a table like this one, before anything is trained: seconds, nothing is kept.

    Four simple learners are fitted on at most 2,000 rows; what they reach is the only thing that tells a little in advance.

    Raises:
        TreelineError: the table cannot be read, or the target cannot be asked.
    """
    from treeline.candidates.features import Encoder
    from treeline.candidates.landmarks import foresee
    from treeline.data.audit import audit as examine
    from treeline.data.audit import gate

    wanted = Settings.of(**settings)
    dataset = read_source(source, wanted.with_target(target), None)
    problem = _asked(dataset, target, wanted)
    rows, y, _ = rows_of(dataset, problem)
    found = examine(dataset, problem, deadline_s=10.0, drop=wanted.drop)
    leaks = {name for finding in gate(found)[0] for name in finding.columns}
    out = excluded_columns(found, wanted, problem) | leaks
    encoder = Encoder.fit(dataset, exclude=out, target=problem.target)
    given = given_of(dataset, problem, encoder, settings=wanted, rows=len(y))
    return foresee(dataset, problem, rows, y, encoder=encoder, leads=given.leader)


def judge(source: Any, *, margin: float) -> Verdict:
    """Return the verdict on results that were never ours: one loss a row and contender.

    Args:
        source: whatever `run` takes, with the columns `fold`, optionally `group`, and for each contender, named `classical:NAME`
            or `deep:NAME`, the loss of every row.
        margin: the smallest difference of mean losses that matters.

    Raises:
        DataError: a column is missing, misnamed, or holds something other than numbers.
        UsageError: the margin is negative.
    """
    from treeline.evidence.losses import judge_losses

    if not isinstance(margin, int | float) or not 0 <= margin < float("inf"):
        raise UsageError(f"The margin is {margin}; it must be zero or more.", do="Give it in the unit of the losses.")
    frame = read(source).frame
    return judge_losses({name: frame[name].to_numpy() for name in frame.columns}, margin=margin)


def report(run: str | Path) -> Path:
    """Render a run's report again from its ledger; return the path of the HTML file."""
    folder = Path(run)
    ledger = Ledger(folder)
    if not ledger.head:
        raise UsageError(f"There is no run in {shown(folder)}.", do="See `treeline runs`.")
    if ledger.head["problem"]["task"] == TRANSCRIPTION:
        from treeline.report.transcript import tell_transcripts

        tell_transcripts(ledger)
        return folder / "report.html"
    summary = folder / "summary.json"
    try:
        before = json.loads(summary.read_text(encoding="utf-8")) if summary.exists() else {}
    except ValueError:
        before = {}  # it is made anew from the ledger
    tell(
        ledger,
        conclude(ledger),
        command=before.get("run", {}).get("command", ""),
        bundle=before.get("run", {}).get("delivered", {}),
    )
    return folder / "report.html"


def samples() -> list[str]:
    """Return one line for each table that comes with a dependency."""
    from treeline.data.samples import SAMPLES

    return [
        f"sample:{name}  {one.rows:,} rows x {one.columns}  target {one.target}  {one.title}"
        for name, one in SAMPLES.items()
    ]


def _read(source: Any, settings: Settings, folder: Path) -> tuple[Dataset, Settings]:
    if settings.target is None and isinstance(source, str) and source.startswith("sample:"):
        from treeline.data.samples import load_sample

        settings = settings.with_target(load_sample(source.removeprefix("sample:"))[1])
    dataset = read_source(source, settings, folder / "rejects.csv")
    if settings.target is None and dataset.label:
        settings = settings.with_target(dataset.label)
    if settings.target is None:
        names = ", ".join(shown(name) for name in dataset.names[:12])
        raise UsageError("Nothing says which column to predict.", do=f"Give --target; the columns are {names}.")
    return dataset, settings


def _first_needed(family: Family, settings: Settings) -> list[str]:
    """Return the candidates whose libraries the family's workers should import while the data is read."""
    return [
        card_named(name).name for name in settings.candidates or FIRST[family] if card_named(name).family is family
    ][:2]


def _asked(dataset: Dataset, target: str, settings: Settings) -> Problem:
    return ask(
        dataset, target, task=settings.task, metric=settings.metric, margin=settings.margin, split=settings.split,
        repeats=settings.repeats, group=settings.group, time=settings.time, seed=settings.seed,
    )  # fmt: skip


def _default_out(source: Any) -> Path:
    name = "frame"
    if isinstance(source, str | Path):
        text = str(source)
        name = (
            text.removeprefix("sample:")
            if text.startswith("sample:")
            else Path(text.partition("?")[0]).name.partition(".")[0]
        )
    return Path("runs") / (re.sub(r"[^\w-]+", "-", name).strip("-") or "run")
