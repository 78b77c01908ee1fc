"""Rows as plain matrices for learners that want them: scaled, one-hot, target means.

Every encoder is fitted on training rows only and is nothing but arrays, so that it saves as arrays. Codes that the
training rows did not hold count as rare; missing numbers get the middle value, and an indicator where training had holes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Rows
from treeline.problem.metric import Array
from treeline.problem.task import Task

__all__ = ["Dense", "Ordinal", "Scaler", "TargetMean", "codes_of", "settings", "with_prefix", "without_prefix"]

RARE = 1


def settings(defaults: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return `defaults` overridden by `params`.

    Raises:
        ValueError: a name in `params` is unknown.
    """
    unknown = sorted(params.keys() - defaults.keys())
    if unknown:
        raise ValueError(f"unknown settings {unknown}; there are {sorted(defaults)}")
    return {**defaults, **params}


def with_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays under `prefix.name`."""
    return {f"{prefix}.{name}": value for name, value in arrays.items()}


def without_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return those arrays whose name starts with `prefix.`, the prefix removed."""
    return {name.removeprefix(prefix + "."): value for name, value in arrays.items() if name.startswith(prefix + ".")}


def codes_of(rows: Rows) -> Array:
    """Return the codes (n, q) float32 for libraries that split categories themselves: missing as NaN, unknown as rare."""
    known = np.where(rows.cat < np.array(rows.shape.cards, dtype=np.int64), rows.cat, RARE)
    return np.where(known > 0, known, np.nan).astype(np.float32)


def _flat(cat: Array, cards: Array, column: int) -> Array:
    """Return the codes (n,) of one column, those out of range turned to rare."""
    codes = cat[:, column]
    return np.where((codes < 0) | (codes >= cards[column]), RARE, codes)


@dataclass(frozen=True, slots=True)
class Scaler:
    """Robust scaling with a smooth clip (RealMLP; Holzmüller, Grinsztajn, Steinwart, NeurIPS 2024).

    Median to zero, the quartiles' distance to one, then x / sqrt(1 + (x / 3)²). Columns with holes get an indicator.
    """

    middle: Array
    "(p,) float32"
    factor: Array
    "(p,) float32; 0 for constant columns"
    holes: Array
    "(h,) int32: columns that had missing values in training"
    clip: Array
    "(1,) float32: where the smooth clip levels off; 0 for no clip"

    @classmethod
    def fit(cls, num: Array, *, clip: float = 3.0) -> Scaler:
        """Learn from numbers (n, p)."""
        p = num.shape[1]
        middle, factor = np.zeros(p, np.float32), np.zeros(p, np.float32)
        good = np.isfinite(num)
        for j in range(p):
            column = num[good[:, j], j].astype(np.float64)
            if not len(column):
                continue
            low, mid, high = np.percentile(column, (25, 50, 75))
            spread = high - low or (column.max() - column.min()) / 2
            middle[j], factor[j] = mid, 1 / spread if spread > 0 else 0
        share = good.mean(axis=0) if len(num) else np.ones(p)
        holes = np.flatnonzero((share < 1) & (share > 0)).astype(np.int32)
        return cls(middle, np.nan_to_num(factor, posinf=0), holes, np.array([clip], dtype=np.float32))

    def __call__(self, num: Array) -> Array:
        """Return (n, p + h) float32."""
        good = np.isfinite(num)
        with np.errstate(over="ignore"):
            scaled = (np.where(good, num, self.middle) - self.middle) * self.factor
        scaled = np.clip(scaled, -1e4, 1e4)
        if self.clip[0] > 0:
            scaled /= np.sqrt(1 + (scaled / self.clip) ** 2)
        return np.hstack([scaled, ~good[:, self.holes]]).astype(np.float32, copy=False)

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        return {"middle": self.middle, "factor": self.factor, "holes": self.holes, "clip": self.clip}


@dataclass(frozen=True, slots=True)
class TargetMean:
    """Categories as smoothed means of the target (Micci-Barreca, SIGKDD Explorations 2001).

    For many classes a level's mean is taken along the direction in which the levels' class shares differ most
    (Coppersmith, Hong, Hosking, Data Mining and Knowledge Discovery 1999), so a column stays one number.
    """

    columns: Array
    "(q,) int32: which category columns are encoded"
    start: Array
    "(q + 1,) int32: where each column's levels start in `means`"
    means: Array
    "(levels,) float32"

    @classmethod
    def fit(cls, rows: Rows, columns: list[int], *, seed: int, smooth: float = 10.0) -> tuple[TargetMean, Array]:
        """Learn from training rows; return the encoder and the training rows encoded (n, q).

        Columns with more than 30 levels are encoded for each fifth of the training rows from the other four, so that a
        row's own target does not leak into its input.
        """
        n = len(rows)
        cards = np.array(rows.shape.cards, dtype=np.int64)
        fifth = np.random.default_rng(seed).integers(0, 5, n)
        means, encoded = [], np.empty((n, len(columns)), np.float32)
        for i, column in enumerate(columns):
            codes, card = _flat(rows.cat, cards, column), int(cards[column])
            z = _direction(rows, codes, card)
            table = _level_means(codes, z, card, smooth)
            means.append(table)
            encoded[:, i] = table[codes]
            if card > 32:
                for k in range(5):
                    out = fifth == k
                    if out.any() and not out.all():
                        encoded[out, i] = _level_means(codes[~out], z[~out], card, smooth)[codes[out]]
        start = np.cumsum([0, *(len(table) for table in means)]).astype(np.int32)
        flat = np.concatenate([*means, np.zeros(0)]).astype(np.float32)
        return cls(np.array(columns, dtype=np.int32), start, flat), encoded

    def __call__(self, cat: Array) -> Array:
        """Return (n, q) float32."""
        cards = np.zeros(cat.shape[1], np.int64)
        cards[self.columns] = np.diff(self.start)
        parts = [self.means[at + _flat(cat, cards, j)] for j, at in zip(self.columns, self.start[:-1], strict=True)]
        return np.stack(parts, axis=1) if parts else np.empty((len(cat), 0), np.float32)

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        return {"columns": self.columns, "start": self.start, "means": self.means}


def _direction(rows: Rows, codes: Array, card: int) -> Array:
    y = rows.target
    if rows.shape.task is not Task.MULTICLASS:
        return np.asarray(y, dtype=np.float64)
    c = rows.shape.n_classes
    counts = np.bincount(codes * c + y, minlength=card * c).reshape(card, c).astype(np.float64)
    weight = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(weight, 1) - counts.sum(axis=0) / max(len(y), 1)
    _, vectors = np.linalg.eigh((shares * weight).T @ shares)
    main = vectors[:, -1]
    return np.asarray((main * np.sign(main[np.abs(main).argmax()]))[y])


def _level_means(codes: Array, z: Array, card: int, smooth: float) -> Array:
    overall = z.mean() if len(z) else 0.0
    counts = np.bincount(codes, minlength=card)
    return np.asarray((np.bincount(codes, weights=z, minlength=card) + smooth * overall) / (counts + smooth))


@dataclass(frozen=True, slots=True)
class Dense:
    """Rows as one matrix for linear models, neighbours and kernels: scaled numbers, then one-hot categories.

    A column with more than `cap` levels keeps its most frequent ones and adds its target mean to the numbers.
    """

    scaler: Scaler
    target: TargetMean
    slots: Array
    "(codes of all category columns,) int32: column of the one-hot part, -1 for none"
    starts: Array
    "(categories + 1,) int32: where a column's codes start in `slots`"

    @classmethod
    def fit(cls, rows: Rows, *, seed: int, cap: int = 30, clip: float = 3.0) -> tuple[Dense, Array]:
        """Learn from training rows; return the encoder and the training rows as a matrix (n, d) float32."""
        cards = np.array(rows.shape.cards, dtype=np.int64)
        target, means = TargetMean.fit(rows, [j for j, card in enumerate(cards) if card > cap + 2], seed=seed)
        numbers = np.hstack([rows.num, means])
        scaler = Scaler.fit(numbers, clip=clip)
        slots, width = [], 0
        for j, card in enumerate(cards):
            counts = np.bincount(_flat(rows.cat, cards, j), minlength=card)
            counts[RARE] += counts[cap + 2 :].sum()
            counts[cap + 2 :] = 0
            held = counts > 0
            slot = np.where(held, width + np.cumsum(held) - 1, -1)
            slot[cap + 2 :] = slot[RARE]
            slots.append(slot)
            width += int(held.sum())
        starts = np.cumsum([0, *cards]).astype(np.int32)
        flat = np.concatenate([*slots, np.zeros(0)]).astype(np.int32)
        self = cls(scaler, target, flat, starts)
        return self, self._join(scaler(numbers), rows.cat)

    @property
    def width(self) -> int:
        """Return d."""
        return len(self.scaler.middle) + len(self.scaler.holes) + int(self.slots.max(initial=-1)) + 1

    def __call__(self, rows: Rows) -> Array:
        """Return (n, d) float32."""
        return self._join(self.scaler(np.hstack([rows.num, self.target(rows.cat)])), rows.cat)

    @property
    def numbers(self) -> int:
        """How many inputs, from the left, are numbers and not indicators."""
        return len(self.scaler.middle)

    def _join(self, numbers: Array, cat: Array) -> Array:
        n, p = numbers.shape
        matrix = np.zeros((n, p + int(self.slots.max(initial=-1)) + 1), np.float32)
        matrix[:, :p] = numbers
        cards = np.diff(self.starts)
        for j, start in enumerate(self.starts[:-1]):
            slot = self.slots[start + _flat(cat, cards, j)]
            row = np.flatnonzero(slot >= 0)
            matrix[row, p + slot[row]] = 1
        return matrix

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        return {
            **with_prefix("scaler", self.scaler.arrays()),
            **with_prefix("target", self.target.arrays()),
            "slots": self.slots,
            "starts": self.starts,
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> Dense:
        """Rebuild from `arrays()`."""
        scaler = Scaler(**without_prefix("scaler", arrays))
        target = TargetMean(**without_prefix("target", arrays))
        return cls(scaler, target, arrays["slots"], arrays["starts"])


@dataclass(frozen=True, slots=True)
class Ordinal:
    """Rows as one matrix for trees: numbers with holes filled, categories ordered by their target mean."""

    fill: Array
    "(p,) float32: below the smallest value where training had holes, else the median"
    target: TargetMean

    @classmethod
    def fit(cls, rows: Rows, *, seed: int) -> tuple[Ordinal, Array]:
        """Learn from training rows; return the encoder and the training rows as a matrix (n, p + q) float32."""
        fill = np.zeros(rows.num.shape[1], np.float32)
        for j in range(len(fill)):
            good = np.isfinite(rows.num[:, j])
            column = rows.num[good, j]
            if len(column):
                low, spread = float(column.min()), float(column.max()) - float(column.min())
                below = max(low - max(spread / 100, 1e-3 * abs(low), 1e-6), float(np.finfo(np.float32).min))
                fill[j] = np.median(column) if good.all() else below
        target, means = TargetMean.fit(rows, list(range(len(rows.shape.cards))), seed=seed)
        self = cls(fill, target)
        return self, self._join(rows.num, means)

    def __call__(self, rows: Rows) -> Array:
        """Return (n, p + q) float32."""
        return self._join(rows.num, self.target(rows.cat))

    def _join(self, num: Array, means: Array) -> Array:
        return np.hstack([np.where(np.isfinite(num), num, self.fill), means]).astype(np.float32, copy=False)

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        return {"fill": self.fill, **with_prefix("target", self.target.arrays())}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> Ordinal:
        """Rebuild from `arrays()`."""
        return cls(arrays["fill"], TargetMean(**without_prefix("target", arrays)))
