"""The verdict is a function of the ledger: not of what is installed where it is read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude
from treeline.study import Study


@pytest.mark.parametrize("kind", ["run", "worded"])
def test_the_verdict_is_the_same_where_nothing_is_installed(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(kind)
    before = conclude(Ledger(path)).verdict
    request.getfixturevalue("nobody_installed")
    assert json.dumps(conclude(Ledger(path)).verdict) == json.dumps(before)


def test_a_run_from_before_there_were_choices_is_asked_all_the_same(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "old")
    path = tmp_path / "old" / "verdict.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    for name in ("choice", "headline", "beside", "speaks", "split"):
        told.pop(name)
    path.write_text(json.dumps(told), encoding="utf-8")
    assert Study(tmp_path / "old").choice == json.loads((run / "verdict.json").read_text(encoding="utf-8"))["choice"]
