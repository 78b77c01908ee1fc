"""What is written down before the first fit: the ledger's first line, the rows, a sample of their inputs."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from treeline.candidates.features import Encoder
from treeline.candidates.registry import card_named
from treeline.contest.field import Field
from treeline.contest.ledger import VERSION, Ledger, durable
from treeline.contest.roster import written
from treeline.data.dataset import Dataset
from treeline.data.findings import Finding
from treeline.data.splits import Folds
from treeline.problem.budget import Budget
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.settings import Settings
from treeline.problem.task import Policy

__all__ = ["PRICES", "head_of", "new_prices", "write_rows", "write_sample"]

PRICES = {"price": 0.04, "gpu_price": 2.0}
"Of a core-hour and a GPU-hour, until others are given."

STRETCHES = 80
"Into so many stretches the rows of an ordered table are cut; about half of them are judged."
SAMPLED, SAMPLED_CELLS = 4_000, 2_000_000
"Held-out rows, and values of them, whose inputs the ledger keeps."
LIBRARIES = (
    "numpy",
    "polars",
    "scikit-learn",
    "lightgbm",
    "xgboost-cpu",
    "xgboost",
    "catboost",
    "interpret-core",
    "torch",
)


def new_prices(before: Mapping[str, float], settings: Settings) -> dict[str, float]:
    """Return the prices before, but for those that the settings give."""
    given = {name: getattr(settings, name) for name in before}
    return {name: float(before[name] if value is None else value) for name, value in given.items()}


def head_of(
    dataset: Dataset,
    problem: Problem,
    *,
    settings: Settings,
    budget: Budget,
    findings: Sequence[Finding],
    field: Field,
    with_target: int,
) -> dict[str, Any]:
    """Return what the head says of the data, the problem, the settings and the field."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return {
        "version": VERSION,
        "treeline": version("treeline"),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "problem": problem.to_json(),
        "dataset": {
            "source": dataset.source, "fingerprint": dataset.fingerprint, "rows": len(dataset), "with_target": with_target,
            "records": dataset.records.to_json(),
            "columns": [column.to_json() for column in dataset.columns], "how": dataset.how,
        },
        "settings": settings.identity(),
        "budget": {
            "limit_s": budget.limit_s, "memory_mb": budget.memory_mb, "cores": budget.cores, **new_prices(PRICES, settings),
        },
        "findings": [finding.to_json() for finding in findings],
        "entries": [entry.to_json() for listed in field.entries.values() for entry in listed],
        "cards": {
            name: written(card_named(name))
            for name in sorted({e.candidate for listed in field.entries.values() for e in listed})
        },
        "absent": [one.to_json() for one in field.absent],
        "versions": versions,
        "machine": {
            "cores": budget.cores, "memory_mb": budget.memory_mb,
            "python": platform.python_version(), "platform": platform.platform(),
        },
    }  # fmt: skip


def write_rows(
    ledger: Ledger, targets: tuple[Array, Array], folds: Folds, groups: Array | None, *, twins: Array | None = None
) -> None:
    """Write `rows.npz`: target, fold, half, order and group of every row that has a target, and codes of equal inputs."""
    rows, y = targets
    more = {} if groups is None else {"group": groups}
    if twins is not None:
        more["twin"] = twins
        # Rows that repeat each other err alike: where nothing else says which rows belong together, they do.
        more.setdefault("group", twins)
    if folds.groups is not None:
        more["keep"] = np.asarray(folds.groups)
    elif folds.policy is Policy.TIME and groups is None:
        # Neighbours in time err alike: intervals count stretches of time, not rows.
        rank = np.empty(len(y), dtype=np.int64)
        rank[folds.order] = np.arange(len(y))
        more["group"] = rank * STRETCHES // len(y)
    with durable(ledger.path.parent / "rows.npz") as path:
        np.savez(path, allow_pickle=False, y=y, fold=folds.fold, half=folds.half, order=folds.order, row=rows, **more)


def write_sample(ledger: Ledger, encoder: Encoder, folds: Folds, num: Array, cat: Array) -> None:
    """Keep the encoded inputs of some held-out rows: what surrogates and slices are read from when the contest is over."""
    path = ledger.path.parent / "sample.npz"
    if path.exists():
        return
    rows = np.flatnonzero(folds.fold >= 0)
    width = max(1, len(encoder.plain) + cat.shape[1])
    most = max(200, min(SAMPLED, SAMPLED_CELLS // width))
    drawn = np.random.default_rng(0).permutation(rows)
    early = drawn[folds.fold[drawn] == 0][: most // 2]  # fold 0 is always judged, the others where time allows
    rest = np.setdiff1d(drawn, early, assume_unique=True)
    index = np.sort(np.concatenate([early, np.random.default_rng(1).permutation(rest)[: most - len(early)]]))
    codes = np.where(cat[index] > 0, cat[index], np.nan).astype(np.float32)
    names = [*(encoder.num_names[j] for j in encoder.plain), *encoder.cat_names]
    with durable(path) as temporary:
        np.savez(
            temporary, allow_pickle=False, index=index, inputs=np.hstack([num[index][:, list(encoder.plain)], codes]),
            names=np.array(names, dtype=np.str_),
        )  # fmt: skip
