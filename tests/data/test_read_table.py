"""The one door: every format, frames, and where each record went."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from treeline.data.column import Kind
from treeline.data.read_table import read
from treeline.errors import DataError, SetupError, UsageError

DATA = Path(__file__).parents[3] / "shared" / "data" / "tabular"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real tables are not beside the repository")
FRAME = pl.DataFrame({
    "n": [1, 2, None, 4, 5],
    "x": [0.5, None, 1.25, 2.5, 3.0],
    "c": ["a", "b", None, "a", "b"],
    "d": [date(2020, 1, 1), date(2020, 1, 3), None, date(2021, 5, 6), date(2020, 2, 2)],
})  # fmt: skip


def write(path: Path) -> Path:
    match path.suffix:
        case ".csv":
            FRAME.write_csv(path)
        case ".tsv":
            FRAME.write_csv(path, separator="\t")
        case ".parquet":
            FRAME.write_parquet(path)
        case ".feather":
            FRAME.write_ipc(path)
        case ".jsonl":
            FRAME.write_ndjson(path)
        case ".xlsx":
            book = openpyxl.Workbook()
            for row in [FRAME.columns, *FRAME.rows()]:
                book.active.append(row)
            book.create_sheet("hidden").sheet_state = "hidden"
            book["hidden"].append([1])
            book.save(path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "feather", "jsonl", "xlsx"])
def test_one_table_is_the_same_in_every_format(tmp_path: Path, suffix: str):
    data = read(write(tmp_path / f"t.{suffix}"))
    assert [str(column.kind) for column in data.columns] == ["number", "number", "category", "date"]
    assert data.frame["n"].to_list() == FRAME["n"].to_list()
    assert data.frame["d"].to_list()[0] == datetime(2020, 1, 1)
    assert data.frame["d"].dtype == pl.Datetime("us")
    assert data.records.read == data.records.used == len(data) == 5
    assert data.fingerprint == read(FRAME).fingerprint


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        FRAME.lazy(),
        FRAME.to_arrow(),
        FRAME.to_pandas(),
        FRAME.to_pandas(use_pyarrow_extension_array=True),
        FRAME.to_dicts(),
    ],
    ids=["polars", "lazy", "arrow", "pandas", "pandas-arrow", "dicts"],
)
def test_frames_of_every_library_are_the_same(frame):
    data = read(frame)
    assert data.source == "frame"
    assert data.frame["x"].to_list() == FRAME["x"].to_list()
    assert data.frame["c"].to_list() == FRAME["c"].to_list()
    assert [column.kind for column in data.columns] == [Kind.NUMBER, Kind.NUMBER, Kind.CATEGORY, Kind.DATE]


def test_an_array_and_odd_values_in_frames():
    data = read(np.arange(12.0).reshape(4, 3))
    assert data.names == ["column_1", "column_2", "column_3"]
    mixed = read([{"a": 1, "b": Decimal("1.50"), "z": True}, {"a": "x", "b": Decimal("2.25"), "z": False}])
    assert mixed.frame["a"].to_list() == ["1", "x"]
    assert mixed.frame["b"].to_list() == [1.5, 2.25]
    assert mixed.frame["z"].to_list() == ["True", "False"]
    nested = pl.DataFrame({"a": [[1], [2]], "b": [1, 2]})
    with pytest.raises(DataError, match=r"'a' holds list values.*Flatten"):
        read(nested)
    with pytest.raises(DataError, match=r"'a' holds a list"):
        read([{"a": [1]}])


def test_pandas_names_and_types():
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    with pytest.raises(DataError, match=r"'a' stands at positions 1 and 2"):
        read(frame)
    odd = pd.DataFrame({0: pd.Categorical(["x", "y", "x"]), "t": pd.date_range("2020-01-01", periods=3, tz="UTC"),
                        "o": [1, "b", None], "f": [np.nan, 1.0, np.inf]})  # fmt: skip
    data = read(odd)
    assert data.names == ["0", "t", "o", "f"]
    assert data.column("t").kind is Kind.DATE
    assert data.frame["o"].to_list() == ["1", "b", None]
    assert data.frame["f"].to_list() == [None, 1.0, None]
    assert data.column("f").missing_tokens == {"inf": 1}


def test_arrow_types_and_what_is_no_table():
    table = pa.table({"d": pa.array(["a", "b", "a"]).dictionary_encode(), "m": pa.array([Decimal("1.10"), None, None])})
    data = read(table)
    assert data.column("d").kind is Kind.CATEGORY
    assert data.frame["m"].to_list() == [1.1, None, None]
    with pytest.raises(UsageError, match=r"A int is no table"):
        read(3)
    with pytest.raises(DataError, match=r"0 records"):
        read(pl.DataFrame({"a": []}))


def test_big_json_numbers_keep_every_digit(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"k": 123456789012345678901234567890, "v": 0.1}\n{"k": 1, "v": 2}\n')
    assert read(path).frame["k"].to_list() == ["123456789012345678901234567890", "1"]


def test_bad_json_lines_are_quarantined(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1, "b": "x"}\n{"a": 2\n[3]\n\n{"a": 4, "a": 5}\n{"b": "y"}\n')
    with pytest.raises(DataError, match=r"Record 2 \(line 2\) is no JSON object.*3 of 5"):
        read(path)
    data = read(path, bad_rows="quarantine")
    assert data.records.to_json() == {"read": 5, "used": 2, "quarantined": 3, "reasons": {"no JSON object": 3}}
    assert (tmp_path / "t.jsonl.rejects.csv").is_file()
    path.write_text('[{"a": 1}]')
    with pytest.raises(DataError, match=r"one JSON array"):
        read(path)
    path.write_text('{"a": {"b": 1}}\n')
    with pytest.raises(DataError, match=r"'a' is an object") as caught:
        read(path)
    assert caught.value.where.endswith(":1:'a'")


def test_a_workbook_of_several_sheets_asks_which(tmp_path: Path):
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    for name in ("one", "two"):
        sheet = book.create_sheet(name)
        for row in [["a", "b"], [1, name], [2, name], [None, None], ["007", "=1+1"]]:
            sheet.append(row)
    book.save(path)
    with pytest.raises(DataError, match=r"2 filled sheets: 'one', 'two'.*--sheet"):
        read(path)
    data = read(path, sheet="two")
    assert data.frame["a"].to_list() == ["1", "2", "007"]
    assert data.how["sheet"] == "two"
    with pytest.raises(UsageError, match=r"did you mean 'two'"):
        read(path, sheet="tow")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"cut short or damaged"):
        read(path)


def test_rejects_are_written_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n"x, y",2,3\n3,4\n5\n')
    data = read(path, bad_rows="quarantine")
    assert data.records.to_json()["reasons"] == {"wrong number of fields": 2}
    with (tmp_path / "t.csv.rejects.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["record", "line", "reason", "detail", "raw"]
    assert [(row[0], row[1], row[4]) for row in rows[1:]] == [("2", "3", '"x, y",2,3'), ("4", "5", "5")]
    with pytest.raises(SetupError, match=r"cannot be written"):
        read(path, bad_rows="quarantine", rejects=path / "r.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.csv.rejects.csv"]
    with pytest.raises(UsageError, match=r"--bad-rows"):
        read(path, bad_rows="skip")


def test_a_file_of_bad_records_only_is_refused_in_either_mode(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1;2;3\n4;5;6\n")
    for mode in ("refuse", "quarantine"):
        with pytest.raises(DataError, match=r"has 1 field, the first line has 3"):
            read(path, bad_rows=mode)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_the_target_must_be_there_and_have_values(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("Churn,x,y\n,1,2\n,3,4\n")
    with pytest.raises(UsageError, match=r"no column 'churn': did you mean 'Churn'"):
        read(path, target="churn")
    with pytest.raises(DataError, match=r"'Churn' has no value in 2 records"):
        read(path, target="Churn")


def test_the_fingerprint_moves_with_names_kinds_values_and_order():
    base = {"a": [1, 2, 3], "b": ["x", "y", "x"]}
    prints = {
        read(pl.DataFrame(base)).fingerprint,
        read(pl.DataFrame({**base, "a": [1, 2, 4]})).fingerprint,
        read(pl.DataFrame({**base, "b": ["x", "yx", ""]})).fingerprint,
        read(pl.DataFrame({**base, "b": ["x", None, "x"]})).fingerprint,
        read(pl.DataFrame({"b": base["b"], "a": base["a"]})).fingerprint,
        read(pl.DataFrame(base), kinds={"a": "category"}).fingerprint,
    }
    assert len(prints) == 6
    assert read(pl.DataFrame(base)).fingerprint in prints


def test_pandas_is_not_imported_for_a_file(tmp_path: Path):
    import subprocess
    import sys

    path = write(tmp_path / "t.csv")
    code = (
        "import sys; from treeline.data.read_table import read; read(sys.argv[1]);"
        "print([m for m in ('pandas', 'sklearn', 'torch', 'statsmodels', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_data
@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("student_por.csv", 649, 33),
        ("starwars_survey_latin1.csv", 1186, 38),
        ("ames_housing.tsv", 2930, 82),
        ("online_shoppers.csv", 12330, 18),
        ("telco_churn.csv", 7043, 21),
        ("titanic.csv", 891, 12),
        ("mfeat_factors.csv.gz", 2000, 217),
    ],
)
def test_real_tables_are_read_whole(name: str, rows: int, columns: int):
    data = read(DATA / name)
    assert data.frame.shape == (rows, columns)
    assert data.records.quarantined == 0


@needs_data
def test_the_kinds_of_real_columns():
    telco = read(DATA / "telco_churn.csv")
    assert telco.column("customerID").kind is Kind.IDENTIFIER
    assert telco.column("TotalCharges").kind is Kind.NUMBER
    assert telco.column("TotalCharges").missing_tokens == {" ": 11}
    ames = read(DATA / "ames_housing.tsv")
    assert (ames.column("PID").kind, ames.column("MS SubClass").kind) == (Kind.IDENTIFIER, Kind.CATEGORY)
    assert ames.frame["PID"][0] == "0526301100"
    assert ames.column("Alley").missing_tokens == {"NA": 2732}
    titanic = read(DATA / "titanic.csv")
    assert (titanic.column("Name").kind, titanic.column("PassengerId").kind) == (Kind.TEXT, Kind.IDENTIFIER)
    wars = read(DATA / "starwars_survey_latin1.csv")
    fan = wars.column("Do you consider yourself to be a fan of the Star Wars film franchise?")
    assert (fan.distinct, fan.missing) == (2, 350)
