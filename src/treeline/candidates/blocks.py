"""Blocks: groups of features that weigh what we say they weigh, whatever their number and their units.

For learners that compare rows by distance. Each group is scaled as a whole, since the spread of a gradient's bin says how
much it matters, all are rotated onto their principal components, and the table's columns stand beside as one more group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from treeline.candidates.card import Rows
from treeline.candidates.media import NO_MEDIA
from treeline.candidates.prepare import Dense, with_prefix, without_prefix
from treeline.problem.metric import Array

__all__ = ["Blocks", "Ready", "numbers_only"]

SAMPLE = 10_000
"Rows from which the components are found."
LEAST = 4.0
"The variance of the features together, in that of about as many columns; at least that of the whole table."


@dataclass(frozen=True, slots=True)
class Ready:
    """The encoder of rows whose numbers are the matrix already; it stands in for `Dense`."""

    @classmethod
    def fit(cls, rows: Rows, *, seed: int, cap: int = 30, clip: float = 3.0) -> tuple[Ready, Array]:
        """Return the encoder and the numbers (n, d); nothing is learned."""
        return cls(), rows.num

    def __call__(self, rows: Rows) -> Array:
        """Return the numbers (n, d)."""
        return rows.num

    def arrays(self) -> dict[str, Array]:
        """Return the state: none."""
        return {}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> Ready:
        """Rebuild from `arrays()`."""
        return cls()


@dataclass(frozen=True, slots=True)
class Blocks:
    """Groups of features and the table as one matrix of few columns."""

    middle: Array
    "(d,) float32: means of the features"
    mix: Array
    "(d, k) float32: scales and principal components"
    table: Dense

    @classmethod
    def fit(
        cls, rows: Rows, groups: Sequence[Array], weights: Sequence[float], *, most: int, whiten: float, seed: int
    ) -> tuple[Blocks, Array]:
        """Learn from training rows.

        Args:
            rows: the table's numbers and categories.
            groups: features (n, d) each.
            weights: the share of the variance that each group gets.
            most: components that are kept.
            whiten: 0 leaves the components' spreads, 1 makes them equal. Half of that is what nearest neighbours like: what
                many features say together counts less (Jégou, Chum, ECCV 2012).
            seed: of the sample.

        Returns:
            The encoder, and the training rows as a matrix (n, k + columns of the table).
        """
        table, beside = Dense.fit(rows, seed=seed, cap=20)
        matrix = np.hstack(groups)
        some = matrix[np.sort(np.random.default_rng(seed).permutation(len(matrix))[:SAMPLE])]
        middle, spread = some.mean(axis=0), some.var(axis=0)
        scale = np.zeros(len(middle), np.float32)
        ends = np.cumsum([group.shape[1] for group in groups])
        for group, end, weight in zip(groups, ends, weights, strict=True):
            part = slice(end - group.shape[1], end)
            total = float(spread[part].sum())
            scale[part] = np.sqrt(weight / total) if total > 1e-12 else 0
        centred = (some - middle) * scale
        turn = _components(centred, most)
        along = (centred @ turn).var(axis=0)
        turn = turn / np.maximum(along, 1e-4 * along.max(initial=0) + 1e-12) ** (whiten / 2)
        size = max(LEAST, float(beside.var(axis=0).sum()) if beside.size else 0.0)
        kept = float((centred @ turn).var(axis=0).sum())
        mix = scale[:, None] * turn * np.sqrt(size / kept if kept > 1e-12 else 0.0)
        self = cls(middle.astype(np.float32), mix.astype(np.float32), table)
        return self, np.hstack([(matrix - self.middle) @ self.mix, beside])

    def __call__(self, rows: Rows, groups: Sequence[Array]) -> Array:
        """Return (n, k + columns of the table) float32."""
        return np.hstack([(np.hstack(groups) - self.middle) @ self.mix, self.table(rows)])

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        return {"middle": self.middle, "mix": self.mix, **with_prefix("table", self.table.arrays())}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> Blocks:
        """Rebuild from `arrays()`."""
        return cls(arrays["middle"], arrays["mix"], Dense.restore(without_prefix("table", arrays)))


def _components(centred: Array, most: int) -> Array:
    """Return the first principal components (d, k) of (n, d), by the smaller of the two products."""
    n, d = centred.shape
    if n >= d:
        _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        return np.asarray(vectors[:, ::-1][:, :most])
    values, left = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    keep = np.flatnonzero(values > max(1e-9 * values[-1], 1e-12))[::-1][:most]
    return np.asarray(centred.T @ (left[:, keep] / np.sqrt(values[keep])))


def numbers_only(rows: Rows, num: Array, cat: Array | None = None) -> Rows:
    """Return the rows with other numbers (n, p) and no media; the categories go too, but where `cat` holds them."""
    kept = cat is not None
    shape = replace(
        rows.shape,
        num_names=tuple(f"f{i}" for i in range(num.shape[1])),
        cat_names=rows.shape.cat_names if kept else (),
        cards=rows.shape.cards if kept else (),
        media=(),
    )
    codes = cat if cat is not None else np.zeros((len(rows), 0), np.int32)
    return Rows(shape, num.astype(np.float32, copy=False), codes, rows.y, NO_MEDIA)
