"""A small contest on made-up rows, with candidates that behave as the tests need."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from treeline.candidates.card import Shape
from treeline.candidates.registry import cards
from treeline.contest.cache import Cache
from treeline.contest.contest import Contest
from treeline.contest.ladder import rungs_of
from treeline.contest.ledger import Ledger, durable
from treeline.contest.plan import Plan
from treeline.contest.runner import Runner
from treeline.contest.trial import Entry
from treeline.data.splits import plan_folds
from treeline.problem.metric import metric_named
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy, Task

STUBS = Path(__file__).parent / "stubs"


@pytest.fixture
def stubs(monkeypatch):
    """Make the stub candidates known here and in the workers."""
    monkeypatch.syspath_prepend(str(STUBS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STUBS), os.environ.get("PYTHONPATH", "")]))
    cards.cache_clear()
    yield
    cards.cache_clear()
    sys.modules.pop("stubs", None)


def problem_of(task: Task, metric: str) -> Problem:
    classes = {Task.BINARY: ("no", "yes"), Task.MULTICLASS: ("a", "b", "c"), Task.REGRESSION: ()}[task]
    policy = Policy.STRATIFIED if task.is_classification else Policy.RANDOM
    return Problem(
        task=task, target="y", classes=classes, metric=metric_named(metric, task), margin=0.01, policy=policy
    )


@pytest.fixture
def contest(tmp_path, stubs):
    """Return a function that builds a contest among stub candidates."""
    made = []

    def build(
        names, *, seconds=10.0, rows=600, task=Task.BINARY, metric="roc_auc", memory_mb=4000.0, folds=3, out=None
    ):
        rng = np.random.default_rng(0)
        num = rng.normal(size=(rows, 3)).astype(np.float32)
        y = {
            Task.BINARY: (num[:, 0] + rng.normal(size=rows) > 0).astype(np.int64),
            Task.MULTICLASS: rng.integers(0, 3, rows),
            Task.REGRESSION: num[:, 0].astype(np.float64) + rng.normal(size=rows),
        }[task]
        problem = problem_of(task, metric)
        split = plan_folds(y, problem, folds=folds)
        shape = Shape(
            task=task,
            n_classes=len(problem.classes),
            metric=problem.metric,
            num_names=("a", "b", "c"),
            cat_names=(),
            cards=(),
        )
        out = out or tmp_path / "run"
        ledger = Ledger(out, write=True)
        cat = np.zeros((rows, 0), dtype=np.int32)
        cache = Cache.write(out / "cache", {"num": num, "cat": cat, "y": y, "half": split.half}, shape=shape)
        with durable(ledger.path.parent / "rows.npz") as path:
            np.savez(path, y=y, fold=split.fold, half=split.half)
        known = cards()
        entries: dict[Family, list[Entry]] = {}
        for name in names:
            family = known[name].family
            entries.setdefault(family, []).append(Entry(name=name, candidate=name, family=family, params={}))
        if not ledger.head:
            ledger.append("head", version=1, entries=[{"name": name, "reference": False} for name in names])
        runner = Runner(out, threads=1, memory_mb=memory_mb)
        plan = Plan(
            entries={family: tuple(listed) for family, listed in entries.items()},
            cards=known,
            rungs=rungs_of(rows, seconds=seconds),
            rows=rows,
            folds=split.n_folds,
            metric=problem.metric,
            seed=0,
        )
        now = time.monotonic()
        one = Contest(
            plan=plan,
            folds=split,
            cache=cache,
            ledger=ledger,
            engine=runner,
            slots=2,
            threads=1,
            origin=now,
            deadline=now + seconds,
            notify=lambda *_, **__: None,
        )
        made.append((runner, ledger))
        return one

    yield build
    for runner, ledger in made:
        runner.stop()
        ledger.close()
