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


@dataclass(frozen=True, slots=True)
class Ready:
    """The encoder of rows whose numbers are the matrix already; it stands in for `Dense`."""

    @property
    def numbers(self) -> int:
        """How many inputs are plain numbers of the table: none that is known."""
        return 0

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
        cls,
        rows: Rows,
        groups: Sequence[Array],
        weights: Sequence[float],
        *,
        most: int,
        whiten: float = 0.0,
        spread: float = 4.0,
        seed: int,
    ) -> tuple[Blocks, Array]:
        """Learn from training rows.

        Args:
            rows: the table's numbers and categories.
            groups: features (n, d) each.
            weights: the share of the variance that each group gets.
            most: components that are kept.
            whiten: 0 leaves the components' spreads, 1 makes them equal. Half of that is what nearest neighbours like: what
                many features say together counts less (Jégou, Chum, ECCV 2012).
            spread: the variance of all features together, about that of as many columns of a table; where the table's is
                larger, that.
            seed: of the sample.

        Returns:
            The encoder, and the training rows as a matrix (n, k + columns of the table).
        """
        table, beside = Dense.fit(rows, seed=seed, cap=20)
        matrix = np.hstack(groups)
        some = matrix[np.sort(np.random.default_rng(seed).permutation(len(matrix))[:SAMPLE])]
        middle, each = some.mean(axis=0), some.var(axis=0)
        scale = np.zeros(len(middle), np.float32)
        ends = np.cumsum([group.shape[1] for group in groups])
        for group, end, weight in zip(groups, ends, weights, strict=True):
            part = slice(end - group.shape[1], end)
            total = float(each[part].sum())
            scale[part] = np.sqrt(weight / total) if total > 1e-12 else 0
        centred = (some - middle) * scale
        turn = _components(centred, most)
        along = (centred @ turn).var(axis=0)
        turn = turn / np.maximum(along, 1e-4 * along.max(initial=0) + 1e-12) ** (whiten / 2)
        size = max(spread, float(beside.var(axis=0).sum()) if beside.size else 0.0)
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
        return _leading(centred.T @ centred, most)[1]
    values, left = _leading(centred @ centred.T, most)
    keep = values > max(1e-9 * values[0], 1e-12)
    return np.asarray(centred.T @ (left[:, keep] / np.sqrt(values[keep])))


def _leading(product: Array, most: int) -> tuple[Array, Array]:
    """Return the largest eigenvalues (k,), falling, and their vectors (d, k) of a symmetric matrix.

    A few of many by subspace iteration from random vectors (Halko, Martinsson, Tropp, SIAM Review 2011).
    """
    product, d = product.astype(np.float64), len(product)
    if d <= 2 * most:
        values, vectors = np.linalg.eigh(product)
    else:
        base = np.random.default_rng(0).normal(size=(d, most + 20))
        for _ in range(4):
            base, _ = np.linalg.qr(product @ base)
        values, turn = np.linalg.eigh(base.T @ product @ base)
        vectors = base @ turn
    return values[::-1][:most], vectors[:, ::-1][:, :most]


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
