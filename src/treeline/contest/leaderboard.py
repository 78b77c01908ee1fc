"""The leaderboard: every contender with its score, its interval, its cost and its weight in the delivered model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.registry import cards
from treeline.contest.blend import Standing, scored, standings
from treeline.contest.field import AGAIN
from treeline.contest.trial import State, Trial

if TYPE_CHECKING:
    from treeline.contest.ledger import Ledger
    from treeline.problem.problem import Problem
    from treeline.problem.task import Family

__all__ = ["baselines", "cards_of", "contending", "leaderboard", "references"]

FEW = 100
"Rows of a fold below which the time of predicting them says nothing of a thousand."


def references(ledger: Ledger) -> set[str]:
    """Return the entries that compete for comparison only."""
    return {entry["name"] for entry in ledger.head["entries"] if entry["reference"]}


def contending(ledger: Ledger, family: Family | None = None) -> list[Trial]:
    """Return the trials of contenders, however they ended: all, or those of one family; references are left out."""
    shown_only = references(ledger)
    return [t for t in ledger.trials if t.entry not in shown_only and family in (None, t.family)]


def cards_of(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Return title, glass_box and memorises of every candidate as they were when the run began; older ledgers ask the cards."""
    known: dict[str, dict[str, Any]] = ledger.head.get("cards") or {
        card.name: {"title": card.title, "glass_box": card.glass_box, "memorises": card.memorises}
        for card in cards().values()
    }
    return known


def baselines(ledger: Ledger) -> set[str]:
    """Return the references that are no probe: constant guesses."""
    return {entry["name"] for entry in ledger.head["entries"] if entry["reference"] and not entry.get("probe")}


def leaderboard(ledger: Ledger, problem: Problem, weights: dict[str, float], width: int) -> list[dict[str, Any]]:
    """Return all entries: first those that cover the judged folds, by score there; then those seen on fewer folds or rows."""
    titles = {name: card["title"] for name, card in cards_of(ledger).items()}
    by_entry: dict[str, list[Trial]] = {}
    for trial in ledger.trials:
        by_entry.setdefault(trial.entry, []).append(trial)
    standing = {one.name: one for one in standings(ledger, reference=True)}
    board = []
    probes = {entry["name"] for entry in ledger.head["entries"] if entry.get("probe")}
    for name, trials in by_entry.items():
        if name in probes:
            continue
        row: dict[str, Any] = {
            "name": name,
            "title": titles.get(trials[0].candidate, name) + _variant(name.removeprefix(trials[0].candidate)),
            "family": str(trials[0].family), "score": None, "interval": None, "folds": 0, "rows": max(t.rows for t in trials),
            "cpu_s": sum(t.cpu_s for t in trials), "predict_s_per_1000": None, "weight": weights.get(name, 0.0),
            "state": str(trials[-1].state), "reference": name in references(ledger), "whole": False,
        }  # fmt: skip
        if name in standing:
            row |= _scored(ledger, problem, standing[name], width)
        board.append(row)
    sign = -1.0 if problem.metric.greater_is_better else 1.0
    return sorted(board, key=lambda row: (row["score"] is None, not row["whole"], sign * (row["score"] or 0.0)))


def _variant(suffix: str) -> str:
    """Return what tells an entry from its candidate's first one: its number, or that it has another seed."""
    return suffix.removesuffix(AGAIN).replace("-", " #") + (", another seed" if suffix.endswith(AGAIN) else "")


def _scored(ledger: Ledger, problem: Problem, one: Standing, width: int) -> dict[str, Any]:
    found = scored(ledger, problem, one, folds=width or None)
    judged = int(np.isin(ledger.rows()["fold"], range(one.reach)).sum())
    seconds = sum(trial.predict_s for trial in one.trials)
    return {
        "score": found.score, "interval": [found.low, found.high], "folds": min(one.reach, width) if width else one.reach,
        "rows": one.trials[0].rows, "state": str(State.DONE),
        # Small folds are mostly start-up, which must not be scaled up; tiny ones say nothing of a thousand rows.
        "predict_s_per_1000": 1000 * seconds / max(judged, 1000 * one.reach) if judged >= FEW * one.reach else None,
        "whole": one.reach >= width and one.rung == 1.0,
    }  # fmt: skip
