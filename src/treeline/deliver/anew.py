"""Another bundle from a finished run: a side's own blend, one contender, or one small model fitted on all rows.

Nothing is fitted but for `single`; the run's own `bundle/` stays as it is (docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treeline.contest.alone import alone, fitted_before, kept_of, refittable
from treeline.contest.blend import Standing, standings
from treeline.contest.delivery import BOTH, Delivered, Pick, deliver, of_side
from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude
from treeline.contest.source import read_again, rows_with_target
from treeline.deliver.handed import Handed, facts_of
from treeline.deliver.handover import Raw, raw_of, raw_of_bundle, write_picks
from treeline.deliver.sealed import is_sealed
from treeline.errors import DataError, UsageError, nearest, shown
from treeline.problem.task import TRANSCRIPTION, Family, Policy

if TYPE_CHECKING:
    from treeline.contest.result import Result

__all__ = ["CHOICE", "SIDES", "Asked", "deliver_anew"]

CHOICE = "choice"
SIDES = (*map(str, Family), BOTH, CHOICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which model of a run is asked for."""

    side: str | None = None
    "classical, deep, both or choice (what the verdict advises); choice if not given; with `single` any where none is advised."
    only: str | None = None
    "One contender, by its name or title."
    single: bool = False
    "One model of the best single contender, fitted on all rows."
    out: Path | None = None
    source: Any = None
    "Where the data lies now, where it must be read again."


def deliver_anew(run: Path, asked: Asked, *, notify: Callable[[str], None]) -> Handed:
    """Write the bundle that is asked for from the run's ledger.

    Raises:
        UsageError: there is no such side, contender or finished run; or `out` is something else than a bundle.
        DataError: the run has no model at all.
        SetupError, BudgetError: what `single` needs is not there.
        IntegrityError: ledger or bundle are damaged, or the data has changed.
    """
    if asked.side is not None and asked.only is not None:
        raise UsageError("A side and one contender are asked for at once.", do="Give --side or --only, not both.")
    if asked.side not in (None, *SIDES):
        raise UsageError(
            f"There is no side {shown(asked.side)}: {nearest(str(asked.side), SIDES)}",
            do=f"Choose one of: {', '.join(SIDES)}.",
        )
    ledger = _finished(run)
    result, everyone = conclude(ledger), standings(ledger)
    own = deliver(ledger, everyone, result.problem)
    if own is None:
        raise DataError(
            "No candidate succeeded, so there is no model.", where=str(run), do="See what failed in the report."
        )
    if asked.single and asked.only is None:
        everyone = refittable(everyone)
    made, side = _chosen(ledger, result, everyone, asked)
    parts = [side if asked.only is None else made.picks[0].name, "single" if asked.single else None]
    folder = _place(run, asked.out, "-".join(filter(None, parts)))
    raw = _raw(ledger, run, asked)
    if asked.single:
        made = replace(made, picks=(_refitted(run, made.picks[0], asked, notify),))
    told = facts_of(
        ledger,
        result.verdict,
        own,
        made,
        side=side,
        single=asked.single,
    )
    verdict = result.verdict | {"delivered": told["delivered"]}
    sizes = write_picks(ledger, made.picks, raw, verdict=verdict, folder=folder)
    return Handed(folder=folder, facts=told | {"folder": str(folder), "bytes": sizes["bytes"]})


def _finished(run: Path) -> Ledger:
    ledger = Ledger(run)
    if not ledger.head:
        raise UsageError(f"There is no run in {shown(run)}.", do="See `treeline runs`.")
    if ledger.head["problem"]["task"] == TRANSCRIPTION:
        raise UsageError("A transcription has one model, and no sides to choose from.", do="Its model is in bundle/.")
    ends = [fact["fact"] for fact in ledger.facts if fact["fact"] in ("session", "stop")]
    if "stop" not in ends or ends[-1] == "session":  # a later session was killed: its fits are not told yet
        raise UsageError(f"The run in {shown(run)} is not finished.", do="Run the same command again to finish it.")
    return ledger


def _chosen(ledger: Ledger, result: Result, everyone: list[Standing], asked: Asked) -> tuple[Delivered, str | None]:
    """Return what is asked for, and the side that was asked for, None where that was none."""
    if asked.only is not None:
        one = _contender(ledger, result, everyone, asked.only)
        if asked.single:
            refittable([one])
        return of_side(ledger, [one], result.problem, str(one.family)), None
    if asked.side is None and asked.single:
        choice = result.conclusion.verdict.choice
        side = choice.side if choice and any(str(one.family) == choice.side for one in everyone) else BOTH
        return of_side(ledger, everyone, result.problem, side, alone=True), None
    side = asked.side if asked.side not in (None, CHOICE) else _advised(result)
    there = {str(one.family) for one in everyone}
    lacking = {str(family) for family in Family} - there if side == BOTH else {side} - there
    if lacking:
        (name, *_) = sorted(lacking)
        because = result.conclusion.verdict.because
        why = (reason.words for reason in because if reason.code == f"{name.upper()}_MISSING")
        cause = next(why, "none of its contenders can be used here")
        raise UsageError(
            f"The run has no {name} model: {cause}.",
            do=f"Give --side {sorted(there)[0]}." if len(there) == 1 else "Name a contender with --only.",
        )
    return of_side(ledger, everyone, result.problem, str(side), alone=asked.single), side


def _advised(result: Result) -> str:
    """Return the side that the verdict advises."""
    told = result.conclusion.verdict
    if told.choice is not None:
        return told.choice.side
    raise UsageError(
        f"The verdict advises no side: {told.words.headline}.",
        do=f"Name one: --side {' or '.join(name for name, side in told.families.items() if side['score'] is not None)}.",
    )


def _contender(ledger: Ledger, result: Result, everyone: Sequence[Standing], wanted: str) -> Standing:
    """Return the contender of that name or title."""
    named = {one.name: one for one in everyone}
    titles = {row["title"].casefold(): row["name"] for row in result.verdict["leaderboard"]}
    name = wanted if wanted in named else titles.get(wanted.casefold(), wanted)
    if name in named:
        return named[name]
    tried = [trial for trial in ledger.trials if trial.entry == name]
    if tried and not any(row["name"] == name and row["reference"] for row in result.verdict["leaderboard"]):
        raise UsageError(
            f"The contender {shown(name)} has no model: {tried[-1].reason or tried[-1].state}.",
            do=f"Choose one of: {', '.join(named)}.",
        )
    raise UsageError(f"There is no contender {shown(wanted)}: {nearest(wanted, named)}", do="See `treeline report`.")


def _place(run: Path, out: Path | None, label: str) -> Path:
    """Return where the bundle goes: beside the run's own, which is never written over, or where the user says."""
    folder = out if out is not None else run / f"bundle-{label}"
    if folder.name == "bundle" and (folder.parent / "ledger").exists():
        raise UsageError(
            "It is the own model of a run, which stays as it is.", where=str(folder), do="Choose another --out."
        )
    if folder.exists() and not is_sealed(folder):
        raise UsageError("It is there already and is no bundle.", where=str(folder), do="Choose another --out.")
    return folder


def _refitted(run: Path, pick: Pick, asked: Asked, notify: Callable[[str], None]) -> Pick:
    """Return the same contender as one model fitted on all rows."""
    ledger = Ledger(run, write=True)
    try:
        trials = next(one.trials for one in standings(ledger) if one.name == pick.name)
        timed = ledger.head["problem"]["policy"] == Policy.TIME
        kept = trials[0] if timed else kept_of(trials)  # fold 0 has seen the newest rows
        made = fitted_before(ledger, kept) or alone(ledger, kept, source=asked.source, notify=notify)
    finally:
        ledger.close()
    return replace(pick, trials=(made,))


def _raw(ledger: Ledger, run: Path, asked: Asked) -> Raw:
    """Return the raw rows that prove the bundle: those of the run's own, or from the data where that is not there."""
    own = run / "bundle"
    if own.exists():
        return raw_of_bundle(ledger, own)
    dataset = read_again(ledger, asked.source)
    return raw_of(ledger, dataset, rows_with_target(ledger, dataset))
