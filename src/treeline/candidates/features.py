"""Typed columns to plain arrays, learned once from the inputs alone and shared by every candidate.

number    one float32, NaN where missing; large or tiny values are shifted and scaled so that float32 keeps their differences
category  an int32 code: 0 missing, 1 rare or unseen, 2… levels by falling frequency; a number too where the levels begin with one
date      days since the first date and the calendar parts that vary; hours between two dates (`dates.py`)
text      lengths and directions of hashed TF-IDF (`texts.py`), and the text itself as media
image, sound   media only (`media.py`)
The target is never looked at, so the features can be computed before the folds are cut without flattering anyone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.card import Shape, State
from treeline.candidates.dates import Dates
from treeline.candidates.media import MediaColumn
from treeline.candidates.texts import TOPICS, Text, as_bytes, longest
from treeline.data.column import Column, Kind

if TYPE_CHECKING:
    import polars as pl

    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["Category", "Encoder", "Number"]

MAX_INPUTS = 5_000
"Of wider tables the columns with the fewest missing and then the most different values are used."
MAX_LEVELS = 10_000
RARE_FROM_ROWS = 1_000
"From so many rows on, a level seen once is rare."
MAX_TOPICS = 128
"Text directions of all text columns together."
SAMPLE = 100_000
FLOAT32_MAX = 3e38
FIRST_NUMBER = r"^[^\p{L}\d]*?([-]?\d+(?:\.\d+)?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number column: encoded as (value - offset) / scale."""

    name: str
    offset: float
    scale: float

    @classmethod
    def fit(cls, values: pl.Series) -> Number:
        """Choose offset 0 and scale 1 unless float32 would lose the differences between usual values."""
        sample = values.gather_every(max(1, len(values) // SAMPLE)).drop_nulls().to_numpy()
        ends = np.array([values.min(), values.max()], dtype=np.float64)
        low, middle, high = np.quantile(sample, [0.25, 0.5, 0.75]) if len(sample) else (0.0, 0.0, 0.0)
        far = max(abs(low), abs(high)) > 64 * (high - low) if high > low else np.abs(ends).max() >= 2**24
        offset = float(np.floor(middle) if abs(middle) >= 1 else middle) if far else 0.0
        size = float(np.abs(ends - offset).max())
        usual = size == 0 or 1e-12 <= size <= 1e12
        return cls(name=values.name, offset=offset, scale=1.0 if usual else float(10.0 ** np.floor(np.log10(size))))

    def transform(self, values: pl.Series) -> Array:
        """Return (n,) float64, NaN where missing or not finite."""
        out = np.array(values.fill_null(np.nan).to_numpy())
        out[~np.isfinite(out)] = np.nan
        return np.clip((out - self.offset) / self.scale, -FLOAT32_MAX, FLOAT32_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category column: level i has code i + 2; `values` (levels + 2,) are the numbers the levels begin with, or None."""

    name: str
    levels: tuple[str, ...]
    values: Array | None = None

    @classmethod
    def fit(cls, values: pl.Series) -> Category:
        """Order the levels by falling frequency, then by text, and leave out the rare ones."""
        import polars as pl

        least = 2 if len(values) > RARE_FROM_ROWS else 1
        counts = pl.DataFrame({"level": values}).drop_nulls().group_by("level").len().filter(pl.col("len") >= least)
        order = counts.sort(["len", "level"], descending=[True, False]).head(MAX_LEVELS)
        return cls(name=values.name, levels=tuple(order["level"].to_list()), values=_numbers(order["level"]))

    def transform(self, values: pl.Series) -> Array:
        """Return the codes (n,) int32."""
        import polars as pl

        if not self.levels:
            return np.where(values.is_null().to_numpy(), 0, 1).astype(np.int32)
        codes = np.arange(2, len(self.levels) + 2, dtype=np.int32)
        out = values.replace_strict(pl.Series(self.levels), codes, default=1, return_dtype=pl.Int32).to_numpy()
        return np.where(values.is_null().to_numpy(), 0, out).astype(np.int32)


def _numbers(levels: pl.Series) -> Array | None:
    """Return the numbers at the start of levels such as `<1`, `10/49` or `$25,000 - $49,999`, if most levels have one."""
    import polars as pl

    text = levels.str.replace_all(r"(\d),(\d{3})", "${1}${2}")
    found = text.str.extract(FIRST_NUMBER).cast(pl.Float64, strict=False)
    if len(levels) < 3 or found.drop_nulls().n_unique() < max(3, 0.6 * len(levels)):
        return None
    nudge = text.str.contains(r"^\W*>").cast(pl.Float64) - text.str.contains(r"^\W*<").cast(pl.Float64)
    values = (found + nudge / 2).fill_null(np.nan).to_numpy()
    return np.concatenate([[np.nan, np.nan], values])


def _choose(dataset: Dataset, exclude: Collection[str], target: str) -> tuple[list[Column], dict[str, str]]:
    """Return the columns to encode, in the order of the table, and the reason for each other one."""
    left_out: dict[str, str] = {}
    frame, n = dataset.frame, len(dataset)
    nulls = dict(zip(frame.columns, frame.null_count().row(0), strict=True))
    for column in dataset.columns:
        if column.name == target:
            left_out[column.name] = "it is the target"
        elif column.name in exclude:
            left_out[column.name] = "excluded"
        elif not column.kind.is_input:
            left_out[column.name] = f"{column.kind} column"
        elif nulls[column.name] == n:
            left_out[column.name] = "no values"
    inputs = [column for column in dataset.columns if column.name not in left_out]
    if len(inputs) > MAX_INPUTS:
        kept = sorted(inputs, key=lambda column: (nulls[column.name], -column.distinct))[:MAX_INPUTS]
        names = {column.name for column in kept}
        reason = f"the table is wider than {MAX_INPUTS} inputs; others have fewer missing or more different values"
        left_out |= {column.name: reason for column in inputs if column.name not in names}
        inputs = [column for column in inputs if column.name in names]
    return inputs, left_out


def _media(dataset: Dataset, column: Column) -> MediaColumn:
    """Return what is known of a column of texts, images or sounds."""
    if column.kind.is_media:
        return MediaColumn(column.name, str(column.kind), tuple(dataset.media[column.name].shape[1:]))
    return MediaColumn(column.name, str(Kind.TEXT), (longest(dataset.frame[column.name]),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """Turns frames of canonical types (see `Dataset`) into numbers (n, p) float32 and codes (n, q) int32."""

    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    dates: Dates
    texts: tuple[Text, ...]
    media: tuple[MediaColumn, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    "Column name -> why it is no input."

    @classmethod
    def fit(cls, dataset: Dataset, *, exclude: Collection[str], target: str) -> Encoder:
        """Learn from all rows of `dataset`, never from its target; columns in `exclude` are left out."""
        import polars as pl

        inputs, left_out = _choose(dataset, exclude, target)
        named = {kind: [column.name for column in inputs if column.kind is kind] for kind in Kind}
        frame = dataset.frame
        topics = min(TOPICS, MAX_TOPICS // max(1, len(named[Kind.TEXT])))
        return cls(
            numbers=tuple(Number.fit(frame[name].cast(pl.Float64)) for name in named[Kind.NUMBER]),
            categories=tuple(Category.fit(frame[name].cast(pl.String)) for name in named[Kind.CATEGORY]),
            dates=Dates.fit(frame, named[Kind.DATE]),
            texts=tuple(Text.fit(frame[name].cast(pl.String), topics) for name in named[Kind.TEXT]),
            media=tuple(
                _media(dataset, column) for column in inputs if column.kind is Kind.TEXT or column.kind.is_media
            ),
            left_out=left_out,
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that `transform` needs."""
        groups: list[Any] = [*self.numbers, *self.categories, *self.texts, *self.media]
        return tuple(dict.fromkeys([*(part.name for part in groups), *self.dates.first]))

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """For each of `num_names`, then `cat_names`, the columns that it comes from."""
        return tuple(source for _, source in self._num()) + tuple((part.name,) for part in self.categories)

    @property
    def num_names(self) -> tuple[str, ...]:
        """The names of the p numbers."""
        return tuple(name for name, _ in self._num())

    @property
    def plain(self) -> tuple[int, ...]:
        """Which numbers are columns as they stand: a number itself, a date's days, a text's length; nothing derived."""
        seen, kept = {part.name for part in self.categories}, []
        for j, (_, source) in enumerate(self._num()):
            if len(source) == 1 and source[0] not in seen:
                seen.add(source[0])
                kept.append(j)
        return tuple(kept)

    @property
    def cat_names(self) -> tuple[str, ...]:
        """The names of the q categories."""
        return tuple(part.name for part in self.categories)

    @property
    def cards(self) -> tuple[int, ...]:
        """Per category the number of codes, 0 and 1 included."""
        return tuple(len(part.levels) + 2 for part in self.categories)

    def shape(self, problem: Problem) -> Shape:
        """Return what candidates may know of these features and of the problem."""
        return Shape(
            task=problem.task,
            n_classes=len(problem.classes),
            metric=problem.metric,
            num_names=self.num_names,
            cat_names=self.cat_names,
            cards=self.cards,
            media=self.media,
        )

    def _num(self) -> list[tuple[str, tuple[str, ...]]]:
        plain = [(part.name, (part.name,)) for part in self.numbers]
        ordered = [(f"{part.name}: as a number", (part.name,)) for part in self.categories if part.values is not None]
        texts = [(name, (part.name,)) for part in self.texts for name in part.names]
        return plain + ordered + self.dates.names + texts

    def transform(self, frame: pl.DataFrame) -> tuple[Array, Array]:
        """Return numbers (n, p) float32 with NaN for missing, and codes (n, q) int32; other columns are ignored."""
        import polars as pl

        cat = np.empty((frame.height, len(self.categories)), dtype=np.int32)
        for j, part in enumerate(self.categories):
            cat[:, j] = part.transform(frame[part.name].cast(pl.String))
        num = np.empty((frame.height, len(self._num())), dtype=np.float32)
        for j, number in enumerate(self.numbers):
            num[:, j] = number.transform(frame[number.name].cast(pl.Float64))
        rest = [part.values[cat[:, j]] for j, part in enumerate(self.categories) if part.values is not None]
        rest += self.dates.transform(frame)
        for text in self.texts:
            rest += text.transform(frame[text.name].cast(pl.String))
        for j, values in enumerate(rest, start=len(self.numbers)):
            num[:, j] = values
        return num, cat

    def arrays(self, frame: pl.DataFrame, decoded: Mapping[str, Array]) -> dict[str, Array]:
        """Return the media (n, …) by column: texts from the frame, images and sounds as they were `decoded`."""
        return {
            part.name: as_bytes(frame[part.name], part.size[0]) if part.kind == Kind.TEXT else decoded[part.name]
            for part in self.media
        }

    def state(self) -> State:
        """Return all that `restore` needs: arrays (level texts as bytes) and JSON data."""
        arrays: dict[str, Array] = {}
        for j, part in enumerate(self.categories):
            raw = [level.encode() for level in part.levels]
            arrays[f"level_text.{j}"] = np.frombuffer(b"".join(raw), dtype=np.uint8)
            arrays[f"level_size.{j}"] = np.array([len(level) for level in raw], dtype=np.int64)
            if part.values is not None:
                arrays[f"level_value.{j}"] = part.values
        for j, text in enumerate(self.texts):
            arrays[f"idf.{j}"], arrays[f"components.{j}"] = text.idf, text.components
        return arrays, {
            "numbers": [[part.name, part.offset, part.scale] for part in self.numbers],
            "categories": [part.name for part in self.categories],
            "dates": self.dates.to_json(),
            "texts": [part.name for part in self.texts],
            "media": [[part.name, part.kind, list(part.size)] for part in self.media],
            "left_out": self.left_out,
        }

    @classmethod
    def restore(cls, arrays: dict[str, Array], meta: dict[str, Any]) -> Encoder:
        """Rebuild an encoder from `state`."""
        categories = []
        for j, name in enumerate(meta["categories"]):
            text, ends = arrays[f"level_text.{j}"].tobytes(), np.cumsum(arrays[f"level_size.{j}"])
            starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
            levels = tuple(text[a:b].decode() for a, b in zip(starts, ends, strict=True))
            categories.append(Category(name=name, levels=levels, values=arrays.get(f"level_value.{j}")))
        texts = [
            Text(name=name, idf=arrays[f"idf.{j}"], components=arrays[f"components.{j}"])
            for j, name in enumerate(meta["texts"])
        ]
        return cls(
            numbers=tuple(Number(name=name, offset=offset, scale=scale) for name, offset, scale in meta["numbers"]),
            categories=tuple(categories),
            dates=Dates.from_json(meta["dates"]),
            texts=tuple(texts),
            media=tuple(MediaColumn(name, kind, tuple(size)) for name, kind, size in meta["media"]),
            left_out=dict(meta["left_out"]),
        )
