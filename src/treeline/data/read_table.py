"""Any table into a data set: the one door through which data comes in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treeline.data.dataset import Dataset
from treeline.data.frames import is_frame, read_frame
from treeline.data.kinds import infer_kinds
from treeline.data.media import settle_media
from treeline.data.open_file import open_file
from treeline.data.raw import Raw, settle_rejects
from treeline.data.read_csv import read_csv
from treeline.data.read_files import read_columnar, read_excel, read_json_lines
from treeline.data.read_media import holds_media, path_columns, read_media
from treeline.data.read_sql import is_database, read_sql
from treeline.data.samples import load_sample
from treeline.data.text_values import Options
from treeline.errors import DataError, UsageError, nearest, shown

if TYPE_CHECKING:
    import polars as pl

    from treeline.data.column import Column
    from treeline.problem.metric import Array

__all__ = ["read", "read_raw"]

JSON_ENDS = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    query: str | None = None
    header: bool | None = None
    sheet: str | None = None
    known: frozenset[str] = frozenset()
    predicting: bool = False


def read(  # noqa: PLR0913 - the door takes every wish about reading
    source: Any,
    *,
    query: str | None = None,
    kinds: dict[str, str] | None = None,
    bad_rows: str = "refuse",
    rejects: Path | None = None,
    missing: Sequence[str] | None = None,
    date_format: str | None = None,
    header: bool | None = None,
    sheet: str | None = None,
    target: str | None = None,
    sharpness: Callable[[], int] | None = None,
) -> Dataset:
    """Read a table and infer what its columns are, over all of its records.

    Args:
        source: a path (delimited text, Parquet, Feather, JSON lines, xlsx; gz, bz2, xz, zst, zip), a folder or zip of images
            or sounds (one folder a class, `train` and `test`, or `metadata.csv`), the URL of a database,
            `sample:NAME`, or a pandas, Polars or Arrow table, a 2-D numpy array or a list of dicts.
        query: for a database.
        kinds: column name to kind, where inference is to be overruled.
        bad_rows: `refuse` a file with bad records, or `quarantine` them.
        rejects: where quarantined records go; beside the source (`NAME.rejects.csv`) if None.
        missing: the texts that mean missing, instead of the usual ones.
        date_format: such as `%d/%m/%Y`, for columns of dates whose order cannot be told.
        header: whether the first line names the columns; None to find out.
        sheet: of a workbook.
        target: a column that must be there and is never taken for an identifier.
        sharpness: says how many pixels the longer side of an image may have, asked where there are images; 64 if None.

    Raises:
        UsageError: the source does not exist, or an argument is wrong.
        DataError: the data cannot be read; the message names file, record, column and remedy.
        SetupError: something that reading needs is not installed, or the rejects file cannot be written.
        BudgetError: the file does not fit into memory.
    """
    if bad_rows not in ("refuse", "quarantine"):
        raise UsageError(f"--bad-rows {shown(bad_rows)} is unknown.", do="Choose refuse or quarantine.")
    known = frozenset({*(kinds or {}), *([target] if target else [])})
    raw = read_raw(source, query=query, header=header, sheet=sheet, known=known)
    _check_target(raw.frame, raw.source, target)
    paths, notes = ({}, {}) if raw.kinds else path_columns(raw.frame, raw.root)
    raw = replace(raw, notes={**raw.notes, **notes})
    told = {**raw.kinds, **paths, **(kinds or {})}
    raw, media = settle_media(raw, told, sharpness)
    records = settle_rejects(raw, bad_rows=bad_rows, rejects=rejects)
    options = Options(
        source=raw.source, target=target, kinds=told, date_format=date_format,
        missing=None if missing is None else tuple(missing), semicolon=raw.how.get("delimiter") == "';'",
    )  # fmt: skip
    frame, columns = infer_kinds(raw.frame, options, raw.notes)
    _check_target(frame, raw.source, target)
    return Dataset(
        frame=frame, columns=columns, records=records, source=raw.source,
        fingerprint=_fingerprint(frame, columns, media), how=raw.how, media=media, label=raw.label,
    )  # fmt: skip


def _check_target(frame: pl.DataFrame, source: str, target: str | None) -> None:
    """Refuse a target that is not there or has no value, with the nearest names."""
    if target is None:
        return
    if target not in frame.columns:
        raise UsageError(
            f"There is no column {shown(target)}: {nearest(target, frame.columns)}",
            where=source,
            do="Name the target with --target.",
        )
    if frame[target].null_count() == frame.height:
        raise DataError(
            f"The target {shown(target)} has no value in {frame.height} records.",
            where=f"{source}::{shown(target)}",
            do=f"Choose another target; {nearest(target, [name for name in frame.columns if name != target])}.",
        )


def read_raw(
    source: Any,
    *,
    query: str | None = None,
    header: bool | None = None,
    sheet: str | None = None,
    known: frozenset[str] = frozenset(),
    predicting: bool = False,
) -> Raw:
    """Read a source as it stands, before kinds are inferred; `known` are names that help in telling a header.

    `predicting`: folders of images or sounds say nothing, whatever their names are.

    Raises:
        UsageError, DataError, SetupError, BudgetError: as `read`.
    """
    wish = _Wish(query=query, header=header, sheet=sheet, known=known, predicting=predicting)
    if is_frame(source):
        return read_frame(source)
    if not isinstance(source, str | Path):
        raise UsageError(f"A {type(source).__name__} is no table.", do="Give a path, a pandas, Polars or Arrow table.")
    text = str(source)
    if text.startswith("sample:"):
        frame, _ = load_sample(text.removeprefix("sample:"))
        return Raw(frame=frame, source=text, read=frame.height, how={"format": "sample"})
    if is_database(text):
        return read_sql(text, query)
    if "://" in text:
        scheme = text.partition("://")[0]
        raise UsageError(
            f"Treeline fetches nothing from the network ({shown(scheme)}).", do="Download the file and give its path."
        )
    if query:
        raise UsageError("A query needs the URL of a database.", do="Write sqlite:///path or postgresql://….")
    return _file(Path(text), wish)


def _file(path: Path, wish: _Wish) -> Raw:
    if holds_media(path):
        return read_media(path, predicting=wish.predicting)
    content = open_file(path)
    source = str(path)
    if content.sort in ("parquet", "ipc"):
        raw = read_columnar(content.data, content.sort, source)
    elif content.sort == "xlsx":
        raw = read_excel(content.data, source, sheet=wish.sheet, header=wish.header)
    elif path.suffix.lower() in (".parquet", ".feather", ".arrow", ".xlsx", ".xls"):
        raise DataError(
            f"The name says {path.suffix}, but the content is text.", where=source, do="Rename or write it anew."
        )
    elif _is_json(path, content.data):
        raw = read_json_lines(content.data, source)
    else:
        raw = read_csv(content.data, source, header=wish.header, known=wish.known)
    if content.compression:
        raw.how["compression"] = content.compression
    return replace(raw, root=str(path.parent))


def _is_json(path: Path, data: bytes) -> bool:
    if JSON_ENDS and any(suffix in JSON_ENDS for suffix in path.suffixes[-2:]):
        return True
    line = data[: 1 << 16].lstrip(b"\xef\xbb\xbf \r\n").split(b"\n", 1)[0]
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _fingerprint(frame: pl.DataFrame, columns: Sequence[Column], media: Mapping[str, Array]) -> str:
    """Return a SHA-256 over names, kinds, values and decoded files, the same for every format the data came in."""
    import numpy as np
    import polars as pl

    digest = hashlib.sha256()
    for column in columns:
        values = frame[column.name]
        digest.update(json.dumps([column.name, str(column.kind), str(values.dtype), len(values)]).encode())
        digest.update(np.packbits(values.is_null().to_numpy()).tobytes())
        if values.dtype == pl.String:
            text = values.fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest())
            _, ends, letters = text.buffers()
            digest.update(memoryview(ends)[: 8 * (len(values) + 1)])
            digest.update(memoryview(letters or b""))
        else:
            whole = values.cast(pl.Int64) if values.dtype.is_temporal() else values
            digest.update(whole.fill_null(0).to_numpy().tobytes())
    for name, held in media.items():
        digest.update(json.dumps([name, str(held.dtype), list(held.shape)]).encode())
        for start in range(0, len(held), 1000):
            digest.update(held[start : start + 1000].tobytes())
    return digest.hexdigest()
