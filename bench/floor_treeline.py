"""What a run of Treeline reaches on the rows of a case: each side's own model, and the one that is handed over.

By time a run fits the members of the model that it hands over once more on all rows; those of the other side would not know the
newest rows, which the plain models have seen. So they are fitted once more here, by the same rule (docs/decisions/0006).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from floor_sets import KEPT, Case
from truth_real import aside_of

import treeline
from treeline.candidates.card import Clock, Fitted, Fold, Rows
from treeline.candidates.registry import card_named
from treeline.contest.blend import standings
from treeline.contest.cache import transform_of
from treeline.contest.delivery import Delivered, Pick, deliver, of_side
from treeline.contest.ledger import Ledger
from treeline.contest.opening import encoder_of
from treeline.data.read_table import read
from treeline.data.splits import ALL
from treeline.deliver.runtime import Ensemble, restored
from treeline.problem.metric import Array, metric_named
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Task

__all__ = ["ran"]

REFIT_S = 120.0
TOLD = ("call", "choice", "strong", "margin", "judged_rows", "rows", "sentence", "headline")


def ran(case: Case, seconds: float, judged: Callable[[Case, Array, Array], dict[str, Any]]) -> dict[str, Any]:
    """Run Treeline on the rows to learn from; return what it said and what each side scores on the rows kept aside."""
    out = KEPT / "runs" / f"{case.name}-{case.split}-{seconds:g}"
    shutil.rmtree(out, ignore_errors=True)
    treeline.run(
        case.train, target=case.target, task=case.task, metric=case.metric, split=case.split, time=",".join(case.time) or None,
        text=("text",) if case.kind == "text" else (), time_limit=f"{seconds:g}s", out=out, progress="quiet",
    )  # fmt: skip
    verdict = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    ledger = Ledger(out)
    problem, everyone = Problem.from_json(ledger.head["problem"]), standings(ledger)
    truth, known, rows = aside_of(ledger, problem, case.aside, case.target)
    truth = truth[known] if len(truth) == len(known) else truth

    def scored(one: Delivered, *, whole: bool) -> dict[str, Any]:
        trials = [trial for pick in one.picks for trial in pick.trials]
        names = {pick.name: round(pick.weight, 3) for pick in one.picks}
        said = _said(ledger, one, rows, problem, whole=_learned(ledger, case, problem) if whole else None)[known]
        seen = max(trial.rows for trial in trials)
        return judged(case, truth, said) | {"members": names, "rows_seen": seen, "models": len(trials)}

    sides = {str(family): scored(of_side(ledger, everyone, problem, str(family)), whole=bool(case.time))
             for family in Family if any(one.family is family for one in everyone)}  # fmt: skip
    handed = deliver(ledger, everyone, problem)
    return {
        "sides": sides,
        "delivered": None if handed is None else scored(handed, whole=False) | {"side": handed.side},
        "verdict": {name: verdict[name] for name in TOLD if name in verdict},
        "folds": max((one.reach for one in everyone if one.rung == 1.0), default=0),
        "reaches": {one.name: one.reach for one in everyone if one.rung == 1.0},
        "train": len(ledger.rows()["y"]),
    }


def _learned(ledger: Ledger, case: Case, problem: Problem) -> Rows:
    """Return all rows that the run learned from, as its candidates saw them."""
    encoder, kept, shape = encoder_of(ledger), ledger.rows(), encoder_of(ledger).shape(problem)
    frame, y = read(str(case.train), target=case.target).frame[kept["row"]], kept["y"]
    if transform_of(problem.metric.name) == "log1p":
        y = np.log1p(y)
        shape = replace(shape, metric=metric_named("root_mean_squared_error", problem.task))
    return Rows(shape, *encoder.transform(frame), y)


def _models(ledger: Ledger, pick: Pick, whole: Rows | None) -> tuple[Fitted, ...]:
    """Return a member's models, or the one that is fitted on the `whole` rows for as many steps as on the newest fold."""
    card = card_named(pick.candidate)
    states = [ledger.model(trial) for trial in pick.trials]
    if whole is None or pick.trials[0].fold == ALL:
        return tuple(restored(card, states))
    first, rate = pick.trials[0], states[0][1].get("rate")
    params = dict(first.params) | ({"steps": first.steps} if first.steps else {})
    params |= {"learning_rate": rate} if rate else {}
    return tuple(card.candidate().fit([Fold(whole)], params, clock=Clock(REFIT_S), seed=first.seed))


def _said(ledger: Ledger, one: Delivered, rows: Rows, problem: Problem, *, whole: Rows | None) -> Array:
    members = [(pick.weight, _models(ledger, pick, whole)) for pick in one.picks]
    said = Ensemble(tuple(members), transform_of(problem.metric.name)).predict(rows)
    return np.stack([1 - said, said], axis=1) if problem.task is Task.BINARY else said
