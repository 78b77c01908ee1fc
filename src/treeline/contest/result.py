"""From the ledger to the verdict: a pure function. Same ledger, same verdict, on any machine, with nothing refitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from treeline.contest.ailments import ailments
from treeline.contest.blend import gather, held_out, standings
from treeline.contest.delivery import Pick, deliver
from treeline.contest.ladder import curves_of
from treeline.contest.leaderboard import leaderboard
from treeline.contest.ledger import Ledger
from treeline.contest.measures import Measures
from treeline.contest.roster import baselines
from treeline.contest.sessions import limit_of, looks, used_seconds
from treeline.contest.shares import seconds_per_row, share_of, why_missing
from treeline.data.labels import label_errors
from treeline.errors import shown
from treeline.evidence.advice import luck_bars
from treeline.evidence.choice import Procedure, procedure
from treeline.evidence.mind import decide, mind
from treeline.evidence.plainly import plainly
from treeline.evidence.prior import checked
from treeline.evidence.scores import Judged, crossfitted
from treeline.evidence.verdict import MIN_ROWS, Call, Verdict, judge
from treeline.evidence.words import as_json, number, sentence, title
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Task

__all__ = ["Pick", "Result", "conclude", "tell_given_test"]


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
    verdict |= _prior(ledger, verdict["call"])
    verdict["diagnosis"] = ailments(ledger, judged, verdict, findings)
    verdict |= _facts(ledger, problem, findings, weights, len(np.unique(judged.fold))) | {
        "delivered": {
            "what": delivered.what if delivered else "",
            "members": [{"name": pick.name, "weight": pick.weight, "models": len(pick.trials)} for pick in picks],
        },
    }
    verdict = as_json(verdict)
    verdict["sentence"] = sentence(verdict)
    tell_given_test(ledger, verdict)
    if delivered is None:
        return Result(problem=problem, verdict=verdict, picks=(), delivered="")
    return Result(
        problem=problem, verdict=verdict, picks=picks, delivered=delivered.what, y=delivered.judged.y,
        prediction=delivered.prediction, index=index,
    )  # fmt: skip


def tell_given_test(ledger: Ledger, verdict: dict[str, Any]) -> None:
    """Put into a verdict what the delivered model reached on a given test part, where it was judged on one."""
    for fact in ledger.of_kind("given_test")[-1:]:
        verdict["given_test"] = {"rows": fact["rows"], "score": fact["score"], "interval": [fact["low"], fact["high"]]}
        words = f"On {fact['rows']:,} rows of the test folder, on which no model was trained, what is handed over has "
        words += (
            f"{title(verdict)} {number(fact['score'])} (95% interval {number(fact['low'])} to {number(fact['high'])})."
        )
        verdict["caveats"] = [words, *verdict["caveats"]]


def _told(ledger: Ledger, problem: Problem, judged: Judged, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the evidence says, as plain data, with the families' curves."""
    allowed = bool(ledger.head["settings"].get("allow_leak"))
    blocking = [f for f in findings if f["severity"] == "block" and not allowed]
    lowering = [f for f in findings if f["severity"] == "warn" and not f["done"]]
    lowering += [f for f in findings if f["severity"] == "block" and allowed]
    procedures = {family: procedure(judged, family) for family in Family if judged.of(family)}
    guess = _guess(ledger, problem, judged)
    left = [
        f"The {fact['family']} side was left behind {fact['left_s']:.0f} s before the end (look {fact['look']} of "
        f"{fact['looks']}): worse by more than the margin with probability {fact['p']:.3f}, {fact['bound']:.3f} was asked for."
        for fact in ledger.of_kind("lost")
    ]
    told = judge(
        replace(judged, notes=(*judged.notes, *left)),
        margin=problem.margin,
        shares={family: share_of(ledger, family, judged, procedures.get(family)) for family in Family},
        curves=curves_of(ledger, problem),
        blocking=[_named(f) for f in blocking],
        lowering=[f"finding {_named(f)}" for f in lowering],
        guess=guess,
    )
    measures = Measures(ledger=ledger, problem=problem, judged=judged, procedures=procedures, verdict=told, guess=guess)
    more = _afterthoughts(ledger, problem, judged, told, procedures)
    return told.to_json() | {"dimensions": measures.to_json()} | more


def _afterthoughts(
    ledger: Ledger, problem: Problem, judged: Judged, told: Verdict, procedures: dict[Family, Procedure]
) -> dict[str, Any]:
    """Return what would decide an open verdict, what would turn any, and the difference in plain words."""
    gap, settled, words = told.difference, None, None
    held = int((ledger.rows()["fold"] >= 0).sum())
    if gap is not None and told.call is Call.UNDECIDED and told.speaks:
        settled = decide(
            told.needed, judged=len(judged.y), held_out=held, luck=luck_bars(gap, problem.margin),
            seconds_per_row=seconds_per_row(ledger, judged, procedures),
        )  # fmt: skip
    if gap is not None and told.speaks and len(judged.y) >= MIN_ROWS:
        label = str(problem.classes[1]) if problem.task is Task.BINARY else problem.target
        pair = (procedures[Family.CLASSICAL].prediction, procedures[Family.DEEP].prediction)
        words = plainly(judged, gap, pair, task=problem.task, label=label)
    return {
        "decide": settled.to_json() if settled else None,
        "mind": mind(told.to_json() | {"held_out_rows": held}, gap if told.speaks else None, settled),
        "plain": words,
    }


def _prior(ledger: Ledger, call: str) -> dict[str, Any]:
    """Return what was expected before training, and whether the data agree; older ledgers do not say."""
    known = ledger.head.get("prior")
    return {"prior": checked(known, call) if known else None}


def _named(finding: dict[str, Any]) -> str:
    """Return `D007 (title: column, column and 3 more)`."""
    names = [shown(name, 40) for name in finding["columns"]]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{finding['code']} ({finding['title']}{': ' if names else ''}{', '.join(names[:3])}{more})"


def _guess(ledger: Ledger, problem: Problem, judged: Judged) -> Array | None:
    """Return what the baseline, a constant guess, predicted for the judged rows; None where it was not fitted there."""
    width = len(np.unique(judged.fold))
    floor = [one for one in standings(ledger, reference=True) if one.name in baselines(ledger) and one.rung == 1.0]
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
    reasons = [f"{family.upper()}_MISSING: {why_missing(ledger, family)}" for family in Family]
    return {
        "call": "UNDECIDED", "strong": False, "sentence": "No candidate succeeded, so there is nothing to compare and no model.",
        "metric": problem.metric.name, "greater_is_better": problem.metric.greater_is_better, "margin": problem.margin,
        "families": {str(family): None for family in Family}, "both": None, "difference": None, "treeline": None, "curves": {},
        "because": reasons, "caveats": [], "needed": None, "regret": None, "delivered": {"what": "", "members": []},
        "judged_rows": 0, "signal": None, "dimensions": [], "diagnosis": None, "mind": [], "plain": None, "decide": None,
        "prior": ledger.head.get("prior"),
    }  # fmt: skip


def _budget(ledger: Ledger) -> dict[str, Any]:
    stops = ledger.of_kind("stop")
    last = stops[-1] if stops else {"why": "", "signal": 0}
    return {
        "limit_s": limit_of(ledger),
        "used_s": used_seconds(ledger),
        "looks": looks(ledger),
        "ended": last["why"],
        "signal": last["signal"],
    }
