"""Parquet, Feather, JSON lines and Excel into a frame."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from treeline.data.csv_dialect import decode
from treeline.data.csv_messy import frame_of
from treeline.data.raw import Raw, Reject, check_names
from treeline.errors import DataError, UsageError, nearest, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_columnar", "read_excel", "read_json_lines"]


def read_columnar(data: bytes, sort: str, source: str) -> Raw:
    """Read Parquet or Arrow IPC (Feather) with Polars, which runs no code of the file's extension types.

    Raises:
        DataError: the file is cut short or damaged, or holds no record.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    name = "Parquet" if sort == "parquet" else "Arrow IPC"
    try:
        stream = io.BytesIO(data)
        frame = pl.read_parquet(stream) if sort == "parquet" else pl.read_ipc(stream)
    except (PolarsError, OSError, ValueError, pl.exceptions.PanicException) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"The {name} file of {len(data)} bytes is cut short or damaged ({shown(line)}).",
            where=source,
            do="Write it anew.",
        ) from None
    check_names(frame.columns, source)
    if not frame.height:
        raise DataError("The table has no record.", where=source, do="Give a file with records.")
    return Raw(frame=frame, source=source, read=frame.height, how={"format": name})


class _Doubled(ValueError):
    """A name comes twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise _Doubled("a name comes twice")
    return out


def read_json_lines(data: bytes, source: str) -> Raw:
    """Read one JSON object a line; numbers are kept as they are written, so that none loses a digit.

    Raises:
        DataError: a value is a list or an object, or there is no record.
    """
    text = decode(data, source)
    if text.data.lstrip()[:1] == b"[":
        raise DataError("This is one JSON array.", where=source, do="Write one object a line (JSON lines).")
    rows: list[dict[str, str | None]] = []
    rejects: list[Reject] = []
    number = 0
    for line, raw in enumerate(text.data.split(b"\n"), start=1):
        if not raw.strip():
            continue
        number += 1
        try:
            found = json.loads(raw, object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=str)
            if not isinstance(found, dict):
                raise ValueError("it is no object")
        except (ValueError, RecursionError) as error:
            shown_raw = raw.decode("utf-8", "surrogateescape")
            rejects.append(Reject(number, line, "no JSON object", f"is no JSON object ({error})", shown_raw))
            continue
        rows.append({name: _plain(value, source, number, name) for name, value in found.items()})
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not number:
        raise DataError("The file holds no record.", where=source, do="Give a file with records.")
    check_names(names, source)
    frame = frame_of([[row.get(name) for row in rows] for name in names])  # type: ignore[misc]
    frame.columns = names
    how = {"format": "JSON lines", "encoding": text.how}
    return Raw(frame=frame, source=source, read=number, rejects=tuple(rejects), how=how)


def _plain(value: Any, source: str, record: int, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    raise DataError(
        f"The value of {shown(name)} is {'an object' if isinstance(value, dict) else 'a list'}.",
        where=f"{source}:{record}:{shown(name)}",
        do="Flatten it into plain columns.",
    )


def read_excel(data: bytes, source: str, *, sheet: str | None = None, header: bool | None = None) -> Raw:
    """Read one sheet of an xlsx workbook: values only, never formulas or links.

    Raises:
        UsageError: there is no such sheet.
        DataError: the workbook is damaged, or it is unclear which sheet is meant.
    """
    import fastexcel
    import polars as pl

    try:
        book = fastexcel.read_excel(data)
        sheets = {name: book.load_sheet(name, header_row=None, dtypes="string") for name in book.sheet_names}
    except fastexcel.FastExcelError as error:
        line = str(error).splitlines()[0]
        raise DataError(
            f"The workbook is cut short or damaged ({shown(line)}).", where=source, do="Save it anew."
        ) from None
    filled = [name for name, one in sheets.items() if one.visible == "visible" and one.total_height > 0]
    if sheet is not None and sheet not in sheets:
        raise UsageError(f"There is no sheet {shown(sheet)}: {nearest(sheet, sheets)}", do="Check --sheet.")
    if sheet is None and len(filled) != 1:
        raise DataError(
            f"The workbook has {len(filled)} filled sheets: {', '.join(shown(name) for name in filled[:8])}.",
            where=source,
            do="Choose one with --sheet." if filled else "Give a workbook with records.",
        )
    chosen = sheet if sheet is not None else filled[0]
    cells = sheets[chosen].to_polars().with_columns(pl.all().fill_null(""))
    where = f"{source}[{chosen}]"
    empty = cells.select(pl.all_horizontal(pl.all() == "")).to_series()
    cells = cells.filter(~empty)
    hidden = [name for name in sheets if name != chosen]
    how = {"format": "Excel", "sheet": chosen}
    if hidden:
        how["other sheets"] = ", ".join(hidden)
    if empty.any():
        how["blank lines"] = f"{empty.sum()}, left out"
    return _with_header(cells, where, how, header)


def _with_header(cells: pl.DataFrame, where: str, how: dict[str, str], header: bool | None) -> Raw:
    if cells.height < (1 if header is False else 2):
        raise DataError("The sheet has no record below its header.", where=where, do="Give a sheet with records.")
    notes: dict[str, str] = {}
    if header is False:
        names = [f"column_{i + 1}" for i in range(cells.width)]
    else:
        first = [str(cell).strip() for cell in cells.row(0)]
        names = [name or f"column_{i + 1}" for i, name in enumerate(first)]
        notes = {names[i]: "its name in the header is empty" for i, name in enumerate(first) if not name}
        cells = cells.slice(1)
    check_names(names, where)
    cells.columns = names
    return Raw(frame=cells, source=where, read=cells.height, how=how, notes=notes)
