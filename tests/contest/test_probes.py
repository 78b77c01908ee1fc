"""What the probes say: who is held against whom, and what the clock spoils is not told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from treeline.candidates.card import Rows, Shape
from treeline.contest import probes
from treeline.contest.cache import Cache
from treeline.contest.trial import State, Trial
from treeline.problem.metric import METRICS
from treeline.problem.task import Family, Task


def fit(entry: str, cpu_s: float, *, rung: float = 0.5, done: float = 1.0) -> Trial:
    return Trial(
        id=f"0001-{entry}-f0", entry=entry, candidate="lightgbm", family=Family.CLASSICAL, params={}, rung=rung, rows=400, fold=0,
        seed=0, state=State.DONE, score=0.8, cpu_s=cpu_s, done=done,
    )  # fmt: skip


def ledger(*trials: Trial) -> Any:
    entries = [
        {"name": name, "candidate": "lightgbm", "probe": name != "lightgbm"} for name in ("lightgbm", "lightgbm-half")
    ]
    head = {"entries": entries, "cards": {"lightgbm": {"title": "LightGBM"}}}
    return SimpleNamespace(head=head, done=lambda: list(trials))


@pytest.fixture(autouse=True)
def ten_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SimpleNamespace(num_names=tuple("abcdef"), cat_names=tuple("ghij"))
    monkeypatch.setattr(probes, "encoder_of", lambda _: encoder)


def test_cost_in_columns_is_read_off_the_same_rung() -> None:
    kept = [fit("lightgbm", 9.0, rung=1.0), fit("lightgbm", 0.8), fit("lightgbm-half", 0.4)]
    assert probes.growth_in_columns(ledger(*kept)) == {Family.CLASSICAL: (pytest.approx(1.0), "LightGBM")}
    assert probes.growth_in_columns(ledger(*kept[:2])) == {}


def test_what_the_clock_or_the_start_spoiled_is_not_told() -> None:
    cut = [fit("lightgbm", 0.8), fit("lightgbm-half", 0.4, done=0.3)]
    assert probes.growth_in_columns(ledger(*cut)) == {}
    assert probes.growth_in_columns(ledger(*(replace(one, cpu_s=one.cpu_s / 100) for one in cut))) == {}


def test_half_the_columns_are_every_other_one() -> None:
    shape = Shape(
        task=Task.BINARY,
        n_classes=2,
        metric=METRICS["roc_auc"],
        num_names=("a", "b", "c"),
        cat_names=("d", "e"),
        cards=(4, 9),
    )
    rows = Rows(
        shape, np.arange(6, dtype=np.float32).reshape(2, 3), np.array([[1, 2], [3, 4]], np.int32), np.array([0, 1])
    )
    found = Cache.narrow(rows)
    assert (found.shape.num_names, found.shape.cat_names, found.shape.cards) == (("a", "c"), ("d",), (4,))
    assert found.num.tolist() == [[0, 2], [3, 5]]
    assert found.cat.tolist() == [[1], [3]]
    assert found.y is rows.y
