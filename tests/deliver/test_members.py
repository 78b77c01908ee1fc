"""Bundles of the real contestants: they predict as they did when fitted, in a process that has only what they need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from treeline.candidates import registry
from treeline.deliver.bundle import write_bundle
from treeline.deliver.runtime import load
from treeline.problem.task import Task

HEAVY = ("torch", "sklearn", "catboost", "xgboost", "interpret", "pandas", "lightgbm")
QUICK: dict[str, dict[str, Any]] = {
    "baseline": {},
    "linear": {},
    "random_forest": {"steps": 20},
    "lightgbm": {"steps": 20},
    "xgboost": {"steps": 20},
    "catboost": {"steps": 20},
    "ebm": {"steps": 20},
    "realmlp": {"steps": 2},
}


@pytest.fixture(autouse=True)
def real_cards(monkeypatch: pytest.MonkeyPatch, with_tiny: None) -> None:
    monkeypatch.undo()
    registry.cards.cache_clear()


@pytest.mark.parametrize("name", QUICK)
def test_a_member_predicts_as_when_fitted(tmp_path: Path, contents: Callable[..., Any], name: str) -> None:
    if registry.card_named(name).extra == "deep":
        pytest.importorskip("torch")
    given = contents(Task.MULTICLASS, card=name, params=QUICK[name])
    told = write_bundle(tmp_path / "model", given)
    assert told["models"] == 2 and told["parity"] <= 1e-4
    model = load(tmp_path / "model")
    rows = given.parity_frame.sample(32, seed=1, shuffle=True)
    scores = model.scores(rows.with_columns(town=pl.lit("never seen")))
    assert np.isfinite(scores).all() and scores.shape == (32, 3)


@pytest.mark.parametrize(("name", "needs"), [("lightgbm", {"lightgbm"}), ("realmlp", set())])
def test_a_bundle_loads_where_only_its_own_library_is(
    tmp_path: Path, contents: Callable[..., Any], name: str, needs: set[str]
) -> None:
    if name == "realmlp":
        pytest.importorskip("torch")
    given = contents(Task.BINARY, card=name, params=QUICK[name])
    write_bundle(tmp_path / "model", given)
    given.parity_frame.write_csv(tmp_path / "new.csv")
    code = (
        "import sys\n"
        f"for name in {sorted(set(HEAVY) - needs)}: sys.modules[name] = None\n"
        "from treeline.deliver.runtime import load\n"
        f"print(load({str(tmp_path / 'model')!r}).predict_frame({str(tmp_path / 'new.csv')!r}).write_csv())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here = load(tmp_path / "model").predict_proba(given.parity_frame)[:, 1]
    there = pl.read_csv(done.stdout.strip().encode())["proba_yes"].to_numpy()
    np.testing.assert_allclose(there, here, atol=1e-6)
