"""Random forest and extra trees: scikit-learn grows them, `trees` keeps them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.rounds import share_of
from treeline.candidates.classical.target import Scale, in_shape, training_target
from treeline.candidates.classical.trees import Grove
from treeline.candidates.prepare import Ordinal, settings, with_prefix, without_prefix
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "ExtraTrees", "Forest", "RandomForest"]

NODES = 3_000_000
"A forest stops growing here: about 40 MB."


@dataclass(frozen=True, slots=True)
class Grown:
    """A fitted forest: the mean over its trees, with the weight of one more tree for the class shares."""

    inputs: Ordinal
    grove: Grove
    classes: Array
    "(k,) int64: the classes that training held; empty for regression"
    prior: Array
    "(k,) their shares"
    scale: Scale

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        shape = rows.shape
        total = self.grove.total(self.inputs(rows))
        if shape.task is Task.REGRESSION:
            return self.scale.back(total[:, 0] / len(self.grove))
        spread = np.zeros((len(total), shape.n_classes))
        spread[:, self.classes] = total + self.prior
        return in_shape(spread / spread.sum(axis=1, keepdims=True), shape)

    def state(self) -> State:
        """Return nodes, leaves and the encoder."""
        arrays = {"classes": self.classes, "prior": self.prior, **with_prefix("inputs", self.inputs.arrays())}
        return {**arrays, **with_prefix("grove", self.grove.arrays())}, {"scale": self.scale.meta()}


class Forest:
    """What the two forests share: they grow a few trees at a time until all stand or the time is over."""

    defaults: ClassVar[dict[str, Any]]

    def build(self, chosen: dict[str, Any], rows: Rows, seed: int) -> Any:
        """Return scikit-learn's estimator with no trees yet."""
        raise TypeError("a Forest is either a RandomForest or ExtraTrees")

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Grow a forest for each fold."""
        chosen = settings(self.defaults, params)
        fitted: list[Fitted] = []
        for i, fold in enumerate(folds):
            model = self.build(chosen, fold.train, seed)
            model.set_params(n_jobs=clock.threads, warm_start=True)
            fitted.append(_grow(model, fold, int(chosen["steps"]), share_of(clock, len(folds) - i), seed))
        return fitted

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild the trees."""
        inputs = Ordinal.restore(without_prefix("inputs", arrays))
        grove = Grove.restore(without_prefix("grove", arrays))
        return Grown(inputs, grove, arrays["classes"], arrays["prior"], Scale(**meta["scale"]))


def _grow(model: Any, fold: Fold, most: int, until: float, seed: int) -> Fitted:
    rows, watch, shape = fold.train, fold.watch, fold.train.shape
    inputs, matrix = Ordinal.fit(rows, seed=seed)
    scale, label, weight = training_target(rows)
    classes, counts = (
        np.unique(label, return_counts=True) if shape.task is not Task.REGRESSION else (np.zeros(0, np.int64),) * 2
    )
    prior = counts / max(counts.sum(), 1)
    trees: list[Any] = []
    nodes = 0
    while len(trees) < most and nodes < NODES:
        began = time.monotonic()
        model.set_params(n_estimators=min(len(trees) + 10, most))
        model.fit(matrix, label, sample_weight=weight)
        new = [tree.tree_ for tree in model.estimators_[len(trees) :]]
        trees += new
        nodes += sum(tree.node_count for tree in new)
        now = time.monotonic()
        if watch is not None and now + (now - began) > until:
            break
    grove = Grove.of(trees, probabilities=shape.task is not Task.REGRESSION)
    grown = Grown(inputs, grove, classes, prior, scale)
    if watch is not None:
        watch.done = 1.0 if nodes >= NODES else len(trees) / most
        # More trees never hurt, so there is nothing to choose along the way.
        watch.see(len(trees), grown.predict(watch.rows))
    return grown


class RandomForest(Forest):
    """Bagged trees that look at a random part of the inputs at each split."""

    defaults: ClassVar[dict[str, Any]] = {
        "steps": 300,
        "max_features": None,
        "min_samples_leaf": None,
        "max_samples": 50_000,
        "criterion": None,
    }

    def build(self, chosen: dict[str, Any], rows: Rows, seed: int) -> Any:
        """Return the estimator with no trees yet."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        common = _common(chosen, rows, seed) | {"max_samples": min(int(chosen["max_samples"]), len(rows))}
        if rows.shape.task is Task.REGRESSION:
            return RandomForestRegressor(**common, max_features=chosen["max_features"] or 0.5)
        return RandomForestClassifier(**common, max_features=chosen["max_features"] or "sqrt")


class ExtraTrees(Forest):
    """Trees whose split points are drawn at random, on all rows."""

    defaults: ClassVar[dict[str, Any]] = {
        "steps": 300,
        "max_features": None,
        "min_samples_leaf": None,
        "criterion": None,
    }

    def build(self, chosen: dict[str, Any], rows: Rows, seed: int) -> Any:
        """Return the estimator with no trees yet."""
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        common = _common(chosen, rows, seed)
        if rows.shape.task is Task.REGRESSION:
            return ExtraTreesRegressor(**common, max_features=chosen["max_features"] or 1.0)
        return ExtraTreesClassifier(**common, max_features=chosen["max_features"] or "sqrt")


def _common(chosen: dict[str, Any], rows: Rows, seed: int) -> dict[str, Any]:
    # scikit-learn's absolute-error trees are far slower; means of leaves are what a forest on squared errors gives.
    criterion = chosen["criterion"] or ("squared_error" if rows.shape.task is Task.REGRESSION else "gini")
    leaf = chosen["min_samples_leaf"] or max(1, len(rows) // 20_000)
    return {"criterion": criterion, "min_samples_leaf": int(leaf), "random_state": seed}


def _card(name: str, title: str, build: str, paper: str, portfolio: tuple[dict[str, Any], ...]) -> Card:
    return Card(
        name=name,
        title=title,
        family=Family.CLASSICAL,
        build=f"{__name__}:{build}",
        paper=paper,
        licence="BSD-3-Clause",
        memorises=True,
        requires=("sklearn",),
        needs=("sklearn",),
        anytime=True,
        cost_power=1.1,
        portfolio=portfolio,
        space={"max_features": (0.1, 1.0), "min_samples_leaf": (1, 20, "log")},
    )


CARDS = (
    _card(
        "random_forest",
        "Random forest",
        "RandomForest",
        "Breiman, Random Forests, Machine Learning 2001",
        ({}, {"min_samples_leaf": 5, "max_features": 0.5}),
    ),
    _card(
        "extra_trees",
        "Extra trees",
        "ExtraTrees",
        "Geurts, Ernst, Wehenkel, Extremely randomized trees, Machine Learning 2006",
        ({}, {"min_samples_leaf": 3, "max_features": 0.75}),
    ),
    Card(
        name="decision_tree",
        title="Decision tree",
        family=Family.CLASSICAL,
        build="treeline.candidates.classical.tree:DecisionTree",
        paper="Breiman, Friedman, Olshen, Stone, Classification and Regression Trees, 1984",
        licence="BSD-3-Clause",
        requires=("sklearn",),
        glass_box=True,
        portfolio=({}, {"leaves": 32, "min_samples_leaf": 30}),
        space={"leaves": (8, 512, "log"), "min_samples_leaf": (1, 100, "log")},
    ),
)
