"""The items that the report shows: which ones is a pure function of the predictions; they are kept beside the ledger.

    OUT/ledger/items.npz    index (k,) among the rows with a target, row (k,) of the data set, file name (k,),
                            pictures (k, h, w, c) uint8 or texts (k,), and the kind and the name of their column

Pictures are made from decoded arrays, so nothing else that a file holds (place, camera, author) comes along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from treeline.candidates.classical.pictures import SIDE, small
from treeline.candidates.spectra import log_mel
from treeline.contest.ledger import Ledger, durable
from treeline.contest.opening import encoder_of, leading
from treeline.data.labels import suspected
from treeline.problem.metric import Array, labels

if TYPE_CHECKING:
    from treeline.candidates.media import MediaColumn
    from treeline.contest.result import Result
    from treeline.data.dataset import Dataset

__all__ = ["Confusion", "Selection", "as_picture", "keep_items", "select", "select_numbers"]

CLASSES, EXAMPLES = 10, 3
"The largest classes, and the examples of each."
PAIRS, CONFUSED = 6, 6
"The most frequent confusions, and the items of each."
SUSPECTS = 12
ACROSS = 6
"Examples from the smallest to the largest number."
CHARACTERS = 160


def _none() -> Array:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Rows of one class that were taken for another."""

    true: int
    said: int
    rows: int
    shown: Array
    "(k,) positions, the surest mistakes first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of m judged rows are shown, by position."""

    examples: tuple[tuple[int, Array], ...]
    "Class and positions (k,), the largest class first."
    confusions: tuple[Confusion, ...]
    "The most frequent first."
    suspects: Array
    "(k,) the most suspect first."
    beyond_chance: bool
    "Whether there are more suspects than chance would give, were all labels right."
    across: Array = field(default_factory=_none)
    "(k,) of a target that is a number: from the smallest to the largest."
    errors: Array = field(default_factory=_none)
    "(k,) of such a target: the largest errors first."

    @property
    def positions(self) -> Array:
        """All that are shown, each once, in order (k,)."""
        parts = [found for _, found in self.examples] + [pair.shown for pair in self.confusions]
        return np.unique(np.concatenate([*parts, self.suspects, self.across, self.errors]))


def select(y: Array, prediction: Array) -> Selection:
    """Choose what to show; the same rows, the same choice.

    Args:
        y: classes (m,).
        prediction: out-of-fold probabilities, (m,) or (m, C); rows with NaN are passed over.
    """
    known = np.flatnonzero(np.isfinite(prediction.reshape(len(y), -1)).all(axis=1))
    y, prediction = y[known].astype(np.int64), prediction[known].astype(np.float64)
    count = np.bincount(y)
    largest = [int(c) for c in np.argsort(-count, kind="stable")[:CLASSES] if count[c]]
    order, _, many = suspected(y, prediction) if len(y) else (known, known, False)
    return Selection(
        # evenly spaced, not the best or the worst: what the class is like
        examples=tuple((c, known[_spread(np.flatnonzero(y == c), EXAMPLES)]) for c in largest),
        confusions=_confusions(y, prediction, known),
        suspects=known[order[:SUSPECTS]],
        beyond_chance=bool(many),
    )


def select_numbers(y: Array, prediction: Array) -> Selection:
    """Choose what to show where the target is a number; y and prediction are (m,)."""
    known = np.flatnonzero(np.isfinite(prediction))
    off = np.abs(y[known] - prediction[known])
    return Selection(
        examples=(), confusions=(), suspects=_none(), beyond_chance=False,
        across=_spread(known[np.argsort(y[known], kind="stable")], ACROSS),
        errors=known[np.argsort(-off, kind="stable")[:SUSPECTS]],
    )  # fmt: skip


def _spread(rows: Array, most: int) -> Array:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.int64))]


def _confusions(y: Array, prediction: Array, known: Array) -> tuple[Confusion, ...]:
    said = labels(prediction).astype(np.int64) if len(y) else y
    wrong = np.flatnonzero(said != y)
    pairs, count = np.unique(np.stack([y[wrong], said[wrong]], axis=1), axis=0, return_counts=True)
    sure = np.maximum(prediction, 1 - prediction) if prediction.ndim == 1 else prediction.max(axis=1, initial=0.0)
    found = []
    for k in np.argsort(-count, kind="stable")[:PAIRS]:
        true, other = (int(code) for code in pairs[k])
        rows = wrong[(y[wrong] == true) & (said[wrong] == other)]
        surest = rows[np.argsort(-sure[rows], kind="stable")[:CONFUSED]]
        found.append(Confusion(true=true, said=other, rows=len(rows), shown=known[surest]))
    return tuple(found)


def as_picture(values: Array, kind: str) -> Array:
    """Return pictures (k, h, w, c) uint8, at most 64 x 64, of images (k, h, w, c) or of sounds (k, T) int16.

    A sound's picture is its spectrogram, as wide for a short sound as for a long one: time to the
    right, low pitches below, bright where loud.
    """
    if kind == "sound":
        values = np.stack([_spectrogram(wave) for wave in values])
        loudest = values.max(axis=(1, 2, 3), keepdims=True)
        # 60 dB below each sound's loudest tone is black: what is softer than that is noise of the recording
        values = 255 * np.clip(1 - (loudest - values.astype(np.float64)) / 120, 0, 1)
    return small(np.asarray(np.rint(values), np.uint8))


def _spectrogram(wave: Array) -> Array:
    """Return the levels (64, 64, 1) of one sound (T,), from its beginning to where the padding begins."""
    heard = np.flatnonzero(wave)
    levels = log_mel(wave[None, : int(heard[-1]) + 1 if len(heard) else 1])[0]
    frames = np.linspace(0, len(levels) - 1, SIDE).round().astype(np.int64)
    return np.asarray(levels[frames].T[::-1, :, None])


def keep_items(ledger: Ledger, result: Result, dataset: Dataset, rows: Array) -> None:
    """Keep what the report shows of a run whose texts, images or sounds lead; nothing for other runs.

    `rows` (n,) are the data set's row numbers that have a target.
    """
    if result.y is None or result.index is None or result.prediction is None:
        return
    encoder = encoder_of(ledger)
    column = leading(dataset, encoder, ledger.head["settings"].get("text") or ()) if encoder.media else None
    if column is None:
        return
    chosen = (select if result.problem.classes else select_numbers)(result.y, result.prediction)
    index = result.index[chosen.positions]
    with durable(ledger.path.parent / "items.npz") as path:
        np.savez_compressed(
            path, allow_pickle=False, index=index, row=rows[index], kind=np.array(column.kind), column=np.array(column.name),
            **_contents(dataset, column, rows[index]),
        )  # fmt: skip


def _contents(dataset: Dataset, column: MediaColumn, rows: Array) -> dict[str, Array]:
    values = dataset.frame[column.name][rows].fill_null("")
    if column.kind == "text":
        return {"text": np.array(values.str.slice(0, CHARACTERS + 1).to_list(), dtype=np.str_)}
    pictures = as_picture(np.asarray(dataset.media[column.name][rows]), column.kind)
    return {"name": np.array(values.to_list(), dtype=np.str_), "picture": pictures}
