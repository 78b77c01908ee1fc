"""What classical vision measures in pictures: gradients, textures, colours, coarse pixels.

Each function takes pictures (k, H, W, C) uint8, one pixel or more, and returns (k, d) float16; d follows from H, W, C only.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from treeline.candidates.media import Media
from treeline.data.media import LARGEST
from treeline.problem.metric import Array

__all__ = [
    "areas",
    "cells_of",
    "coarse_gradients",
    "colours",
    "gradients",
    "pixels",
    "pooled",
    "shrunk",
    "small",
    "small_of",
    "textures",
]

SIDE = LARGEST
"Pixels of a side: what is measured here needs no more. Sharper pictures are decoded for pretrained encoders only."

BINS = 18
"Directions of a gradient with their sign; half as many without."
FLAT = 1e-3
"Energy of a block below which its gradients count as noise: an edge of 3 % of the brightness."
HISTOGRAM = 16
BARE = 32
"Pixels of a side of a picture that is taken as it is."


def gradients(images: Array) -> Array:
    """Return histograms of oriented gradients on a fine and a coarse grid (Dalal, Triggs, CVPR 2005).

    A cell has 18 directions with sign and 9 without, each the mean over the four blocks that normalise it (Felzenszwalb et
    al., IEEE Transactions on Pattern Analysis and Machine Intelligence 2010): a quarter of the numbers, as good.
    """
    maps = _directions(images)
    return np.hstack([_cells(maps, 1), _cells(maps, 2)])


def coarse_gradients(images: Array) -> Array:
    """Return the coarse grid only."""
    return _cells(_directions(images), 2)


def cells_of(length: int) -> int:
    """Return how many cells a side of `length` pixels has: cells of about four pixels, at most eight."""
    return min(max(round(length / 4), 1), 8)


def _directions(images: Array) -> Array:
    """Return the gradients' strength by direction (k, H, W, BINS) float32; of several channels the strongest counts."""
    bright = np.sqrt(images.astype(np.float32) / 255)
    down, right = _slope(bright, 1), _slope(bright, 2)
    strength = down**2 + right**2
    if images.shape[3] > 1:
        pick = strength.argmax(axis=3)[..., None]
        down, right, strength = (np.take_along_axis(part, pick, axis=3) for part in (down, right, strength))
    at = np.arctan2(down, right).ravel() * np.float32(BINS / (2 * np.pi)) % BINS
    size = np.sqrt(strength).ravel()
    low = at.astype(np.int64)
    share = at - low
    low %= BINS
    out = np.zeros((len(at), BINS), np.float32)
    pixel = np.arange(len(at))
    out[pixel, low] = size * (1 - share)
    out[pixel, (low + 1) % BINS] = size * share
    return out.reshape(*images.shape[:3], BINS)


def _slope(bright: Array, axis: int) -> Array:
    """Return the difference of both neighbours along an axis, the edge repeated."""
    last = bright.shape[axis] - 1
    at = np.arange(last + 1)
    ahead, behind = np.minimum(at + 1, last), np.maximum(at - 1, 0)
    return np.asarray(np.take(bright, ahead, axis=axis) - np.take(bright, behind, axis=axis))


def _cells(maps: Array, coarser: int) -> Array:
    """Return normalised histograms of cells, (k, cells * 27) float16."""
    k, height, width, _ = maps.shape
    rows, columns = max(cells_of(height) // coarser, 1), max(cells_of(width) // coarser, 1)
    signed = _pool(maps, _tents(height, rows), _tents(width, columns))
    both = signed[..., : BINS // 2] + signed[..., BINS // 2 :]
    every = np.concatenate([signed, both], axis=3)
    energy = np.pad((both**2).sum(axis=3), ((0, 0), (1, 1), (1, 1)), mode="edge")
    block = energy[:, :-1, :-1] + energy[:, 1:, :-1] + energy[:, :-1, 1:] + energy[:, 1:, 1:] + FLAT
    out = np.zeros_like(every)
    for i in (0, 1):
        for j in (0, 1):
            near = block[:, i : i + rows, j : j + columns, None]
            out += np.minimum(every / np.sqrt(near), 0.2)
    return out.reshape(k, rows * columns * every.shape[3]).astype(np.float16)


def _pool(maps: Array, down: Array, across: Array) -> Array:
    """Return (k, rows, columns, c) from maps (k, H, W, c) with weights (rows, H) and (columns, W)."""
    k, height, width, c = maps.shape
    tall = down @ maps.reshape(k, height, width * c)
    return np.asarray(across @ tall.reshape(k, len(down), width, c))


@cache
def _tents(length: int, cells: int) -> Array:
    """Return weights (cells, length) that fall linearly from a cell's middle to the next one's; each cell's sum to 1."""
    step = length / cells
    middle = (np.arange(cells) + 0.5) * step
    weight = np.maximum(1 - np.abs(np.arange(length) + 0.5 - middle[:, None]) / step, 0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float32)


@cache
def areas(length: int, cells: int) -> Array:
    """Return weights (cells, length) of equal areas; each cell's sum to 1."""
    edge = np.arange(cells + 1) * length / cells
    at = np.arange(length)
    weight = np.minimum(at + 1, edge[1:, None]) - np.maximum(at, edge[:-1, None])
    return np.asarray(np.maximum(weight, 0) * cells / length, dtype=np.float32)


def pooled(maps: Array, rows: int, columns: int) -> Array:
    """Return the means (k, rows, columns, c) float32 of maps (k, H, W, c) over equal areas."""
    return _pool(maps, areas(maps.shape[1], rows), areas(maps.shape[2], columns))


def shrunk(images: Array, most: int) -> Array:
    """Return the pictures (k, h, w, C) float32 with sides of at most `most` pixels, as means over areas."""
    height, width = images.shape[1:3]
    return pooled(images.astype(np.float32), min(height, most), min(width, most))


def small(images: Array) -> Array:
    """Return the pictures (k, h, w, C) uint8, the longer side at most `SIDE`: themselves where they are no larger."""
    height, width = images.shape[1:3]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return images
    return np.rint(
        pooled(images.astype(np.float32), *(max(1, round(side * scale)) for side in (height, width)))
    ).astype(np.uint8)


def small_of(media: Media, name: str) -> Array:
    """Return `small` pictures of a column, made once a run."""
    if max(media.arrays[name].shape[1:3]) <= SIDE:
        return media[name]
    return media.derived(name, f"small-{SIDE}", small)


def textures(images: Array) -> Array:
    """Return local binary patterns of each quadrant (Ojala, Pietikäinen, Mäenpää, TPAMI 2002): 58 uniform ones and the rest."""
    grey = np.rint(images.mean(axis=3, dtype=np.float32)).astype(np.int16)
    k, height, width = grey.shape
    edged = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    code = np.zeros(grey.shape, np.uint8)
    ring = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    for bit, (i, j) in enumerate(ring):
        code |= (edged[:, i : i + height, j : j + width] >= grey).astype(np.uint8) << np.uint8(bit)
    table, kinds = _uniform()
    quadrant = 2 * (np.arange(height) * 2 // height)[:, None] + np.arange(width) * 2 // width
    cell = (np.arange(k)[:, None, None] * 4 + quadrant) * kinds + table[code]
    counts = np.bincount(cell.ravel(), minlength=k * 4 * kinds).reshape(k, 4 * kinds)
    return np.asarray(np.sqrt(counts * (4 / (height * width))).astype(np.float16))


def pixels(images: Array) -> Array:
    """Return the pixels as they are, of at most `BARE` a side."""
    return np.asarray((shrunk(images, BARE).reshape(len(images), -1) / 255).astype(np.float16))


@cache
def _uniform() -> tuple[Array, int]:
    """Return the kind of each of the 256 codes, one for each code of at most two changes and one for all others."""
    codes = np.arange(256)
    bits = (codes[:, None] >> np.arange(8)) & 1
    plain = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    kinds = int(plain.sum())
    return np.where(plain, np.cumsum(plain) - 1, kinds), kinds + 1


def colours(images: Array) -> Array:
    """Return coarse pixels, and each channel's mean, spread and histogram; of three channels as light and two opponents."""
    k, height, width, c = images.shape
    pixels = images.astype(np.float32) / 255
    joint = []
    if c == 3:
        red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
        light = (red + green + blue) / 3
        pixels = np.stack([light, (red - green + 1) / 2, (2 * blue - red - green + 2) / 4], axis=3)
        joint = [_shares(images[..., 0] // 64 * 16 + images[..., 1] // 64 * 4 + images[..., 2] // 64, 64)]
    parts = []
    for channel in range(c):
        one = pixels[..., channel]
        grid = 8 if channel == 0 else 4
        small = pooled(one[..., None], min(grid, height), min(grid, width))
        parts += [small.reshape(k, small.shape[1] * small.shape[2]), one.mean(axis=(1, 2))[:, None]]
        parts += [
            one.std(axis=(1, 2))[:, None],
            _shares(np.minimum(one * HISTOGRAM, HISTOGRAM - 1).astype(np.int64), HISTOGRAM),
        ]
    return np.hstack(parts + joint).astype(np.float16)


def _shares(codes: Array, kinds: int) -> Array:
    """Return the square roots of each code's share of the pixels, (k, kinds), of codes (k, H, W)."""
    k = len(codes)
    flat = codes.reshape(k, codes.shape[1] * codes.shape[2]).astype(np.int64) + np.arange(k)[:, None] * kinds
    counts = np.bincount(flat.ravel(), minlength=k * kinds).reshape(k, kinds)
    return np.asarray(np.sqrt(counts / max(flat.shape[1], 1)))
