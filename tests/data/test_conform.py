"""New rows are read as training was, whatever format they come in."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeline.data.conform import conform
from treeline.data.read_table import read
from treeline.errors import DataError

TEXT = "zip;amount;when;color;flag;miss\n" + "".join(
    f"{i:05d};{i},5 €;{i % 28 + 1:02d}/03/2020;c{i % 4};{i % 2 == 0};{'NA' if i % 5 == 0 else i % 9}\n"
    for i in range(200)
)


@pytest.fixture
def train(tmp_path: Path) -> Path:
    path = tmp_path / "train.csv"
    path.write_text(TEXT)
    return path


def columns(path: object) -> list[dict[str, object]]:
    return [column.to_json() for column in read(path).columns]


def test_the_training_file_itself_comes_back_the_same(train: Path):
    frame, problems = conform(train, columns(train))
    assert frame.equals(read(train).frame)
    assert problems == {}


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(["zip", "amount", "when", "color", "flag", "miss"]))
def test_the_order_of_columns_means_nothing(order: list[str]):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text(TEXT)
        known = columns(path)
        raw = pl.read_csv(path, separator=";", infer_schema=False)
        shuffled = Path(folder, "s.csv")
        raw.select(order).write_csv(shuffled, separator=";")
        assert conform(shuffled, known)[0].equals(conform(path, known)[0])
        assert conform(raw.select(order), known)[0].equals(conform(path, known)[0])


def test_what_does_not_parse_is_null_and_counted(train: Path, tmp_path: Path):
    path = tmp_path / "new.csv"
    path.write_text(
        "zip;amount;when;color;flag;miss;more\n00001;many;31/02/2020;new;True;NA;1\n7;5;01/03/2020;;False;2,5;2\n"
    )
    frame, problems = conform(path, columns(train))
    assert problems == {"amount": 1, "when": 1, "miss": 1}
    assert problems.extra == ("more",)
    assert frame["zip"].to_list() == ["00001", "7"]
    assert frame["amount"].to_list() == [None, 5]
    assert frame["when"].to_list() == [None, datetime(2020, 3, 1)]
    assert frame["color"].to_list() == ["new", None]


def test_one_row_is_enough(train: Path, tmp_path: Path):
    path = tmp_path / "one.csv"
    path.write_text("flag;zip;amount;when;color;miss\nTrue;00001;5,5 €;01/03/2020;c1;4\n")
    frame, problems = conform(path, columns(train))
    assert frame.row(0) == ("00001", 5.5, datetime(2020, 3, 1), "c1", "True", 4)
    assert not problems


def test_missing_columns_are_refused_by_name(train: Path):
    new = pl.DataFrame({"zip": ["1"], "Amount": ["2"], "when": [None], "color": ["c1"], "flag": ["True"]})
    with pytest.raises(
        DataError, match=r"2 columns .* are missing: 'amount', 'miss'; for 'amount' did you mean 'Amount'"
    ):
        conform(new, columns(train))


def test_bad_records_are_refused_so_that_predictions_keep_their_places(train: Path, tmp_path: Path):
    path = tmp_path / "new.csv"
    path.write_text("zip;amount;when;color;flag;miss\n1;2\n")
    with pytest.raises(DataError, match="Record 1 "):
        conform(path, columns(train))


def test_typed_rows_meet_a_model_trained_on_text_and_the_other_way_round(tmp_path: Path):
    typed = pl.DataFrame({
        "code": [1, 2, 1, 2] * 10,
        "rate": [1.0, 2.0, 3.0, 2.0] * 10,
        "flag": [True, False, True, True] * 10,
        "day": [datetime(2020, 1, d) for d in (1, 2, 3, 4)] * 10,
        "x": [0.5, None, 1.5, 2.0] * 10,
    })  # fmt: skip
    path = tmp_path / "t.csv"
    typed.to_pandas().to_csv(path, index=False)
    kinds = {"code": "category", "rate": "category"}
    from_text = read(path, kinds=kinds)
    from_frame = read(typed, kinds=kinds)
    known_text = [column.to_json() for column in from_text.columns]
    known_frame = [column.to_json() for column in from_frame.columns]
    assert conform(typed, known_text)[0].equals(from_text.frame)
    assert conform(path, known_frame)[0].select("code", "flag", "day", "x").equals(
        from_frame.frame.select("code", "flag", "day", "x")
    )  # fmt: skip
    assert conform(typed.to_pandas(), known_frame)[0].equals(from_frame.frame)


def test_a_hundred_thousand_rows_take_a_moment():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{i}": rng.normal(size=100_000) for i in range(10)} | {
        f"c{i}": np.array(["a", "b", "c"])[rng.integers(0, 3, 100_000)] for i in range(5)
    })  # fmt: skip
    known = [column.to_json() for column in read(frame).columns]
    start = time.process_time()
    out, problems = conform(frame, known)
    assert time.process_time() - start < 2
    assert out.equals(frame)
    assert not problems


def test_codes_that_became_numbers_are_refused_not_taken_for_new_levels(tmp_path: Path):
    path = tmp_path / "codes.csv"
    path.write_text("code,y\n" + "\n".join(f"{'007' if i % 2 else '011'},{i}" for i in range(40)))
    known = [column.to_json() for column in read(path, kinds={"code": "category"}).columns][:1]
    assert conform(pl.DataFrame({"code": ["007"]}), known)[0]["code"].to_list() == ["007"]
    with pytest.raises(DataError, match="trained on texts such as '007'"):
        conform(pl.DataFrame({"code": [7, 11]}), known)


def test_a_date_that_reads_in_two_ways_is_never_guessed():
    typed = pl.DataFrame({"day": [datetime(2020, 1, 1 + i % 28) for i in range(60)]})
    known = [column.to_json() for column in read(typed).columns]
    assert conform(pl.DataFrame({"day": ["25/04/2021", "03/04/2021"]}), known)[0]["day"][1] == datetime(2021, 4, 3)
    with pytest.raises(DataError, match="two ways"):
        conform(pl.DataFrame({"day": ["03/04/2021", "05/04/2021"]}), known)
