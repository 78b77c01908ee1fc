"""Our own settings on the rows of a case, one by one: stopped on fold 0 as in a run, then fitted once more on all rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from floor_sets import Case

from treeline.candidates.card import Card, Clock, Fold, Rows, Watch
from treeline.candidates.features import Encoder
from treeline.candidates.registry import card_named
from treeline.contest.cache import transform_of
from treeline.data.ask import ask, rows_of
from treeline.data.conform import conform
from treeline.data.read_table import read
from treeline.data.splits import Folds, plan_folds
from treeline.data.structure import keys_of
from treeline.problem.metric import Array, metric_named
from treeline.problem.problem import Problem
from treeline.problem.task import Task

__all__ = ["TRIED", "answers"]

TRIED = {
    "lightgbm": (0, 1, 5), "xgboost": (0, 1), "catboost": (0, 1), "random_forest": (0,), "ebm": (0,), "linear": (0,), "svm": (0,),
}  # fmt: skip
"Cards and the places in their portfolios."
SECONDS = 40.0
MOST_SVM = 3_000


class Prepared:
    """A case as candidates see it."""

    def __init__(self, case: Case) -> None:
        """Read, ask and encode as a run does; the audit is left out."""
        dataset = read(str(case.train))
        clock = {"time": ",".join(case.time)} if case.time else {}
        self.problem = ask(dataset, case.target, task=case.task, metric=case.metric, split=case.split, **clock)
        index, y, _ = rows_of(dataset, self.problem)
        encoder = Encoder.fit(dataset, exclude=set(), target=case.target)
        known = [column.to_json() for column in dataset.columns if column.name in encoder.inputs]
        shape = encoder.shape(self.problem)
        self.log = transform_of(self.problem.metric.name) == "log1p"
        if self.log:
            y = np.log1p(y)
            shape = replace(shape, metric=metric_named("root_mean_squared_error", self.problem.task))
        self.rows = Rows(shape, *encoder.transform(dataset.frame[index]), y)
        self.aside = Rows(shape, *encoder.transform(conform(str(case.aside), known)[0]))
        self.folds: Folds = plan_folds(y, self.problem, **keys_of(dataset, self.problem, index))

    def shaped(self, said: Array) -> Array:
        """Return predictions as `score` wants them."""
        said = np.asarray(said, dtype=float)
        said = np.expm1(said) if self.log else said
        return np.stack([1 - said, said], axis=1) if self.problem.task is Task.BINARY else said


def _truth(case: Case, problem: Problem) -> Array:
    raw = pd.read_csv(case.aside, usecols=[case.target], low_memory=False)[case.target]
    if problem.task is Task.REGRESSION:
        return raw.to_numpy(float)
    code = {label: number for number, label in enumerate(problem.classes)}
    return np.array([code.get(str(one), code.get(str(one).removesuffix(".0"), -1)) for one in raw])


def answers(case: Case, done: set[str]) -> Iterator[tuple[str, str, Array, Array, float]]:
    """Yield for each setting not done yet its name, family, the truth, the predictions and the CPU seconds of both fits."""
    given = Prepared(case)
    truth = _truth(case, given.problem)
    ok = np.isfinite(truth) if given.problem.task is Task.REGRESSION else truth >= 0
    for name, places in TRIED.items():
        card = card_named(name)
        for at in places:
            called = name if at == 0 else f"{name}-{at + 1}"
            if called not in done and not (name == "svm" and len(given.rows) > MOST_SVM):
                began = time.process_time()
                said = given.shaped(_fit(card, dict(card.portfolio[at]), given))
                yield called, str(card.family), truth[ok], said[ok], time.process_time() - began


def _fit(card: Card, params: dict[str, Any], given: Prepared) -> Array:
    candidate, folds = card.candidate(), given.folds
    held = folds.test_rows(0)
    watch = Watch(given.rows.take(held), folds.half[held])
    fold = Fold(given.rows.take(folds.train_rows(0)), watch)
    (model,) = candidate.fit([fold], params, clock=Clock(SECONDS), seed=1)
    steps, rate = watch.steps[2], model.state()[1].get("rate")
    params |= ({"steps": steps} if steps else {}) | ({"learning_rate": rate} if rate else {})
    (model,) = candidate.fit([Fold(given.rows)], params, clock=Clock(SECONDS), seed=1)
    return model.predict(given.aside)
