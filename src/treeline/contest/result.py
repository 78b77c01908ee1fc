"""From the ledger to the verdict: a pure function. Same ledger, same verdict, on any machine, with nothing refitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.registry import cards
from treeline.contest.blend import Standing, gather, held_out, scored, standings
from treeline.contest.delivery import Pick, deliver
from treeline.contest.fitting import cross_fitted
from treeline.contest.ledger import Ledger
from treeline.contest.trial import State, Trial
from treeline.evidence.curves import Curve
from treeline.evidence.curves import gather as curve_of
from treeline.evidence.paired import score_interval
from treeline.evidence.scores import Judged
from treeline.evidence.verdict import Call, Share, judge
from treeline.evidence.words import sentence
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy

__all__ = ["Pick", "Result", "conclude", "used_seconds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a ledger says."""

    problem: Problem
    verdict: dict[str, Any]
    picks: tuple[Pick, ...]
    delivered: str
    "classical, deep or both; empty where nothing can be delivered."
    y: Array | None = None
    "(m,) target of the judged rows."
    index: Array | None = None
    "(m,) their positions among the rows that have a target."
    prediction: Array | None = None
    "(m,) or (m, C): the delivered model's cross-fitted out-of-fold predictions."


def conclude(ledger: Ledger) -> Result:
    """Return the verdict on a ledger, and the model that it hands over."""
    head = ledger.head
    problem = Problem.from_json(head["problem"])
    everyone = standings(ledger)
    judged = gather(ledger, problem, everyone)
    unfinished = _unfinished(judged, everyone)
    findings = head["findings"] + [fact["finding"] for fact in ledger.of_kind("finding")]
    if not judged.members:
        verdict = _nobody(ledger, problem)
        return Result(problem=problem, verdict=verdict | _facts(ledger, problem, findings, {}), picks=(), delivered="")
    told = judge(
        judged,
        margin=problem.margin,
        shares={family: _share(ledger, family, judged, problem) for family in Family},
        curves=_curves(ledger, problem),
        blocking=[f["code"] for f in findings if f["severity"] == "block"],
        lowering=[f["code"] for f in findings if f["severity"] == "warn" and not f["done"]],
    )  # fmt: skip
    fronts = {
        curve.name: [point.to_json() for point in curve.points] for curve in told.curves if curve.name in tuple(Family)
    }
    verdict = told.to_json() | {"curves": fronts}
    if unfinished and told.call is not Call.UNDECIDED:
        verdict |= {
            "call": str(Call.UNDECIDED),
            "strong": False,
            "leaning": str(told.call),
            "take": None,
            "needed": None,
        }
        verdict["because"] = [*(f"UNFINISHED: {note}" for note in unfinished), *verdict["because"]]
        verdict["sentence"] = sentence(verdict)
    delivered = deliver(ledger, judged, everyone, problem)
    picks = delivered.picks if delivered else ()
    verdict |= _facts(ledger, problem, findings, {pick.name: pick.weight for pick in picks}) | {
        "delivered": {
            "what": delivered.what if delivered else "",
            "members": [{"name": pick.name, "weight": pick.weight, "models": len(pick.trials)} for pick in picks],
        },
        "judged_rows": len(judged.y),
    }
    if delivered is None:
        return Result(problem=problem, verdict=verdict, picks=(), delivered="")
    return Result(
        problem=problem, verdict=verdict, picks=picks, delivered=delivered.what, y=delivered.judged.y,
        prediction=delivered.prediction, index=held_out(ledger.rows()["fold"], len(np.unique(delivered.judged.fold))),
    )  # fmt: skip


def _facts(
    ledger: Ledger, problem: Problem, findings: list[dict[str, Any]], weights: dict[str, float]
) -> dict[str, Any]:
    return {
        "target": problem.target,
        "task": str(problem.task),
        "leaderboard": _leaderboard(ledger, problem, weights),
        "budget": _budget(ledger),
        "rows": ledger.head["dataset"]["records"]["used"],
        "findings": findings,
    }


def _nobody(ledger: Ledger, problem: Problem) -> dict[str, Any]:
    """What is said where no contender succeeded: why, and no winner."""
    reasons = [f"{family.upper()}_MISSING: {_why_missing(ledger, family)}" for family in Family]
    return {
        "call": "UNDECIDED", "strong": False, "sentence": "No candidate succeeded, so there is nothing to compare and no model.",
        "metric": problem.metric.name, "greater_is_better": problem.metric.greater_is_better, "margin": problem.margin,
        "families": {str(family): None for family in Family}, "both": None, "difference": None, "treeline": None, "curves": {},
        "because": reasons, "caveats": [], "needed": None, "regret": None, "delivered": {"what": "", "members": []},
        "judged_rows": 0,
    }  # fmt: skip


def _budget(ledger: Ledger) -> dict[str, Any]:
    stops = ledger.of_kind("stop")
    last = stops[-1] if stops else {"why": "", "signal": 0}
    return {
        "limit_s": ledger.head["budget"]["limit_s"],
        "used_s": used_seconds(ledger),
        "ended": last["why"],
        "signal": last["signal"],
    }


def used_seconds(ledger: Ledger) -> float:
    """Return the wall seconds of a run so far, over all its sessions."""
    told = [float(fact["used_s"]) for fact in ledger.facts if "used_s" in fact]
    return max([*told, *(trial.started_s + trial.wall_s for trial in ledger.trials)], default=0.0)


def _share(ledger: Ledger, family: Family, judged: Judged, problem: Problem) -> Share:
    trials = [trial for trial in ledger.trials if trial.family is family and trial.entry not in _references(ledger)]
    return Share(
        contenders=len({trial.entry for trial in trials if trial.state is State.DONE}),
        cpu_s=sum(trial.cpu_s for trial in trials),
        wall_s=sum(trial.wall_s for trial in trials),
        fit_cpu_s=_champion_cpu(standings(ledger), family, problem),
        missing=None if judged.of(family) else _why_missing(ledger, family),
    )


def _champion_cpu(everyone: list[Standing], family: Family, problem: Problem) -> float | None:
    """Return the CPU seconds of one fit of the family's best contender on all rows, by fold 0; scaled up from a lower rung."""
    side = [one for one in everyone if one.family is family and one.trials[0].score is not None]
    if not side:
        return None
    sign = -1.0 if problem.metric.greater_is_better else 1.0
    best = min(side, key=lambda one: sign * float(one.trials[0].score or 0.0))
    return float(np.mean([trial.cpu_s for trial in best.trials])) / best.rung


def _unfinished(judged: Judged, everyone: list[Standing]) -> list[str]:
    """Say which family's time did not suffice for a single fit on all rows: its score is that of fewer rows."""
    notes = []
    for family in Family:
        reached = [one for one in everyone if one.family is family]
        if judged.of(family) and max(one.rung for one in reached) < 1.0:
            rows, share = max((one.trials[0].rows, one.rung) for one in reached)
            notes.append(
                f"the {family} side's time was enough for {rows:,} of {rows / share:,.0f} training rows; give the run more"
            )
    return notes


def _references(ledger: Ledger) -> set[str]:
    return {entry["name"] for entry in ledger.head["entries"] if entry["reference"]}


def _curves(ledger: Ledger, problem: Problem) -> list[Curve]:
    """Return every contender's scores by training rows; the noise of a score is its standard error on fold 0."""
    by_entry: dict[str, list[Trial]] = {}
    for trial in ledger.done():
        comparable = trial.fold == 0 or problem.policy is not Policy.TIME  # older folds judge other times
        if comparable and trial.score is not None and trial.entry not in _references(ledger):
            by_entry.setdefault(trial.entry, []).append(trial)
    rows = ledger.rows()
    inside = rows["fold"] == 0
    y, half, fold = rows["y"][inside], rows["half"][inside], rows["fold"][inside]
    group = rows["group"][inside] if "group" in rows else None
    curves = []
    for name, trials in by_entry.items():
        first = next((trial for trial in trials if trial.fold == 0), None)
        noise = None
        if first is not None:
            noise = score_interval(
                y, cross_fitted(ledger.predictions(first), half), problem.metric, fold=fold, group=group
            ).se
        records = [(trial.rows, trial.fold, float(trial.score or 0.0)) for trial in trials]
        curves.append(curve_of(name, trials[0].family, records, noise=noise))
    return curves


def _why_missing(ledger: Ledger, family: Family) -> str:
    if str(family) not in ledger.head["settings"]["families"]:
        return "it was not asked for"
    absent = [one for one in ledger.head["absent"] if one["family"] == str(family)]
    tried = [trial for trial in ledger.trials if trial.family is family and trial.entry not in _references(ledger)]
    if tried:
        return (
            "none of its trials succeeded: "
            + "; ".join(sorted({f"{t.entry}: {t.reason or t.state}" for t in tried}))[:400]
        )
    if absent:
        installs = sorted({one["install"] for one in absent if one["install"]})
        return str(absent[0]["reason"]) + (f" ({installs[0]})" if installs else "")
    if _budget(ledger)["signal"]:
        return "the run was stopped before its first trial; the same command goes on"
    return "the time was over before its first trial"


def _leaderboard(ledger: Ledger, problem: Problem, weights: dict[str, float]) -> list[dict[str, Any]]:
    titles = {card.name: card.title for card in cards().values()}
    by_entry: dict[str, list[Trial]] = {}
    for trial in ledger.trials:
        by_entry.setdefault(trial.entry, []).append(trial)
    standing = {one.name: one for one in standings(ledger, reference=True)}
    board = []
    for name, trials in by_entry.items():
        row: dict[str, Any] = {
            "name": name,
            "title": titles.get(trials[0].candidate, name) + name.removeprefix(trials[0].candidate).replace("-", " #"),
            "family": str(trials[0].family), "score": None, "interval": None, "folds": 0, "rows": max(t.rows for t in trials),
            "cpu_s": sum(t.cpu_s for t in trials), "predict_s_per_1000": None, "weight": weights.get(name, 0.0),
            "state": str(trials[-1].state), "reference": name in _references(ledger),
        }  # fmt: skip
        if name in standing:
            row |= _scored(ledger, problem, standing[name])
        board.append(row)
    sign = -1.0 if problem.metric.greater_is_better else 1.0
    return sorted(board, key=lambda row: (row["score"] is None, sign * (row["score"] or 0.0)))


def _scored(ledger: Ledger, problem: Problem, one: Standing) -> dict[str, Any]:
    found = scored(ledger, problem, one)
    judged = int(np.isin(ledger.rows()["fold"], range(one.reach)).sum())
    seconds = sum(trial.predict_s for trial in one.trials)
    return {
        "score": found.score, "interval": [found.low, found.high], "folds": one.reach, "rows": one.trials[0].rows,
        "predict_s_per_1000": 1000 * seconds / max(judged, 1), "state": str(State.DONE),
    }  # fmt: skip
