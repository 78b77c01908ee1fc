"""Delimited text whose quotes break the rule, read record by record with Python's csv module."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from treeline.data.raw import Reject
from treeline.errors import DataError, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FIELD_CAP", "Parsed", "cells_of", "frame_of", "read_messy"]

FIELD_CAP = 1 << 20
"Characters of the longest field that is taken for a value; a longer one is an unclosed quote."
BATCH = 50_000
GIVE_UP = 1000
"Records with a broken quote after which a file is no delimited text; each may cost a look at `FIELD_CAP` characters."


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The records of a delimited text, its first line apart."""

    first: list[str]
    frame: pl.DataFrame
    "Texts, in columns named 0, 1, …"
    rejects: tuple[Reject, ...]
    "Numbered as if the first line were a header."
    blank: int
    "Empty lines left out."
    quoting: str


def frame_of(columns: list[list[str]]) -> pl.DataFrame:
    """Return texts as a frame whose columns are named 0, 1, …"""
    import polars as pl

    return pl.DataFrame({f"{i}": pl.Series(values, dtype=pl.String) for i, values in enumerate(columns)})


def cells_of(line: str, mark: str, source: str) -> list[str]:
    """Return the fields of one record.

    Raises:
        DataError: its quotes are broken.
    """
    try:
        return next(csv.reader([line], delimiter=mark, strict=True), [])
    except csv.Error as error:
        raise DataError(
            f"The first line's quotes are broken ({error}).", where=f"{source}:1", do="Repair the header line."
        ) from None


def read_messy(data: bytes, mark: str, source: str) -> Parsed:
    """Read UTF-8 text; a record with a broken quote is rejected line by line, so that none swallows its successors.

    Raises:
        DataError: the header is broken, or so many quotes are that the file is no delimited text.
    """
    import polars as pl

    blank = 0
    first: list[str] = []
    batch: list[list[str]] = []
    frames: list[pl.DataFrame] = []
    rejects: list[Reject] = []
    number = 0
    for line, cells, text, problem in _records(data, mark):
        if not cells and not problem:
            blank += 1
            continue
        if not first:
            first = cells or cells_of(text, mark, source)
            continue
        number += 1
        if problem:
            rejects.append(Reject(number, line, "broken quotes", problem, text))
            if len(rejects) > GIVE_UP:
                raise DataError(
                    f"More than {GIVE_UP} records have broken quotes, first record {rejects[0].number}.",
                    where=source,
                    do="Write the file anew with quotes inside fields doubled.",
                )
        elif len(cells) != len(first):
            rejects.append(Reject(number, line, "wrong number of fields", _ragged(len(cells), len(first)), text))
        else:
            batch.append(cells)
            if len(batch) == BATCH:
                frames.append(frame_of([list(column) for column in zip(*batch, strict=True)]))
                batch = []
    columns = [list(column) for column in zip(*batch, strict=True)] if batch else [[] for _ in first]
    frames.append(frame_of(columns))
    frame = pl.concat(frames)
    return Parsed(first=first, frame=frame, rejects=tuple(rejects), blank=blank, quoting="irregular, read one by one")


def _ragged(found: int, expected: int) -> str:
    return f"has {found} field{'s' * (found != 1)}, the first line has {expected}"


def _records(data: bytes, mark: str) -> Iterator[tuple[int, list[str], str, str]]:
    """Yield line number, fields, raw text and what is wrong, record by record."""
    lines = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="").readlines()
    before = csv.field_size_limit(FIELD_CAP)
    end = "\x1e"  # a last line of our own: if it is swallowed, a quote is still open
    at = 0
    try:
        while at < len(lines):
            reader = csv.reader(_tail(lines, at, end), delimiter=mark, strict=True)
            start = at
            while at < len(lines):
                try:
                    cells = next(reader)
                except csv.Error as error:
                    yield at + 1, [], lines[at].rstrip("\r\n"), f"has a broken quote ({shown(error)})"
                    at += 1
                    break  # begin anew on the next line
                stop = start + reader.line_num
                if stop > len(lines):
                    yield at + 1, [], lines[at].rstrip("\r\n"), "has a quote that is never closed"
                    at += 1
                    break
                bad = any(_control(cell) for cell in cells)
                text = "".join(lines[at:stop]).rstrip("\r\n") if bad or stop - at > 1 else lines[at].rstrip("\r\n")
                yield at + 1, cells, text, "holds a control byte or one that is no UTF-8" if bad else ""
                at = stop
    finally:
        csv.field_size_limit(before)


def _tail(lines: list[str], at: int, end: str) -> Iterator[str]:
    for i in range(at, len(lines)):
        yield lines[i]
    yield end


def _control(cell: str) -> bool:
    if cell.isprintable():
        return False
    return any((c < " " and c not in "\t\r\n") or c == "\x7f" or "\udc80" <= c <= "\udcff" for c in cell)
