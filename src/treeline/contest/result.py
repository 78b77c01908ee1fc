"""From the ledger to the verdict: a pure function. Same ledger, same verdict, on any machine, with nothing refitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.contest.ailments import ailments
from treeline.contest.blend import gather, held_out, standings
from treeline.contest.delivery import Pick, deliver
from treeline.contest.fitting import cross_fitted
from treeline.contest.leaderboard import leaderboard, references
from treeline.contest.ledger import Ledger
from treeline.contest.trial import Trial
from treeline.data.labels import label_errors
from treeline.errors import shown
from treeline.evidence.choice import procedure
from treeline.evidence.curves import Curve
from treeline.evidence.curves import gather as curve_of
from treeline.evidence.paired import score_interval
from treeline.evidence.scores import Judged, crossfitted
from treeline.evidence.verdict import Share, judge
from treeline.evidence.words import sentence
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy

__all__ = ["Pick", "Result", "conclude", "used_seconds"]

CUT = 0.5
"A fit that the clock ended before this share of its planned steps may not show what its contender can do."


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
    judged = gather(ledger, problem, everyone, equal=True)
    findings = list(head["findings"])
    if not judged.members:
        verdict = _nobody(ledger, problem)
        return Result(
            problem=problem, verdict=verdict | _facts(ledger, problem, findings, {}, 0), picks=(), delivered=""
        )
    delivered = deliver(ledger, everyone, problem)
    index = None
    if delivered is not None:
        rows = ledger.rows()
        index = held_out(rows["fold"], len(np.unique(delivered.judged.fold)))
        numbers = rows.get("row", np.arange(len(rows["y"])))
        suspects = label_errors(delivered.judged.y, delivered.prediction, problem, numbers[index])
        findings += [suspects.to_json()] if suspects else []
    picks = delivered.picks if delivered else ()
    weights = {pick.name: pick.weight for pick in picks}
    verdict = _told(ledger, problem, judged, findings)
    verdict["diagnosis"] = ailments(ledger, judged, verdict, findings)
    verdict |= _facts(ledger, problem, findings, weights, len(np.unique(judged.fold))) | {
        "delivered": {
            "what": delivered.what if delivered else "",
            "members": [{"name": pick.name, "weight": pick.weight, "models": len(pick.trials)} for pick in picks],
        },
    }
    verdict["sentence"] = sentence(verdict)
    if delivered is None:
        return Result(problem=problem, verdict=verdict, picks=(), delivered="")
    return Result(
        problem=problem, verdict=verdict, picks=picks, delivered=delivered.what, y=delivered.judged.y,
        prediction=delivered.prediction, index=index,
    )  # fmt: skip


def _told(ledger: Ledger, problem: Problem, judged: Judged, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the evidence says, as plain data, with the families' curves."""
    allowed = bool(ledger.head["settings"].get("allow_leak"))
    blocking = [f for f in findings if f["severity"] == "block" and not allowed]
    lowering = [f for f in findings if f["severity"] == "warn" and not f["done"]]
    lowering += [f for f in findings if f["severity"] == "block" and allowed]
    told = judge(
        judged,
        margin=problem.margin,
        shares={family: _share(ledger, family, judged) for family in Family},
        curves=_curves(ledger, problem),
        blocking=[_named(f) for f in blocking],
        lowering=[_named(f) for f in lowering],
        guess=_guess(ledger, problem, judged),
    )
    fronts = {
        curve.name: [point.to_json() for point in curve.points] for curve in told.curves if curve.name in tuple(Family)
    }
    return told.to_json() | {"curves": fronts}


def _named(finding: dict[str, Any]) -> str:
    """Return `D007 (title: column, column and 3 more)`."""
    names = [shown(name, 40) for name in finding["columns"]]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{finding['code']} ({finding['title']}{': ' if names else ''}{', '.join(names[:3])}{more})"


def _guess(ledger: Ledger, problem: Problem, judged: Judged) -> Array | None:
    """Return what the baseline, a constant guess, predicted for the judged rows; None where it was not fitted there."""
    width = len(np.unique(judged.fold))
    floor = [one for one in standings(ledger, reference=True) if one.name in references(ledger) and one.rung == 1.0]
    if not floor or floor[0].reach < width:
        return None
    base = gather(ledger, problem, floor[:1], folds=width)
    return crossfitted(base, base.members[0])


def _facts(
    ledger: Ledger, problem: Problem, findings: list[dict[str, Any]], weights: dict[str, float], width: int
) -> dict[str, Any]:
    return {
        "target": problem.target,
        "task": str(problem.task),
        "leaderboard": leaderboard(ledger, problem, weights, width),
        "budget": _budget(ledger),
        "rows": ledger.head["dataset"].get("with_target", ledger.head["dataset"]["records"]["used"]),
        "held_out_rows": int((ledger.rows()["fold"] >= 0).sum()),
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
        "judged_rows": 0, "signal": None, "diagnosis": None,
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


def _share(ledger: Ledger, family: Family, judged: Judged) -> Share:
    trials = [trial for trial in ledger.trials if trial.family is family and trial.entry not in references(ledger)]
    members = judged.of(family)
    names = {member.name for member in members}
    cut = sorted({trial.entry for trial in trials if trial.rung == 1.0 and trial.done < CUT and trial.entry in names})
    return Share(
        contenders=len(members),
        cpu_s=sum(trial.cpu_s for trial in trials),
        wall_s=sum(trial.wall_s for trial in trials),
        fit_cpu_s=_fit_cpu(ledger, judged, family) if members else None,
        cut=tuple(cut),
        unfinished=_unfinished(ledger, family) if members else None,
        missing=None if members else _why_missing(ledger, family),
    )


def _fit_cpu(ledger: Ledger, judged: Judged, family: Family) -> float:
    """Return the CPU seconds of one fit on all rows of every member that the family's procedure uses."""
    used = procedure(judged, family).weights()
    top: dict[str, list[float]] = {}
    for trial in ledger.done():
        if trial.entry in used:
            top.setdefault(trial.entry, []).append(trial.cpu_s / trial.rung)
    return sum(float(np.mean(seconds)) for seconds in top.values())


def _unfinished(ledger: Ledger, family: Family) -> str | None:
    """Say where a family's time did not suffice for a single fit on all rows: its score is that of fewer rows."""
    reached = [one for one in standings(ledger) if one.family is family]
    if not reached or max(one.rung for one in reached) == 1.0:
        return None
    rows, share = max((one.trials[0].rows, one.rung) for one in reached)
    return f"the {family} side's time was enough for {rows:,} of {rows / share:,.0f} training rows; give the run more"


def _curves(ledger: Ledger, problem: Problem) -> list[Curve]:
    """Return every contender's scores by training rows; the noise of a score is its standard error on fold 0."""
    by_entry: dict[str, list[Trial]] = {}
    for trial in ledger.done():
        comparable = trial.fold == 0 or problem.policy is not Policy.TIME  # older folds judge other times
        if comparable and trial.score is not None and trial.entry not in references(ledger):
            by_entry.setdefault(trial.entry, []).append(trial)
    rows = ledger.rows()
    inside = rows["fold"] == 0
    y, half, fold = rows["y"][inside], rows["half"][inside], rows["fold"][inside]
    group = rows["group"][inside] if "group" in rows else None
    shift = _difficulty(by_entry)
    curves = []
    for name, trials in by_entry.items():
        first = next((trial for trial in trials if trial.fold == 0), None)
        noise = None
        if first is not None:
            noise = score_interval(
                y, cross_fitted(ledger.predictions(first), half), problem.metric, fold=fold, group=group
            ).se
        records = [(t.rows, t.fold, float(t.score or 0.0) + (shift if t.rung < 1.0 else 0.0)) for t in trials]
        curves.append(curve_of(name, trials[0].family, records, noise=noise))
    return curves


def _difficulty(by_entry: dict[str, list[Trial]]) -> float:
    """Return by how much the mean over all folds is above fold 0's score, the median over those who were fitted on several.

    Lower rungs are judged on fold 0 alone: without this a fold that is harder than the others would look like learning.
    """
    above = []
    for trials in by_entry.values():
        top = {trial.fold: float(trial.score or 0.0) for trial in trials if trial.rung == 1.0}
        if 0 in top and len(top) > 1:
            above.append((len(top), float(np.mean(list(top.values()))) - top[0]))
    most = max((count for count, _ in above), default=0)
    return float(np.median([gap for count, gap in above if count == most])) if above else 0.0


def _why_missing(ledger: Ledger, family: Family) -> str:
    if str(family) not in ledger.head["settings"]["families"]:
        return "it was not asked for"
    absent = [one for one in ledger.head["absent"] if one["family"] == str(family)]
    tried = [trial for trial in ledger.trials if trial.family is family and trial.entry not in references(ledger)]
    if tried:
        return (
            "none of its trials succeeded: "
            + "; ".join(sorted({f"{t.entry}: {t.reason or t.state}" for t in tried}))[:400]
        )
    if absent and not any(
        entry["family"] == str(family) and not entry["reference"] for entry in ledger.head["entries"]
    ):
        installs = sorted({one["install"] for one in absent if one["install"]})
        return str(absent[0]["reason"]) + (f" ({installs[0]})" if installs else "")
    if _budget(ledger)["signal"]:
        return "the run was stopped before its first trial; the same command goes on"
    return "the time was over before its first trial"
