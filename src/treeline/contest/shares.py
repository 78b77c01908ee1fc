"""What each side fielded, spent and did not finish; taken from the ledger."""

from __future__ import annotations

import numpy as np

from treeline.contest.blend import Standing, standings
from treeline.contest.field import PRETRAINED
from treeline.contest.leaderboard import titles_of
from treeline.contest.ledger import Ledger
from treeline.contest.opening import prices_of
from treeline.contest.roster import cards_of, contending, entries_of
from treeline.contest.trial import State, Trial
from treeline.evidence.advice import Share
from treeline.evidence.choice import Procedure
from treeline.evidence.scores import Judged
from treeline.problem.task import Family

__all__ = ["absent_encoders", "fits_cpu", "seconds_per_row", "share_of", "why_missing"]

LEAST_DONE = 0.05
"A fit that did less of its steps counts as if it had done so many."
BARELY = 0.25
"Where no net of texts, images or sounds did so much of its planned steps, the side has not shown what it can do."
CUT = 0.5
"A fit that the clock ended before this share of its planned steps may not show what its contender can do."


def share_of(ledger: Ledger, family: Family, judged: Judged, made: Procedure | None) -> Share:
    """Return what a family fielded and spent; `made` is its procedure, None where it has no member."""
    trials = contending(ledger, family)
    members, prices = judged.of(family), prices_of(ledger)
    return Share(
        contenders=len(members),
        cpu_s=sum(trial.cpu_s for trial in trials),
        wall_s=sum(trial.wall_s for trial in trials),
        fit_cpu_s=_per_fit(fits_cpu(ledger, made)) if made else None,
        gpu_s=sum(trial.gpu_s for trial in trials),
        fit_gpu_s=_per_fit(_scaled(ledger, made, gpu=True)) if made else 0.0,
        gpu_as_cpu=prices["gpu_price"] / max(prices["price"], 1e-9),
        cut=_cut(ledger, trials),
        unfinished=_unfinished(ledger, family) if members else None,
        missing=None if members else why_missing(ledger, family),
    )


def _cut(ledger: Ledger, trials: list[Trial]) -> tuple[str, ...]:
    """Return the titles of all contenders that the clock ended early on all rows, or never let end there.

    Also of those that are no members: they might be, with more time.
    """
    standing = {trial.id for trial in ledger.current()}
    top = [trial for trial in trials if trial.rung == 1.0 and trial.id in standing]
    ended = {trial.entry for trial in top if trial.state is State.DONE}
    cut = [
        trial for trial in top
        if (trial.state is State.DONE and trial.done < CUT) or (trial.state is State.TIMEOUT and trial.entry not in ended)
    ]  # fmt: skip
    titles = titles_of(ledger)
    return tuple(sorted({titles.get(trial.entry, trial.entry) for trial in cut}))


def fits_cpu(ledger: Ledger, made: Procedure) -> dict[str, list[float]]:
    """Return by member of a procedure the CPU seconds of its fits on its highest rung, scaled to all rows and all steps.

    Small fits are mostly start-up: they would say too much. A fit that the clock cut counts as long as it would have taken.
    """
    return _scaled(ledger, made)


def _scaled(ledger: Ledger, made: Procedure, *, gpu: bool = False) -> dict[str, list[float]]:
    mine = [trial for trial in ledger.done() if trial.entry in made.weights()]
    highest = {
        name: max(trial.rung for trial in mine if trial.entry == name) for name in {trial.entry for trial in mine}
    }
    found: dict[str, list[float]] = {}
    for trial in mine:
        if trial.rung == highest[trial.entry]:
            spent = trial.gpu_s if gpu else trial.cpu_s
            found.setdefault(trial.entry, []).append(spent / trial.rung / max(trial.done, LEAST_DONE))
    return found


def _per_fit(fits: dict[str, list[float]]) -> float:
    """Return the seconds of one fit on all rows of every member."""
    return sum(float(np.mean(seconds)) for seconds in fits.values())


def _unfinished(ledger: Ledger, family: Family) -> str | None:
    """Say where a family's time did not suffice for a single fit on all rows: its score is that of fewer rows."""
    reached = [one for one in standings(ledger) if one.family is family]
    if not reached:
        return None
    if max(one.rung for one in reached) == 1.0:
        return _barely(ledger, [one for one in reached if one.rung == 1.0])
    rows, share = max((one.trials[0].rows, one.rung) for one in reached)
    return f"the {family} side's time was enough for {rows:,} of {rows / share:,.0f} training rows; give the run more"


def _barely(ledger: Ledger, reached: list[Standing]) -> str | None:
    """Say where all that a family fitted on all rows are nets of media that the clock ended when they had hardly begun."""
    known = cards_of(ledger)
    trials = [trial for one in reached for trial in one.trials]
    if not all(known.get(trial.candidate, {}).get("media_net") for trial in trials):
        return None
    done = max(trial.done for trial in trials)
    if done >= BARELY:
        return None
    return f"no {trials[0].family} net could do more than {done:.0%} of its planned steps; give the run more time"


def why_missing(ledger: Ledger, family: Family) -> str:
    """Return why a family has no member."""
    if str(family) not in ledger.head["settings"]["families"]:
        return "it was not asked for"
    absent = [one for one in ledger.head["absent"] if one["family"] == str(family)]
    tried = contending(ledger, family)
    if tried:
        return (
            "none of its trials succeeded: "
            + "; ".join(sorted({f"{t.entry}: {t.reason or t.state}" for t in tried}))[:400]
        )
    if absent and not any(entry.family is family and not entry.reference for entry in entries_of(ledger)):
        installs = sorted({one["install"] for one in absent if one["install"]})
        return str(absent[0]["reason"]) + (f" ({installs[0]})" if installs else "")
    if any(stop["signal"] for stop in ledger.of_kind("stop")[-1:]):
        return "the run was stopped before its first trial; the same command goes on"
    return "the time was over before its first trial"


def seconds_per_row(ledger: Ledger, judged: Judged, procedures: dict[Family, Procedure]) -> float:
    """Return the wall seconds of judging one more row: a fold of every member that the slower side's procedure uses."""
    slowest = 0.0
    for made in procedures.values():
        walls: dict[str, list[float]] = {}
        for trial in ledger.done():
            if trial.entry in made.weights() and trial.rung == 1.0:
                walls.setdefault(trial.entry, []).append(trial.wall_s)
        slowest = max(slowest, sum(float(np.mean(each)) for each in walls.values()))
    return slowest * len(np.unique(judged.fold)) / max(len(judged.y), 1)


def absent_encoders(ledger: Ledger) -> str:
    """Say that nets of texts, images or sounds had to learn from nothing, and how to get a pretrained encoder; or nothing."""
    deep = [one for one in ledger.head["entries"] if one["family"] == str(Family.DEEP) and not one["reference"]]
    encoders = {name: kind for kind, names in PRETRAINED.items() for name in names}
    absent = [one for one in ledger.head["absent"] if one["name"] in encoders]
    if not deep or not absent:
        return ""
    kind, way = encoders[absent[0]["name"]], absent[0]["install"]
    words = f"no pretrained {kind} encoder competed ({absent[0]['reason']})."
    return f"Deep learning here means nets that learned from nothing: {words}" + (
        f" To have one: {way}." if way else ""
    )
