"""Tables, problems and bundles for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from treeline.candidates import registry
from treeline.candidates.card import Clock, Fold, Rows, Watch
from treeline.candidates.features import Encoder
from treeline.data.column import Column, Kind
from treeline.data.dataset import Dataset, Records
from treeline.deliver.bundle import Contents, Member
from treeline.problem.metric import default_metric
from treeline.problem.problem import Problem
from treeline.problem.task import Policy, Task

sys.path.insert(0, str(Path(__file__).parent))

KINDS = {"size": Kind.NUMBER, "age": Kind.NUMBER, "town": Kind.CATEGORY, "seen": Kind.DATE}
CLASSES = {Task.BINARY: ("no", "yes"), Task.MULTICLASS: ("a", "b", "c"), Task.REGRESSION: ()}


def table(n: int = 300) -> pl.DataFrame:
    """Two numbers (one whole), a category, a date; a few values missing."""
    rng = np.random.default_rng(3)
    start = datetime(2021, 5, 1, 8, 30)
    towns = ["Rome", "Oslo", "Lima", "São Paulo", "=1+1"]
    return pl.DataFrame(
        {
            "size": [None if i % 9 == 4 else float(v) for i, v in enumerate(rng.normal(50, 9, n))],
            "age": [None if i % 17 == 5 else int(v) for i, v in enumerate(rng.integers(1, 90, n))],
            "town": [None if i % 13 == 6 else towns[v] for i, v in enumerate(rng.integers(0, 5, n))],
            "seen": [
                None if i % 19 == 7 else start + timedelta(hours=int(v)) for i, v in enumerate(rng.integers(0, 9999, n))
            ],
        }
    )


def answers(frame: pl.DataFrame, task: Task) -> np.ndarray:
    """A target that the inputs explain."""
    hidden = frame["size"].fill_null(50).to_numpy() + 20 * (frame["town"].fill_null("") == "Oslo").to_numpy()
    if task is Task.REGRESSION:
        return np.asarray(hidden, dtype=np.float64)
    return np.digitize(hidden, [52.0] if task is Task.BINARY else [48.0, 60.0]).astype(np.int64)


@pytest.fixture(autouse=True)
def with_tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the registry know the tiny candidate alone."""
    monkeypatch.setattr(registry, "MODULES", ("tiny_linear",))
    registry.cards.cache_clear()
    yield
    registry.cards.cache_clear()


Maker = Callable[..., Contents]


@pytest.fixture
def contents() -> Maker:
    """Make the contents of a bundle: two fold models of one candidate on `table()`."""
    return make_contents


def make_contents(
    task: Task = Task.BINARY, *, card: str = "tiny", params: Any = None, log: bool = False, **changes: Any
) -> Contents:
    """See `contents`."""
    frame = table()
    y = answers(frame, task)
    columns = [Column(name=name, kind=kind) for name, kind in KINDS.items()]
    n = frame.height
    data = Dataset(frame=frame, columns=tuple(columns), records=Records(read=n, used=n), source="test", fingerprint="")
    encoder = Encoder.fit(data, exclude=(), target="y")
    problem = Problem(
        task=task, target="y", classes=CLASSES[task], metric=default_metric(task), margin=0.01, policy=Policy.RANDOM
    )
    target = np.log1p(y) if log else y
    rows = Rows(encoder.shape(problem), *encoder.transform(frame), target)
    parts = [rows.take(np.arange(0, n, 2)), rows.take(np.arange(1, n, 2))]
    folds = [Fold(a, Watch(b, np.arange(len(b)) % 2)) for a, b in (parts, parts[::-1])]
    found = registry.card_named(card)
    fitted = found.candidate().fit(folds, params or {}, clock=Clock(20.0), seed=0)
    proof = [np.asarray(model.predict(rows.take(np.arange(32)))) for model in fitted]
    member = Member(
        name=card,
        card=found,
        weight=1.0,
        models=[model.state() for model in fitted],
        proof=[np.expm1(np.maximum(p, 0)) for p in proof] if log else proof,
    )
    given: dict[str, Any] = {
        "problem": problem,
        "columns": [column.to_json() for column in columns] + [Column(name="y", kind=Kind.CATEGORY).to_json()],
        "encoder": encoder,
        "members": [member],
        "verdict": {"call": "EQUIVALENT"},
        "parity_frame": frame.head(32),
        "target_transform": "log1p" if log else "none",
        "versions": {"numpy": np.__version__},
    }
    return Contents(**{**given, **changes})
