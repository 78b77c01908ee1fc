"""The conclusion as plain data: all that stands beside a verdict, and what must be read first in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from treeline.contest.conclusion import Conclusion
from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude


def test_repeats_and_a_given_test_part_are_told_before_the_other_caveats(run: Any) -> None:
    made = conclude(Ledger(run)).conclusion
    assert isinstance(made, Conclusion)
    plain = replace(made, repeats=None).to_json()
    assert plain["repeats"] is None
    assert "given_test" not in plain
    json.dumps(plain, allow_nan=False)
    told = replace(
        made, repeats={"words": "9 rows repeat."}, given_test={"rows": 7, "score": 0.5, "interval": (0.4, 0.6)}
    )
    caveats = told.to_json()["caveats"]
    assert caveats[0].startswith("On 7 rows of the test folder")
    assert caveats[1] == "9 rows repeat."
    assert caveats[2:] == plain["caveats"]
