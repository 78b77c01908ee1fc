"""From the ledger to the diagnosis: seeds, and every fit that the clock ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeline.contest.ailments import _of_rows, _stopped, ailments
from treeline.contest.blend import gather
from treeline.contest.trial import State
from treeline.evidence.sides import measured, one_side
from treeline.problem.task import Family
from treeline.testing.worlds import world

from .small import FOLDS, PROBLEM, fit, ledger_of


def test_every_fit_on_all_rows_that_the_clock_ended_is_known(tmp_path: Path) -> None:
    ledger = ledger_of(
        tmp_path,
        *[fit("net", fold, family="deep") for fold in range(2)],
        fit("net", 2, family="deep", done=0.35),
        fit("other", family="deep", state=State.TIMEOUT, score=None),
        fit("net", rung=0.5, family="deep", done=0.1),
        fit("tree", done=0.5),
    )
    assert sorted(_stopped(ledger, Family.DEEP)) == [0.0, 0.35]
    assert _stopped(ledger, Family.CLASSICAL) == (0.5,)


def test_a_winner_whose_last_fold_was_cut_and_left_out_is_not_said_to_have_had_all_time(tmp_path: Path) -> None:
    ledger = ledger_of(
        tmp_path,
        *[fit("baseline", fold, noise=2.0) for fold in range(FOLDS)],
        *[fit("net", fold, family="deep", done=1.0 if fold < 2 else 0.35, train_score=0.4) for fold in range(FOLDS)],
    )
    judged = gather(ledger, PROBLEM)
    side = {
        "score": 0.5, "se": 0.02, "unfinished": None,
        "members": [{"name": "net", "weight": 1.0, "score": 0.5, "se": 0.02}],
    }  # fmt: skip
    told = ailments(ledger, judged, {"families": {"deep": side}, "margin": 0.05}, [])
    words = next(one for one in told["sides"]["deep"]["ailments"] if one["name"] == "under_training")["evidence"]
    assert "the clock ended 1 fit on all rows (the earliest after 35% of its steps)" in words


def test_the_spread_of_rows_is_what_is_left_without_the_luck_of_the_models() -> None:
    judged = world(0, rows=500).judged
    evidence = measured(judged)
    told = one_side(judged, Family.DEEP, evidence)
    pull = evidence.measured[Family.DEEP].influence
    assert pull is not None
    assert _of_rows(told) == pytest.approx((pull @ pull / len(pull) ** 2 + evidence.measured[Family.DEEP].floor) ** 0.5)
    assert _of_rows(told) < told["se"]
    assert _of_rows({"se": None, "luck": None}) == 0.0
