"""The verdict is a function of the ledger: not of what is installed where it is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude


@pytest.mark.parametrize("kind", ["run", "worded"])
def test_the_verdict_is_the_same_where_nothing_is_installed(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(kind)
    before = conclude(Ledger(path)).verdict
    request.getfixturevalue("nobody_installed")
    assert json.dumps(conclude(Ledger(path)).verdict) == json.dumps(before)
