"""Folders and zips of images or sounds as tables: one folder a class, `metadata.csv`, `train` and `test`, or just files.

Other formats, hidden files and empty folders are named and never opened; nothing is extracted.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from treeline.data.column import Kind
from treeline.data.media_files import SUFFIXES, Place, is_clutter, kind_of, open_place
from treeline.data.raw import Raw, Reject
from treeline.data.read_csv import read_csv
from treeline.errors import DataError, UsageError, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FOLD", "LIKE_PATHS", "SPLIT", "holds_media", "path_columns", "read_media"]

FILE, LABEL, SPLIT, METADATA, FILE_NAME, FOLD = "file", "label", "split", "metadata.csv", "file_name", "fold"
SPLITS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
MOSTLY = 0.9
"From this share of paths on, a column of a table is one of files."
PARTS = "the folder that a file came from, no input; no model is trained on a test folder, the delivered one is judged on it"
LIKE_PATHS = "looks like paths of"
"How the note on a column begins whose files may not be read."
STRAY = 0.01
"Up to this share of files may lie beside the class folders; they are set aside."


def holds_media(path: Path) -> bool:
    """Whether a path is a folder, or a zip of images or sounds that is no workbook."""
    if path.is_dir():
        return True
    if not path.is_file():
        return False  # opening a pipe would wait for its writer
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                return False
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False  # what is wrong with it is said when it is opened
    return "[Content_Types].xml" not in names and any(kind_of(name) and not is_clutter(name) for name in names)


def path_columns(frame: pl.DataFrame, root: str) -> tuple[dict[str, Kind], dict[str, str]]:
    """Return the columns of a table that hold paths of images or sounds below `root`, and notes on those that almost do."""
    import polars as pl

    found: dict[str, Kind] = {}
    notes: dict[str, str] = {}
    texts = [name for name in frame.columns if frame[name].dtype == pl.String]
    for name, kind in [(name, kind) for name in texts for kind in SUFFIXES]:
        values = frame[name].drop_nulls()
        ends = r"(?i)\.(" + "|".join(suffix[1:] for suffix in SUFFIXES[kind]) + ")$"
        parts = (values.head(1000), values)
        if not len(values) or any(int(part.str.contains(ends).sum()) < MOSTLY * len(part) for part in parts):
            continue
        place = open_place(root)
        refused = [(value, why) for value in values if (why := place.refusal(value))]
        if len(refused) <= (1 - MOSTLY) * len(values):
            found[name] = kind
        else:
            notes[name] = f"{LIKE_PATHS} {kind}s, but {shown(refused[0][0], 40)} {refused[0][1]}"
    return found, notes


def read_media(path: Path, *, predicting: bool = False) -> Raw:
    """Return the table that a folder or zip of images or sounds stands for; `predicting`, folders name no class and no part.

    Raises:
        UsageError: there is no image and no sound in it.
        DataError: the zip is damaged, or `metadata.csv` cannot be read or names no files.
    """
    place = open_place(path)
    names, folders, links = place.listing()
    clutter = [name for name in names if is_clutter(name)]
    plain = [name for name in names if not is_clutter(name)]
    media = [name for name in plain if kind_of(name)]
    if not media:
        raise UsageError(
            "There is no image and no sound in it.", where=str(path), do="Name a table in it, or another folder."
        )
    base = _base(media, plain)
    tables = _tables(base, plain)
    other = [name for name in plain if not kind_of(name) and name not in tables]
    kept = {str(parent) for name in media for parent in PurePosixPath(name).parents}
    empty = [name for name in folders if name not in kept and not is_clutter(name)]
    notes = [
        _named("hidden or system files left out", clutter),
        _named("files of other formats not opened", other),
        _named("links to folders not followed", links),
        _named("folders without such files", empty),
    ]
    how = {"format": "zip" if place.members is not None else "folder"}
    raw = _with_metadata(place, tables, media) if tables else _by_folders(place, base, media, predicting)
    told = "; ".join(filter(None, [raw.notes.get(_column(raw), ""), *notes]))
    return Raw(
        frame=raw.frame, source=str(path), read=raw.read, rejects=raw.rejects, lost=raw.lost, root=str(path), kinds=raw.kinds,
        label=raw.label, how={**how, **raw.how, **({"left out": told} if told else {})}, notes={**raw.notes, _column(raw): told},
    )  # fmt: skip


def _column(raw: Raw) -> str:
    return next(iter(raw.kinds))


def _named(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"{what}: {len(names)} (" + ", ".join(shown(name, 40) for name in names[:4]) + (", …)" if names[4:] else ")")


def _base(media: Sequence[str], plain: Sequence[str]) -> str:
    """Return the folder (with its slash) that everything lies in, where the source holds nothing but that folder."""
    base = ""
    while base + METADATA not in plain:
        first = {name[len(base) :].partition("/")[0] for name in media}
        inside = any("/" in name[len(base) :].partition("/")[2] for name in media) or any(
            name.endswith("/" + METADATA) for name in plain
        )
        only = next(iter(first))
        if len(first) > 1 or only in {name[len(base) :] for name in media} or not inside:
            break
        base += only + "/"
    return base


def _by_folders(place: Place, base: str, media: Sequence[str], predicting: bool) -> Raw:
    """Read the class from the folder that a file lies in, and the split from the folder above it."""
    parts = [name[len(base) :].split("/") for name in media]
    split = not predicting and _is_split(parts, place.root)
    depth = int(split)
    in_class = [len(part) > depth + 1 and (not split or part[0].lower() in SPLITS) for part in parts]
    classes = not predicting and sum(in_class) >= (1 - STRAY) * len(parts)
    kind = Counter(kind_of(name) for name in media).most_common(1)[0][0]
    assert kind is not None
    rows: dict[str, list[str]] = {name: [] for name, there in ((FILE, True), (LABEL, classes), (SPLIT, split)) if there}
    lost = []
    for number, (name, part) in enumerate(zip(media, parts, strict=True), start=1):
        why = place.refusal(name)
        if kind_of(name) is not kind:
            why = f"is no {kind} as most files are"
        elif classes and not in_class[number - 1]:
            why = "lies in no class folder"
        elif split and part[0].lower() not in SPLITS:
            why = "lies beside the folders " + ", ".join(sorted({one[0] for one in parts if one[0].lower() in SPLITS}))
        if why:
            lost.append(Reject(number, number, "file missing or not allowed", why, name))
            continue
        rows[FILE].append(name)
        if classes:
            rows[LABEL].append(part[depth])
        if split:
            rows[SPLIT].append(part[0])
    return _table(rows, kind, lost, len(media))


def _is_split(parts: Sequence[Sequence[str]], root: Path) -> bool:
    """Whether (almost) all files lie in two or more folders named as parts of a data set are.

    Raises:
        DataError: such folders stand beside others, so that nobody can tell what the others are.
    """
    tops = Counter(part[0] for part in parts if len(part) > 1)
    named = {name for name in tops if name.lower() in SPLITS}
    inside = sum(tops[name] for name in named)
    if len(named) < 2:
        return False
    others = sorted(set(tops) - named)
    if others and inside < (1 - STRAY) * len(parts):
        raise DataError(
            f"{', '.join(sorted(named))} stand beside {', '.join(shown(name, 40) for name in others[:4])}.",
            where=str(root),
            do="Name one of these folders, or move away what is neither training nor test data.",
        )
    return inside >= (1 - STRAY) * len(parts)


def _table(rows: dict[str, list[str]], kind: Kind, lost: list[Reject], read: int) -> Raw:
    import polars as pl

    kinds, notes, how = {FILE: str(kind)}, {}, {"layout": "files"}
    if LABEL in rows:
        kinds[LABEL], how["layout"] = str(Kind.CATEGORY), "one folder a class"
    if SPLIT in rows:
        counts = Counter(rows[SPLIT])
        how["split"] = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
        kinds[SPLIT], notes[SPLIT] = (
            str(Kind.IDENTIFIER),
            PARTS,
        )
    return Raw(
        frame=pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String)), source=str(kind), read=read, lost=tuple(lost),
        kinds=kinds, label=LABEL if LABEL in rows else "", how=how, notes=notes,
    )  # fmt: skip


def _tables(base: str, plain: Sequence[str]) -> list[str]:
    """Return the paths of `metadata.csv`: one at the top, or one in each part of the data set, as `train/metadata.csv`."""
    if base + METADATA in plain:
        return [base + METADATA]
    deeper = [name for name in plain if name.endswith("/" + METADATA) and name[len(base) :].count("/") == 1]
    return [name for name in deeper if name[len(base) :].partition("/")[0].lower() in SPLITS]


def _read_table(place: Place, name: str) -> Raw:
    """Read one `metadata.csv`; its paths begin where it lies."""
    import polars as pl

    where = f"{place.root}/{name}"
    why = place.refusal(name)
    if why:
        raise DataError(f"It {why}.", where=where, do="Put a plain file there.")
    raw = read_csv(place.read(name), where, header=True, known=frozenset({FILE_NAME}))
    if FILE_NAME not in raw.frame.columns:
        listed = ", ".join(shown(column) for column in raw.frame.columns[:8])
        raise DataError(
            f"There is no column {FILE_NAME!r}; there are {listed}.", where=where, do="Name the column of paths so."
        )
    here = name.removesuffix(METADATA)
    path = (pl.lit(here) + pl.col(FILE_NAME).cast(pl.String).str.strip_prefix("./")).alias(FILE_NAME)
    return replace(raw, frame=raw.frame.with_columns(path))


def _with_metadata(place: Place, tables: Sequence[str], media: Sequence[str]) -> Raw:
    """Read the tables that say what the files are, one or one for each part of the data set."""
    import polars as pl

    raws = [_read_table(place, name) for name in tables]
    raw, frame, where = raws[0], raws[0].frame, f"{place.root}/{tables[0]}"
    if len(raws) > 1:
        parts = [
            one.frame.with_columns(pl.all().cast(pl.String), pl.lit(name.split("/")[-2]).alias(SPLIT))
            for one, name in zip(raws, tables, strict=True)
        ]
        frame = pl.concat(parts, how="diagonal")
        raw = replace(raw, read=sum(one.read for one in raws), rejects=tuple(r for one in raws for r in one.rejects))
    named = frame[FILE_NAME].drop_nulls()
    kinds = Counter(kind_of(name) for name in named)
    kind = next((one for one, _ in kinds.most_common() if one is not None), None)
    if kind is None:
        raise DataError(
            f"The column {FILE_NAME!r} names no image and no sound.", where=where, do="Give paths with their suffixes."
        )
    kinds_known, notes = {FILE_NAME: str(kind)}, dict(raw.notes)
    if len(raws) > 1:
        kinds_known[SPLIT], notes[SPLIT] = str(Kind.IDENTIFIER), PARTS
    notes[FILE_NAME] = _named(f"files not named in {METADATA}", sorted(set(media) - set(named)))
    if FOLD in frame.columns:
        kinds_known[FOLD], notes[FOLD] = (
            str(Kind.IDENTIFIER),
            "no input; no fold of it is split",
        )
    return Raw(
        frame=frame, source=where, read=raw.read, rejects=raw.rejects, kinds=kinds_known,
        label=LABEL if LABEL in frame.columns else "", notes=notes,
        how={**raw.how, "format": "metadata.csv", "layout": METADATA, **({"split": "by folder"} if len(raws) > 1 else {})},
    )  # fmt: skip
