"""Scores on rows that repeat known ones and on new ones, where copies lie apart, together, in time, and in old ledgers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from treeline.contest.blend import held_out
from treeline.contest.repeats import on_repeats
from treeline.data.splits import Folds, plan_folds
from treeline.evidence.scores import Judged, Member
from treeline.problem.metric import METRICS
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy, Repeats, Task

NEW, TWICE = 300, 200
TWIN = np.r_[np.arange(NEW + TWICE), NEW + np.arange(TWICE)]
Y = np.random.default_rng(0).integers(0, 2, NEW + TWICE)[TWIN]
ASKED = Problem(
    task=Task.BINARY, target="t", classes=("no", "yes"), metric=METRICS["roc_auc"], margin=0.01, policy=Policy.STRATIFIED
)  # fmt: skip


def told_of(problem: Problem, folds: Folds, **more: Any) -> dict[str, Any] | None:
    """Judge two folds: the classical side remembers its training rows and nothing else, the deep side guesses."""
    index = held_out(folds.fold, 2)
    held = folds.fold[index]
    seen = np.concatenate([np.isin(TWIN[folds.test_rows(f)], TWIN[folds.train_rows(f)]) for f in (0, 1)])
    noise = np.random.default_rng(1).random((2, len(index)))
    remembers = np.where(seen, 0.25 + 0.5 * Y[index], noise[0]).astype(np.float32)
    judged = Judged(
        y=Y[index], fold=held, half=folds.half[index], metric=problem.metric,
        members=tuple(
            Member(name=str(family), family=family, predictions=np.stack([said] * 3))
            for family, said in zip(Family, (remembers, noise[1].astype(np.float32)), strict=True)
        ),
    )  # fmt: skip
    rows = {"y": Y, "fold": folds.fold, "half": folds.half, "order": folds.order, "twin": TWIN}
    rows = {name: array for name, array in rows.items() if name not in more.get("without", ())}
    ledger: Any = SimpleNamespace(head={"problem": problem.to_json()}, rows=lambda: rows)
    delivered: Any = SimpleNamespace(judged=judged, prediction=remembers)
    return on_repeats(ledger, problem, judged, delivered)


def test_apart_tells_what_remembering_is_worth() -> None:
    problem = replace(ASKED, repeats=Repeats.APART)
    told = told_of(problem, plan_folds(Y, problem, folds=5))
    assert told is not None
    assert (told["how"], told["rows"], told["judged"]) == ("apart", TWICE, 280)
    assert 0.3 < told["judged_repeated"] / told["judged"] < 0.7
    for name in ("classical", "delivered"):
        assert told["scores"][name]["repeated"] == pytest.approx(1.0)
        assert abs(told["scores"][name]["new"] - 0.5) < 0.15
    assert abs(told["scores"]["deep"]["repeated"] - 0.5) < 0.15
    assert "as asked by --repeats apart: ROC AUC on them classical models 1" in told["words"]
    assert "what is handed over" in told["words"]


def test_together_judges_new_rows_only_and_names_the_other_way() -> None:
    told = told_of(ASKED, plan_folds(Y, ASKED, duplicates=TWIN, folds=5))
    assert told is not None
    assert (told["how"], told["judged_repeated"]) == ("together", 0)
    assert told["scores"]["classical"]["repeated"] is None
    assert told["words"].startswith("200 rows repeat the inputs of another one and all copies are kept in one fold")
    assert "--repeats apart measures that" in told["words"]


def test_in_time_the_past_is_what_was_seen() -> None:
    problem = replace(ASKED, policy=Policy.TIME, repeats=None)
    told = told_of(problem, plan_folds(Y, problem, times=np.arange(len(Y))))
    assert told is not None
    assert told["judged_repeated"] > 0.5 * told["judged"]  # the copies stand at the end
    assert "as time alone keeps rows apart" in told["words"]


def test_too_few_rows_have_no_score_and_older_ledgers_say_nothing() -> None:
    problem = replace(ASKED, repeats=Repeats.APART)
    folds = plan_folds(Y, problem, folds=5)
    assert told_of(problem, folds, without=("twin",)) is None
    few = np.where(TWIN < NEW + 5, TWIN, np.arange(len(TWIN)))
    rows = {"y": Y, "fold": folds.fold, "half": folds.half, "order": folds.order, "twin": few}
    index = held_out(folds.fold, 1)
    judged = Judged(
        y=Y[index], fold=folds.fold[index], half=folds.half[index], metric=problem.metric,
        members=(Member(name="a", family=Family.DEEP, predictions=np.random.default_rng(2).random((3, len(index)))),),
    )  # fmt: skip
    ledger: Any = SimpleNamespace(head={"problem": problem.to_json()}, rows=lambda: rows)
    told = on_repeats(ledger, problem, judged, None)
    assert told is not None
    assert told["scores"]["deep"]["repeated"] is None
    assert set(told["scores"]) == {"deep"}
