"""Pictures and sounds that come more than once: equal after decoding, or pictures that were only stored anew.

Near pictures are found by locality-sensitive hashing (Charikar 2002, "Similarity estimation techniques from rounding
algorithms"): the signs of random projections of small grey copies, from which the mean picture was taken; pictures that
share a band of signs are compared pixel by pixel. Two are nearly the same when their grey pixels differ by at most 15 % of
their own contrast (a correlation of 0.99): another format, another quality or another size does no more to a picture, and two
photographs of one kind of thing hardly ever come so near.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from treeline.data.column import Kind
from treeline.data.findings import Finding, Severity
from treeline.problem.task import Repeats

if TYPE_CHECKING:
    from treeline.data.dataset import Dataset
    from treeline.data.view import View
    from treeline.problem.metric import Array

__all__ = ["alike", "connected", "groups_of", "joined", "lookalikes", "same_content"]

SIDE = 16
"Pixels of the small copies' sides."
BANDS, BITS = 8, 20
NEIGHBOURS = 16
"In a band, a picture is compared with so many that follow it; more would be a crowd of one look, chained anyway."
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
NEAR = 0.15
KEPT = "Such rows are kept in one fold, so that none is judged by a model that saw its twin."
APART = "They may lie in different folds, as --repeats apart asks."
COMMON = 0.05
"A picture beside other inputs that comes in a larger share of rows stands for `no picture`, and makes no copies."
FLAT = 4.0
"Grey levels of contrast below which pictures hold too little to be compared, unless they are equal."
CHUNK = 1000


def same_content(held: Array) -> Array:
    """Return (n,) int64 codes of decoded rows (n, …), equal where all bytes are."""
    prints = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in held]
    return np.asarray(np.unique(np.frombuffer(b"".join(prints), np.uint64), return_inverse=True)[1], dtype=np.int64)


def lookalikes(images: Array) -> Array:
    """Return (n,) int64 codes of images (n, H, W, C) uint8, equal where they are the same picture or nearly."""
    codes = same_content(images)
    first = np.unique(codes, return_index=True)[1]
    pairs = _near(images, first, _candidates(_small(images, first)))
    return joined(len(first), pairs)[codes]


def joined(n: int, pairs: Array) -> Array:
    """Return (n,) int64 codes, equal for numbers that these pairs (m, 2) connect."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _small(images: Array, rows: Array) -> Array:
    """Return grey copies (m, k) float32 of these rows, areas averaged to at most 16 x 16, standardised."""
    height, width = images.shape[1:3]
    down, across = (np.unique(np.linspace(0, side, SIDE, endpoint=False).astype(int)) for side in (height, width))
    area = np.outer(np.diff(np.r_[down, height]), np.diff(np.r_[across, width]))
    out = np.empty((len(rows), len(down) * len(across)), np.float32)
    for start in range(0, len(rows), CHUNK):
        grey = _grey(images[rows[start : start + CHUNK]])
        sums = np.add.reduceat(np.add.reduceat(grey, down, axis=1), across, axis=2)
        out[start : start + CHUNK] = (sums / area).reshape(len(grey), -1)
    out -= out.mean(axis=1, keepdims=True)
    out /= out.std(axis=1, keepdims=True) + 1.0
    return out


def _grey(images: Array) -> Array:
    """Return luma (n, H, W) float32, which storing anew changes least."""
    return np.asarray(images @ LUMA if images.shape[3] == 3 else images[..., 0], dtype=np.float32)


def _candidates(small: Array) -> Array:
    """Return the pairs (m, 2) of pictures that share a band of signs."""
    rng = np.random.default_rng(0)
    signs = (small - small.mean(axis=0)) @ rng.normal(size=(small.shape[1], BANDS * BITS)).astype(np.float32) > 0
    found = []
    for band in range(BANDS):
        keys = signs[:, band * BITS : (band + 1) * BITS] @ (1 << np.arange(BITS))
        order = np.argsort(keys, kind="stable")
        ranked = keys[order]
        for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
            at = np.flatnonzero(ranked[step:] == ranked[:-step])
            if not len(at):
                break
            found.append(np.stack([order[at], order[at + step]], axis=1))
    return np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 2), np.int64)


def _near(images: Array, rows: Array, pairs: Array) -> Array:
    """Return those pairs of positions in `rows` whose pictures differ by little, pixel by pixel."""
    kept = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), CHUNK):
        part = pairs[start : start + CHUNK]
        a, b = (_grey(images[rows[part[:, side]]]).reshape(len(part), -1) for side in (0, 1))
        contrast = np.minimum(a.std(axis=1), b.std(axis=1))
        apart = np.sqrt(((a - b) ** 2).mean(axis=1))
        kept[start : start + CHUNK] = (contrast >= FLAT) & (apart <= NEAR * contrast)
    return pairs[kept]


def groups_of(dataset: Dataset, target: str | None) -> Array | None:
    """Return (n,) int64 codes of rows that share a picture, nearly, or a sound; None where there is no such column."""
    named = [c for c in dataset.columns if c.name in dataset.media and c.kind.is_media and c.name != target]
    codes = [
        lookalikes(dataset.media[c.name]) if c.kind is Kind.IMAGE else same_content(dataset.media[c.name])
        for c in named
    ]
    if not codes or not len(dataset):
        return None
    if any(c.kind.is_input and c.name != target and c.name not in dataset.media for c in dataset.columns):
        codes = [_without_common(code) for code in codes]
    return connected(codes)


def connected(codes: list[Array]) -> Array:
    """Return (n,) int64 codes, equal for rows that any of these codes, each (n,), connect directly or through others."""
    orders = [np.argsort(code, kind="stable") for code in codes]
    pairs = [
        np.stack([order[:-1], order[1:]], axis=1)[np.diff(code[order]) == 0]
        for code, order in zip(codes, orders, strict=True)
    ]
    return joined(len(codes[0]), np.concatenate(pairs))


def _without_common(code: Array) -> Array:
    """Give the rows of very common codes codes of their own."""
    common = np.bincount(code)[code] > max(COMMON * len(code), 2)
    return np.where(common, code.max() + 1 + np.arange(len(code)), code)


def alike(view: View) -> list[Finding]:
    """Find D025: pictures or sounds that come more than once, above all in both of two given splits, or with other labels."""
    held = groups_of(view.dataset, view.problem.target if view.problem else None)
    if held is None:
        return []
    codes = np.unique(held[view.rows], return_inverse=True)[1]
    size = np.bincount(codes)
    repeated = size[codes] > 1
    if not repeated.any():
        return []
    n, columns = len(codes), tuple(view.of_kind(Kind.IMAGE, Kind.SOUND))
    what = "pictures" if view.of_kind(Kind.IMAGE) else "sounds"
    rows = int(n - len(size))
    told = f"{int(repeated.sum()):,} of {n:,} {what} are the same as another one, or nearly"
    kept = view.problem is not None and view.problem.keeps_repeats
    free = view.problem is not None and view.problem.repeats is Repeats.APART
    severity, title, do = (
        Severity.NOTE,
        f"The same {what} more than once",
        "Remove the copies if each should be a case of its own.",
    )
    if view.problem is not None and view.problem.task.is_classification:
        other = _mixed(codes, view.y.astype(np.int64))[codes]
        if other.any():
            told += f"; {int(other.sum()):,} of them have different labels"
            do = "Look at those with different labels: one of each is wrong. " + do
            severity = Severity.WARN if other.sum() > 0.05 * n else severity
    split = view.dataset.how.get("split") and [c.name for c in view.columns if c.name == "split"]
    if split:
        across = _mixed(codes, np.unique(view.frame["split"].to_numpy(), return_inverse=True)[1])[codes]
        if across.any():
            title = f"The same {what} in train and test"
            severity = severity if kept or free else Severity.WARN
            told += (
                f"; {int(across.sum()):,} lie in more than one of the given splits, so scores on those splits flatter"
            )
            repeated = across
    return [
        Finding(
            code="D025",
            severity=severity,
            title=title,
            columns=columns,
            rows=rows,
            examples=tuple(view.rows[np.flatnonzero(repeated)[:5]].tolist()),
            found=told + ".",
            do=do,
            done=KEPT if kept else APART if free else "",
        )
    ]


def _mixed(codes: Array, values: Array) -> Array:
    """Return for each code whether its rows have more than one value."""
    low, high = np.full(codes.max() + 1, values.max()), np.full(codes.max() + 1, values.min())
    np.minimum.at(low, codes, values)
    np.maximum.at(high, codes, values)
    return np.asarray(low != high)
