"""The leaderboard: every contender with its score, its interval, its cost and its weight in the delivered model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.contest.blend import Standing, scored, standings
from treeline.contest.roster import cards_of, entries_of, probes_of, references
from treeline.contest.trial import State, Trial

if TYPE_CHECKING:
    from treeline.contest.ledger import Ledger
    from treeline.problem.problem import Problem

__all__ = ["leaderboard"]

BARELY = 0.25
"Fits that the clock ended before this share of their steps do not show what their contender can do."
FEW = 100
"Rows of a fold below which the time of predicting them says nothing of a thousand."


def leaderboard(ledger: Ledger, problem: Problem, weights: dict[str, float], width: int) -> list[dict[str, Any]]:
    """Return all entries: first those that cover the judged folds, by score there; then those seen on fewer folds or rows;
    then those that the clock stopped when they had hardly begun.
    """
    titles, shown_only = titles_of(ledger), references(ledger)
    by_entry: dict[str, list[Trial]] = {}
    for trial in ledger.trials:
        by_entry.setdefault(trial.entry, []).append(trial)
    standing = {one.name: one for one in standings(ledger, reference=True)}
    board = []
    probes = probes_of(ledger)
    for name, trials in by_entry.items():
        if name in probes:
            continue
        row: dict[str, Any] = {
            "name": name,
            "title": titles.get(name, name),
            "family": str(trials[0].family), "score": None, "interval": None, "folds": 0, "rows": max(t.rows for t in trials),
            "cpu_s": sum(t.cpu_s for t in trials), "predict_s_per_1000": None, "weight": weights.get(name, 0.0),
            "state": str(trials[-1].state), "reference": name in shown_only, "whole": False,
            "done": None, "barely": False,
        }  # fmt: skip
        if name in standing:
            row |= _scored(ledger, problem, standing[name], width, used=name in weights)
        board.append(row)
    sign = -1.0 if problem.metric.greater_is_better else 1.0
    key = lambda row: (row["score"] is None, row["barely"], not row["whole"], sign * (row["score"] or 0.0))  # noqa: E731
    return sorted(board, key=key)


def titles_of(ledger: Ledger) -> dict[str, str]:
    """Return every entry's title: its candidate's, with the number of its setting, or that it has another seed."""
    known = cards_of(ledger)
    titles: dict[str, str] = {}
    for entry in entries_of(ledger):  # what an entry repeats stands before it
        title = str(known.get(entry.candidate, {}).get("title", entry.candidate))
        number = entry.name.removeprefix(entry.candidate).replace("-", " #")
        titles[entry.name] = f"{titles.get(entry.of, title)}, another seed" if entry.again else title + number
    return titles


def _scored(ledger: Ledger, problem: Problem, one: Standing, width: int, *, used: bool) -> dict[str, Any]:
    found = scored(ledger, problem, one, folds=width or None)
    judged = int(np.isin(ledger.rows()["fold"], range(one.reach)).sum())
    seconds = sum(trial.predict_s for trial in one.trials)
    done = float(np.mean([trial.done for trial in one.trials]))
    barely = done < BARELY and not used  # what is handed over is shown for what it is
    return {
        "score": found.score, "interval": [found.low, found.high], "folds": min(one.reach, width) if width else one.reach,
        "rows": one.trials[0].rows, "state": str(State.DONE),
        # Small folds are mostly start-up, which must not be scaled up; tiny ones say nothing of a thousand rows.
        "predict_s_per_1000": 1000 * seconds / max(judged, 1000 * one.reach) if judged >= FEW * one.reach else None,
        "whole": one.reach >= width and one.rung == 1.0 and not barely, "done": done, "barely": barely,
    }  # fmt: skip
