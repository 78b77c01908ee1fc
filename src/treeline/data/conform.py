"""New rows read with the kinds that training fixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from treeline.data.column import Kind
from treeline.data.date_text import AMBIGUOUS, guess_formats, parse_dates, swapped
from treeline.data.missing_text import AMONG_NUMBERS, ANYWHERE
from treeline.data.number_text import NumberStyle, parse_numbers
from treeline.data.raw import Raw, settle_rejects
from treeline.data.read_table import read_raw
from treeline.data.typed_values import text_of
from treeline.errors import DataError, nearest, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Problems", "conform"]

FILES = {"file", "file_name", "filename", "path"}
"Usual names for the column of a list of files."


class Problems(dict[str, int]):
    """Per column how many values could not be read and count as missing; and the columns that nobody asked for."""

    extra: tuple[str, ...] = ()
    root: str = ""
    "Where the paths of images and sounds begin."


def conform(
    source: Any,
    columns: Sequence[Mapping[str, Any]],
    *,
    query: str | None = None,
    header: bool | None = None,
    sheet: str | None = None,
) -> tuple[pl.DataFrame, Problems]:
    """Return new rows with exactly the columns of training, in its order and types; every record keeps its place.

    Args:
        source: anything that `read` takes.
        columns: the wanted columns, each as `Column.to_json()`.
        query: for a database.
        header: whether the first line names the columns.
        sheet: of a workbook.

    Returns:
        The (n, p) frame, and per column the count of values that could not be read and are null now.

    Raises:
        UsageError: the source does not exist.
        DataError: a column is missing, or the source has bad records.
    """
    import polars as pl

    wanted = [str(column["name"]) for column in columns]
    raw = read_raw(source, query=query, header=header, sheet=sheet, known=frozenset(wanted), predicting=True)
    raw = _named_alike(raw, columns)
    absent = [name for name in wanted if name not in raw.frame.columns]
    if absent:
        listed = ", ".join(shown(name) for name in absent[:8])
        raise DataError(
            f"{len(absent)} columns that the model was trained on are missing: {listed}; "
            f"for {shown(absent[0])} {nearest(absent[0], raw.frame.columns)}",
            where=raw.source,
            do="Add them, empty where the values are not known.",
        )
    settle_rejects(raw, bad_rows="refuse", rejects=None, predicting=True)
    problems = Problems()
    problems.root = raw.root
    problems.extra = tuple(name for name in raw.frame.columns if name not in wanted)
    out = []
    for column in columns:
        given = raw.frame[str(column["name"])]
        values, failed = _conform(given, column)
        _refuse_retyped(given, values, column, raw.source)
        out.append(values)
        if failed:
            problems[str(column["name"])] = failed
    return pl.DataFrame(out), problems


def _named_alike(raw: Raw, columns: Sequence[Mapping[str, Any]]) -> Raw:
    """Give the files of a folder, a zip or a list of files the name that the model's only column of files has."""
    wanted = [str(column["name"]) for column in columns if Kind(column["kind"]).is_media]
    given = [name for name, kind in raw.kinds.items() if Kind(kind).is_media]
    given = given or [name for name in raw.frame.columns if name.lower() in FILES]
    if len(wanted) != 1 or len(given) != 1 or wanted[0] in raw.frame.columns:
        return raw
    return replace(raw, frame=raw.frame.rename({given[0]: wanted[0]}))


def _conform(series: pl.Series, column: Mapping[str, Any]) -> tuple[pl.Series, int]:
    """Return one column in the type of its kind, and how many values were lost."""
    kind = Kind(column["kind"])
    if kind is Kind.NUMBER:
        return _numbers(series, column)
    if kind is Kind.DATE:
        return _dates(series, column)
    return _words(series, column), 0


def _refuse_retyped(given: pl.Series, values: pl.Series, column: Mapping[str, Any], source: str) -> None:
    """Refuse a category that came as another type and shares no value with what training saw.

    Codes such as 007 that turned into the number 7 on the way would otherwise be taken for rare levels, every one.
    """
    import polars as pl

    examples = {str(example) for example in column.get("examples") or ()}
    if Kind(column["kind"]) is not Kind.CATEGORY or given.dtype == pl.String or not examples:
        return
    seen = set(values.drop_nulls().unique().to_list())
    wide = {one.lstrip("0") for one in examples} & {str(one).lstrip("0") for one in seen}
    if seen and not seen & examples and (wide or given.dtype == pl.Boolean):
        raise DataError(
            f"The column {shown(column['name'])} holds {given.dtype} values such as {shown(next(iter(seen)))}; the model was "
            f"trained on texts such as {shown(next(iter(sorted(examples))))}.",
            where=source,
            do="Give the column as text, written as in the training table.",
        )


def _null_tokens(texts: pl.Series, column: Mapping[str, Any], usual: frozenset[str]) -> pl.Series:
    """Make null what means missing: training's own tokens and the usual ones; everything else stays."""
    own = set(column.get("missing_tokens") or {})
    bare = texts.str.strip_chars()
    gone = texts.is_in(sorted(own)) | (bare == "")
    if usual:
        gone = gone | bare.str.to_lowercase().is_in(sorted(usual))
    return texts.set(gone.fill_null(False), None)


def _numbers(series: pl.Series, column: Mapping[str, Any]) -> tuple[pl.Series, int]:
    import polars as pl

    if series.dtype != pl.String:
        if series.dtype == pl.Duration:
            series = series.dt.total_microseconds() / 1e6
        values = series.cast(pl.Float64, strict=False)
        before = series.null_count() + (int(series.is_nan().sum()) if series.dtype.is_float() else 0)
    else:
        texts = _null_tokens(series, column, AMONG_NUMBERS)
        before = texts.null_count()
        style = NumberStyle.from_text(str(column.get("format") or ""))
        values = parse_numbers(texts, style)
        if style != NumberStyle() and values.null_count() > before:
            values = values.fill_null(parse_numbers(texts, NumberStyle()))
    values = values.set((~values.is_finite()).fill_null(False), None)
    whole = bool((values == values.round()).all()) and bool((values.abs() < 2**53).all())
    lost = values.null_count() - before
    return (values.cast(pl.Int64) if whole else values), lost


def _dates(series: pl.Series, column: Mapping[str, Any]) -> tuple[pl.Series, int]:
    import polars as pl

    if series.dtype.is_temporal() and series.dtype not in (pl.Time, pl.Duration):
        if series.dtype == pl.Datetime and series.dtype.time_zone is not None:  # type: ignore[attr-defined]
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return series.cast(pl.Datetime("us")), 0
    texts = _null_tokens(text_of(series), column, AMONG_NUMBERS)
    style = str(column.get("format") or "")
    if style:
        values = parse_dates(texts, style)
    else:  # training saw typed dates: take what the new texts say of themselves
        styles = guess_formats(texts.drop_nulls().head(1000)) if texts.null_count() < len(texts) else []
        either = bool(styles) and styles[0].startswith(AMBIGUOUS)
        if either and parse_dates(texts, swapped(styles[0])).null_count() == texts.null_count():
            example = texts.drop_nulls()[0]
            raise DataError(
                f"The dates in {shown(column['name'])} can be read in two ways, such as {shown(example)}.",
                do="Write them as year-month-day.",
            )
        values = (
            parse_dates(texts, styles[0]) if styles else texts.set(texts.is_not_null(), None).cast(pl.Datetime("us"))
        )
    return values, values.null_count() - texts.null_count()


def _words(series: pl.Series, column: Mapping[str, Any]) -> pl.Series:
    import polars as pl

    examples = [str(example) for example in column.get("examples") or ()]
    as_float = bool(examples) and all(example.endswith(".0") for example in examples)
    texts = series if series.dtype == pl.String else text_of(series, "float" if as_float else "")
    if series.dtype == pl.Boolean or column.get("format") == "boolean":
        spelled = {example.casefold(): example for example in examples}
        texts = texts.str.strip_chars()
        for word in ("true", "false"):
            texts = texts.set((texts.str.to_lowercase() == word).fill_null(False), spelled.get(word, word.capitalize()))
    own = {str(token).strip().casefold() for token in column.get("missing_tokens") or {}}
    texts = _null_tokens(texts, column, frozenset(own & ANYWHERE))
    return texts.str.strip_chars() if column["kind"] == Kind.CATEGORY else texts
