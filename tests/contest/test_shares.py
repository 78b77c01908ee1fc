"""What a side fielded, spent and could not finish, each contender that the clock ended by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeline.contest.blend import gather
from treeline.contest.shares import fits_cpu, share_of, why_missing
from treeline.contest.trial import State
from treeline.evidence.choice import procedure
from treeline.problem.task import Family

from .small import FOLDS, PROBLEM, card, fit, ledger_of


def test_all_contenders_that_the_clock_ended_are_named_not_only_the_members(tmp_path: Path) -> None:
    ledger = ledger_of(
        tmp_path,
        *[fit("member", fold, done=0.3) for fold in range(FOLDS)],
        fit("short", done=0.2),  # one fold only: no member
        fit("killed", state=State.TIMEOUT, score=None),
        *[fit("whole", fold) for fold in range(FOLDS)],
        fit("whole", 0, rung=0.5, done=0.1),
    )
    judged = gather(ledger, PROBLEM)
    assert {member.name for member in judged.members} == {"member", "whole"}
    share = share_of(ledger, Family.CLASSICAL, judged, procedure(judged, Family.CLASSICAL))
    assert share.cut == ("Killed", "Member", "Short")
    assert share.contenders == 2
    assert share.cpu_s == pytest.approx(9.0)


def test_a_fit_that_was_under_way_at_the_end_is_no_contender_that_was_cut(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, fit("one"), fit("one", 1, state=State.TIMEOUT, score=None))
    judged = gather(ledger, PROBLEM)
    assert share_of(ledger, Family.CLASSICAL, judged, procedure(judged, Family.CLASSICAL)).cut == ()


def test_a_fit_that_was_cut_counts_as_long_as_it_would_have_taken(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, *[fit("one", fold, done=0.5) for fold in range(FOLDS)])
    judged = gather(ledger, PROBLEM)
    assert fits_cpu(ledger, procedure(judged, Family.CLASSICAL)) == {"one": [2.0] * FOLDS}


@pytest.mark.parametrize("net", [True, False])
def test_nets_of_media_that_hardly_began_leave_their_side_unfinished(tmp_path: Path, net: bool) -> None:
    trials = [fit("net", fold, family="deep", done=0.1) for fold in range(FOLDS)]
    ledger = ledger_of(tmp_path, *trials, cards={"net": card("Net", media_net=net)})
    judged = gather(ledger, PROBLEM)
    told = share_of(ledger, Family.DEEP, judged, procedure(judged, Family.DEEP)).unfinished
    assert (told is not None and "10% of its planned steps" in told) is net


def test_a_side_without_a_member_says_why(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "a", fit("one", state=State.FAILED, score=None, reason="boom"))
    assert "one: boom" in why_missing(ledger, Family.CLASSICAL)
    assert why_missing(ledger, Family.DEEP) == "the time was over before its first trial"
    alone = ledger_of(tmp_path / "b", fit("one"), settings={"families": ["classical"]})
    assert why_missing(alone, Family.DEEP) == "it was not asked for"
