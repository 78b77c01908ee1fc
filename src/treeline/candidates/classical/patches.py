"""A dictionary of picture patches learned without targets, and how strongly each quadrant of a picture uses each of them.

Coates, Ng, Lee, An analysis of single-layer networks in unsupervised feature learning, AISTATS 2011: whitened patches,
k-means, triangle activation, pooled in quadrants. A linear model on those came close to the deep nets of its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from treeline.candidates.blocks import numbers_only
from treeline.candidates.card import Rows
from treeline.candidates.classical.pictures import pooled, shrunk, small_of
from treeline.candidates.classical.through import Made
from treeline.candidates.prepare import with_prefix, without_prefix
from treeline.problem.metric import Array

__all__ = ["Dictionary", "Patches"]

SIDE = 32
"Larger pictures are shrunk to this: the patches of larger ones would be many and plain."
FIELD = 6
"Pixels a side of a patch."
CONTRAST = 100.0
"Variance of brightness (of 255²) below which a patch counts as plain."
NOISE = 0.1
"Variance that whitening takes for noise."
SAMPLE = 20_000
ROUNDS = 10
BLOCK = 16
"Pictures that are encoded together: their activations stay near the processor."


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The patches of one column of pictures; d is pixels times channels of a patch."""

    middle: Array
    "(d,) float32"
    whiten: Array
    "(d, d) float32"
    centres: Array
    "(K, d) float32: whitened"

    @classmethod
    def fit(cls, images: Array, count: int, seed: int) -> Dictionary:
        """Learn `count` patches from pictures (n, H, W, C) uint8 by k-means (Lloyd, 1957)."""
        rng = np.random.default_rng(seed)
        some = images[np.sort(rng.permutation(len(images))[:SAMPLE])]
        each = -(-SAMPLE // max(len(some), 1))
        drawn = []
        for start in range(0, len(some), 256):
            cut = _cut(shrunk(some[start : start + 256], SIDE))
            k, height, width, d = cut.shape
            pick = rng.integers(0, height * width, (k, each))
            drawn.append(cut.reshape(k, height * width, d)[np.arange(k)[:, None], pick].reshape(-1, d))
        patches = np.concatenate(drawn)[:SAMPLE]
        middle = patches.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(patches.T.astype(np.float64)).reshape(2 * [patches.shape[1]]))
        whiten = ((vectors / np.sqrt(np.maximum(values, 0) + NOISE)) @ vectors.T).astype(np.float32)
        white = (patches - middle) @ whiten
        centres = white[rng.permutation(len(white))[:count]]
        for _ in range(ROUNDS):
            centres = _means(white, centres)
        return cls(middle.astype(np.float32), whiten, centres)

    def __call__(self, images: Array) -> Array:
        """Return (n, quadrants * K) float32: the mean activation of each patch, by quadrant."""
        parts = [self._encode(images[start : start + BLOCK]) for start in range(0, max(len(images), 1), BLOCK)]
        return np.concatenate(parts)

    def _encode(self, images: Array) -> Array:
        cut = _cut(shrunk(images, SIDE))
        k, height, width, d = cut.shape
        white = (cut.reshape(-1, d) - self.middle) @ self.whiten
        far = white @ (-2 * self.centres.T)
        far += (white**2).sum(axis=1, keepdims=True)
        far += (self.centres**2).sum(axis=1)
        np.sqrt(np.maximum(far, 0, out=far), out=far)
        # Triangle: by how much a patch is nearer than the mean patch; about half of the activations are 0.
        np.maximum(far.mean(axis=1, keepdims=True) - far, 0, out=far)
        small = pooled(far.reshape(k, height, width, len(self.centres)), min(2, height), min(2, width))
        return small.reshape(k, small.shape[1] * small.shape[2] * small.shape[3])

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        return {"middle": self.middle, "whiten": self.whiten, "centres": self.centres}


def _cut(images: Array) -> Array:
    """Return all patches (k, rows, columns, d) of pictures (k, H, W, C), each of mean 0 and contrast about 1."""
    size = tuple(min(FIELD, side) for side in images.shape[1:3])
    views = sliding_window_view(images, size, axis=(1, 2))
    flat = views.reshape(*views.shape[:3], int(np.prod(views.shape[3:])))
    flat = flat - flat.mean(axis=3, keepdims=True)
    return np.asarray(flat / np.sqrt((flat**2).mean(axis=3, keepdims=True) + CONTRAST))


def _means(points: Array, centres: Array) -> Array:
    """Return the means (K, d) of the points (n, d) nearest to each centre; a centre without points stays."""
    nearest = np.concatenate(
        [
            ((centres**2).sum(axis=1) - 2 * (points[start : start + 2048] @ centres.T)).argmin(axis=1)
            for start in range(0, len(points), 2048)
        ]
    )
    order = np.argsort(nearest, kind="stable")
    held, first, counts = np.unique(nearest[order], return_index=True, return_counts=True)
    moved = centres.copy()
    moved[held] = np.add.reduceat(points[order], first, axis=0) / counts[:, None]
    return moved


@dataclass(frozen=True, slots=True)
class Patches:
    """Recipe: a dictionary for each image column; its activations stand beside the table's numbers."""

    dictionaries: tuple[Dictionary, ...] = ()

    @property
    def defaults(self) -> Mapping[str, Any]:
        """How many patches are learned."""
        return {"patches": 400}

    def learn(self, rows: Rows, chosen: Mapping[str, Any], *, seed: int) -> tuple[Made, Rows]:
        """Learn the dictionaries from the training rows' pictures."""
        columns = rows.shape.of_kind("image")
        made = Patches(
            tuple(Dictionary.fit(small_of(rows.media, column.name), int(chosen["patches"]), seed) for column in columns)
        )
        return made, made(rows)

    def restore(self, arrays: Mapping[str, Array]) -> Made:
        """Rebuild the dictionaries."""
        count = len({name.partition(".")[0] for name in arrays})
        return Patches(tuple(Dictionary(**without_prefix(str(i), arrays)) for i in range(count)))

    def __call__(self, rows: Rows) -> Rows:
        """Return rows of activations and numbers."""
        columns = rows.shape.of_kind("image")
        found = [
            each(small_of(rows.media, column.name)) for each, column in zip(self.dictionaries, columns, strict=True)
        ]
        return numbers_only(rows, np.hstack([*found, rows.num]), rows.cat)

    def arrays(self) -> dict[str, Array]:
        """Return the dictionaries."""
        return {k: v for i, each in enumerate(self.dictionaries) for k, v in with_prefix(str(i), each.arrays()).items()}
