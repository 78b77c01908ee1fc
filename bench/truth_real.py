"""Real tables of `truth.py`: decide on a sample, then look at rows that no run has seen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import ROOT, commit
from tables import WORK, Table
from truth_sets import chosen, one_set, text_of

import treeline
from treeline.candidates.card import Rows
from treeline.candidates.media import Media
from treeline.candidates.registry import card_named
from treeline.contest.blend import gather, standings
from treeline.contest.cache import transform_of
from treeline.contest.ledger import Ledger
from treeline.contest.opening import encoder_of
from treeline.contest.result import conclude
from treeline.data.conform import conform
from treeline.data.media import decode
from treeline.deliver.runtime import Ensemble, restored
from treeline.evidence.choice import Procedure, blend, procedure
from treeline.evidence.influence import measure, turn
from treeline.evidence.scores import Judged
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Task

Array = np.ndarray
FACTS = ROOT / "bench" / "results" / "truth.jsonl"
LEAST, MOST = 2_000, 12_000
"Rows kept aside: a third, within these bounds."
LARGEST = 60_000
"Of more rows only so many are used: a minute could not fit them."
APART = 1.3
"Samples closer in size than this factor say the same thing twice."
TOLD = (
    "call", "choice", "strong", "leaning", "sentence", "metric", "greater_is_better", "margin", "difference", "families", "both",
    "treeline", "dimensions", "diagnosis", "because", "caveats", "budget", "rows", "judged_rows", "signal", "delivered", "needed",
)  # fmt: skip


def everything(data: Path, seconds: float, only: list[str], *, before: list[str]) -> None:
    """Do every case that is not done yet, each in a process of its own."""
    asked = [(name, size) for name in only or chosen(data) for size in sizes(one_set(name, data))]
    for name, size in asked:
        if (name, size, seconds) in done():
            continue
        words = [
            sys.executable,
            str(ROOT / "bench" / "truth.py"),
            "case",
            "--data",
            str(data),
            "--seconds",
            f"{seconds:g}",
        ]
        code = subprocess.run([*before, *words, "--tables", name, "--size", size], check=False).returncode
        print(f"{name} {size}: {'done' if code == 0 else f'failed with {code}; the next call tries again'}", flush=True)


def done() -> set[tuple[str, str, float]]:
    """Return the cases that have facts."""
    lines = FACTS.read_text(encoding="utf-8").splitlines() if FACTS.exists() else []
    return {(one["table"], one["size"], one["seconds"]) for one in map(json.loads, lines)}


def sizes(which: Table) -> dict[str, int]:
    """Return the rows of every sample: 1,000 and 4,000 where they differ from a quarter and from all."""
    rows = min(which.rows, LARGEST)
    pool = rows - int(np.clip(rows // 3, LEAST, MOST))
    fixed = {"quarter": pool // 4, "all": pool}
    plain = {str(n): n for n in (1000, 4000)}
    far = {k: n for k, n in plain.items() if all(max(n / m, m / n) > APART for m in fixed.values()) and n < pool}
    return far | fixed


def parts(which: Table, size: str) -> tuple[Path, Path]:
    """Write the sample and the rows kept aside beside the whole set; samples are nested."""
    frame = pd.read_csv(which.full, dtype=str, keep_default_na=False)
    order = np.random.default_rng(7).permutation(len(frame))[:LARGEST]
    aside = int(np.clip(len(order) // 3, LEAST, MOST))
    sample, rest = (which.full.with_name(f"{part}-{size}.csv") for part in ("sample", "aside"))
    frame.iloc[order[aside:][: sizes(which)[size]]].to_csv(sample, index=False)
    frame.iloc[order[:aside]].to_csv(rest, index=False)
    return sample, rest


def one_case(data: Path, seconds: float, name: str, size: str) -> None:
    """Run one sample of one set and append what it said and what is true; the run stays in .work for `again`."""
    which, folder = one_set(name, data), WORK / "truth" / f"{name}-{size}"
    shutil.rmtree(folder, ignore_errors=True)
    sample, aside = parts(which, size)
    load, began = os.getloadavg()[0], time.monotonic()
    treeline.run(
        sample, target=which.target, task=which.task, metric=which.metric, split="random", text=text_of(name),
        time_limit=f"{seconds:g}s", out=folder / "run", progress="quiet",
    )  # fmt: skip
    wall = time.monotonic() - began
    fact = {"table": name, "size": size, "seconds": seconds, "wall_s": round(wall, 1), "load_before": round(load, 1)}
    fact |= {"treeline": commit(), "truth": truths(Ledger(folder / "run"), aside, which.target), **said(folder / "run")}
    FACTS.parent.mkdir(exist_ok=True)
    with FACTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(fact) + "\n")


def said(run: Path) -> dict[str, Any]:
    """Return what a run's ledger says today, and how long that took."""
    ledger = Ledger(run)
    began = time.monotonic()
    told = conclude(ledger).verdict
    return {"conclude_s": time.monotonic() - began, "verdict": {key: told[key] for key in TOLD if key in told}}


def again() -> None:
    """Take the verdicts of all runs at hand once more: the evidence has changed, the fits and their truths have not."""
    lines = []
    for fact in map(json.loads, FACTS.read_text(encoding="utf-8").splitlines()):
        run = WORK / "truth" / f"{fact['table']}-{fact['size']}" / "run"
        now = said(run) | {"judged_by": commit()} if (run / "ledger").exists() else {}
        lines.append(json.dumps(fact | now) + "\n")
    FACTS.write_text("".join(lines), encoding="utf-8")


def truths(ledger: Ledger, aside: Path, target: str) -> dict[str, Any]:
    """Return the true difference of the sides on the rows kept aside, and what the blend of both gains over the better side.

    `judged`: each fold's models alone, as the verdict sees a procedure; `delivered`: the mean of the folds' models.
    """
    problem = Problem.from_json(ledger.head["problem"])
    judged = gather(ledger, problem, standings(ledger), equal=True)
    if not all(judged.of(family) for family in Family):
        return {}
    y, known, rows = aside_of(ledger, problem, aside, target)
    made = {side: procedure(judged, side) for side in (*Family, None)}
    used = {name for one in made.values() for name, w in zip(one.names, _most(one), strict=True) if w > 0}
    said = _predictions(ledger, problem, judged, rows, used)
    found: dict[str, Any] = {"rows": len(y)}
    for kind in ("judged", "delivered"):
        at = {side: _score(y, _blends(one, said, kind, known), problem) for side, one in made.items()}
        better = Family.DEEP if at[Family.DEEP][0] > at[Family.CLASSICAL][0] else Family.CLASSICAL
        gap, gap_se = _less(at[Family.DEEP], at[Family.CLASSICAL])
        gain, gain_se = _less(at[None], at[better])
        scores = {str(family): turn(problem.metric, at[family][0]) for family in Family}
        found[kind] = {"difference": gap, "se": gap_se, "gain": gain, "gain_se": gain_se, "scores": scores}
    return found


def _most(one: Procedure) -> Array:
    return np.maximum(one.weights_by_half.max(axis=0), one.weights_all)


def aside_of(ledger: Ledger, problem: Problem, aside: Path, target: str) -> tuple[Array, Array, Rows]:
    """Return targets, which rows have a label that the sample has, and all rows as the models want them."""
    encoder = encoder_of(ledger)
    needed = [column for column in ledger.head["dataset"]["columns"] if column["name"] in encoder.inputs]
    frame, found = conform(str(aside), needed)
    media = Media.of(encoder.arrays(frame, decode(frame, encoder.media, root=found.root)), frame.height)
    rows = Rows(encoder.shape(problem), *encoder.transform(frame), None, media)
    if problem.task is Task.REGRESSION:
        y = pd.read_csv(aside, usecols=[target])[target].to_numpy(dtype=float)
        return y, np.isfinite(y), rows
    text = pd.read_csv(aside, usecols=[target], dtype=str, keep_default_na=False)[target].str.strip()
    code = {label: number for number, label in enumerate(problem.classes)}
    y = np.array([code.get(label, code.get(label.removesuffix(".0"), -1)) for label in text])
    return y[y >= 0], y >= 0, rows


def _predictions(ledger: Ledger, problem: Problem, judged: Judged, rows: Rows, used: set[str]) -> dict[str, Array]:
    """Return by member the (folds, t) or (folds, t, C) predictions of its models."""
    standing = {one.name: one for one in standings(ledger)}
    folds, change = len(np.unique(judged.fold)), transform_of(problem.metric.name)
    found = {}
    for name in sorted(used):
        trials = standing[name].trials[:folds]
        models = restored(card_named(trials[0].candidate), [ledger.model(trial) for trial in trials])
        found[name] = np.stack([Ensemble(((1.0, (model,)),), change).predict(rows) for model in models])
    return found


def _blends(one: Procedure, said: dict[str, Array], kind: str, known: Array) -> list[Array]:
    if kind == "delivered":
        weights = [(w, said[name]) for name, w in zip(one.names, one.weights_all, strict=True) if w > 0]
        return [sum(w * each.mean(axis=0) for w, each in weights)[known]]
    empty = np.zeros_like(next(iter(said.values()))[0])
    folds = len(next(iter(said.values())))
    return [
        blend([said[name][k] if name in said else empty for name in one.names], weights)[known]
        for weights in one.weights_by_half
        for k in range(folds)
    ]


def _score(y: Array, blends: list[Array], problem: Problem) -> tuple[float, Array]:
    """Return the mean score, larger is better, and how much each row pulls on it."""
    one_fold = np.zeros(len(y), dtype=np.int64)
    measured = measure(y, blends, problem.metric, fold=one_fold)
    pulls = [each.influence for each in measured if each.influence is not None]
    return float(np.mean([turn(problem.metric, each.score) for each in measured])), np.mean(pulls, axis=0)


def _less(a: tuple[float, Array], b: tuple[float, Array]) -> tuple[float, float]:
    pull = a[1] - b[1]
    return a[0] - b[0], float(np.sqrt(pull @ pull) / len(pull))
