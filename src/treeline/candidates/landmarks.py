"""Landmarks: what four simple learners reach on a sample within seconds (Pfahringer, Bensusan, Giraud-Carrier, ICML 2000).

They say a little of what larger ones will do; see `treeline.evidence.prior`. Nothing of them is kept.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from treeline.candidates.card import Rows
from treeline.candidates.prepare import Dense, Ordinal
from treeline.evidence.prior import Prior, prior_of

if TYPE_CHECKING:
    from treeline.candidates.features import Encoder
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["foresee", "landmarks"]

SAMPLE = 2_000
"Rows that are looked at: three quarters to learn from, one quarter to judge on."
LEAST = 40


def landmarks(
    dataset: Dataset, problem: Problem, rows: Array, y: Array, *, encoder: Encoder
) -> dict[str, float] | None:
    """Return the losses (error rate or RMSE) of `linear`, `neighbours`, `forest` and `guess`, or None for too few rows.

    Args:
        dataset: the table.
        problem: task and target.
        rows: (n,) row numbers that have a target.
        y: (n,) their targets.
        encoder: of the inputs.
    """
    rng = np.random.default_rng(problem.seed)
    pick = rng.permutation(len(rows))[:SAMPLE]
    if len(pick) < LEAST or not (encoder.num_names or encoder.cat_names):
        return None
    cut = 3 * len(pick) // 4
    if problem.task.is_classification and len(np.unique(y[pick[:cut]])) < 2:
        return None
    num, cat = encoder.transform(dataset.frame[rows[pick]])
    every = Rows(encoder.shape(problem), num, cat, y[pick])
    train, test = every.take(np.arange(cut)), every.take(np.arange(cut, len(pick)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _losses(train, test, problem.seed)


def foresee(
    dataset: Dataset, problem: Problem, rows: Array, y: Array, *, encoder: Encoder, fits: bool = True, leads: str = ""
) -> Prior:
    """Return what public results say of a table like this one; without `fits`, which take a second, the base rate.

    Where texts, images or sounds are what matters (`leads` is their kind), they say nothing.
    """
    losses = landmarks(dataset, problem, rows, y, encoder=encoder) if fits and not leads else None
    kinds = [part.kind for part in encoder.media]
    counted = [(kinds.count(kind), kind) for kind in dict.fromkeys(kinds)]
    return prior_of(
        rows=len(rows), columns=len(encoder.inputs), task=problem.task, losses=losses, of=leads or "table",
        raw=", ".join(f"{count} column{'s' if count > 1 else ''} of {kind}s" for count, kind in counted),
    )  # fmt: skip


def _losses(train: Rows, test: Rows, seed: int) -> dict[str, float]:
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    classes = train.shape.task.is_classification
    dense, scaled = Dense.fit(train, seed=seed)
    plain, ordinal = Ordinal.fit(train, seed=seed)
    near, grown = (scaled, dense(test)), (ordinal, plain(test))
    tried = {
        "linear": (LogisticRegression(max_iter=300) if classes else Ridge(), near),
        "neighbours": (KNeighborsClassifier(10) if classes else KNeighborsRegressor(10), near),
        "forest": ((RandomForestClassifier if classes else RandomForestRegressor)(100, random_state=seed), grown),
        "guess": (DummyClassifier() if classes else DummyRegressor(), near),
    }
    found = {}
    for name, (model, (learn, judge)) in tried.items():
        said = model.fit(learn, train.target).predict(judge)
        found[name] = _loss(test.target, said, classes)
    return found


def _loss(y: Array, said: Array, classes: bool) -> float:
    return float(np.mean(said != y)) if classes else float(np.sqrt(np.mean((said - y) ** 2)))
