"""Explainable boosting: one readable curve for each input and a few tables for pairs, added up.

The library fits; what is kept is the curves and tables, which numpy adds up.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.baseline import Constant, constant
from treeline.candidates.classical.rounds import share_of
from treeline.candidates.classical.target import Scale, in_shape, sigmoid, softmax, training_target
from treeline.candidates.prepare import TargetMean, settings, with_prefix, without_prefix
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "Additive", "ExplainableBoosting"]

LEVELS = 30

CUT = 0.5
"Share of its steps that a fit is taken to have done when the clock ended it: the library does not say."


@dataclass(frozen=True, slots=True)
class Additive:
    """A sum of curves and tables over binned inputs."""

    means: TargetMean
    "of the category columns with many levels, which count as numbers"
    bins: dict[str, Array]
    "`input.level` to edges of a number's bins (float64), or to the bin of each category code (int32)"
    tables: dict[str, Array]
    "term number to scores (bins, …, k) float32; bin 0 is missing, the last one unknown"
    terms: tuple[tuple[int, ...], ...]
    "the inputs of each term"
    intercept: Array
    "(k,); k is 1 but for several classes"
    classes: Array
    "(C',) int64: the classes that training held; empty for regression"
    scale: Scale

    def score(self, rows: Rows) -> Array:
        """Return the sums (n, k) on the link's scale."""
        total = np.tile(self.intercept.astype(np.float64), (len(rows), 1))
        numbers, codes = _inputs(rows, self.means.columns, self.means(rows.cat))
        known: dict[str, Array] = {}
        for number, term in enumerate(self.terms):
            table = self.tables[str(number)]
            place: list[Array] = []
            for j in term:
                level = len(term) - 1 if f"{j}.{len(term) - 1}" in self.bins else 0
                key = f"{j}.{level}"
                if key not in known:
                    p = numbers.shape[1]
                    known[key] = _place(numbers[:, j] if j < p else codes[:, j - p], self.bins[key])
                place.append(np.minimum(known[key], table.shape[len(place)] - 1))
            total += table[tuple(place)]
        return total

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        score, shape = self.score(rows), rows.shape
        if shape.task is Task.REGRESSION:
            return self.scale.back(score[:, 0])
        if score.shape[1] == 1:
            positive = sigmoid(score[:, 0])
            score = np.log(np.maximum(np.stack([1 - positive, positive], axis=1), 1e-300))
        spread = np.zeros((len(score), shape.n_classes))
        spread[:, self.classes] = softmax(score) if len(score) else score
        return in_shape(spread, shape)

    def state(self) -> State:
        """Return curves and tables."""
        arrays = {"intercept": self.intercept, "classes": self.classes}
        arrays |= with_prefix("means", self.means.arrays())
        arrays |= with_prefix("bins", self.bins) | with_prefix("table", self.tables)
        return arrays, {"terms": [list(term) for term in self.terms], "scale": self.scale.meta()}


class ExplainableBoosting:
    """Cyclic boosting of single inputs, then of the strongest pairs."""

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Boost each fold; the library stops by rows of its own, so the watch is shown the result only."""
        # The contest's folds are bags enough: one bag scored 0.001 AUC below two, in less than half the time.
        defaults = {"steps": None, "interactions": 10, "outer_bags": 1, "learning_rate": 0.04, "max_bins": 256}
        chosen = settings(defaults, params)
        fitted: list[Fitted] = []
        for i, fold in enumerate(folds):
            rows = fold.train
            scale, label, _ = training_target(rows)
            if len(np.unique(label)) < 2:
                fitted.append(constant(fold))
                continue
            until = share_of(clock, len(folds) - i)
            means, encoded = TargetMean.fit(rows, _large(rows), seed=seed)
            model = _boost(rows, _inputs(rows, means.columns, encoded), chosen, until=until, seed=seed)
            if fold.watch is not None and time.monotonic() > until:
                fold.watch.done = CUT
            additive = _taken(model, rows, means, scale)
            if fold.watch is not None:
                fold.watch.see(0, additive.predict(fold.watch.rows))
            fitted.append(additive)
        return fitted

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild curves and tables."""
        if "answer" in arrays:
            return Constant(arrays["answer"])
        terms = tuple(tuple(term) for term in meta["terms"])
        bins, tables = without_prefix("bins", arrays), without_prefix("table", arrays)
        means = TargetMean(**without_prefix("means", arrays))
        return Additive(means, bins, tables, terms, arrays["intercept"], arrays["classes"], Scale(**meta["scale"]))


def _large(rows: Rows) -> list[int]:
    """Return the category columns whose levels are too many for tables."""
    return [j for j, card in enumerate(rows.shape.cards) if card > LEVELS + 2]


def _inputs(rows: Rows, large: Array, encoded: Array) -> tuple[Array, Array]:
    """Return numbers (n, p') float64, the large columns' means among them, and the codes (n, q') of the other columns."""
    codes = np.delete(rows.cat, large, axis=1)
    cards = np.delete(np.array(rows.shape.cards, dtype=np.int64), large)
    return np.hstack([rows.num, encoded]).astype(np.float64), np.where(codes < cards, codes, 1)


def _place(column: Array, bins: Array) -> Array:
    """Return the bin (n,) of numbers or codes."""
    if column.dtype.kind != "f":
        return np.asarray(bins[column])
    return np.where(np.isnan(column), 0, np.searchsorted(bins, column, side="right") + 1)


def _boost(rows: Rows, inputs: tuple[Array, Array], chosen: dict[str, Any], *, until: float, seed: int) -> Any:
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    _, label, weight = training_target(rows)
    classes = rows.shape.task is not Task.REGRESSION
    common = {
        "feature_types": ["continuous"] * inputs[0].shape[1] + ["nominal"] * inputs[1].shape[1],
        "outer_bags": int(chosen["outer_bags"]),
        "learning_rate": float(chosen["learning_rate"]),
        "max_bins": int(chosen["max_bins"]),
        "interactions": 0 if len(np.unique(label)) > 2 and classes else int(chosen["interactions"]),
        "validation_size": max(0.15, 2 * rows.shape.n_classes / len(rows)) if len(rows) > 50 else 0,
        "callback": lambda bag, step, best, metric: time.monotonic() > until,
        "n_jobs": 1,
        "random_state": seed,
    }
    if not common["validation_size"]:
        common |= {"outer_bags": 1, "max_rounds": 200}
    if classes:
        smallest = np.bincount(label, minlength=1)
        if smallest[smallest > 0].min() < 2:
            common |= {"validation_size": 0, "outer_bags": 1, "max_rounds": 200}
    build = ExplainableBoostingClassifier if classes else ExplainableBoostingRegressor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build(**common).fit(np.hstack(inputs), label, sample_weight=weight)


def _taken(model: Any, rows: Rows, means: TargetMean, scale: Scale) -> Additive:
    """Take the library's model apart."""
    p, bins = rows.num.shape[1] + len(means.columns), {}
    cards = np.delete(np.array(rows.shape.cards, dtype=np.int64), means.columns)
    for j, levels in enumerate(model.bins_):
        for level, found in enumerate(levels):
            if j < p:
                bins[f"{j}.{level}"] = np.asarray(found, dtype=np.float64)
                continue
            # Codes that training lacked have the last bin, which the library scores zero.
            unknown = max(found.values(), default=0) + 1
            codes = np.full(cards[j - p], unknown, np.int32)
            for name, place in found.items():
                codes[round(float(name))] = place
            bins[f"{j}.{level}"] = codes
    classes = rows.shape.task is not Task.REGRESSION
    intercept = np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64))
    tables = {
        str(number): np.asarray(table, dtype=np.float32).reshape(
            table.shape if len(intercept) > 1 else (*table.shape, 1)
        )
        for number, table in enumerate(model.term_scores_)
    }
    held = np.asarray(model.classes_, dtype=np.int64) if classes else np.zeros(0, np.int64)
    return Additive(means, bins, tables, tuple(tuple(t) for t in model.term_features_), intercept, held, scale)


CARDS = (
    Card(
        name="ebm",
        title="Explainable boosting",
        family=Family.CLASSICAL,
        build=f"{__name__}:ExplainableBoosting",
        paper="Lou, Caruana, Gehrke, Hooker, KDD 2013; Nori et al., InterpretML, 2019",
        licence="MIT",
        requires=("interpret",),
        anytime=True,
        glass_box=True,
        max_classes=30,
        portfolio=({}, {"interactions": 30, "outer_bags": 3, "learning_rate": 0.02}),
        space={"interactions": (0, 50), "learning_rate": (0.005, 0.08, "log"), "max_bins": (64, 1024, "log")},
    ),
)
