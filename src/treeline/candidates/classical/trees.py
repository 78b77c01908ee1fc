"""Fitted trees as compact arrays, and the walk through them.

Nodes lie in depth-first order, so the left child of a node is the next one and needs no room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.problem.metric import Array

__all__ = ["Grove"]

NODE = np.dtype(
    {
        "names": [
            "left_child",
            "right_child",
            "feature",
            "threshold",
            "impurity",
            "n_node_samples",
            "weighted_n_node_samples",
            "missing_go_to_left",
        ],
        "formats": ["<i8", "<i8", "<i8", "<f8", "<f8", "<i8", "<f8", "u1"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)


@dataclass(frozen=True, slots=True)
class Grove:
    """Several trees: ten bytes a node and the leaves' values."""

    feature: Array
    "(nodes,) int16 or int32; -1 for a leaf"
    threshold: Array
    "(nodes,) float32: go left where x <= threshold"
    right: Array
    "(nodes,) int32: the right child within its tree, or the row of a leaf in `value`"
    start: Array
    "(trees + 1,) int64: where a tree's nodes start"
    value: Array
    "(leaves, k) float16 probabilities or float32 values"
    width: int
    "Number of input columns."

    @classmethod
    def of(cls, trees: list[Any], *, probabilities: bool) -> Grove:
        """Take scikit-learn's `tree_` objects apart; `probabilities` halves the leaves' bytes."""
        small = np.int16 if trees[0].n_features < 2**15 else np.int32
        features, thresholds, rights, values, leaves = [], [], [], [], 0
        for tree in trees:
            leaf = tree.children_left < 0
            exact = tree.threshold
            lower = exact.astype(np.float32)
            features.append(np.where(leaf, -1, tree.feature).astype(small))
            thresholds.append(np.where(lower > exact, np.nextafter(lower, np.float32(-np.inf)), lower))
            rights.append(np.where(leaf, leaves + np.cumsum(leaf) - 1, tree.children_right).astype(np.int32))
            values.append(tree.value[leaf, 0].astype(np.float16 if probabilities else np.float32))
            leaves += int(leaf.sum())
        start = np.cumsum([0, *(len(part) for part in features)])
        join = np.concatenate
        return cls(join(features), join(thresholds), join(rights), start, join(values), trees[0].n_features)

    def __len__(self) -> int:
        """Return the number of trees."""
        return len(self.start) - 1

    def total(self, matrix: Array) -> Array:
        """Return the sum (n, k) float64 over the trees for inputs (n, width) float32."""
        from sklearn.tree._tree import Tree

        out = np.zeros((len(matrix), self.value.shape[1]))
        if not len(matrix):
            return out
        matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        for index in range(len(self)):
            part = slice(self.start[index], self.start[index + 1])
            feature, right = self.feature[part], self.right[part]
            leaf = feature < 0
            nodes = np.zeros(len(feature), NODE)
            nodes["left_child"] = np.where(leaf, -1, np.arange(1, len(feature) + 1))
            nodes["right_child"] = np.where(leaf, -1, right)
            nodes["feature"] = np.where(leaf, -2, feature)
            nodes["threshold"] = self.threshold[part]
            tree = Tree(self.width, np.ones(1, np.intp), 1)
            tree.__setstate__(
                {"max_depth": 0, "node_count": len(nodes), "nodes": nodes, "values": np.zeros((len(nodes), 1, 1))}
            )
            out += self.value[right[tree.apply(matrix)]]
        return out

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        names = ("feature", "threshold", "right", "start", "value")
        return {name: getattr(self, name) for name in names} | {"width": np.array([self.width])}

    @classmethod
    def restore(cls, arrays: dict[str, Array]) -> Grove:
        """Rebuild from `arrays()`."""
        names = ("feature", "threshold", "right", "start", "value")
        return cls(**{name: arrays[name] for name in names}, width=int(arrays["width"][0]))
