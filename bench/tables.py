"""The tables that the benches run on: each is read once, cleaned the same way for every tool, and cut into train and test.

The tables lie in a folder with a MANIFEST.csv (default `../shared/data`); what is made from them goes to `.work/bench/tables`.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    log_loss,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.model_selection import train_test_split

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".work" / "bench"
DATA = ROOT.parent / "shared" / "data"
METRICS = {
    "roc_auc": "roc_auc",
    "pr_auc": "average_precision",
    "accuracy": "accuracy",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "rmsle": "root_mean_squared_log_error",
}
GREATER_IS_BETTER = {"roc_auc", "average_precision", "accuracy"}


@dataclass(frozen=True)
class Table:
    """One table, clean, with its train and test part."""

    name: str
    task: str
    target: str
    metric: str
    full: Path
    train: Path
    test: Path
    "The test part without its target."
    truth: Path
    "The target of the test part."
    spec: Path
    rows: int
    columns: int


def names(data: Path = DATA) -> list[str]:
    """Return the names of the tabular sets, smallest first."""
    return [row["name"] for row in sorted(_manifest(data), key=lambda row: int(row["rows"]))]


def table(name: str, data: Path = DATA, work: Path = WORK / "tables") -> Table:
    """Return a table, made the first time it is asked for."""
    row = next((row for row in _manifest(data) if row["name"] == name), None)
    if row is None:
        raise SystemExit(f"There is no table {name!r}; there are {', '.join(names(data))}.")
    folder = work / name
    spec = folder / "spec.json"
    if not spec.exists():
        _make(row, data, folder)
    facts = json.loads(spec.read_text())
    return Table(
        name=name,
        task=facts["task"],
        target=facts["target"],
        metric=facts["metric"],
        full=folder / "full.csv",
        train=folder / "train.csv",
        test=folder / "test.csv",
        truth=folder / "truth.csv",
        spec=spec,
        rows=facts["rows"],
        columns=facts["columns"],
    )


def _manifest(data: Path) -> list[dict[str, str]]:
    with (data / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["modality"] == "tabular"]


def _plain(name: str) -> str:
    """Several tools refuse brackets, quotes or line ends in a column's name."""
    return re.sub(r"\W+", "_", name.strip()).strip("_")[:60] or "column"


def _make(row: dict[str, str], data: Path, folder: Path) -> None:
    """Drop what the manifest says, rows without a target and classes of fewer than ten rows; then cut off a fifth to test on."""
    frame = pd.read_csv(data / row["file"], low_memory=False, **json.loads(row["read_options"] or "{}"))
    frame = frame.drop(columns=[word.strip() for word in row["drop_columns"].split(";") if word.strip()])
    frame = frame[frame[row["target"]].notna()]
    target = _plain(row["target"])
    plain = [_plain(str(column)) for column in frame.columns]
    frame.columns = [word if plain.index(word) == at else f"{word}_{at}" for at, word in enumerate(plain)]
    classification = row["task"] != "regression"
    if classification:
        if not pd.api.types.is_numeric_dtype(frame[target]):
            frame[target] = frame[target].astype(str).str.strip()
        frame = frame[frame.groupby(target)[target].transform("size") >= 10]
    dates = [column for column in frame.select_dtypes(include=["object", "string"]) if _is_date(frame[column])]
    train, test = train_test_split(
        frame, test_size=0.2, random_state=0, stratify=frame[target] if classification else None
    )
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "full.csv", index=False)
    train.to_csv(folder / "train.csv", index=False)
    test.drop(columns=target).to_csv(folder / "test.csv", index=False)
    test[[target]].to_csv(folder / "truth.csv", index=False)
    facts = {
        "name": row["name"],
        "task": row["task"],
        "target": target,
        "metric": METRICS[row["metric"]],
        "dates": dates,
        "rows": len(frame),
        "columns": frame.shape[1] - 1,
    }
    (folder / "spec.json").write_text(json.dumps(facts))


def _is_date(column: pd.Series) -> bool:
    values = column.dropna().astype(str)
    if not len(values) or not values.head(50).str.match(r"\d{4}-\d\d-\d\d").all():
        return False
    return bool(pd.to_datetime(values, errors="coerce", format="ISO8601").notna().all())


def scored(which: Table, preds: pd.DataFrame) -> float:
    """Return the score of a file of predictions: one column `prediction`, or `proba_<label>` for each class."""
    truth = pd.read_csv(which.truth)[which.target]
    if len(preds) != len(truth):
        raise ValueError(f"{len(preds)} predictions for {len(truth)} rows")
    if which.task == "regression":
        return regression_score(which.metric, truth.to_numpy(dtype=float), preds["prediction"].to_numpy(dtype=float))
    y = truth.astype(str).to_numpy()
    classes = classes_of(which)
    at = {column.removeprefix("proba_").casefold(): column for column in preds.columns if column.startswith("proba_")}
    proba = np.column_stack([preds[at[label.casefold()]].to_numpy(dtype=float) for label in classes])
    if not np.isfinite(proba).all():
        raise ValueError("a probability is not finite")
    codes = np.array([classes.index(label) for label in y])
    if which.metric == "accuracy":
        return float(accuracy_score(codes, proba.argmax(axis=1)))
    if which.metric == "log_loss":
        return float(log_loss(codes, proba, labels=range(len(classes))))
    judge = roc_auc_score if which.metric == "roc_auc" else average_precision_score
    return float(judge(codes, proba[:, 1]))


def regression_score(metric: str, y: np.ndarray, p: np.ndarray) -> float:
    """Return the error of values for targets, both (n,)."""
    if metric == "mean_absolute_error":
        return float(mean_absolute_error(y, p))
    if metric == "root_mean_squared_log_error":
        return float(root_mean_squared_error(np.log1p(y), np.log1p(np.maximum(p, 0))))
    return float(root_mean_squared_error(y, p))


def classes_of(which: Table) -> list[str]:
    """Return the labels of the training part, sorted; the second of two is the positive one."""
    return sorted(pd.read_csv(which.train, usecols=[which.target])[which.target].astype(str).unique())


def constant(which: Table) -> pd.DataFrame:
    """Return what a failed tool is scored on: the mean (median for absolute errors), or the classes' shares."""
    y = pd.read_csv(which.train, usecols=[which.target])[which.target]
    n = len(pd.read_csv(which.truth))
    if which.task == "regression":
        value = y.median() if which.metric == "mean_absolute_error" else y.mean()
        if which.metric == "root_mean_squared_log_error":
            value = np.expm1(np.log1p(y).mean())
        return pd.DataFrame({"prediction": np.full(n, value)})
    shares = y.astype(str).value_counts(normalize=True)
    return pd.DataFrame({f"proba_{label}": np.full(n, shares[label]) for label in classes_of(which)})
