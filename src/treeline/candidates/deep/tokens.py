"""Texts to token ids: words, and pieces of words, learned on the training texts.

Words are lowercased runs of letters and digits, punctuation marks by themselves, and single characters where a script is
written without spaces. Nothing learned stands in one training text only: rarer words share hashed buckets that name nobody.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Any, Self
from zlib import crc32

import numpy as np

from treeline.problem.metric import Array

__all__ = ["PAD", "Pieces", "Words", "words_of"]

PAD = 0
BUCKETS = 256
"Rare and unseen words are shared out among so many ids."
MIN_TEXTS = 2
"A word, or a piece, is known if it stands in so many training texts."
MAX_WORD = 32
LEARN_WORDS = 20_000
"Pieces are learned from so many of the most frequent words."
NO_SPACES = "぀-ヿ㐀-䶿一-鿿豈-﫿\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"Kana, Chinese characters, Thai, Lao, Burmese, Khmer: a character is a word."
WORD = re.compile(rf"[{NO_SPACES}]|[^\W{NO_SPACES}]+(?:'[^\W\d_]+)?|[^\w\s]")


def words_of(text: str, most: int) -> list[str]:
    """Return the words of a text; of a longer one the first and the last `most` / 2."""
    text = unicodedata.normalize("NFKC", text).lower()
    # Marks belong to the letter before them, which `re` does not know.
    letters = text if text.isascii() else "".join("a" if unicodedata.category(one)[0] == "M" else one for one in text)
    words = [text[found.start() : found.end()] for found in WORD.finditer(letters)]
    return [word[:MAX_WORD] for word in both_ends(words, most)]


def known_in(texts: Iterable[Sequence[str]], most: int) -> list[str]:
    """Return the at most `most` words that stand in the most texts, in `MIN_TEXTS` at least."""
    counts = Counter(word for words in texts for word in set(words))
    known = sorted(
        (word for word, count in counts.items() if count >= MIN_TEXTS), key=lambda word: (-counts[word], word)
    )
    return known[:most]


def as_array(ids: Sequence[Sequence[int]], length: int) -> Array:
    """Return ids, cut and padded at the end, (n, length) int32."""
    out = np.full((len(ids), length), PAD, np.int32)
    for row, each in zip(out, ids, strict=True):
        cut = both_ends(each, length)
        row[: len(cut)] = cut
    return out


def both_ends(parts: Sequence[Any], most: int) -> Sequence[Any]:
    """Return the parts, or of more than `most` the first and the last half."""
    return parts if len(parts) <= most else [*parts[: most // 2], *parts[len(parts) - (most - most // 2) :]]


def length_for(lengths: Sequence[int], most: int) -> int:
    """Return how long the arrays are: as 99 % of the training texts, 4 at least, `most` at most."""
    return int(min(most, max(4, np.ceil(np.quantile(lengths, 0.99))))) if len(lengths) else 4


@dataclass(slots=True)
class Words:
    """Known words by falling frequency, then hashed buckets for all others. Ids: 0 is padding, known words, buckets."""

    known: list[str]
    length: int
    at: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Number the words."""
        self.at = {word: i + 1 for i, word in enumerate(self.known)}

    @classmethod
    def fit(cls, texts: Sequence[str], *, most: int, size: int) -> tuple[Self, Array]:
        """Learn up to `size` words; return the tokenizer and the texts as ids (n, length), length at most `most`."""
        words = [words_of(text, most) for text in texts]
        self = cls(known_in(words, size), length_for([len(each) for each in words], most))
        return self, self._ids(words)

    @property
    def size(self) -> int:
        """Ids in all."""
        return 1 + len(self.known) + BUCKETS

    def __call__(self, texts: Sequence[str]) -> Array:
        """Return ids (n, length) int32; longer texts keep their head and their tail."""
        return self._ids([words_of(text, self.length) for text in texts])

    def _ids(self, words: Sequence[Sequence[str]]) -> Array:
        first = 1 + len(self.known)
        return as_array(
            [[self.at.get(word) or first + crc32(word.encode()) % BUCKETS for word in each] for each in words],
            self.length,
        )

    def meta(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {"known": self.known, "length": self.length}

    @classmethod
    def restore(cls, meta: Mapping[str, Any]) -> Self:
        """Rebuild from `meta()`."""
        return cls(list(meta["known"]), int(meta["length"]))


@dataclass(slots=True)
class Pieces:
    """Byte-pair encoding (Sennrich, Haddow, Birch, ACL 2016): the most frequent neighbours are merged, again and again.

    Learned on words that stand in two texts at least. Ids: 0 is padding, 1 an unknown character, then the pieces; a piece
    that begins a word has a leading space.
    """

    pieces: list[str]
    merges: list[tuple[str, str]]
    length: int
    at: dict[str, int] = field(init=False, repr=False)
    rank: dict[tuple[str, str], int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Number pieces and merges."""
        self.at = {piece: i + 2 for i, piece in enumerate(self.pieces)}
        self.rank = {pair: i for i, pair in enumerate(self.merges)}

    @classmethod
    def fit(cls, texts: Sequence[str], *, most: int, size: int) -> tuple[Self, Array]:
        """Learn up to `size` pieces; return the tokenizer and the texts as ids (n, length), length at most `most`."""
        words = [words_of(text, most) for text in texts]
        known = set(known_in(words, LEARN_WORDS))
        counts = Counter(word for each in words for word in each if word in known)
        letters: Counter[str] = Counter()
        for word, count in counts.items():
            letters.update(dict.fromkeys((f" {word[0]}", *word[1:]), count))
        pieces = sorted(letters, key=lambda piece: (-letters[piece], piece))[:size]
        merges = merged(counts, size - len(pieces))
        self = cls(list(dict.fromkeys([*pieces, *(a + b for a, b in merges)])), merges, most)
        ids = self._ids(words)
        self.length = length_for([len(each) for each in ids], most)
        return self, as_array(ids, self.length)

    @property
    def size(self) -> int:
        """Ids in all."""
        return 2 + len(self.pieces)

    def __call__(self, texts: Sequence[str]) -> Array:
        """Return ids (n, length) int32; longer texts keep their head and their tail."""
        return as_array(self._ids([words_of(text, self.length) for text in texts]), self.length)

    def _ids(self, words: Sequence[Sequence[str]]) -> list[list[int]]:
        done: dict[str, list[int]] = {}
        out = []
        for each in words:
            for word in each:
                if word not in done:
                    done[word] = [self.at.get(piece, 1) for piece in self._split(word)]
            out.append([i for word in each for i in done[word]])
        return out

    def _split(self, word: str) -> list[str]:
        """Return the pieces of a word: of all pairs the one merged first in training is merged first."""
        parts = [f" {word[0]}", *word[1:]]
        while len(parts) > 1:
            pair = min(pairwise(parts), key=lambda pair: self.rank.get(pair, len(self.rank)))
            if pair not in self.rank:
                break
            parts = joined(parts, pair)
        return parts

    def meta(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {"pieces": self.pieces, "merges": self.merges, "length": self.length}

    @classmethod
    def restore(cls, meta: Mapping[str, Any]) -> Self:
        """Rebuild from `meta()`."""
        return cls(list(meta["pieces"]), [(a, b) for a, b in meta["merges"]], int(meta["length"]))


def joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """Return the parts with every such pair of neighbours joined."""
    out: list[str] = []
    for part in parts:
        if out and (out[-1], part) == pair:
            # A joined part is not joined again in the same pass: "aaa" is "aa", "a".
            out[-1] += part
        else:
            out.append(part)
    return out


def merged(counts: Mapping[str, int], most: int) -> list[tuple[str, str]]:
    """Learn up to `most` merges from words and how often they occur; pairs below two occurrences are left."""
    split = {word: [f" {word[0]}", *word[1:]] for word in counts}
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[str]] = {}
    for word, parts in split.items():
        for pair in pairwise(parts):
            pairs[pair] += counts[word]
            where.setdefault(pair, set()).add(word)
    # A pair waits in the heap under every count it had; only its present one is taken.
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapify(heap)
    out: list[tuple[str, str]] = []
    while heap and len(out) < most:
        count, best = heappop(heap)
        if -count < MIN_TEXTS:
            break
        if pairs[best] != -count:
            continue
        out.append(best)
        changed: set[tuple[str, str]] = set()
        for word in sorted(where.pop(best)):
            before = Counter(pairwise(split[word]))
            split[word] = joined(split[word], best)
            after = Counter(pairwise(split[word]))
            for pair in before.keys() | after.keys():
                pairs[pair] += counts[word] * (after[pair] - before[pair])
                where.setdefault(pair, set()).add(word)
                changed.add(pair)
        for pair in changed:
            heappush(heap, (-pairs[pair], pair))
    return out
