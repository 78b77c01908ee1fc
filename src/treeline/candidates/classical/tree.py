"""One decision tree that a person can read; the watch chooses its depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from treeline.candidates.card import Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.target import Scale, in_shape, training_target
from treeline.candidates.prepare import Ordinal, settings, with_prefix, without_prefix
from treeline.problem.metric import Array
from treeline.problem.task import Task

__all__ = ["DecisionTree"]


@dataclass(frozen=True, slots=True)
class Single:
    """Nodes with a value each, so that a tree cut at a lower depth needs no other tree."""

    inputs: Ordinal
    feature: Array
    "(nodes,) int32; -1 for a leaf"
    threshold: Array
    "(nodes,) float64: go left where x <= threshold"
    children: Array
    "(nodes, 2) int32"
    value: Array
    "(nodes, k) float32: class shares, or one value"
    depth: int
    "How many questions are asked at most."
    scale: Scale

    def answers(self, rows: Rows) -> list[Array]:
        """Return the predictions after 0, 1, …, `depth` questions."""
        matrix, node, index = self.inputs(rows), np.zeros(len(rows), np.int64), np.arange(len(rows))
        out = [self._shaped(node, rows)]
        for _ in range(self.depth):
            feature = self.feature[node]
            right = matrix[index, np.maximum(feature, 0)] > self.threshold[node]
            node = np.where(feature < 0, node, self.children[node, right.astype(np.int64)])
            out.append(self._shaped(node, rows))
        return out

    def _shaped(self, node: Array, rows: Rows) -> Array:
        value = self.value[node].astype(np.float64)
        return self.scale.back(value[:, 0]) if rows.shape.task is Task.REGRESSION else in_shape(value, rows.shape)

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        return self.answers(rows)[-1]

    def state(self) -> State:
        """Return nodes and the encoder."""
        names = ("feature", "threshold", "children", "value")
        arrays = {name: getattr(self, name) for name in names} | with_prefix("inputs", self.inputs.arrays())
        return arrays, {"depth": self.depth, "scale": self.scale.meta()}


class DecisionTree:
    """A tree of at most `leaves` leaves."""

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Grow one tree for each fold; a step is a depth."""
        chosen = settings({"steps": None, "leaves": 128, "min_samples_leaf": 10}, params)
        fitted: list[Fitted] = []
        for fold in folds:
            tree = _grow(fold.train, chosen, seed)
            if fold.watch is not None:
                for depth, answer in enumerate(tree.answers(fold.watch.rows)):
                    fold.watch.see(depth, answer)
                tree = replace(tree, depth=fold.watch.steps[2])
            fitted.append(tree)
        return fitted

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild the nodes."""
        inputs = Ordinal.restore(without_prefix("inputs", arrays))
        names = ("feature", "threshold", "children", "value")
        nodes = {name: arrays[name] for name in names}
        return Single(inputs, **nodes, depth=meta["depth"], scale=Scale(**meta["scale"]))


def _grow(rows: Rows, chosen: dict[str, Any], seed: int) -> Single:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    inputs, matrix = Ordinal.fit(rows, seed=seed)
    scale, label, weight = training_target(rows)
    regression = rows.shape.task is Task.REGRESSION
    model = (DecisionTreeRegressor if regression else DecisionTreeClassifier)(
        max_leaf_nodes=int(chosen["leaves"]),
        min_samples_leaf=min(int(chosen["min_samples_leaf"]), max(1, len(rows) // 4)),
        max_depth=chosen["steps"] or None,
        random_state=seed,
    ).fit(matrix, label, sample_weight=weight)
    tree = model.tree_
    value = tree.value[:, 0, :]
    if not regression:
        shares = np.zeros((len(value), rows.shape.n_classes))
        shares[:, model.classes_] = value
        # One more row with the shares of all rows keeps a small leaf from being certain.
        size = tree.n_node_samples[:, None]
        value = (shares * size + shares[:1]) / (size + 1)
    children = np.stack([tree.children_left, tree.children_right], axis=1).astype(np.int32)
    feature = np.where(tree.children_left < 0, -1, tree.feature).astype(np.int32)
    return Single(inputs, feature, tree.threshold, children, value.astype(np.float32), int(tree.max_depth), scale)
