"""What a run of Treeline reaches on the rows of a case: each side's own model, and the one that is handed over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
from floor_sets import KEPT, Case
from truth_real import aside_of

import treeline
from treeline.candidates.card import Rows
from treeline.candidates.registry import card_named
from treeline.contest.blend import standings
from treeline.contest.cache import transform_of
from treeline.contest.delivery import Delivered, deliver, of_side
from treeline.contest.ledger import Ledger
from treeline.deliver.runtime import Ensemble, restored
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Task

__all__ = ["ran"]

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

    def scored(one: Delivered) -> dict[str, Any]:
        seen = max(trial.rows for pick in one.picks for trial in pick.trials)
        folds = [len(pick.trials) for pick in one.picks]
        names = {pick.name: round(pick.weight, 3) for pick in one.picks}
        said = _said(ledger, one, rows, problem)[known]
        return judged(case, truth, said) | {"members": names, "rows_seen": seen, "models": sum(folds)}

    sides = {str(family): scored(of_side(ledger, everyone, problem, str(family)))
             for family in Family if any(one.family is family for one in everyone)}  # fmt: skip
    handed = deliver(ledger, everyone, problem)
    return {
        "sides": sides,
        "delivered": None if handed is None else scored(handed) | {"side": handed.side},
        "verdict": {name: verdict[name] for name in TOLD if name in verdict},
        "folds": max((one.reach for one in everyone if one.rung == 1.0), default=0),
        "reaches": {one.name: one.reach for one in everyone if one.rung == 1.0},
        "train": len(ledger.rows()["y"]),
    }


def _said(ledger: Ledger, one: Delivered, rows: Rows, problem: Problem) -> Array:
    members = [
        (pick.weight, tuple(restored(card_named(pick.candidate), [ledger.model(trial) for trial in pick.trials])))
        for pick in one.picks
    ]
    said = Ensemble(tuple(members), transform_of(problem.metric.name)).predict(rows)
    return np.stack([1 - said, said], axis=1) if problem.task is Task.BINARY else said
