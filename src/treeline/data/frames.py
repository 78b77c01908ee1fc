"""Tables that are already in memory, recognised without importing the library that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from treeline.data.raw import Raw, check_names
from treeline.errors import DataError, UsageError, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["from_values", "is_frame", "read_frame"]


def _maker(source: object) -> str:
    return type(source).__module__.split(".")[0]


def is_frame(source: object) -> bool:
    """Whether `source` is a table in memory: pandas, Polars, Arrow, a 2-D numpy array or a list of dicts."""
    if _maker(source) in ("pandas", "polars", "pyarrow", "numpy") or hasattr(source, "__arrow_c_stream__"):
        return True
    return isinstance(source, list) and all(isinstance(row, Mapping) for row in source)


def read_frame(source: Any) -> Raw:
    """Return a table in memory as a frame; the source is not changed.

    Raises:
        UsageError: it is no table.
        DataError: two columns share a name, or there is no record.
    """
    import polars as pl

    maker = _maker(source)
    how = {"format": f"{maker} {type(source).__name__}"}
    if isinstance(source, pl.LazyFrame):
        frame = source.collect()
    elif isinstance(source, pl.DataFrame):
        frame = source
    elif maker == "pandas":
        frame = _pandas(source)
        how["index"] = "left out"
    elif maker == "numpy":
        if source.ndim != 2:
            raise UsageError(f"The array has {source.ndim} dimensions.", do="Give rows and columns.")
        frame = _numpy(source)
    elif isinstance(source, list):
        names = list(dict.fromkeys(str(name) for row in source for name in row))
        frame = from_values({name: [row.get(name) for row in source] for name in names}, "frame")
    elif hasattr(source, "__arrow_c_stream__") or maker == "pyarrow":
        names = [str(name) for name in getattr(getattr(source, "schema", None), "names", [])]
        check_names(names, "frame")
        frame = pl.DataFrame(source)
    else:
        raise UsageError(f"A {type(source).__name__} is no table.", do="Give a path, a pandas, Polars or Arrow table.")
    if frame.width == 0 or frame.height == 0:
        raise DataError(f"The table has {frame.height} records and {frame.width} columns.", do="Give one with records.")
    return Raw(frame=frame, source="frame", read=frame.height, how=how)


def _pandas(source: Any) -> pl.DataFrame:
    import polars as pl

    names = [str(name) for name in source.columns]
    check_names(names, "frame")
    columns = []
    for i, name in enumerate(names):
        values = source.iloc[:, i]
        if values.dtype == object:
            columns.append(_series(name, values.astype(object).where(values.notna(), None).tolist(), "frame"))
        else:
            columns.append(pl.from_pandas(values).alias(name))
    return pl.DataFrame(columns)


def _numpy(source: Any) -> pl.DataFrame:
    import polars as pl

    names = [f"column_{i + 1}" for i in range(source.shape[1])]
    if source.dtype == object or source.dtype.kind in "SUO":
        return from_values({name: source[:, i].tolist() for i, name in enumerate(names)}, "frame")
    return pl.DataFrame({name: source[:, i] for i, name in enumerate(names)})


def from_values(columns: Mapping[str, Sequence[Any]], source: str) -> pl.DataFrame:
    """Return columns of Python values as a frame; a column of mixed types becomes text, exactly.

    Raises:
        DataError: a column holds values that no table model reads, such as bytes or lists.
    """
    import polars as pl

    return pl.DataFrame([_series(name, values, source) for name, values in columns.items()])


def _series(name: str, values: Sequence[Any], source: str) -> pl.Series:
    import datetime
    import decimal

    import polars as pl

    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pl.Series(name, values, dtype=pl.String)
    if kinds == {int} and max(abs(value) for value in values if value is not None) < 2**63:
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds in ({float}, {bool}, {str}, {datetime.date}):
        return pl.Series(name, values)
    if kinds <= {float, int} and int in kinds and float in kinds:
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    if kinds == {datetime.datetime}:
        aware = [
            v if v is None or v.tzinfo is None else v.astimezone(datetime.UTC).replace(tzinfo=None) for v in values
        ]
        return pl.Series(name, aware, dtype=pl.Datetime("us"))
    plain = (int, float, str, bool, decimal.Decimal, datetime.date, datetime.time)
    for record, value in enumerate(values, start=1):
        if value is not None and not isinstance(value, plain) and not hasattr(value, "hex") and not _is_uuid(value):
            raise DataError(
                f"The column {shown(name)} holds a {type(value).__name__}, which no table model reads.",
                where=f"{source}:{record}:{shown(name)}",
                do="Flatten it into plain columns, or leave it out.",
            )
        if isinstance(value, bytes | bytearray | memoryview):
            raise DataError(
                f"The column {shown(name)} holds raw bytes.",
                where=f"{source}:{record}:{shown(name)}",
                do="Leave it out, or decode it.",
            )
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _is_uuid(value: object) -> bool:
    import uuid

    return isinstance(value, uuid.UUID)
