"""Input layers: rows to a dense float32 block and category codes, and the learned embeddings on top.

The dense block has the numbers first (missing ones at the centre), then an indicator for each number that was missing in
training, then small categories one-hot; large categories keep codes for a learned table. Everything is fitted on the training
rows of one fold and kept as arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Rows
from treeline.problem.metric import Array

__all__ = ["Inputs", "Layout", "category_table", "fit_inputs", "layout_of", "periodic", "periodic_init"]

ONE_HOT_COLUMNS = 512
"Above this many one-hot columns in all, categories are embedded, so that the dense block stays small."
NODES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The shape of encoded rows, the same for all folds of one fit."""

    numbers: int
    indicators: tuple[int, ...]
    "Numbers with an indicator of missingness."
    one_hot: tuple[int, ...]
    "Categories shown as columns."
    embedded: tuple[int, ...]
    "Categories looked up in a learned table."
    cards: tuple[int, ...]

    @property
    def blocks(self) -> tuple[int, ...]:
        """Dense columns by the feature they come from: their counts, in order."""
        hot = tuple(_hot_columns(self.cards[j]) for j in self.one_hot)
        return (1,) * (self.numbers + len(self.indicators)) + hot

    @property
    def width(self) -> int:
        """Dense columns in all."""
        return sum(self.blocks)

    @property
    def starts(self) -> tuple[int, ...]:
        """The first table row of each embedded category: its missing code."""
        counts = [self.cards[j] for j in self.embedded]
        return tuple(sum(counts[:at]) for at in range(len(counts)))

    @property
    def table(self) -> int:
        """Rows of the table of embedded categories, all categories one after the other."""
        return sum(self.cards[j] for j in self.embedded)


def _hot_columns(card: int) -> int:
    """Two levels need one column (+1, -1); others one for each code but missing."""
    return 1 if card == 4 else max(1, card - 1)


def layout_of(folds: Sequence[Rows], one_hot_max: int = 9) -> Layout:
    """Return the layout that fits all folds: `one_hot_max` levels at most are shown as columns."""
    shape = folds[0].shape
    missing = np.zeros(len(shape.num_names), dtype=bool)
    for rows in folds:
        missing |= ~np.isfinite(rows.num).all(axis=0)
    small = [j for j, card in enumerate(shape.cards) if card - 2 <= one_hot_max]
    while sum(_hot_columns(shape.cards[j]) for j in small) > ONE_HOT_COLUMNS:
        small.remove(max(small, key=lambda j: shape.cards[j]))
    return Layout(
        numbers=len(missing),
        indicators=tuple(int(j) for j in np.flatnonzero(missing)),
        one_hot=tuple(small),
        embedded=tuple(j for j in range(len(shape.cards)) if j not in set(small)),
        cards=tuple(shape.cards),
    )


@dataclass(frozen=True, slots=True)
class Inputs:
    """How rows of one fold are encoded."""

    layout: Layout
    arrays: dict[str, Array]
    "`seen` (codes seen in training), and `center`, `scale` (width,) or `nodes`, `normal` (numbers, nodes)."

    def encode(self, rows: Rows) -> tuple[Array, Array]:
        """Return the dense block (n, width) float32 and the table rows (n, embedded) int64."""
        dense = _dense(rows, self.layout, self.arrays["seen"])
        if "center" in self.arrays:
            with np.errstate(over="ignore"):
                dense -= self.arrays["center"]
                dense *= self.arrays["scale"]
            np.clip(dense, -1e6, 1e6, out=dense)
            dense[:, : self.layout.numbers][~np.isfinite(rows.num)] = 0.0
            dense /= np.sqrt(1.0 + np.square(dense / np.float32(3.0)))
        else:
            for j in range(self.layout.numbers):
                dense[:, j] = np.interp(dense[:, j], self.arrays["nodes"][j], self.arrays["normal"][j])
            dense[:, : self.layout.numbers][~np.isfinite(rows.num)] = 0.0
        return dense, _table_rows(rows, self.layout, self.arrays["seen"])


def fit_inputs(rows: Rows, layout: Layout, kind: str) -> Inputs:
    """Fit the encoding on training rows.

    `robust`: median and quartiles, then a smooth clip to (-3, 3), of all dense columns (Holzmüller et al., NeurIPS 2024).
    `quantile`: numbers mapped to a normal distribution by 1,000 quantiles at most; other columns as they are.
    """
    offsets = np.concatenate([[0], np.cumsum(layout.cards)]).astype(np.int64)
    seen = np.zeros(int(offsets[-1]), dtype=np.uint8)
    for j in range(len(layout.cards)):
        seen[offsets[j] + np.unique(rows.cat[:, j])] = 1
    arrays: dict[str, Array] = {"seen": seen}
    if kind == "robust":
        dense = _dense(rows, layout, seen)
        dense[:, : layout.numbers][~np.isfinite(rows.num)] = np.nan
        arrays["center"], arrays["scale"] = _robust(dense)
    else:
        pairs = [_quantiles(rows.num[:, j]) for j in range(layout.numbers)]
        shape = (layout.numbers, NODES)
        arrays["nodes"] = np.stack([a for a, _ in pairs]) if pairs else np.zeros(shape, np.float32)
        arrays["normal"] = np.stack([b for _, b in pairs]) if pairs else np.zeros(shape, np.float32)
    return Inputs(layout, arrays)


def _robust(dense: Array) -> tuple[Array, Array]:
    """Return median and 1 / interquartile range per column; half the range stands in where quartiles coincide."""
    known = np.isfinite(dense).any(axis=0)
    center = np.zeros(dense.shape[1], dtype=np.float32)
    scale = np.zeros(dense.shape[1], dtype=np.float32)
    for j in np.flatnonzero(known):
        column = dense[:, j][np.isfinite(dense[:, j])].astype(np.float64)
        low, mid, high = np.percentile(column, [25, 50, 75])
        spread = (high - low) or (column.max() - column.min()) / 2
        center[j] = mid
        scale[j] = 1 / spread if spread > 0 else 0.0
    return center, np.nan_to_num(scale, posinf=0.0)


def _quantiles(column: Array) -> tuple[Array, Array]:
    """Return increasing nodes and their normal scores; equal values share the score of their middle rank."""
    from scipy.special import ndtri

    known = np.sort(column[np.isfinite(column)].astype(np.float64))
    if len(known) == 0:
        return np.arange(NODES, dtype=np.float32), np.zeros(NODES, dtype=np.float32)
    share = np.linspace(0, 1, min(NODES, max(10, len(known))))
    nodes, first, counts = np.unique(np.quantile(known, share), return_index=True, return_counts=True)
    middle = share[first] + (share[np.minimum(first + counts - 1, len(share) - 1)] - share[first]) / 2
    normal = ndtri(np.clip(middle, 1e-3, 1 - 1e-3)) if len(nodes) > 1 else np.zeros(1)
    # np.interp needs a full row of increasing nodes: the last node is repeated.
    pad = NODES - len(nodes)
    return np.pad(nodes, (0, pad), mode="edge").astype(np.float32), np.pad(normal, (0, pad), mode="edge").astype(
        np.float32
    )


def _codes(rows: Rows, layout: Layout, seen: Array, j: int) -> Array:
    """Return codes (n,) of category j; those not seen in training become missing."""
    start = int(sum(layout.cards[:j]))
    known = seen[start : start + layout.cards[j]].astype(bool)
    code = np.clip(rows.cat[:, j], 0, layout.cards[j] - 1)
    return np.asarray(np.where(known[code], code, 0), dtype=np.int64)


def _dense(rows: Rows, layout: Layout, seen: Array) -> Array:
    out = np.zeros((len(rows), layout.width), dtype=np.float32)
    lost = ~np.isfinite(rows.num)
    out[:, : layout.numbers] = np.where(lost, np.float32(0), rows.num)
    at = layout.numbers
    for j in layout.indicators:
        out[:, at] = lost[:, j]
        at += 1
    line = np.arange(len(rows))
    for j in layout.one_hot:
        code = _codes(rows, layout, seen, j)
        if layout.cards[j] == 4:
            out[:, at] = (code == 2).astype(np.float32) - (code == 3)
        else:
            out[line[code > 0], at + code[code > 0] - 1] = 1.0
        at += _hot_columns(layout.cards[j])
    return out


def _table_rows(rows: Rows, layout: Layout, seen: Array) -> Array:
    out = np.zeros((len(rows), len(layout.embedded)), dtype=np.int64)
    for slot, (j, start) in enumerate(zip(layout.embedded, layout.starts, strict=True)):
        out[:, slot] = _codes(rows, layout, seen, j) + start
    return out


def category_table(members: int, starts: tuple[int, ...], rows: int, size: int, *, rng: np.random.Generator) -> Array:
    """Draw the learned table (members, rows, size); missing (rows `starts`) begins at zero, so unseen levels add nothing."""
    table = rng.standard_normal((members, rows, size)).astype(np.float32)
    table[:, list(starts)] = 0.0
    return table


def periodic_init(
    members: int, numbers: int, *, frequencies: int, size: int, sigma: float, rng: np.random.Generator
) -> dict[str, Array]:
    """Draw a periodic embedding: cos(2 pi (f x + b)) to `size` learned values for each number.

    Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022; the phase in place of
    the sine is from RealMLP (Holzmüller et al., NeurIPS 2024).
    """
    bound = 1 / np.sqrt(frequencies)
    shape = (members, numbers, frequencies)
    return {
        "plr.frequency": (2 * np.pi * sigma * rng.standard_normal(shape)).astype(np.float32),
        "plr.phase": rng.uniform(-np.pi, np.pi, shape).astype(np.float32),
        "plr.weight": rng.uniform(-bound, bound, (members, numbers, frequencies, size)).astype(np.float32),
        "plr.bias": rng.uniform(-bound, bound, (members, numbers, 1, size)).astype(np.float32),
    }


def periodic(weights: dict[str, Any], x: Any, ops: Any) -> Any:
    """Return the embedding (M, numbers, B, size) of numbers x (M, B, numbers)."""
    members, batch, numbers = x.shape
    frequency, phase = weights["plr.frequency"], weights["plr.phase"]
    count, size = weights["plr.weight"].shape[-2:]
    waves = ops.permute(x, (0, 2, 1)).reshape(members * numbers, batch, 1)
    waves = waves * frequency.reshape(members * numbers, 1, count) + phase.reshape(members * numbers, 1, count)
    flat = weights["plr.weight"].reshape(members * numbers, count, size)
    out = ops.linear(ops.cos(waves), flat, weights["plr.bias"].reshape(members * numbers, 1, size))
    return out.reshape(members, numbers, batch, size)
