"""Columns that come with a type, made canonical."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treeline.data.column import Kind
from treeline.data.number_text import EXACT
from treeline.data.text_values import Options, Reading, record_of
from treeline.errors import DataError, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_typed", "text_of"]


def text_of(series: pl.Series, format: str = "") -> pl.Series:
    """Return typed values as text, whole floats without `.0` unless `format` says so, booleans as Python writes them."""
    import polars as pl

    if series.dtype == pl.Boolean:
        return series.replace_strict({True: "True", False: "False"}, return_dtype=pl.String)
    if series.dtype.is_float():
        real = series.fill_nan(None)
        if format != "float" and bool((real == real.round()).all()) and bool((real.abs() <= EXACT).all()):
            return real.cast(pl.Int64).cast(pl.String)
        return real.cast(pl.String)
    return series.cast(pl.String)


def read_typed(series: pl.Series, options: Options, wish: Kind | None) -> tuple[pl.Series, Kind | None, Reading]:
    """Return typed values made canonical, the kind where the type alone settles it, and what to say."""
    import polars as pl

    kind, none = series.dtype, Reading(None)
    if kind == pl.Boolean:
        return text_of(series), wish or Kind.CATEGORY, Reading(None, format="boolean")
    if kind in (pl.Categorical, pl.Enum, pl.Time):
        return series.cast(pl.String), wish or Kind.CATEGORY, none
    if kind in (pl.Date, pl.Datetime):
        return _naive(series), wish, none
    if kind == pl.Duration:
        return series.dt.total_microseconds() / 1e6, wish, Reading(None, note="durations in seconds")
    if not kind.is_numeric():
        raise DataError(
            f"The column {shown(series.name)} holds {str(kind).split('(')[0].lower()} values, which no table model reads.",
            where=f"{options.source}::{shown(series.name)}",
            do="Flatten it into plain columns, or leave it out.",
        )
    if wish in (Kind.CATEGORY, Kind.TEXT, Kind.IDENTIFIER):
        return text_of(series), wish, none
    return _numeric(series, options, wish)


def _numeric(series: pl.Series, options: Options, wish: Kind | None) -> tuple[pl.Series, Kind | None, Reading]:
    """Return numbers as Int64 or finite Float64; integers that only text holds exactly become text."""
    import polars as pl

    none = Reading(None)
    if series.dtype.is_integer():
        top = max(abs(int(series.max() or 0)), abs(int(series.min() or 0)))  # type: ignore[arg-type]
        if top > EXACT:
            return series.cast(pl.String), None, none
        return series.cast(pl.Int64), wish, none
    values = series.cast(pl.Float64)
    wild = values.is_infinite().fill_null(False)
    if wild.any():
        if series.name == options.target:
            raise DataError(
                f"The target {shown(series.name)} is infinite in {wild.sum()} records.",
                where=f"{options.source}:{record_of(wild)}:{shown(series.name)}",
                do="Repair or remove these records.",
            )
        none = Reading(None, tokens={"inf": int(wild.sum())})
    return values.set((~values.is_finite()).fill_null(False), None), wish, none


def _naive(series: pl.Series) -> pl.Series:
    import polars as pl

    if series.dtype == pl.Datetime and series.dtype.time_zone is not None:  # type: ignore[attr-defined]
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return series.cast(pl.Datetime("us"))
