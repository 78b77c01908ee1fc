"""Texts as sparse counts of hashed words, word pairs and character n-grams; any language, no vocabulary of strings.

A gram's hash is a polynomial over its code points modulo 2^64 (Karp, Rabin 1987), so all grams of all texts come from one
running sum. Only hashes are kept: what stands in a text cannot be read from a model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from treeline.candidates.card import Rows
from treeline.candidates.media import Media, strings
from treeline.problem.metric import Array

__all__ = ["Grams", "counts_of", "lowered", "texts_of"]

BASE = 0x9E3779B97F4A7C15 | 1
INVERSE = pow(BASE, -1, 2**64)
BUCKETS = 22
"Bits of a hash: grams of the same bucket are one feature."
CHARS, WORDS = 4_000, 1_000
"Of one text so many characters, and so many words, are read."
CHUNK = 2_000_000
"Characters counted at a time, which bounds memory."
ALONE = ((0x2E80, 0xA4CF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF), (0x0E00, 0x0EFF), (0xAC00, 0xD7AF))
"Scripts without blanks between words, or with long ones: each character is a word."


def texts_of(rows: Rows) -> list[str]:
    """Return the texts (n,) of all text columns, joined by a blank line."""
    return _joined(rows.media, [one.name for one in rows.shape.of_kind("text")])


def counts_of(rows: Rows, grams: Grams) -> tuple[Any, Any]:
    """Return `Grams.counts` of `texts_of` some rows, counted once a run."""
    names = [one.name for one in rows.shape.of_kind("text")]
    words = chars = None
    if grams.words:
        make = partial(_counts, Grams(words=grams.words, chars=()), names, 0)
        words = rows.media.derived_counts(f"words-{grams.words}", make, 2**BUCKETS)
    if grams.chars:
        make = partial(_counts, Grams(words=0, chars=grams.chars), names, 1)
        key = "-".join(map(str, grams.chars))
        chars = rows.media.derived_counts(f"chars-{key}", make, 2**BUCKETS)
    return words, chars


def _counts(grams: Grams, names: Sequence[str], side: int, media: Media) -> Any:
    return grams.counts(_joined(media, names))[side]


def _joined(media: Media, names: Sequence[str]) -> list[str]:
    return ["\n\n".join(row) for row in zip(*(strings(media[name]) for name in names), strict=True)]


def lowered(text: str) -> str:
    """Return a text in one spelling of every character, lower case."""
    return unicodedata.normalize("NFKC", text[:CHARS]).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Some texts as one run of code points, a zero after each text."""

    code: Array
    "(m,) uint64"
    row: Array
    "(m,) int64: the text of each code point"
    total: Array
    "(m + 1,) uint64: running sum of code x BASE^place"
    back: Array
    "(m + 1,) uint64: BASE^-place"

    @classmethod
    def of(cls, texts: Sequence[str]) -> Letters:
        """Lay the texts out."""
        flat = "".join(text + "\0" for text in texts)
        code = np.frombuffer(flat.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
        row = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])
        ones = np.ones(len(code) + 1, np.uint64)
        ones[1:] = BASE
        power = np.cumprod(ones, dtype=np.uint64)
        ones[1:] = INVERSE
        total = np.zeros(len(code) + 1, np.uint64)
        np.cumsum(code * power[:-1], dtype=np.uint64, out=total[1:])
        return cls(code=code, row=row, total=total, back=np.cumprod(ones, dtype=np.uint64))

    def hashes(self, start: Array, end: Array) -> Array:
        """Return the hashes of the spans from `start` to `end`, uint64."""
        return np.asarray((self.total[end] - self.total[start]) * self.back[start])

    def characters(self, n: int) -> tuple[Array, Array]:
        """Return text and hash of every run of n characters within a text."""
        ends = np.cumsum(self.code == 0)
        start = np.arange(max(0, len(self.code) - n))
        start = start[ends[start + n - 1] == np.where(start > 0, ends[start - 1], 0)]
        return self.row[start], _mixed(self.hashes(start, start + n), n)

    def words(self) -> tuple[Array, Array]:
        """Return text and hash of every word, in order."""
        known, at = np.unique(self.code, return_inverse=True)
        kind = np.array([_kind(int(one)) for one in known])[at]
        before = np.concatenate([[0], kind[:-1]])
        after = np.concatenate([kind[1:], [0]])
        start = np.flatnonzero((kind == 2) | ((kind == 1) & (before != 1)))
        end = np.flatnonzero((kind == 2) | ((kind == 1) & (after != 1))) + 1
        return self.row[start], self.hashes(start, end)


def _kind(code: int) -> int:
    """Return 0 for what is between words, 1 for a letter of a word, 2 for a character that is a word by itself."""
    if any(low <= code <= high for low, high in ALONE):
        return 2
    return int(chr(code).isalnum() or code == 0x5F or unicodedata.category(chr(code)).startswith("M"))


def _mixed(code: Array, salt: int) -> Array:
    """Return the bucket of each hash, int64."""
    code = code ^ np.uint64(salt * 0x2545F4914F6CDD1D % 2**64)
    code = (code ^ (code >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return np.asarray((code >> np.uint64(64 - BUCKETS)).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Grams:
    """Which grams are counted: word n-grams up to `words`, character n-grams of the lengths `chars`."""

    words: int = 2
    chars: tuple[int, ...] = (2, 3, 4, 5)

    def counts(self, texts: Sequence[str]) -> tuple[Any, Any]:
        """Return the sparse counts (n, 2^22) float32 of words and of characters (None where none are asked for)."""
        from scipy import sparse

        parts: tuple[list[Any], list[Any]] = ([], [])
        for some in _chunks([lowered(text) for text in texts]):
            letters = Letters.of(some)
            for held, found in zip(parts, (self._words(letters), self._chars(letters)), strict=True):
                held.append(_matrix(found, len(some)))
        words, chars = (sparse.vstack(held, format="csr") for held in parts)
        return (words if self.words else None), (chars if self.chars else None)

    def _words(self, letters: Letters) -> list[tuple[Array, Array]]:
        if not self.words:
            return []
        row, code = letters.words()
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        row, code = row[rank < WORDS], code[rank < WORDS]
        found, joined = [], code
        for n in range(1, self.words + 1):
            if n > 1:
                joined = joined[:-1] * np.uint64(BASE) + code[n - 1 :]
            same = row[: len(joined)] == row[n - 1 :]
            found.append((row[: len(joined)][same], _mixed(joined[same], 100 + n)))
        return found

    def _chars(self, letters: Letters) -> list[tuple[Array, Array]]:
        return [letters.characters(n) for n in self.chars]


def _chunks(texts: list[str]) -> list[list[str]]:
    """Return the texts in runs of about `CHUNK` characters."""
    place = np.cumsum([0] + [len(text) for text in texts]) // CHUNK
    cuts = [0, *(np.flatnonzero(np.diff(place[:-1])) + 1).tolist(), len(texts)]
    return [texts[a:b] for a, b in pairwise(cuts)] or [[]]


def _matrix(found: list[tuple[Array, Array]], n: int) -> Any:
    from scipy import sparse

    if not found:
        return sparse.csr_matrix((n, 2**BUCKETS), dtype=np.float32)
    row, bucket = (np.concatenate([pair[k] for pair in found]) for k in (0, 1))
    made = sparse.csr_matrix((np.ones(len(row), np.float32), (row, bucket)), shape=(n, 2**BUCKETS))
    made.sum_duplicates()
    return made
