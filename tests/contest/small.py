"""A small ledger as a run leaves it: contenders that are as good as told, on rows that are the same every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from treeline.contest.ledger import Ledger
from treeline.contest.trial import Entry, State, Trial
from treeline.data.splits import plan_folds
from treeline.problem.metric import metric_named
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy, Task

ROWS, FOLDS = 300, 3
PROBLEM = Problem(
    task=Task.REGRESSION, target="y", metric=metric_named("root_mean_squared_error", Task.REGRESSION), margin=0.05,
    policy=Policy.RANDOM,
)  # fmt: skip


def card(title: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "glass_box": False, "memorises": False, "accepts": [], "media_net": False} | more


def fit(
    entry: str, fold: int = 0, *, rung: float = 1.0, noise: float = 0.5, family: str = "classical", **more: Any
) -> Trial:
    """One fit whose predictions are off by `noise`."""
    return Trial(
        id=f"{entry}-{rung}-f{fold}", entry=entry, family=Family(family), rung=rung, rows=round(200 * rung), fold=fold, seed=0,
        **({"candidate": entry, "params": {}, "state": State.DONE, "score": noise, "cpu_s": 1.0} | more),
    )  # fmt: skip


def ledger_of(out: Path, *trials: Trial, entries: tuple[Entry, ...] = (), **head: Any) -> Ledger:
    """Write the trials, with predictions for those that are done; entries that are not given are made from the trials."""
    y = np.random.default_rng(0).normal(size=ROWS)
    split = plan_folds(y, PROBLEM, folds=FOLDS)
    named = {entry.name for entry in entries}
    made = {t.entry: t for t in trials if t.entry not in named}
    listed = [
        *entries,
        *(Entry(name=n, candidate=t.candidate, family=t.family, params={}, reference=n == "baseline") for n, t in made.items()),
    ]  # fmt: skip
    ledger = Ledger(out, write=True)
    np.savez(ledger.path.parent / "rows.npz", y=y, fold=split.fold, half=split.half, order=split.order)
    told = {
        "problem": PROBLEM.to_json(), "findings": [], "absent": [], "budget": {"limit_s": 9},
        "dataset": {"with_target": ROWS, "records": {"used": ROWS}}, "settings": {"families": ["classical", "deep"]},
        "cards": {entry.candidate: card(entry.candidate.title()) for entry in listed},
    }  # fmt: skip
    ledger.append("head", version=1, entries=[entry.to_json() for entry in listed], **(told | head))
    (out / "ledger" / "preds").mkdir()
    for number, trial in enumerate(trials):
        if trial.state is State.DONE:
            at = split.test_rows(trial.fold)
            off = np.random.default_rng(number).normal(size=(3, len(at)))[:1].repeat(3, axis=0)
            np.save(out / "ledger" / "preds" / f"{trial.id}.npy", y[at] + (trial.score or 0.0) * off)
        ledger.record(trial)
    ledger.close()
    return ledger
