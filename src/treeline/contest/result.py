"""From the ledger to the verdict: a pure function. Same ledger, same verdict, on any machine, with nothing refitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from treeline.contest.ailments import ailments
from treeline.contest.blend import gather, held_out, standings
from treeline.contest.conclusion import Conclusion
from treeline.contest.delivery import Delivered, Pick, deliver
from treeline.contest.instead import handed_over
from treeline.contest.ladder import curves_of
from treeline.contest.leaderboard import leaderboard
from treeline.contest.ledger import Ledger
from treeline.contest.measures import Measures
from treeline.contest.repeats import on_repeats
from treeline.contest.roster import baselines
from treeline.contest.sessions import command_of, limit_of, told_before, used_seconds
from treeline.contest.shares import absent_encoders, seconds_per_row, share_of
from treeline.data.labels import label_errors
from treeline.errors import shown
from treeline.evidence.choice import Procedure, procedure
from treeline.evidence.judge import MIN_ROWS, Terms, Verdict, judge
from treeline.evidence.plainly import plainly
from treeline.evidence.prior import checked
from treeline.evidence.scores import Judged, crossfitted
from treeline.problem.budget import longer, seconds_of
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Task

__all__ = ["Pick", "Result", "conclude", "retold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a ledger says."""

    problem: Problem
    conclusion: Conclusion
    picks: tuple[Pick, ...] = ()
    delivered: str = ""
    "classical, deep or both; empty where nothing can be delivered."
    y: Array | None = None
    "(m,) target of the judged rows."
    index: Array | None = None
    "(m,) their positions among the rows that have a target."
    prediction: Array | None = None
    "(m,) or (m, C): the delivered model's cross-fitted out-of-fold predictions."

    @property
    def verdict(self) -> dict[str, Any]:
        """The conclusion as plain data, made anew."""
        return self.conclusion.to_json()


def conclude(ledger: Ledger) -> Result:
    """Return the verdict on a ledger, and the model that it hands over."""
    problem = Problem.from_json(ledger.head["problem"])
    everyone = standings(ledger)
    judged = gather(ledger, problem, everyone, equal=True)
    findings = list(ledger.head["findings"])
    delivered = deliver(ledger, everyone, problem) if judged.members else None
    index = None
    if delivered is not None:
        rows = ledger.rows()
        index = held_out(rows["fold"], len(np.unique(delivered.judged.fold)))
        numbers = rows.get("row", np.arange(len(rows["y"])))
        suspects = label_errors(delivered.judged.y, delivered.prediction, problem, numbers[index])
        findings += [suspects.to_json()] if suspects else []
    conclusion = _conclusion(ledger, problem, judged, findings, delivered)
    if delivered is None:
        return Result(problem=problem, conclusion=conclusion)
    return Result(
        problem=problem, conclusion=conclusion, picks=delivered.picks, delivered=delivered.what, y=delivered.judged.y,
        prediction=delivered.prediction, index=index,
    )  # fmt: skip


def retold(ledger: Ledger, result: Result) -> Result:
    """Return a result with what was written into the ledger since: the given test part, and the time used."""
    now = replace(result.conclusion, given_test=_given_test(ledger), budget=_budget(ledger, result.conclusion.verdict))
    return replace(result, conclusion=now)


def _conclusion(
    ledger: Ledger, problem: Problem, judged: Judged, findings: list[dict[str, Any]], delivered: Delivered | None
) -> Conclusion:
    procedures = {family: procedure(judged, family) for family in Family if judged.of(family)}
    guess = _guess(ledger, problem, judged)
    told = _judge(ledger, problem, judged, findings=findings, procedures=procedures, guess=guess)
    measures = Measures(ledger=ledger, problem=problem, judged=judged, procedures=procedures, verdict=told, guess=guess)
    known, width = ledger.head.get("prior"), len(np.unique(judged.fold))
    weights = {pick.name: pick.weight for pick in delivered.picks} if delivered else {}
    board = leaderboard(ledger, problem, weights, width)
    return Conclusion(
        problem=problem,
        verdict=told,
        dimensions=measures.to_json(),
        plain=_plain(problem, judged, told, procedures),
        prior=checked(known, str(told.call)) if known else None,
        diagnosis=ailments(ledger, judged, told.to_json(), findings) if judged.members else None,
        delivered=handed_over(ledger, problem, delivered, board=board, choice=told.choice),
        leaderboard=board,
        findings=findings,
        budget=_budget(ledger, told),
        split=_split(ledger, problem, width),
        repeats=on_repeats(ledger, problem, judged, delivered),
        rows=ledger.head["dataset"].get("with_target", ledger.head["dataset"]["records"]["used"]),
        held_out_rows=_held_out(ledger),
        given_test=_given_test(ledger),
    )


def _judge(
    ledger: Ledger,
    problem: Problem,
    judged: Judged,
    *,
    findings: list[dict[str, Any]],
    procedures: dict[Family, Procedure],
    guess: Array | None,
) -> Verdict:
    """Return what the evidence says."""
    allowed = bool(ledger.head["settings"].get("allow_leak"))
    blocking = [f for f in findings if f["severity"] == "block" and not allowed]
    lowering = [f for f in findings if f["severity"] == "warn" and not f["done"]]
    lowering += [f for f in findings if f["severity"] == "block" and allowed]
    left = [
        f"The {fact['family']} side was left behind {fact['left_s']:.0f} s before the end (look {fact['look']} of "
        f"{fact['looks']}): worse by more than the margin with probability {fact['p']:.3f}, {fact['bound']:.3f} was asked for."
        for fact in ledger.of_kind("lost")
    ]
    return judge(
        replace(judged, notes=(*judged.notes, *left)),
        margin=problem.margin,
        shares={family: share_of(ledger, family, judged, procedures.get(family)) for family in Family},
        curves=curves_of(ledger, problem) if judged.members else [],
        guess=guess,
        terms=Terms(
            blocking=[_named(f) for f in blocking],
            lowering=[f"finding {_named(f)}" for f in lowering],
            beside=absent_encoders(ledger),
            held_out=_held_out(ledger),
            seconds_per_row=seconds_per_row(ledger, judged, procedures),
            limit_s=limit_of(ledger),
            again=told_before(ledger),
        ),
    )


def _plain(
    problem: Problem, judged: Judged, told: Verdict, procedures: dict[Family, Procedure]
) -> dict[str, Any] | None:
    """Return the difference in words that need no statistics; None where nothing is compared."""
    if told.difference is None or not told.speaks or len(judged.y) < MIN_ROWS:
        return None
    label = str(problem.classes[1]) if problem.task is Task.BINARY else problem.target
    pair = (procedures[Family.CLASSICAL].prediction, procedures[Family.DEEP].prediction)
    return plainly(judged, told.difference, pair, task=problem.task, label=label)


def _given_test(ledger: Ledger) -> dict[str, Any] | None:
    """Return what the delivered model reached on a given test part, where it was judged on one."""
    for fact in ledger.of_kind("given_test")[-1:]:
        return {"rows": fact["rows"], "score": fact["score"], "interval": [fact["low"], fact["high"]]}
    return None


def _named(finding: dict[str, Any]) -> str:
    """Return `D007 (title: column, column and 3 more)`."""
    names = [shown(name, 40) for name in finding["columns"]]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{finding['code']} ({finding['title']}{': ' if names else ''}{', '.join(names[:3])}{more})"


def _guess(ledger: Ledger, problem: Problem, judged: Judged) -> Array | None:
    """Return what the baseline, a constant guess, predicted for the judged rows; None where it was not fitted there."""
    width = len(np.unique(judged.fold))
    floor = [one for one in standings(ledger, reference=True) if one.name in baselines(ledger) and one.rung == 1.0]
    if not judged.members or not floor or floor[0].reach < width:
        return None
    base = gather(ledger, problem, floor[:1], folds=width)
    return crossfitted(base, base.members[0])


def _split(ledger: Ledger, problem: Problem, width: int) -> dict[str, Any]:
    return {
        "policy": str(problem.policy),
        "why": problem.why.get("policy", ""),
        "folds_judged": width,
        "folds": int(ledger.rows()["fold"].max()) + 1,
        "group": problem.group,
        "time": problem.time,
    }


def _held_out(ledger: Ledger) -> int:
    """Return how many rows a longer run could judge."""
    return int((ledger.rows()["fold"] >= 0).sum())


def _budget(ledger: Ledger, told: Verdict) -> dict[str, Any]:
    stops = ledger.of_kind("stop")
    last = stops[-1] if stops else {"why": "", "signal": 0}
    return {
        "limit_s": limit_of(ledger),
        "used_s": used_seconds(ledger),
        "looks": len(told_before(ledger).before) + 1,
        "longer": _longer(ledger, told),
        "ended": last["why"],
        "signal": last["signal"],
    }


def _longer(ledger: Ledger, told: Verdict) -> str | None:
    """Return the command that goes on with a longer limit, where more time may settle the verdict."""
    if told.decide is not None and told.decide.limit:
        return longer(command_of(ledger), seconds_of(told.decide.limit))
    more = _held_out(ledger) > told.judged_rows
    cured = {"UNFINISHED"} | ({"TOO_FEW_ROWS", "ONE_GROUP"} if more else set())
    short = any(reason.code in cured for reason in told.because)
    return longer(command_of(ledger), 2 * limit_of(ledger)) if short else None
