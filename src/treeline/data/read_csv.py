"""Delimited text into a frame of texts, with every record accounted for.

One strict pass over the bytes (`csv_scan`) finds every record and its width; the fast parser only sees records that passed,
and its result must agree with the pass in the number of records and in the bytes of content. So a parser that drops or
merges records cannot go unnoticed. Where quotes break the rule, Python's own csv module reads the file instead.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np

from treeline.data.csv_dialect import decode, guess_delimiter, is_header, second_header
from treeline.data.csv_messy import FIELD_CAP, Parsed, cells_of, frame_of, read_messy
from treeline.data.csv_scan import Scan, scan
from treeline.data.raw import Raw, Reject, check_names
from treeline.errors import DataError, shown
from treeline.problem.metric import Array

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_csv"]


def read_csv(data: bytes, source: str, *, header: bool | None = None, known: frozenset[str] = frozenset()) -> Raw:
    """Read delimited text of any encoding, delimiter and line end.

    Args:
        data: the file's bytes, unpacked.
        source: what to call it in messages.
        header: whether the first line names the columns; None to find out.
        known: column names that must be there, a help in telling a header.

    Raises:
        DataError: there is no header or no record, names are doubled, or it cannot be told whether there is a header.
    """
    text = decode(data, source)
    if not text.data.strip(b"\r\n \t"):
        raise DataError("The file holds no text.", where=source, do="Give a file with a header line and records.")
    mark = guess_delimiter(text.data)
    parsed = _parse(text.data, mark, text.damage, source)
    how = {"format": "delimited text", "encoding": text.how, "delimiter": repr(mark), "quotes": parsed.quoting}
    if parsed.blank:
        how["blank lines"] = f"{parsed.blank}, left out"
    return _named(parsed, source, how, header, known)


def _parse(data: bytes, mark: str, damage: tuple[int, ...], source: str) -> Parsed:
    found = scan(data, mark)
    if found.regular and data.count(b"\n") <= len(found.starts):
        return _fast(data, mark, found, damage, source)
    plain = scan(data, mark, quote=False)
    widths = plain.widths[~plain.blank]
    even = bool(len(widths)) and widths[0] >= 2 and bool((widths == widths[0]).all())
    if found.regular:  # with line ends inside quotes
        return _fast(data, mark, plain if even else found, damage, source, literal=even)
    messy = read_messy(data, mark, source)
    if even:
        # Every physical line has the right width if quotes mean nothing, as in the tab-separated files of databases.
        # They do mean something where most are in place.
        cell = b'[%b\n]"[^"\n]*"(?=[%b\r\n])' % (re.escape(mark.encode()), re.escape(mark.encode()))
        merged = messy.frame.height + len(messy.rejects) + 1 < len(widths)
        few = mark == "\t" or (len(messy.rejects) >= 10 and len(re.findall(cell, data)) <= 4 * len(messy.rejects))
        if merged or (messy.rejects and few):
            return _fast(data, mark, plain, damage, source, literal=True)
    return messy


def _fast(
    data: bytes, mark: str, found: Scan, damage: tuple[int, ...], source: str, *, literal: bool = False
) -> Parsed:
    import polars as pl

    real = _real(found)
    at = np.flatnonzero(real)
    width = int(found.widths[at[0]])
    line = data[found.starts[at[0]] : found.stops[at[0]]].decode("utf-8", "surrogateescape")
    first = line.split(mark) if literal else cells_of(line, mark, source)
    reasons = _reasons(data, found, at, damage, mark)
    if 0 in reasons:
        raise DataError(f"The first line {reasons[0][1]}.", where=f"{source}:1", do="Repair the header line.")
    rejects = _rejects(data, found, at, reasons)
    good = real.copy()
    good[at[[0, *reasons]]] = False
    count = int(good.sum())
    quoting = "plain characters" if literal else "around fields" if found.quotes else "none"
    if not count:
        empty = frame_of([[] for _ in range(width)])
        return Parsed(first=first, frame=empty, rejects=rejects, blank=int((~real).sum()), quoting=quoting)
    frame = pl.read_csv(
        io.BytesIO(_body(data, found, good)), has_header=False, infer_schema=False, separator=mark,
        quote_char=None if literal else '"', schema={f"{i}": pl.String for i in range(width)},
    )  # fmt: skip
    if frame.height != count or _bytes_of(frame) != _content(data, found, good, mark, literal):
        return read_messy(data, mark, source)  # the fast parser is wrong here: trust the slow one
    return Parsed(first=first, frame=frame, rejects=rejects, blank=int((~real).sum()), quoting=quoting)


def _real(found: Scan) -> Array:
    """(n,) whether a physical record is one; in a table of one column an empty line is a missing value, except at the end."""
    blank = found.blank
    if found.widths.max() > 1:
        return ~blank
    last = np.flatnonzero(~blank)[-1]
    return np.asarray(np.arange(len(blank)) <= last)


def _reasons(data: bytes, found: Scan, at: Array, damage: tuple[int, ...], mark: str) -> dict[int, tuple[str, str]]:
    """Return what is wrong with the real records `at`, by their number (0 is the first line)."""
    starts, stops, widths = found.starts[at], found.stops[at], found.widths[at]
    wrong: dict[int, tuple[str, str]] = {}
    for number in np.flatnonzero(widths != widths[0]).tolist():
        got = int(widths[number])
        detail = f"has {got} field{'s' * (got != 1)}, the first line has {widths[0]}"
        wrong[number] = ("wrong number of fields", detail)
    for reason, positions in (("control byte", found.controls), ("byte that is no UTF-8", np.array(damage, np.int64))):
        for number, byte in zip(
            (np.searchsorted(starts, positions, "right") - 1).tolist(), positions.tolist(), strict=True
        ):
            column = data.count(mark.encode(), int(starts[number]), byte) + 1
            wrong.setdefault(
                number, (reason, f"holds the {reason} 0x{data[byte]:02x} at offset {byte}, near column {column}")
            )
    for number in np.flatnonzero(stops - starts > FIELD_CAP).tolist():
        cells = data[starts[number] : stops[number]].split(mark.encode())
        if max(map(len, cells)) > FIELD_CAP:
            wrong[number] = ("field too long", f"has a field of over {FIELD_CAP >> 20} MiB, perhaps an unclosed quote")
    return dict(sorted(wrong.items()))


def _rejects(data: bytes, found: Scan, at: Array, reasons: dict[int, tuple[str, str]]) -> tuple[Reject, ...]:
    out: list[Reject] = []
    line, seen = 1, 0
    for number, (reason, detail) in reasons.items():
        start, stop = int(found.starts[at[number]]), int(found.stops[at[number]])
        line += data.count(b"\n", seen, start)
        if found.lone_cr:
            line += data.count(b"\r", seen, start) - data.count(b"\r\n", seen, start)
        seen = start
        out.append(Reject(number, line, reason, detail, data[start:stop].decode("utf-8", "surrogateescape")))
    return tuple(out)


def _body(data: bytes, found: Scan, good: Array) -> bytes:
    """Return the good records alone, each ended by a line feed or as it was."""
    if found.lone_cr:
        buffer = np.frombuffer(data, np.uint8).copy()
        ends = found.stops[found.stops < len(buffer)]
        ends = ends[(buffer[ends] == 13) & (buffer[np.minimum(ends + 1, len(buffer) - 1)] != 10)]
        buffer[ends] = 10
        data = buffer.tobytes()
    edges = np.flatnonzero(np.diff(np.r_[False, good, False].astype(np.int8)))
    view = memoryview(data)
    pieces: list[bytes | memoryview] = []
    for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        pieces += [view[found.starts[a] : found.stops[b - 1]], b"\n"]
    return b"".join(pieces)


def _bytes_of(frame: pl.DataFrame) -> int:
    return sum(int(column.str.len_bytes().sum()) for column in frame.iter_columns())


def _content(data: bytes, found: Scan, good: Array, mark: str, literal: bool) -> int:
    """Return how many bytes the fields of the good records hold, delimiters and quotes apart."""
    size = int((found.stops - found.starts)[good].sum()) - int((found.widths[good] - 1).sum())
    if literal or not found.quotes:
        return size
    others = b"\n".join(data[found.starts[i] : found.stops[i]] for i in np.flatnonzero(~good).tolist())
    apart = scan(others, mark)
    return size - (found.quotes - apart.quotes) + (found.doubled - apart.doubled)


def _named(parsed: Parsed, source: str, how: dict[str, str], header: bool | None, known: frozenset[str]) -> Raw:
    """Give the columns their names, from the first line or, where it is a record, by position."""
    import polars as pl

    frame, rejects = parsed.frame, parsed.rejects
    width = len(parsed.first)
    if header is None:
        header = is_header(parsed.first, [frame[f"{i}"].head(1000).to_list() for i in range(width)], known)
        how["header"] = "found" if header else "none found"
        if header is None:
            raise DataError(
                f"Line 1 ({shown(', '.join(parsed.first[:6]))}) may be a header or a record.",
                where=f"{source}:1",
                do="Say which with --header or --no-header.",
            )
    if not header:
        frame = pl.concat([frame_of([[cell] for cell in parsed.first]), frame])
        rejects = tuple(_moved(reject, 1) for reject in rejects)
        names = [f"column_{i + 1}" for i in range(width)]
        notes = {}
    else:
        names = [cell.strip() for cell in parsed.first]
        joined = _second(names, frame, rejects)
        if joined:
            names, frame = joined, frame.slice(1)
            rejects = tuple(_moved(reject, -1) for reject in rejects)
            how["header"] = "two lines, joined"
        notes = {f"column_{i + 1}": "its name in the header is empty" for i, name in enumerate(names) if not name}
        names = [name or f"column_{i + 1}" for i, name in enumerate(names)]
    check_names(names, source)
    read = frame.height + len(rejects)
    if not read:
        raise DataError(
            f"There is a header with {width} columns and no record.", where=source, do="Give a file with records."
        )
    frame.columns = names
    return Raw(frame=frame, source=source, read=read, rejects=rejects, how=how, notes=notes)


def _moved(reject: Reject, by: int) -> Reject:
    return Reject(reject.number + by, reject.line, reject.reason, reject.detail, reject.text)


def _second(names: list[str], frame: pl.DataFrame, rejects: tuple[Reject, ...]) -> list[str] | None:
    import polars as pl

    if all(names) or frame.height < 3 or (rejects and rejects[0].number == 1):
        return None
    below = frame.slice(1)
    numeric = []
    for column in below.iter_columns():
        values = column.filter(column.str.strip_chars() != "")
        numeric.append(bool(len(values)) and values.str.strip_chars().cast(pl.Float64, strict=False).null_count() == 0)
    return second_header(names, list(frame.row(0)), numeric)
