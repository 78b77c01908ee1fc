"""What every adapter shares: reading the files, coding the labels, and writing what came out.

An adapter runs in its tool's own environment, so this file needs nothing but pandas and numpy.

    python autogluon.py --train train.csv --test test.csv --spec spec.json --seconds 60 --cores 2 --out DIR

`spec.json` holds target, task, metric and the columns that hold dates. The adapter leaves in DIR:
`preds.csv` (one column `prediction` for regression, else one `proba_<label>` a class) and `out.json` (seconds, version).

Every tool gets the same columns: dates are parsed for it and labels are given as 0 .. C-1 in sorted order. Where the metric is
the root mean squared log error it is given log1p(target) and the root mean squared error, which is the same thing; none of
the tools knows that metric itself.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass
class Question:
    """One table, one target, one clock."""

    x: pd.DataFrame
    y: np.ndarray
    "(n,) floats, or codes 0 .. C-1."
    new: pd.DataFrame
    task: str
    "binary, multiclass or regression."
    metric: str
    "roc_auc, average_precision, accuracy, log_loss, root_mean_squared_error or mean_absolute_error."
    classes: list[str]
    seconds: float
    cores: int
    out: Path
    preset: str
    "The tool's own name of its mode."


@dataclass
class Answer:
    """What a tool said."""

    prediction: np.ndarray
    "(n,) values, or (n, C) probabilities."
    fit_s: float
    predict_s: float
    version: str
    note: str = ""


def question(args: argparse.Namespace, spec: dict) -> Question:
    """Read the two files and code the target."""
    dates = [column for column in spec["dates"] if column != spec["target"]]
    train = pd.read_csv(args.train, parse_dates=dates, low_memory=False)
    new = pd.read_csv(args.test, parse_dates=dates, low_memory=False)
    raw = train.pop(spec["target"])
    new = new[train.columns]
    for column in train.columns:
        if train[column].dtype == bool or new[column].dtype == bool:
            train[column], new[column] = train[column].astype(str), new[column].astype(str)
    classes: list[str] = []
    if spec["task"] == "regression":
        y = raw.to_numpy(dtype=float)
    else:
        classes = sorted(raw.astype(str).unique())
        y = raw.astype(str).map({label: code for code, label in enumerate(classes)}).to_numpy()
    metric = spec["metric"]
    if metric == "root_mean_squared_log_error":
        y, metric = np.log1p(y), "root_mean_squared_error"
    return Question(
        x=train,
        y=y,
        new=new,
        task=spec["task"],
        metric=metric,
        classes=classes,
        seconds=args.seconds,
        cores=args.cores,
        out=args.out,
        preset=args.preset,
    )


def timed(work: Callable[[], object]) -> tuple[object, float]:
    """Return what `work` returns, and the wall seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def main(solve: Callable[[Question], Answer]) -> None:
    """Read the arguments, let the tool solve the question, write its answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--preset", default="")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    spec = json.loads(args.spec.read_text())
    asked = question(args, spec)
    answer = solve(asked)
    values = np.asarray(answer.prediction, dtype=float)
    if spec["metric"] == "root_mean_squared_log_error":
        values = np.expm1(values)
    if asked.task == "regression":
        frame = pd.DataFrame({"prediction": values.reshape(-1)})
    else:
        if values.ndim == 1:
            values = np.column_stack([1 - values, values])
        frame = pd.DataFrame(values, columns=[f"proba_{label}" for label in asked.classes])
    frame.to_csv(args.out / "preds.csv", index=False)
    facts = {"fit_s": answer.fit_s, "predict_s": answer.predict_s, "version": answer.version, "note": answer.note}
    (args.out / "out.json").write_text(json.dumps(facts))
