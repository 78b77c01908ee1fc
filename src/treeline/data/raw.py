"""What a reader hands on: a frame as it was found, and every record that did not make it."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from treeline.data.dataset import Records
from treeline.errors import DataError, SetupError, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Raw", "Reject", "check_names", "settle_rejects"]

FEW = 0.01
"Up to this share of images or sounds that cannot be used are set aside without asking."


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be used."""

    number: int
    "Counted from 1 after the header."
    line: int
    "The physical line on which it begins, counted from 1."
    reason: str
    "A few words, the same for all records of the sort."
    detail: str
    "What exactly was found in this one."
    text: str
    "The record as it stands in the source."


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A frame before its kinds are known: text columns from text formats, typed columns from the others."""

    frame: pl.DataFrame
    source: str
    read: int
    "Records in the source, rejected ones included."
    rejects: tuple[Reject, ...] = ()
    lost: tuple[Reject, ...] = ()
    "Records whose image or sound cannot be used: a few of them are set aside without asking."
    root: str = ""
    "The folder or zip file below which the paths of images and sounds lie."
    kinds: dict[str, str] = field(default_factory=dict)
    "Per column: the kind that the reader knows."
    label: str = ""
    "The column that the reader knows to be the target."
    how: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    "Per column: what a reader has to say about it."


def check_names(names: Sequence[str], source: str) -> None:
    """Refuse names that stand for two columns, with their positions.

    Raises:
        DataError: a name comes twice (two spellings of the same accented letters count as one).
    """
    import unicodedata

    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        key = unicodedata.normalize("NFC", name)
        if key in seen:
            raise DataError(
                f"The column name {shown(name)} stands at positions {seen[key]} and {position}.",
                where=source,
                do="Rename or remove one of the two columns.",
            )
        seen[key] = position


def settle_rejects(raw: Raw, *, bad_rows: str, rejects: Path | None, predicting: bool = False) -> Records:
    """Refuse, or write the rejects file, and return where every record went; rows to predict cannot be set aside.

    Raises:
        DataError: there are bad records (or more than a few lost files) and `bad_rows` is `refuse`, or no good one is left.
        SetupError: the rejects file cannot be written.
    """
    bad = (*raw.rejects, *raw.lost)
    used = raw.frame.height
    if used + len(bad) != raw.read:
        raise DataError(
            f"{raw.read} records were counted but {used} read and {len(bad)} rejected.",
            where=raw.source,
            do="Report this file's shape to Treeline's makers; nothing was used.",
        )
    reasons = dict(Counter(reject.reason for reject in bad))
    if not bad:
        return Records(read=raw.read, used=used)
    if raw.rejects and (bad_rows == "refuse" or not used):
        raise _bad_records(raw, predicting=predicting)
    if raw.lost and (not used or (bad_rows == "refuse" and (predicting or len(raw.lost) > FEW * raw.read))):
        raise _lost_files(raw, predicting=predicting)
    path = rejects or Path(f"{raw.source}.rejects.csv")
    _write_rejects(path, bad)
    return Records(read=raw.read, used=used, quarantined=len(bad), reasons=reasons)


def _bad_records(raw: Raw, *, predicting: bool) -> DataError:
    bad = raw.rejects
    first = bad[0]
    numbers = ", ".join(str(reject.number) for reject in bad[:5]) + (", …" if len(bad) > 5 else "")
    way = "Repair the file." if predicting else "Repair the file, or leave such records out with --bad-rows=quarantine."
    return DataError(
        f"Record {first.number} (line {first.line}) {first.detail}; "
        f"{len(bad)} of {raw.read} records are bad: {numbers}.",
        where=f"{raw.source}:{first.number}",
        do=way if raw.frame.height else "Check the delimiter and the header line; no record is usable.",
    )


def _lost_files(raw: Raw, *, predicting: bool) -> DataError:
    listed = "; ".join(
        f"{shown(reject.text) if reject.text else f'record {reject.number}'} {reject.detail}" for reject in raw.lost[:5]
    )
    way = "Repair these files, or take them out"
    return DataError(
        f"{len(raw.lost)} of {raw.read} files cannot be used: {listed}{'; …' if raw.lost[5:] else '.'}",
        where=raw.source,
        do=f"{way}." if predicting or not raw.frame.height else f"{way} with --bad-rows=quarantine.",
    )


def _write_rejects(path: Path, bad: Sequence[Reject]) -> None:
    """Write the file whole or not at all: a temporary one in the same folder takes its place at the end."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["record", "line", "reason", "detail", "raw"])
    writer.writerows([r.number, r.line, r.reason, r.detail, r.text] for r in bad)
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".rejects-")
        with os.fdopen(handle, "wb") as file:
            file.write(out.getvalue().encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise SetupError(
            f"The rejects file cannot be written: {error.strerror}.",
            where=str(path),
            do="Name a writable place with --rejects.",
        ) from None
