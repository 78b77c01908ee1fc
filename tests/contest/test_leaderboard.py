"""The leaderboard: order, titles, and fits that the clock stopped when they had hardly begun."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from treeline.contest.leaderboard import leaderboard
from treeline.contest.trial import Entry, State
from treeline.problem.task import Family
from treeline.report.notes import ranked, row_note

from .small import FOLDS, PROBLEM, card, fit, ledger_of


def fits(name: str, noise: float, folds: int = FOLDS, **more: object) -> list:
    return [fit(name, fold, noise=noise, **more) for fold in range(folds)]


def test_who_covers_all_comes_first_then_part_then_hardly_begun_then_nothing(tmp_path: Path) -> None:
    ledger = ledger_of(
        tmp_path,
        *fits("baseline", 2.0),
        *fits("late", 0.1, done=0.01),
        *fits("part", 0.2, folds=1),
        *fits("worse", 0.8),
        *fits("better", 0.4),
        fit("lost", state=State.FAILED, score=None),
    )
    board = leaderboard(ledger, PROBLEM, {"better": 1.0}, FOLDS)
    names = ["better", "worse", "baseline", "part", "late", "lost"]
    assert [row["name"] for row in board] == names
    assert [row["name"] for row in ranked(board, up=False)] == names
    notes = {row["name"]: row_note(row) for row in board}
    assert notes["late"] == "stopped after 1% of its steps"
    assert notes["part"] == "seen on 1 fold of 200 rows"
    assert notes["better"] == ""
    assert [row["whole"] for row in board] == [True, True, True, False, False, False]


def test_what_is_handed_over_keeps_its_place_and_is_shown_for_what_it_is(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, *fits("early", 0.3, done=0.2), *fits("half", 0.4, done=0.4), *fits("other", 0.5))
    board = leaderboard(ledger, PROBLEM, {"early": 1.0}, FOLDS)
    assert [row["name"] for row in board] == ["early", "half", "other"]
    assert row_note(board[0]) == "stopped after 20% of its steps"
    assert row_note(board[1]) == "stopped after 40% of its steps"
    assert np.isclose(board[0]["done"], 0.2)


def test_titles_name_the_setting_and_the_seed_by_flags_and_probes_are_not_shown(tmp_path: Path) -> None:
    def entry(name: str, **more: object) -> Entry:
        return Entry(name=name, candidate="gbm", family=Family.CLASSICAL, params={}, **more)

    entries = (
        entry("gbm"), entry("gbm-2"), entry("gbm-twice", again=True, of="gbm-2"), entry("bare", probe="plain", of="gbm",
        reference=True),
    )  # fmt: skip
    made = [one for name in ("gbm", "gbm-2", "gbm-twice", "bare") for one in fits(name, 0.5, candidate="gbm")]
    ledger = ledger_of(tmp_path, *made, entries=entries, cards={"gbm": card("Boosting")})
    titles = {row["name"]: row["title"] for row in leaderboard(ledger, PROBLEM, {}, FOLDS)}
    assert titles == {"gbm": "Boosting", "gbm-2": "Boosting #2", "gbm-twice": "Boosting #2, another seed"}
