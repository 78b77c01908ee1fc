"""Images and sounds of a table, decoded once, in children with caps."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from treeline.data.column import Kind
from treeline.data.decoders import Decoders
from treeline.data.media_files import open_place
from treeline.data.media_sound import HZ, MAX_SECONDS
from treeline.data.raw import Raw, Reject
from treeline.errors import DataError, SetupError, shown

if TYPE_CHECKING:
    import polars as pl

    from treeline.problem.metric import Array

__all__ = ["LARGEST", "Decoded", "Wanted", "decode", "decode_files", "refuse_bad", "settle_media"]

LARGEST, SMALLEST = 64, 8
"Pixels of a side, where nobody asks for sharper pictures."
ALL_SOUNDS = 2 << 30
"Bytes of all sounds together: beyond, those longer than 99 % of them are cut, and then all."
MOST = 1 << 29
"Bytes of all sharper pictures together: with more files they are less sharp."
SHORTEST = HZ // 10
NEEDS = {Kind.IMAGE: ("PIL", "image"), Kind.SOUND: ("soundfile", "audio")}
CHUNK = 1000


class Wanted(Protocol):
    """A column to decode, and the size of one row's array."""

    @property
    def name(self) -> str:
        """The column."""
        ...

    @property
    def kind(self) -> str:
        """`image` or `sound`; `text` is left alone."""
        ...

    @property
    def size(self) -> tuple[int, ...]:
        """(H, W, C) or (T,)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The files of one column."""

    array: Array
    "(n, H, W, C) uint8 or (n, T) int16; zeros where a file is bad."
    bad: dict[int, tuple[str, str]]
    "Row number to the reason and what exactly was found."
    how: str
    "What was done to the files, in a sentence."


def decode(frame: pl.DataFrame, columns: Sequence[Wanted], *, root: str) -> Mapping[str, Array]:
    """Return the images (n, H, W, C) uint8 and sounds (n, T) int16 of the columns, by name.

    Raises:
        DataError: a file cannot be read; the first ones are named.
        SetupError: the library that decodes is not installed.
    """
    out: dict[str, Array] = {}
    for column in columns:
        if column.kind not in (Kind.IMAGE, Kind.SOUND):
            continue
        names = frame[column.name].to_list()
        found = decode_files(names, Kind(column.kind), root=root, size=tuple(column.size))
        refuse_bad(names, found, root=root)
        out[column.name] = found.array
    return out


def refuse_bad(names: Sequence[str | None], found: Decoded, *, root: str) -> None:
    """Raise a DataError that names the first files that cannot be read, where there are any."""
    listed = [f"{shown(names[row] or 'no name')} {detail}" for row, (_, detail) in sorted(found.bad.items())]
    if listed:
        raise DataError(
            f"{len(listed)} of {len(names)} files cannot be read: "
            + "; ".join(listed[:8])
            + (", …" if listed[8:] else "."),
            where=root or ".",
            do="Repair these files, or take them out.",
        )


def decode_files(
    names: Sequence[str | None], kind: Kind, *, root: str, size: tuple[int, ...] = (), largest: int = LARGEST
) -> Decoded:
    """Decode files in children into one array, which lies in an unnamed temporary file and not in memory.

    Args:
        names: paths below `root`; None is a bad one.
        kind: image or sound.
        root: the folder or zip; empty for the current folder.
        size: of one row; chosen from the headers if not given.
        largest: pixels of the longer side, at most, where `size` is chosen.

    Raises:
        SetupError: the library that decodes is not installed, or there is no room for the array.
        DataError: too many files end the processes that decode them.
    """
    library, extra = NEEDS[kind]
    if find_spec(library) is None:
        raise SetupError(f"Reading a column of {kind}s needs {library}.", do=f'pip install "treeline[{extra}]"')
    place = open_place(root)
    bad: dict[int, tuple[str, str]] = {}
    items: list[tuple[int, str]] = []
    for row, name in enumerate(names):
        why = "names no file" if name is None else place.refusal(name)
        if why:
            bad[row] = ("file missing or not allowed", why)
        else:
            items.append((row, str(name)))
    if not names:
        raise DataError("There is no file to decode.", where=root or ".")
    at = str(place.root) if place.members is not None else place.real
    with tempfile.TemporaryFile() as out, Decoders(str(kind), at, out.fileno(), files=len(items)) as decoders:
        facts: dict[int, dict[str, Any]] = {}
        if not size:
            facts = _good(decoders.run("look", items), bad)
            items = [item for item in items if item[0] in facts]
            size = _size_of(kind, facts.values(), largest)
        dtype = np.dtype(np.uint8 if kind is Kind.IMAGE else np.int16)
        width = int(np.prod(size)) * dtype.itemsize
        _make_room(out.fileno(), len(names) * width)
        done = _good(decoders.run("decode", items, size=size, bytes=width), bad)
        whole = np.frombuffer(mmap.mmap(out.fileno(), len(names) * width), dtype).reshape(len(names), *size)
    if facts and kind is Kind.IMAGE and size[2] == 3 and _all_grey(whole):
        whole = whole[..., :1]
    if facts and kind is Kind.SOUND:
        whole = whole[:, : max([SHORTEST, *(one["length"] for one in done.values())])]
    return Decoded(array=whole, bad=bad, how=_told(kind, whole.shape[1:], done.values()))


def settle_media(
    raw: Raw, kinds: Mapping[str, str], sharpness: Callable[[], int] | None = None
) -> tuple[Raw, dict[str, Array]]:
    """Decode the image and sound columns; records whose file is bad leave the frame and are `lost`.

    `sharpness` says how many pixels the longer side of an image may have; it is asked where there are images only.

    Raises:
        SetupError, DataError: as `decode_files`.
    """
    import polars as pl

    columns = {name: Kind(kind) for name, kind in kinds.items() if kind in (Kind.IMAGE, Kind.SOUND)}
    columns = {name: kind for name, kind in columns.items() if name in raw.frame.columns}
    if not columns or not raw.frame.height:
        return raw, {}
    gone = {reject.number for reject in (*raw.rejects, *raw.lost)}
    numbers = [number for number in range(1, raw.read + 1) if number not in gone]
    lost: dict[int, Reject] = {}
    arrays, how, notes = {}, dict(raw.how), dict(raw.notes)
    for name, kind in columns.items():
        paths = raw.frame[name].cast(pl.String).to_list()
        largest = sharpness() if sharpness and kind is Kind.IMAGE else LARGEST
        found = decode_files(paths, kind, root=raw.root, largest=largest)
        for row, (reason, detail) in found.bad.items():
            lost.setdefault(row, Reject(numbers[row], 0, f"{kind}: {reason}", detail, paths[row] or ""))
        arrays[name], how[f"{kind}s of {name}"] = found.array, found.how
        notes[name] = "; ".join(filter(None, [found.how, notes.get(name, "")]))
    keep = np.ones(raw.frame.height, dtype=bool)
    keep[list(lost)] = False
    frame = raw.frame.filter(pl.Series(keep))
    arrays = {name: _without(array, keep) for name, array in arrays.items()}
    both = (*raw.lost, *(lost[row] for row in sorted(lost)))
    return replace(raw, frame=frame, lost=both, how=how, notes=notes), arrays


def _without(array: Array, keep: Array) -> Array:
    """Move the rows to keep to the front, in place, and return those."""
    rows = np.flatnonzero(keep)
    if len(rows) < len(array):
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            array[start : start + len(some)] = array[some]
    return array[: len(rows)]


def _good(replies: dict[int, dict[str, Any]], bad: dict[int, tuple[str, str]]) -> dict[int, dict[str, Any]]:
    """Return the replies that are no complaint; complaints go to `bad`."""
    bad.update({row: (one["bad"][0], one["bad"][1]) for row, one in replies.items() if "bad" in one})
    return {row: one for row, one in replies.items() if "bad" not in one}


def _size_of(kind: Kind, facts: Iterable[dict[str, Any]], largest: int) -> tuple[int, ...]:
    """Choose the size of a run: the median height and width, the larger one at most `largest`; the longest sound."""
    facts = list(facts)
    largest = max(LARGEST, min(largest, int((MOST / 3 / max(1, len(facts))) ** 0.5)))
    if kind is Kind.SOUND:
        lengths = [SHORTEST, *(one["size"][0] for one in facts)]
        if 2 * max(lengths) * len(lengths) <= ALL_SOUNDS:
            return (max(lengths),)
        # A few long clips among many short ones would make all of them long.
        return (min(int(np.percentile(lengths, 99)), max(SHORTEST, ALL_SOUNDS // (2 * len(lengths)))),)
    if not facts:
        return (SMALLEST, SMALLEST, 1)
    middle = np.median([one["size"] for one in facts], axis=0)
    scale = min(1.0, largest / float(middle.max()))
    height, width = (max(SMALLEST, round(float(side) * scale)) for side in middle)
    return (height, width, 1 if all(one["grey"] for one in facts) else 3)


def _make_room(out: int, size: int) -> None:
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(out, 0, max(1, size))
        else:
            os.ftruncate(out, max(1, size))
    except OSError as error:
        raise SetupError(
            f"There is no room for {size >> 20} MiB of decoded files ({error.strerror}).",
            where=tempfile.gettempdir(),
            do="Point TMPDIR at a larger disk.",
        ) from None


def _all_grey(images: Array) -> bool:
    return all(
        bool((part == part[..., :1]).all())
        for part in (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
    )


def _told(kind: Kind, size: tuple[int, ...], done: Iterable[dict[str, Any]]) -> str:
    counts = Counter(word for one in done for word in one["done"])
    if kind is Kind.IMAGE:
        head = f"{size[1]} x {size[0]} pixels, {'grey' if size[2] == 1 else 'RGB'}; files of this size pixel for pixel"
    else:
        head = (
            f"mono, {HZ} Hz, {size[0] / HZ:.3g} s (as the longest, {MAX_SECONDS} s at most), shorter ones end in zeros"
        )
    return "; ".join([head, *(f"{word}: {count:,}" for word, count in sorted(counts.items()))])
