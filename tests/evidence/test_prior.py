"""The prior: modest, from landmarks, with its worth beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import treeline
from treeline.errors import UsageError
from treeline.evidence.prior import landmark_features, prior_of
from treeline.problem.task import Task

from ..worlds import churn_csv


def of(**losses: float) -> float:
    return prior_of(rows=5000, columns=20, task=Task.BINARY, losses=losses).p_deep


def test_smooth_worlds_speak_for_nets_and_jagged_ones_for_trees() -> None:
    smooth = of(linear=0.05, neighbours=0.06, forest=0.10, guess=0.5)
    jagged = of(linear=0.40, neighbours=0.35, forest=0.10, guess=0.5)
    assert jagged < smooth
    assert all(0.2 <= p <= 0.8 for p in (smooth, jagged))


def test_without_landmarks_the_base_rate_is_said() -> None:
    bare = prior_of(rows=5000, columns=20, task=Task.REGRESSION)
    assert bare.p_deep == prior_of(rows=50, columns=3, task=Task.BINARY).p_deep
    assert 0.5 < bare.p_deep < 0.6
    assert bare.worth["AUC"] < 0.7


def test_perfect_scores_make_no_endless_ratio() -> None:
    assert np.isfinite(landmark_features({"linear": 0.0, "neighbours": 0.0, "forest": 0.0, "guess": 0.0})).all()
    assert np.isfinite(landmark_features({"linear": 0.3, "neighbours": 1e9, "forest": 0.0, "guess": 0.5})).all()
    assert 0.2 <= of(linear=0.0, neighbours=0.0, forest=0.0, guess=0.0) <= 0.8


def test_the_nearest_public_tables_are_near_and_of_the_same_task() -> None:
    found = prior_of(rows=20_000, columns=16, task=Task.MULTICLASS).nearest
    assert len(found) == 5
    assert all(5_000 < one["rows"] < 80_000 and 4 <= one["columns"] <= 64 for one in found)
    assert {one["won"] for one in found} <= {"classical", "deep", "no clear winner"}


@pytest.mark.parametrize(("rows", "said"), [(5_000, 3), (50_000, 2), (2_000_000, 0)])
def test_rules_of_thumb_say_what_they_say_here(rows: int, said: int) -> None:
    rules = prior_of(rows=rows, columns=10, task=Task.BINARY).rules
    assert sum(rule["here"] == "says classical" for rule in rules) == said
    assert all(any(c.isdigit() for c in rule["evidence"]) for rule in rules[:3])


def test_a_user_gets_it_in_words_and_as_data(tmp_path: Path) -> None:
    path = churn_csv(tmp_path / "churn.csv")
    command = [sys.executable, "-m", "treeline", "advise", str(path), "--target", "churn"]
    told = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert {"p_deep", "nearest", "reasons", "rules"} <= set(told)
    assert told["p_deep"] == treeline.advise(path, target="churn").p_deep
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert words.startswith("Before training: the better side is classical by ")
    without = subprocess.run(command[:-2], capture_output=True, text=True, check=False)
    assert (without.returncode, "--target" in without.stderr) == (2, True)


def test_few_rows_and_odd_tables_are_survived() -> None:
    rng = np.random.default_rng(0)
    few = pl.DataFrame({"x": rng.normal(size=20), "y": rng.normal(size=20)})
    assert treeline.advise(few, target="y").p_deep == prior_of(rows=20, columns=1, task=Task.REGRESSION).p_deep
    gaps = pl.DataFrame(
        {
            "x": [None if i % 3 else float(i % 7) for i in range(300)],
            "c": [f"level {i % 90}" for i in range(300)],
            "y": rng.normal(size=300),
        }
    )
    assert 0.2 <= treeline.advise(gaps, target="y").p_deep <= 0.8
    with pytest.raises(UsageError):
        treeline.advise(gaps, target="y", colour="red")


def test_rules_of_thumb_look_at_this_table() -> None:
    plain = {one["rule"]: one for one in prior_of(rows=5000, columns=20, task=Task.BINARY).rules}
    wordy = {
        one["rule"]: one
        for one in prior_of(rows=5_000_000, columns=20, task=Task.BINARY, raw="2 columns of texts").rules
    }
    raw = next(rule for rule in plain if "Raw data" in rule)
    assert plain[raw]["here"] == "says nothing"
    assert "2 columns" in wordy[raw]["here"]
    assert any("horizon" in rule for rule in plain)
    below = next(rule for rule in plain if rule.startswith("Below 10,000"))
    assert (plain[below]["here"], wordy[below]["here"]) == ("says classical", "says nothing")
