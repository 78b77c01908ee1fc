"""A small contest on made-up rows, with candidates that behave as the tests need."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import treeline
from treeline.candidates import registry
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

from ..worlds import churn_csv

STUBS = Path(__file__).parent / "stubs"


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A finished run with numbers and categories, long enough for landmarks."""
    folder = tmp_path_factory.mktemp("churn")
    treeline.run(
        churn_csv(folder / "churn.csv", 1500), target="churn", out=folder / "run", candidates="lightgbm,mlp", time_limit="24s",
        progress="quiet", price=0.5,
    )  # fmt: skip
    return folder / "run"


@pytest.fixture(scope="session")
def worded(tmp_path_factory):
    """A finished run on texts."""
    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    good, bad, both = ("fine kind warm", "cold rude late", "the room was a bit and we went there on")
    lines = ["said,liked"]
    for k in range(400):
        drawn = rng.choice((good if k % 2 else bad).split(), 2).tolist() + rng.choice(both.split(), 12).tolist()
        lines.append(f"{' '.join(rng.permutation(drawn))} {k},{'yes' if k % 2 else 'no'}")
    (folder / "said.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    treeline.run(
        folder / "said.csv", target="liked", text="said", out=folder / "run", candidates="words_logistic,text_bag",
        time_limit="12s", progress="quiet",
    )  # fmt: skip
    return folder / "run"


@pytest.fixture
def nobody_installed(monkeypatch):
    """Take every card away, as on a machine where no candidate is installed."""
    monkeypatch.setattr(registry, "MODULES", ())
    monkeypatch.setattr(registry, "entry_points", lambda **_: ())
    cards.cache_clear()
    assert not cards()
    yield
    monkeypatch.undo()
    cards.cache_clear()


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
            listed = [entry.to_json() for each in entries.values() for entry in each]
            ledger.append("head", version=1, entries=sorted(listed, key=lambda one: names.index(one["name"])))
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
