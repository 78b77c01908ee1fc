"""The sets that `truth.py real` decides on: the larger tables, and of images and texts the larger sets, each as one file."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import polars as pl
from media import texts
from tables import WORK, Table, names, table

__all__ = ["chosen", "listed_images", "one_set", "text_of"]

RAW = ("fashion_mnist_10k", "stackoverflow_titles", "movie_review_sentences")
SMALLEST = 6_000
"Sets of fewer rows are not large."


def chosen(data: Path) -> list[str]:
    """Return the names of all sets, tables first."""
    return [*(name for name in names(data) if table(name, data).rows >= SMALLEST), *RAW]


def one_set(name: str, data: Path) -> Table:
    """Return a set, made the first time it is asked for; images are listed with their paths beside the list."""
    if name not in RAW:
        return table(name, data)
    folder = WORK / "truth" / "sets" / name
    full = folder / "full.csv"
    if not full.exists():
        folder.mkdir(parents=True, exist_ok=True)
        listed_images(data / "images" / f"{name}.zip", folder) if name == RAW[0] else texts(name, data).write_csv(full)
    frame = pl.read_csv(full)
    task = "binary" if frame["label"].n_unique() == 2 else "multiclass"
    parts = (full, full, full, full, full)
    return Table(name, task, "label", "accuracy", *parts, rows=frame.height, columns=frame.width - 1)


def text_of(name: str) -> tuple[str, ...]:
    """Return the columns that are texts whatever they look like."""
    return ("text",) if name in RAW[1:] else ()


def listed_images(source: Path, folder: Path) -> None:
    """Unpack images into `folder/files` and list them with their labels in `folder/full.csv`."""
    shutil.unpack_archive(source, folder / "files")
    with zipfile.ZipFile(source) as archive:
        items = sorted(one for one in archive.namelist() if not one.endswith("/"))
    listed = {"image": [f"files/{one}" for one in items], "label": [one.split("/")[0] for one in items]}
    pl.DataFrame(listed).write_csv(folder / "full.csv")
