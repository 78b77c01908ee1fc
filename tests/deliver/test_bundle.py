"""Writing a bundle: it holds what it says, predicts as its members do, and fails closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from treeline.deliver.bundle import write_bundle
from treeline.deliver.runtime import load
from treeline.errors import IntegrityError, UsageError
from treeline.problem.task import Task


@pytest.mark.parametrize("task", list(Task))
def test_what_is_written_is_told_and_checked(tmp_path: Path, contents: Callable[..., Any], task: Task) -> None:
    told = write_bundle(tmp_path / "model", contents(task))
    assert told["models"] == 2 and told["files"] == 7 and told["parity"] <= 1e-6
    names = {path.relative_to(tmp_path / "model").as_posix() for path in (tmp_path / "model").rglob("*.*")}
    assert names == {
        "manifest.json",
        "manifest.sha256",
        "schema.json",
        "model.json",
        "features.safetensors",
        "weights/0-0.safetensors",
        "weights/0-1.safetensors",
        "parity.json",
        "verdict.json",
    }
    total = sum(path.stat().st_size for path in (tmp_path / "model").rglob("*.*"))
    assert 0 <= total - told["bytes"] < 4000
    assert load(tmp_path / "model").verdict == {"call": "EQUIVALENT"}


def test_parity_rows_hold_inputs_only(tmp_path: Path, contents: Callable[..., Any]) -> None:
    given = contents()
    write_bundle(
        tmp_path / "model",
        replace(given, parity_frame=given.parity_frame.with_columns(secret=given.parity_frame["town"])),
    )
    parity = json.loads((tmp_path / "model" / "parity.json").read_bytes())
    assert set(parity["rows"]) == {"size", "age", "town", "seen"} and len(parity["expected"]) == 32


def test_a_model_that_does_not_predict_as_when_fitted_is_not_written(
    tmp_path: Path, contents: Callable[..., Any]
) -> None:
    write_bundle(tmp_path / "model", contents(verdict={"call": "OLD"}))
    given = contents()
    member = given.members[0]
    wrong = [proof + 0.01 for proof in member.proof]
    with pytest.raises(IntegrityError, match="Tiny as read back does not predict as it did"):
        write_bundle(tmp_path / "model", replace(given, members=[replace(member, proof=wrong)]))
    assert load(tmp_path / "model").verdict == {"call": "OLD"}
    partly = [np.where(np.arange(32) % 2 == 0, proof, np.nan) for proof in member.proof]
    write_bundle(tmp_path / "model", replace(given, members=[replace(member, proof=partly)]))
    assert load(tmp_path / "model").verdict == {"call": "EQUIVALENT"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "state",
    [
        ({"weights": np.array(["text"])}, {}),
        ({"weights": np.array([object()])}, {}),
        ({"weights": np.zeros(2)}, {"x": float("nan")}),
        ({"weights": np.zeros(2)}, {"x": {1, 2}}),
    ],
)
def test_only_plain_data_is_written(tmp_path: Path, contents: Callable[..., Any], state: Any) -> None:
    given = contents()
    with pytest.raises(UsageError, match=r"plain JSON|not made of numbers"):
        write_bundle(tmp_path / "model", replace(given, members=[replace(given.members[0], models=[state])]))
    assert list(tmp_path.iterdir()) == []


def test_no_member_is_refused(tmp_path: Path, contents: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="no member"):
        write_bundle(tmp_path / "model", contents(members=[]))


def test_members_are_weighed_after_the_mean_of_their_folds(tmp_path: Path, contents: Callable[..., Any]) -> None:
    given = contents(Task.REGRESSION)
    one = replace(given.members[0], models=given.members[0].models[:1], proof=())
    two = replace(given.members[0], proof=(), weight=3.0)
    frames = given.parity_frame
    single = []
    for members in ([one], [two], [one, two]):
        write_bundle(tmp_path / "model", replace(given, members=members))
        single.append(load(tmp_path / "model").predict(frames))
    np.testing.assert_allclose(single[2], (single[0] + 3 * single[1]) / 4, rtol=1e-12)
    assert np.abs(single[0] - single[1]).max() > 1e-6


def test_a_log_target_is_brought_back(tmp_path: Path, contents: Callable[..., Any]) -> None:
    given = contents(Task.REGRESSION, log=True)
    write_bundle(tmp_path / "model", given)
    said = load(tmp_path / "model").predict(given.parity_frame)
    assert 20 < said.min() < said.max() < 120
