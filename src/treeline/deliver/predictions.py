"""Predictions as a file: CSV, TSV, JSON lines, Parquet, Feather or Excel, written completely or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from treeline.contest.ledger import durable
from treeline.errors import SetupError, UsageError, nearest, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SUFFIXES", "write_predictions"]

SUFFIXES = (".csv", ".tsv", ".parquet", ".feather", ".jsonl", ".xlsx")
FORMULA = r"^([=+\-@\t\r])"
"What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection)."


def write_predictions(frame: pl.DataFrame, path: Path, *, escape: bool = True) -> Path:
    """Write `frame` in the format that the suffix of `path` names.

    In CSV, TSV and Excel files a text that a spreadsheet would run as a formula gets a leading apostrophe, column names too;
    numbers are never touched. `escape=False` writes texts as they are, for other programs.

    Raises:
        UsageError: the suffix is unknown.
        SetupError: the file cannot be written, or `xlsxwriter` is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"Predictions cannot be written as {shown(suffix)}: {nearest(suffix, SUFFIXES)}",
            do="Name a file that ends in .csv or .parquet.",
            where=str(path),
        )
    if escape and suffix in (".csv", ".tsv", ".xlsx"):
        frame = _escaped(frame)
    try:
        with durable(path) as temporary:
            _write(frame, temporary, suffix)
    except OSError as error:
        raise SetupError(f"It cannot be written: {error.strerror or error}.", where=str(path)) from None
    return path


def _escaped(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    texts = pl.selectors.by_dtype(pl.String, pl.Categorical, pl.Enum)
    frame = frame.with_columns(texts.cast(pl.String).str.replace(FORMULA, "'${1}"))
    return frame.rename({name: f"'{name}" for name in frame.columns if name[:1] in tuple("=+-@\t\r")})


def _write(frame: pl.DataFrame, path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        frame.write_parquet(path)
    elif suffix == ".feather":
        frame.write_ipc(path)
    elif suffix == ".jsonl":
        frame.write_ndjson(path)
    elif suffix == ".xlsx":
        try:
            frame.write_excel(path)
        except ModuleNotFoundError:
            raise SetupError("Excel files need xlsxwriter.", do="pip install xlsxwriter, or write .csv.") from None
    else:
        frame.write_csv(path, separator="\t" if suffix == ".tsv" else ",")
