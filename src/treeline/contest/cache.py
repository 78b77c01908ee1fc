"""The shared features of a run: encoded once, written once, memory-mapped by every worker.

OUT/cache/num.npy cat.npy y.npy half.npy     all rows with a target, in the order of the data
OUT/cache/shape.json                         names and cardinalities of the columns, task, metric
OUT/cache/media-J.npy                         the j-th column of texts, images or sounds, see `candidates/media.py`
OUT/cache/derived/                           what fits made of them
OUT/cache/train-F-SHARE.npy  test-F.npy      row numbers of fold F's training part at a rung, and of its held-out part
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.card import Rows, Shape
from treeline.candidates.media import Media, MediaColumn
from treeline.contest.ledger import durable
from treeline.problem.metric import Array, metric_named
from treeline.problem.task import Task

if TYPE_CHECKING:
    from treeline.data.splits import Folds

__all__ = ["Cache", "transform_of"]


def transform_of(metric: str) -> str:
    """Return how the target is transformed for fitting: `log1p` for the metric of relative errors, else `none`."""
    return "log1p" if metric == "root_mean_squared_log_error" else "none"


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder of shared arrays."""

    folder: Path

    @classmethod
    def write(
        cls, folder: Path, arrays: dict[str, Array], *, shape: Shape, plain: Sequence[int] | None = None
    ) -> Cache:
        """Write the shared arrays: num (n, p) float32, cat (n, q) int32, y (n,), half (n,).

        `plain`: which numbers are columns as they stand (`Encoder.plain`); all where not given.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            with durable(folder / f"{name}.npy") as path:
                np.save(path, array, allow_pickle=False)
        facts = {
            "task": str(shape.task), "n_classes": shape.n_classes, "metric": shape.metric.name,
            "num_names": list(shape.num_names), "cat_names": list(shape.cat_names), "cards": list(shape.cards),
            "media": [[column.name, column.kind, list(column.size)] for column in shape.media],
            "plain": list(range(len(shape.num_names)) if plain is None else plain),
        }  # fmt: skip
        with durable(folder / "shape.json") as path:
            path.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
        return cls(folder)

    def array(self, name: str) -> Array:
        """Return one shared array, memory-mapped."""
        loaded: Array = np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return loaded

    def shape(self) -> Shape:
        """Return what candidates may know of the columns."""
        facts: dict[str, Any] = json.loads((self.folder / "shape.json").read_text(encoding="utf-8"))
        task = Task(facts["task"])
        return Shape(
            task=task, n_classes=facts["n_classes"], metric=metric_named(facts["metric"], task),
            num_names=tuple(facts["num_names"]), cat_names=tuple(facts["cat_names"]), cards=tuple(facts["cards"]),
            media=tuple(MediaColumn(name, kind, tuple(size)) for name, kind, size in facts["media"]),
        )  # fmt: skip

    def share_rows(self, folds: Folds, fold: int, rung: float) -> None:
        """Write the row numbers of a fold at a rung, once."""
        parts: dict[str, Callable[[], Array]] = {
            self._train(fold, rung): lambda: folds.train_rows(fold, rung),
            f"test-{fold}": lambda: folds.test_rows(fold),
        }
        for name, rows in parts.items():
            if not (self.folder / f"{name}.npy").exists():
                with durable(self.folder / f"{name}.npy") as path:
                    np.save(path, rows(), allow_pickle=False)

    @staticmethod
    def _train(fold: int, rung: float) -> str:
        return f"train-{fold}-{rung:.6f}"

    def every(self) -> Rows:
        """Return all rows that have a target, memory-mapped."""
        shape, num = self.shape(), self.array("num")
        media = {column.name: self.array(f"media-{j}") for j, column in enumerate(shape.media)}
        return Rows(shape, num, self.array("cat"), self.array("y"), Media.of(media, len(num), self.folder / "derived"))

    def plain(self, rows: Rows) -> Rows:
        """Return rows as a table of plain numbers: nothing derived, category codes as they fell, no column typed."""
        facts = json.loads((self.folder / "shape.json").read_text(encoding="utf-8"))
        names = (*(rows.shape.num_names[j] for j in facts["plain"]), *rows.shape.cat_names)
        shape = replace(rows.shape, num_names=names, cat_names=(), cards=(), media=())
        codes = np.where(rows.cat > 0, rows.cat, np.nan).astype(np.float32)
        return Rows(shape, np.hstack([rows.num[:, facts["plain"]], codes]), rows.cat[:, :0], rows.y)

    @staticmethod
    def narrow(rows: Rows) -> Rows:
        """Return rows with every other column."""
        names, levels, sizes = rows.shape.num_names[::2], rows.shape.cat_names[::2], rows.shape.cards[::2]
        shape = replace(rows.shape, num_names=names, cat_names=levels, cards=sizes)
        return replace(rows, shape=shape, num=rows.num[:, ::2], cat=rows.cat[:, ::2])

    def fold(self, fold: int, rung: float, *, view: Callable[[Rows], Rows] | None = None) -> tuple[Rows, Rows, Array]:
        """Return training rows, held-out rows and the halves of the latter; the rows as `view` turns them, if given."""
        every = self.every()
        train = every.take(np.sort(np.load(self.folder / f"{self._train(fold, rung)}.npy", allow_pickle=False)))
        index = np.load(self.folder / f"test-{fold}.npy", allow_pickle=False)
        test, half = every.take(index), np.asarray(self.array("half")[index])
        return (train, test, half) if view is None else (view(train), view(test), half)
