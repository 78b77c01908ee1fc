"""How the sides and the delivered model do on rows whose inputs they saw in training, and on new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.contest.opening import folds_of
from treeline.evidence.choice import procedure
from treeline.evidence.numbers import number
from treeline.problem.metric import title_of
from treeline.problem.task import Family, Repeats

if TYPE_CHECKING:
    from treeline.contest.delivery import Delivered
    from treeline.contest.ledger import Ledger
    from treeline.evidence.scores import Judged
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["on_repeats"]

WHO = {**{str(family): family.words for family in Family}, "delivered": "what is handed over"}
LEAST = 20
"So few rows have no score of their own."


def on_repeats(ledger: Ledger, problem: Problem, judged: Judged, delivered: Delivered | None) -> dict[str, Any] | None:
    """Return the scores of both sides and of what is handed over, on rows that repeat trained ones and on new ones.

    None where no row repeats another, and for ledgers from before that was kept.
    """
    rows = ledger.rows()
    if "twin" not in rows or not judged.members:
        return None
    found = {str(family): (judged, procedure(judged, family).prediction) for family in Family if judged.of(family)}
    if delivered is not None:
        found["delivered"] = (delivered.judged, delivered.prediction)
    scores, known = {}, np.zeros(0, dtype=bool)
    for name, (on, prediction) in found.items():
        known = _seen(ledger, len(np.unique(on.fold)))
        scores[name] = {
            "repeated": _score(problem, on.y[known], prediction[known]),
            "new": _score(problem, on.y[~known], prediction[~known]),
        }
    told = {
        "how": str(problem.repeats) if problem.repeats else None, "rows": len(rows["twin"]) - len(np.unique(rows["twin"])),
        "judged": len(known), "judged_repeated": int(known.sum()), "scores": scores,
    }  # fmt: skip
    return told | {"words": _words(told, problem)}


def _seen(ledger: Ledger, width: int) -> Array:
    """Return (m,) whether a judged row has a twin in the training part of its fold, fold by fold."""
    folds, twin = folds_of(ledger), ledger.rows()["twin"]
    parts = [np.isin(twin[folds.test_rows(fold)], twin[folds.train_rows(fold)]) for fold in range(width)]
    return np.concatenate(parts)


def _score(problem: Problem, y: Array, prediction: Array) -> float | None:
    if len(y) < LEAST or (problem.task.is_classification and len(np.unique(y)) < 2):
        return None
    score = problem.metric.score(y, prediction)
    return float(score) if np.isfinite(score) else None


def _words(told: dict[str, Any], problem: Problem) -> str:
    rows = f"{told['rows']:,} row{'s repeat' if told['rows'] > 1 else ' repeats'} the inputs of another one"
    if problem.keeps_repeats:
        return (
            f"{rows} and all copies are kept in one fold, so the scores are those of new rows; if the rows to predict may "
            "repeat known ones, --repeats apart measures that."
        )
    asked = "as asked by --repeats apart" if problem.repeats is Repeats.APART else "as time alone keeps rows apart"
    if not told["judged_repeated"]:
        return f"{rows}, but no judged row repeats one that its model was trained on."
    words = f"{told['judged_repeated']:,} of {told['judged']:,} judged rows repeat one that their model was trained on, {asked}"
    parts = []
    for which, kind in (("them", "repeated"), ("new rows", "new")):
        each = [f"{WHO[name]} {number(has[kind])}" for name, has in told["scores"].items() if has[kind] is not None]
        parts += [f"on {which} {', '.join(each)}"] if each else []
    return f"{words}: {title_of(problem.metric.name)} {'; '.join(parts)}." if parts else f"{words}."
