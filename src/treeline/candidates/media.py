"""Media: the texts, images and sounds of some rows, as dense arrays that are read where they are needed.

text   (n, L) uint8: UTF-8, cut after L bytes at a character, padded with zeros
image  (n, H, W, C) uint8: turned upright, one size a run, C is 1 (grey) or 3
sound  (n, T) int16: mono, `SOUND_HZ`, padded with zeros

What is made of them without looking at a target (hashes, gradients, spectrograms, embeddings of a frozen encoder) is kept by
`Media.derived`: each row is made once a run, by the first fit that asks, on that fit's clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from treeline.data.media_sound import HZ as SOUND_HZ
from treeline.machine import lock
from treeline.problem.metric import Array

__all__ = ["FULL_EPOCHS", "NO_MEDIA", "SOUND_HZ", "Media", "MediaColumn", "ended", "largest", "strings"]

CHUNK = 256
"Rows derived between two looks at what another process has made."
FULL_EPOCHS = 8_000
"Rows from which on nets of media plan no more than their usual epochs (`deep.module.epochs_for`)."
COUNTED = 2048
"Rows of sparse counts derived between two such looks."


@dataclass(frozen=True, slots=True)
class MediaColumn:
    """A column of texts, images or sounds."""

    name: str
    kind: str
    "`text`, `image` or `sound`."
    size: tuple[int, ...]
    "Of one row's array: (L,), (H, W, C) or (T,)."


@dataclass(frozen=True, slots=True)
class Media:
    """The media of n rows: whole arrays of N rows by column, and which of them these rows are."""

    arrays: Mapping[str, Array]
    index: Array
    "(n,) int64"
    store: Path | None = None
    "The folder that all processes of a run share what they derive in; None keeps it in memory."
    _kept: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    @classmethod
    def of(cls, arrays: Mapping[str, Array], n: int, store: Path | None = None) -> Media:
        """Return the media of all n rows of `arrays`."""
        return cls(arrays, np.arange(n), store)

    def __len__(self) -> int:
        """Return n."""
        return len(self.index)

    def take(self, index: Array) -> Media:
        """Return the media of these rows; nothing is copied."""
        return Media(self.arrays, self.index[index], self.store, self._kept) if self.arrays else self

    def __getitem__(self, name: str) -> Array:
        """Return one column's array (n, ...), copied."""
        return np.asarray(self.arrays[name][self.index])

    def derived(self, name: str, key: str, make: Callable[[Array], Array]) -> Array:
        """Return what `make` makes of a column, (n, ...).

        Args:
            name: the column.
            key: names what is made, with every setting it depends on; a file name.
            make: (k, ...) raw rows to (k, ...), each row by itself.
        """
        if not len(self.index):
            return np.asarray(make(np.zeros_like(self.arrays[name][:1])))[:0]
        whole, have = self._held(name, key, make)
        missing = np.unique(self.index[have[self.index] == 0])
        for start in range(0, len(missing), CHUNK):
            with self._alone(key):
                some = missing[start : start + CHUNK]
                some = some[have[some] == 0]
                if len(some):
                    whole[some] = make(np.asarray(self.arrays[name][some]))
                    have[some] = 1
        return np.asarray(whole[self.index])

    def derived_counts(self, key: str, make: Callable[[Media], Any], width: int) -> Any:
        """Return what `make` makes of these rows, sparse counts (n, width) CSR of float32, kept as `derived` keeps dense rows.

        Args:
            key: names what is made, with every setting it depends on; a file name.
            make: media to the counts of its rows, each row by itself.
            width: columns.
        """
        if self.store is None or not len(self.index):
            return make(self)
        from scipy import sparse

        entries, places = self.store / f"{key}.entries", self.store / f"{key}.npy"
        with self._alone(key):
            if not places.exists():
                count = len(next(iter(self.arrays.values())))
                np.lib.format.open_memmap(places, mode="w+", dtype=np.int64, shape=(count, 2)).flush()
        place = np.load(places, mmap_mode="r+", allow_pickle=False)
        missing = np.unique(self.index[place[self.index, 1] == 0])
        for start in range(0, len(missing), COUNTED):
            with self._alone(key), entries.open("ab") as file:
                some = missing[start : start + COUNTED]
                some = some[place[some, 1] == 0]
                if len(some):
                    made = make(Media(self.arrays, some))
                    pair = np.stack(
                        [made.indices.astype(np.int32), made.data.astype(np.float32).view(np.int32)], axis=1
                    )
                    size = file.seek(0, 2)
                    file.write(b"\0" * (-size % 8) + pair.tobytes())  # a killed fit may have left half an entry
                    file.flush()
                    begin = -(-size // 8)
                    # The second number is one more than the length, so that 0 says: not made.
                    place[some] = np.stack([begin + made.indptr[:-1], np.diff(made.indptr) + 1], axis=1)
        starts, lengths = place[self.index, 0], place[self.index, 1] - 1
        ends = np.concatenate([[0], np.cumsum(lengths)])
        if not ends[-1]:
            return sparse.csr_matrix((len(self), width), dtype=np.float32)
        at = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)
        pair = np.memmap(entries, np.int64, "r")[at].view(np.int32).reshape(-1, 2)
        found = np.ascontiguousarray(pair[:, 1]).view(np.float32), np.ascontiguousarray(pair[:, 0]), ends
        return sparse.csr_matrix(found, shape=(len(self), width))

    def _held(self, name: str, key: str, make: Callable[[Array], Array]) -> tuple[Array, Array]:
        """Return all N rows of a derived array, and which of them are made; both are written into."""
        held = f"{name}/{key}"
        if held in self._kept:
            return self._kept[held]
        count = len(self.arrays[name])
        if self.store is None:
            one = np.asarray(make(np.asarray(self.arrays[name][self.index[:1]])))
            self._kept[held] = np.zeros((count, *one.shape[1:]), one.dtype), np.zeros(count, np.uint8)
            return self._kept[held]
        column = list(self.arrays).index(name)
        files = [self.store / f"{column}-{key}{end}.npy" for end in ("", "-have")]
        with self._alone(key):
            if not files[1].exists():
                one = np.asarray(make(np.asarray(self.arrays[name][self.index[:1]])))
                np.lib.format.open_memmap(files[0], mode="w+", dtype=one.dtype, shape=(count, *one.shape[1:])).flush()
                np.lib.format.open_memmap(files[1], mode="w+", dtype=np.uint8, shape=(count,)).flush()
        whole, have = (np.load(path, mmap_mode="r+", allow_pickle=False) for path in files)
        self._kept[held] = whole, have
        return whole, have

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Keep other processes of the run from deriving the same rows."""
        if self.store is None:
            yield
            return
        self.store.mkdir(parents=True, exist_ok=True)
        with (self.store / f"{key}.lock").open("w") as file:
            lock(file, wait=True)
            yield


def largest(columns: Sequence[MediaColumn]) -> MediaColumn:
    """Return the column that nets look at where several are of one kind: the one with the largest rows."""
    return max(columns, key=lambda column: math.prod(column.size))


def ended(wave: Array) -> Array:
    """Return a wave (t,) float32 without its padding, a quarter of a second at least."""
    heard = np.flatnonzero(wave)
    length = max(SOUND_HZ // 4, int(heard[-1]) + 1 if len(heard) else 0)
    return wave[:length].astype(np.float32) / 32768


def strings(raw: Array) -> list[str]:
    """Return texts (n, L) uint8 as strings."""
    return [bytes(row).rstrip(b"\0").decode("utf-8", "replace") for row in raw]


NO_MEDIA = Media({}, np.zeros(0, np.int64))
