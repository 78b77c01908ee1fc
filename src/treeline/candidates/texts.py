"""Texts as numbers: lengths, and a few directions of hashed TF-IDF, learned without the target.

Words and the character n-grams inside words are hashed with CRC-32 (the same on every machine), weighted by TF-IDF and
projected on the leading singular vectors (latent semantic analysis, Deerwester et al. 1990; computed as in Halko, Martinsson
and Tropp 2011).
Nothing of a text is kept: the state holds weights of hash buckets only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from treeline.data.text_content import ALL_BYTES, MAX_BYTES

if TYPE_CHECKING:
    import polars as pl

    from treeline.problem.metric import Array

__all__ = ["Text", "as_bytes", "leading", "longest"]

BUCKETS = 2**15
TOPICS = 16
FIT_ROWS = 20_000
"The singular vectors are learned on so many texts, spread evenly."
MAX_CHARS = 5_000
"A text is read so far; its length in characters is still the true one."
MAX_WORD = 64
CHUNK = 50_000
"So many texts are counted at a time, which bounds memory."
MIN_TEXTS = 200
"With fewer different texts the projection is left out."
COUNTS = ("words", "characters", "share of digits", "share of capitals")


def longest(texts: pl.Series) -> int:
    """Return the length L that a column of texts has as media."""
    most = int(texts.str.len_bytes().max() or 1)  # type: ignore[arg-type]
    return max(1, min(most, MAX_BYTES, max(64, ALL_BYTES // max(1, len(texts)))))


def as_bytes(texts: pl.Series, length: int) -> Array:
    """Return texts (n,) as UTF-8, (n, length) uint8, cut at a character and padded with zeros; missing ones are empty."""
    out = np.zeros((len(texts), length), np.uint8)
    for start in range(0, len(texts), CHUNK):
        some = texts.slice(start, CHUNK).fill_null("")
        flat = np.frombuffer("".join(some.to_list()).encode(), np.uint8)
        sizes = some.str.len_bytes().to_numpy().astype(np.int64)
        place = np.arange(len(flat)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        kept = place < length
        out[start + np.repeat(np.arange(len(some)), sizes)[kept], place[kept]] = flat[kept]
        for row in np.flatnonzero(sizes > length) + start:
            end = out[row].tobytes().decode("utf-8", "ignore").encode()
            out[row, len(end) :] = 0
    return out


def _buckets(word: str) -> list[int]:
    """Return the hash buckets of a word and of its character 3-grams and 4-grams."""
    word = word[:MAX_WORD]
    raw = f"<{word}>".encode()
    grams = [crc32(raw[i : i + n]) % BUCKETS for n in (3, 4) for i in range(len(raw) - n + 1)]
    return [crc32(b"word " + word.encode()) % BUCKETS, *grams]


def _counts(texts: pl.Series) -> Any:
    """Return the (n, BUCKETS) sparse matrix of log(1 + count) of the texts (n,) without nulls."""
    import polars as pl
    from scipy import sparse

    n = len(texts)
    words = texts.str.slice(0, MAX_CHARS).str.normalize("NFKC").str.to_lowercase().str.extract_all(r"\w+")
    long = pl.DataFrame({"row": np.arange(n, dtype=np.int64), "word": words}).explode("word").drop_nulls()
    known = long["word"].unique().sort()
    code = long["word"].replace_strict(known, np.arange(len(known), dtype=np.int64), return_dtype=pl.Int64)
    found = [_buckets(word) for word in known.to_list()]
    ends = np.cumsum([0, *map(len, found)])
    flat = np.fromiter((b for each in found for b in each), dtype=np.int32, count=int(ends[-1]))
    grams = sparse.csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=(len(known), BUCKETS))
    ones = np.ones(len(long), np.float32)
    docs = sparse.csr_matrix((ones, (long["row"].to_numpy(), code.to_numpy())), shape=(n, len(known)))
    matrix = docs @ grams
    matrix.sum_duplicates()
    matrix.data = np.log1p(matrix.data)
    return matrix


def _weighted(matrix: Any, idf: Array) -> Any:
    """Weigh the columns by `idf` and bring every row to length one."""
    from scipy import sparse

    matrix = matrix @ sparse.diags_array(idf)
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.diags_array((1 / np.maximum(length, 1e-12)).astype(np.float32)) @ matrix


def _orthogonal(columns: Array) -> Array:
    """Return an orthonormal basis of the columns' span, leading direction first (by their Gram matrix: QR is slower)."""
    values, turn = np.linalg.eigh(columns.T @ columns)
    return np.asarray(columns @ (turn[:, ::-1] / np.sqrt(np.maximum(values[::-1], 1e-14 * values[-1]))))


def leading(matrix: Any, k: int) -> Array:
    """Return the k leading right singular vectors (d, k) float32 of a sparse (n, d) matrix, with a fixed sign."""
    side = np.random.default_rng(0).standard_normal((matrix.shape[0], k + 10))
    for _ in range(4):
        side = _orthogonal(matrix @ (matrix.T @ _orthogonal(side)))
    top = _orthogonal(matrix.T @ side)[:, :k]
    sign = np.sign(top[np.abs(top).argmax(axis=0), np.arange(k)])
    return np.asarray(top * sign, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text column; `idf` (BUCKETS,) and `components` (BUCKETS, k) float32, k = 0 where texts are few."""

    name: str
    idf: Array
    components: Array

    @classmethod
    def fit(cls, texts: pl.Series, topics: int = TOPICS) -> Text:
        """Learn `topics` directions from the texts."""
        known = texts.drop_nulls()
        different = known.n_unique()
        k = min(topics, different // 20)
        if different < MIN_TEXTS or k < 1:
            return cls(name=texts.name, idf=np.zeros(0, np.float32), components=np.zeros((0, 0), np.float32))
        rows = np.unique(np.linspace(0, len(known) - 1, min(len(known), FIT_ROWS)).astype(np.int64))
        matrix = _counts(known.gather(rows))
        seen = np.bincount(matrix.indices, minlength=BUCKETS)
        idf = np.where(seen > 1, np.log((1 + matrix.shape[0]) / (1 + seen)) + 1, 0).astype(np.float32)
        return cls(name=texts.name, idf=idf, components=leading(_weighted(matrix, idf), k))

    @property
    def names(self) -> list[str]:
        """Each number's name."""
        k = self.components.shape[1] if self.components.size else 0
        return [f"{self.name}: {part}" for part in (*COUNTS, *(f"topic {i + 1}" for i in range(k)))]

    def transform(self, texts: pl.Series) -> list[Array]:
        """Return the numbers, each (n,) with NaN where the text is missing."""
        empty = texts.is_null().to_numpy()
        filled = texts.fill_null("")
        chars = filled.str.len_chars().to_numpy().astype(np.float64)
        out = [filled.str.count_matches(r"\w+").to_numpy().astype(np.float64), chars]
        for pattern in (r"\d", r"\p{Lu}"):
            out.append(filled.str.count_matches(pattern).to_numpy() / np.maximum(chars, 1))
        if self.components.size:
            chunks = [filled.slice(start, CHUNK) for start in range(0, max(1, len(filled)), CHUNK)]
            topics = np.concatenate([_weighted(_counts(chunk), self.idf) @ self.components for chunk in chunks])
            # Rounded, because the last digits of a sum differ between processors and a tree could split there.
            out += list(np.round(topics, 4).T)
        return [np.where(empty, np.nan, values) for values in out]
