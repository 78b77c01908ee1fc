"""A verdict on losses alone: the same evidence, champions instead of blends, one clear line for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import treeline
from treeline.errors import DataError, UsageError
from treeline.evidence.call import Call
from treeline.evidence.losses import judge_losses, judged_of
from treeline.evidence.recommend import Ground


def losses(gap: float, *, n: int = 600, contenders: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    """Both sides with shared difficulty of rows; deep is better by `gap`."""
    rng = np.random.default_rng(seed)
    hard = rng.exponential(size=n)
    table = {"fold": np.arange(n) % 5}
    for i in range(contenders):
        table[f"classical:c{i}"] = hard + 0.2 * rng.normal(size=n) + gap
        table[f"deep:d{i}"] = hard + 0.2 * rng.normal(size=n)
    return table


@pytest.mark.parametrize(("gap", "call"), [(0.2, Call.DEEP), (-0.2, Call.CLASSICAL), (0.0, Call.EQUIVALENT)])
def test_the_better_side_is_called(gap: float, call: Call) -> None:
    verdict = judge_losses(losses(gap), margin=0.05)
    assert verdict.call is call
    assert verdict.difference is not None
    low, high = verdict.difference.interval
    assert low < gap < high
    assert verdict.cheaper is None
    assert verdict.treeline is not None
    assert verdict.treeline.between is None


def test_equal_sides_are_hardly_ever_told_apart_however_many_contenders_one_has() -> None:
    decisive = 0
    for seed in range(100):
        table = losses(0.0, n=300, seed=seed)
        rng = np.random.default_rng(1000 + seed)
        for i in range(6):
            table[f"deep:more{i}"] = table["deep:d0"] + 0.1 * rng.normal(size=300)
        decisive += judge_losses(table, margin=0.01).call in (Call.CLASSICAL, Call.DEEP)
    assert decisive <= 5


def test_losses_alone_give_a_choice_without_prices() -> None:
    """Deep is surely not worse, and not surely better by more than the margin: the call is open, the answer is not."""
    verdict = judge_losses(losses(0.05), margin=0.05)
    assert verdict.call is Call.UNDECIDED
    assert verdict.choice is not None
    assert (verdict.choice.side, verdict.choice.because, verdict.choice.cost) == ("deep", Ground.NOT_WORSE, None)
    assert verdict.choice.p_not_worse > 0.99
    lines = verdict.lines()
    assert lines[0].startswith("Use deep learning: classical models are not better by what matters here")
    assert any(line.startswith("call: UNDECIDED") for line in lines)


def test_no_blend_is_made_of_losses() -> None:
    verdict = judge_losses(losses(0.1, contenders=3), margin=0.01)
    for side in verdict.families.values():
        assert sorted(member["weight"] for member in side["members"])[-1] == 1.0
        assert side["contenders"] == 3


def test_groups_widen_the_interval_and_stay_in_one_half() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(40), 15)
    shift = rng.normal(size=40)[who]
    table = {"fold": np.arange(600) % 5, "classical:a": 1 + shift + 0.1 * rng.normal(size=600), "deep:b": np.ones(600)}
    alone = judge_losses(table, margin=0.01).difference
    together = judge_losses({**table, "group": who}, margin=0.01).difference
    assert alone is not None
    assert together is not None
    assert together.se > 2.5 * alone.se
    half = judged_of({**table, "fold": who % 5, "group": who}).half
    assert all(len(set(half[who == g])) == 1 for g in range(40))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fold": None}, "no column 'fold'"),
        ({"gbm": np.zeros(600)}, "'gbm' names no contender"),
        ({"deep:": np.zeros(600)}, "names no contender"),
        ({"deep:d0": np.full(600, np.nan)}, "600 losses of 'deep:d0'"),
        ({"deep:d0": np.array(["x"] * 600)}, "no finite numbers"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, np.ndarray | None], words: str) -> None:
    table = {name: value for name, value in (losses(0.0) | change).items() if value is not None}
    with pytest.raises(DataError, match=words):
        judge_losses(table, margin=0.1)


def test_one_side_alone_gets_no_comparison() -> None:
    table = {name: value for name, value in losses(0.1).items() if not name.startswith("deep")}
    verdict = judge_losses(table, margin=0.01)
    assert verdict.call is Call.UNDECIDED
    assert verdict.because[0].code == "DEEP_MISSING"
    with pytest.raises(DataError, match="no contender"):
        judge_losses({"fold": np.zeros(3)}, margin=0.01)


def test_a_file_and_a_frame_get_the_same_verdict(tmp_path: Path) -> None:
    frame = pl.DataFrame(losses(0.2))
    path = tmp_path / "losses.csv"
    frame.write_csv(path)
    done = subprocess.run(
        [sys.executable, "-m", "treeline", "judge", str(path), "--margin", "0.05", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["call"] == treeline.judge(frame, margin=0.05).call == "DEEP"
    assert told["difference"]["estimate"] == pytest.approx(treeline.judge(frame, margin=0.05).difference.estimate)
    plain = subprocess.run(
        [sys.executable, "-m", "treeline", "judge", str(path), "--margin", "0.05"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert plain.stdout.startswith("Use deep learning: better than classical models by more than what matters here")
    assert "call: DEEP\n" in plain.stdout
    assert "lower loss" in plain.stdout
    with pytest.raises(UsageError, match="margin"):
        treeline.judge(frame, margin=-1)


def test_a_record_without_a_fold_is_one_clear_line() -> None:
    table = losses(0.1)
    folds = [str(value) for value in table["fold"]]
    folds[7] = ""
    with pytest.raises(DataError, match="record 8"):
        judge_losses({**table, "fold": np.array(folds)}, margin=0.01)


def test_groups_in_several_folds_are_said() -> None:
    table = losses(0.1)
    n = len(table["fold"])
    told = judge_losses({**table, "group": np.arange(n) % 40, "fold": np.arange(n) // 40 % 5}, margin=0.01)
    assert any("rows in several folds" in line for line in told.caveats)


def test_sides_that_are_there_are_not_called_missing() -> None:
    told = judge_losses(losses(0.1), margin=0.01).to_json()
    assert [told["families"][side]["missing"] for side in ("classical", "deep")] == [None, None]
