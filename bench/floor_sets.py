"""The cases of `floor.py`: a set, cut at random or by time into rows to learn from and rows kept aside."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from media import TEXTS, texts
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score
from tables import WORK, names, regression_score, table
from truth_sets import listed_images

from treeline.problem.metric import METRICS, Array

__all__ = ["GREATER", "KEPT", "LARGEST", "Case", "cases", "halves", "one_case", "score"]

LARGEST, MOST_ASIDE = 60_000, 12_000
"Of more rows only so many are used; a third is kept aside, but not more than this."
IMAGES = ("fashion_mnist_10k", "pneumoniamnist", "sign_language_digits")
DATED = {
    "nyc_taxis": ("pickup",),
    "bike_sharing_hourly": ("date",),
    "hflights_2011": ("Year", "Month", "DayofMonth"),
    "ames_housing": ("Yr_Sold", "Mo_Sold"),
    "etth1": ("date",),
    "aus_retail": ("Month",),
}
"Sets whose rows are dated, and by which columns, the largest part first."
MORE = {
    "etth1": ("forecasting/etth1.csv", "OT", ()),
    "aus_retail": ("forecasting/aus_retail.csv.gz", "Turnover", ("Series ID",)),
}
"Series that are dated tables as well: file, target, columns to drop."
GREATER = {"roc_auc", "average_precision", "accuracy"}
KEPT = WORK / "floor"


@dataclass(frozen=True)
class Case:
    """Rows to learn from and rows kept aside, each a file with the target."""

    name: str
    split: str
    "`random`, or `time`: the newest rows are kept aside."
    kind: str
    "`table`, `text` or `image`."
    task: str
    target: str
    metric: str
    time: tuple[str, ...]
    train: Path
    aside: Path

    @property
    def key(self) -> str:
        """How facts name it."""
        return f"{self.name}/{self.split}"

    @property
    def dates(self) -> tuple[str, ...]:
        """The columns to read as dates."""
        facts = self.train.with_name("spec.json")
        found = json.loads(facts.read_text())["dates"] if facts.exists() else []
        return tuple(dict.fromkeys([*found, *(self.time if len(self.time) == 1 else ())]))

    def margin(self, best: float) -> float:
        """Return the usual margin of the metric where the best score is this."""
        return METRICS[self.metric].margin_at(best)


def cases(data: Path) -> list[str]:
    """Return the keys of all cases, small tables first, then texts and images."""
    tables = [*names(data), *MORE]
    return [
        *(f"{name}/random" for name in tables if name not in MORE),
        *(f"{name}/time" for name in tables if name in DATED),
        *(f"{name}/random" for name in (*TEXTS, *IMAGES)),
    ]


def one_case(key: str, data: Path) -> Case:
    """Return a case, its files made the first time it is asked for."""
    name, _, split = key.partition("/")
    if name in TEXTS or name in IMAGES:
        kind, full = ("text" if name in TEXTS else "image"), _raw(name, data)
        count = pl.read_csv(full)["label"].n_unique()
        about = ("binary" if count == 2 else "multiclass", "label", "accuracy")
    else:
        kind = "table"
        full, about = _series(name, data) if name in MORE else _table(name, data)
    time = DATED.get(name, ()) if split == "time" else ()
    train, aside = (full.with_name(f"floor-{split}-{part}.csv") for part in ("train", "aside"))
    if not aside.exists():
        frame = pd.read_csv(full, dtype=str, keep_default_na=False)
        order = np.random.default_rng(11).permutation(len(frame))[:LARGEST]
        if time:
            order = order[np.argsort(_moments(frame, time)[order], kind="stable")]
        kept = min(len(order) // 3, MOST_ASIDE)
        frame.iloc[order[:-kept]].to_csv(train, index=False)
        frame.iloc[order[-kept:]].to_csv(aside, index=False)
    return Case(name, split, kind, *about, time, train, aside)


def _table(name: str, data: Path) -> tuple[Path, tuple[str, str, str]]:
    which = table(name, data)
    return which.full, (which.task, which.target, which.metric)


def _series(name: str, data: Path) -> tuple[Path, tuple[str, str, str]]:
    file, target, drop = MORE[name]
    full = WORK / "tables" / name / "full.csv"
    if not full.exists():
        full.parent.mkdir(parents=True, exist_ok=True)
        frame = pd.read_csv(data / file).drop(columns=list(drop))
        if name == "aus_retail":  # `1982 Apr` as a date that every reader knows
            frame["Month"] = pd.to_datetime(frame["Month"], format="%Y %b").dt.strftime("%Y-%m-%d")
        frame.to_csv(full, index=False)
    return full, ("regression", target, "root_mean_squared_error")


def _raw(name: str, data: Path) -> Path:
    folder = KEPT / "raw" / name
    full = folder / "full.csv"
    if not full.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if name in TEXTS:
            texts(name, data).write_csv(full)
        else:
            listed_images(data / "images" / f"{name}.zip", folder)
    return full


def _moments(frame: pd.DataFrame, time: tuple[str, ...]) -> Array:
    if len(time) == 1:
        return pd.to_datetime(frame[time[0]]).to_numpy().astype(np.int64)
    parts = [frame[name].astype(int).to_numpy() for name in time]
    return np.asarray(sum(100 ** (len(parts) - at) * part for at, part in enumerate(parts)))


def halves(count: int) -> list[Array]:
    """Return the row numbers of the two halves of rows kept aside: the best model of one is judged on the other."""
    order = np.random.default_rng(5).permutation(count)
    return [np.sort(order[: count // 2]), np.sort(order[count // 2 :])]


def score(case: Case, y: Array, said: Array) -> float:
    """Return the score of values (n,) or of probabilities (n, C) for targets or class numbers (n,)."""
    if case.task == "regression":
        return regression_score(case.metric, y, said)
    if case.metric == "accuracy":
        return float(accuracy_score(y, said.argmax(axis=1)))
    judge: Callable[[Array, Array], float] = roc_auc_score if case.metric == "roc_auc" else average_precision_score
    return float(judge(y, said[:, 1]))
