"""Delimited text: every record is counted, whatever the line ends, quotes, widths and encodings."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeline.data.csv_dialect import decode, guess_delimiter
from treeline.data.csv_messy import read_messy
from treeline.data.csv_scan import scan
from treeline.data.read_csv import read_csv
from treeline.data.read_table import read
from treeline.errors import DataError

CELL = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.sampled_from('",;\n\r\t'), max_size=6)
TABLE = st.integers(2, 4).flatmap(lambda w: st.lists(st.lists(CELL, min_size=w, max_size=w), min_size=1, max_size=6))


def written(rows: list[list[str]], end: str, mark: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode()


def cells(frame: pl.DataFrame) -> list[list[str]]:
    return [[value or "" for value in row] for row in frame.rows()]


@settings(max_examples=150, deadline=None)
@given(rows=TABLE, end=st.sampled_from(["\n", "\r\n", "\r"]), mark=st.sampled_from(",;\t|"))
def test_what_is_written_is_read_whatever_the_line_ends_and_the_delimiter(rows, end, mark):
    header = [f"name{i}" for i in range(len(rows[0]))]
    raw = read_csv(written([header, *rows], end, mark), "f.csv", header=True)
    assert raw.frame.columns == header
    assert raw.read == len(rows) == raw.frame.height
    assert cells(raw.frame) == rows


@settings(max_examples=100, deadline=None)
@given(rows=TABLE, ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=8, max_size=8))
def test_mixed_line_ends_count_alike(rows, ends):
    header = [f"name{i}" for i in range(len(rows[0]))]
    lines = [written([row], "").decode() for row in [header, *rows]]
    raw = read_csv("".join(line + ends[i] for i, line in enumerate(lines)).encode(), "f.csv", header=True)
    assert cells(raw.frame) == rows


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from('ab,"\n\r'), min_size=1, max_size=40))
def test_the_scan_agrees_with_the_csv_module_where_quotes_are_regular(text):
    found = scan(text.encode(), ",")
    if not found.regular:
        return
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    widths = [len(row) for row in rows if row]
    assert found.widths[~found.blank].tolist() == widths


@settings(max_examples=300, deadline=None)
@given(body=st.text(st.sampled_from('ab,"\n\r'), min_size=1, max_size=40))
def test_no_text_loses_a_line_unseen(body):
    """Fast or slow, the letters that were accepted and the raw text that was rejected are all the letters there are."""
    data = ("x,y\n" + body).encode()
    try:
        raw = read_csv(data, "f.csv", header=True)
    except DataError:
        return
    assert raw.read == raw.frame.height + len(raw.rejects)
    kept = "".join(value or "" for row in raw.frame.rows() for value in row) + "".join(r.text for r in raw.rejects)
    assert sorted(c for c in kept if c in "ab") == sorted(c for c in body if c in "ab")


def test_the_fast_and_the_slow_reader_agree():
    rng = np.random.default_rng(0)
    words = np.array(["a", "b c", 'say ""hi""', "x,y", "two\nlines", ""])
    lines = ["p,q,r", *(",".join(f'"{w}"' for w in words[rng.integers(0, 6, 3)]) for _ in range(500))]
    data = "\n".join(lines).encode()
    fast, slow = read_csv(data, "f.csv", header=True), read_messy(data, ",", "f.csv")
    assert fast.how["quotes"] == "around fields"
    assert cells(fast.frame) == cells(slow.frame)


@pytest.mark.parametrize("k", [1, 100, 2046, 30000])
@pytest.mark.parametrize("bad", ["1;2;3", "1,2", "1,2,3,"])
def test_a_change_of_width_at_any_record_is_refused_or_quarantined(tmp_path: Path, k: int, bad: str):
    good = ["1,2,3"] * 30_010
    lines = ["a,b,c", *good[: k - 1], bad, *good[k - 1 :]]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=rf"Record {k} \(line {k + 1}\) has [124] field.*quarantine") as caught:
        read(path)
    assert caught.value.exit_code == 3
    assert not list(tmp_path.glob("*rejects*"))
    data = read(path, bad_rows="quarantine", rejects=tmp_path / "r.csv")
    assert (data.records.read, data.records.used, data.records.quarantined) == (30_011, 30_010, 1)
    assert data.records.reasons == {"wrong number of fields": 1}
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["record"], row["raw"]) for row in rows] == [(str(k), bad)]


def test_the_delimiter_may_change_for_the_rest_of_the_file(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + "1,2,3\n" * 50 + "1;2;3\n" * 5000)
    with pytest.raises(DataError, match=r"Record 51 .*5000 of 5050 records are bad: 51, 52, 53, 54, 55, …"):
        read(path)
    assert read(path, bad_rows="quarantine").records.quarantined == 5000


def test_blank_lines_are_no_records_and_are_said():
    raw = read_csv(b"a,b\n\n1,2\n\r\n3,4\n\n\n", "f.csv")
    assert raw.read == 2
    assert raw.how["blank lines"] == "4, left out"


def test_in_one_column_an_empty_line_is_a_missing_value():
    raw = read_csv(b"a\n1\n\n3\n\n\n", "f.csv", header=True)
    assert raw.frame["a"].to_list() == ["1", None, "3"]


def test_control_bytes_are_rejected_with_their_column():
    raw = read_csv(b"a,b\n1,2\n3,\x004\n5,6\n", "f.csv")
    assert [(r.number, r.line, r.reason) for r in raw.rejects] == [(2, 3, "control byte")]
    assert "0x00" in raw.rejects[0].detail
    assert "column 2" in raw.rejects[0].detail


def test_an_unclosed_quote_swallows_nothing():
    data = b'a,b\n1,x\n2,"open\n' + b"3,y\n" * 5000
    raw = read_csv(data, "f.csv")
    assert raw.read == 5002
    assert [(r.number, r.line) for r in raw.rejects] == [(2, 3)]
    assert "quote" in raw.rejects[0].detail


def test_an_unclosed_quote_before_a_megabyte_of_text_is_named():
    data = b'a,b\n1,x\n2,"open\n' + b"3,yyyyyyyyyyyyyyy\n" * 80_000 + b'4,"z"\n'
    raw = read_csv(data, "f.csv")
    assert raw.read == 80_003
    assert [r.number for r in raw.rejects] == [2]


def test_a_field_of_over_a_megabyte_is_rejected():
    raw = read_csv(b'a,b\n1,x\n2,"' + b"y" * (1 << 21) + b'"\n3,z\n', "f.csv")
    assert [(r.number, r.reason) for r in raw.rejects] == [(2, "field too long")]


def test_quotes_inside_plain_fields_are_characters():
    raw = read_csv(b'name,size\npipe,5" wide\nrod,6" wide\nbar,7 wide\n', "f.csv")
    assert raw.frame["size"].to_list() == ['5" wide', '6" wide', "7 wide"]


def test_text_after_a_closing_quote_is_no_regular_record():
    raw = read_csv(b'a,b\n"x",1\n"y"z,2\n"w",3\n"v",4\n"u",5\n', "f.csv")
    assert [r.number for r in raw.rejects] == [2]
    assert raw.frame.height == 4


def test_a_tab_file_may_hold_quotes_as_characters():
    lines = ["ham\tplain", 'ham\t"Hello', 'spam\tsays "x"', 'ham\tend"', "ham\tlast"]
    raw = read_csv(("label\ttext\n" + "\n".join(lines)).encode(), "f.tsv")
    assert raw.frame["text"].to_list() == [line.split("\t")[1] for line in lines]
    assert raw.how["quotes"] == "plain characters"


@pytest.mark.parametrize("mark", list(",;\t|:^~ "))
def test_the_delimiter_is_found(mark: str):
    rows = [["id", "name", "value"], *([str(i), f"w{i}", f"{i}.5"] for i in range(30))]
    assert guess_delimiter("\n".join(mark.join(row) for row in rows).encode()) == mark


def test_a_decimal_comma_is_no_delimiter():
    assert guess_delimiter(b"a;b\n1,5;2,5\n3,5;4,5\n") == ";"
    assert guess_delimiter(b'a,b\n"x;y",1\n"z;w",2\n') == ","


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8-sig", "byte order mark"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-32", "utf-32"),
        ("utf-8", "utf-8"),
    ],
)
def test_unicode_encodings_are_read(encoding: str, said: str):
    data = ("stadt,wert\n" + "Köln,1\nZürich,2\n" * 20).encode(encoding)
    found = decode(data, "f.csv")
    assert found.data.decode().startswith("stadt,wert\nKöln,1")
    assert said in found.how


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Müller aß Äpfel, Café für dich – schön"),
        ("shift_jis", "これは日本語の文章です。東京は日本の首都です"),
        ("cp1251", "Это русский текст о погоде в Москве и области"),
    ],
)
def test_old_encodings_are_guessed_and_said(encoding: str, text: str):
    data = ("n;t\n" + "".join(f"{i};{text}\n" for i in range(40))).encode(encoding)
    found = decode(data, "f.csv")
    assert text in found.data.decode()
    assert "guessed" in found.how


def test_a_broken_byte_in_utf8_is_rejected_where_it_stands():
    data = b"n,t\n" + "1,Grün\n".encode() * 50 + b"2,Gr\xfcn\n" + "3,Grün\n".encode()
    raw = read_csv(data, "f.csv")
    assert [r.number for r in raw.rejects] == [51]
    assert f"offset {data.index(bytes([0xFC]) + b'n')}" in raw.rejects[0].detail
    assert "column 2" in raw.rejects[0].detail


def test_a_doubled_name_is_refused_with_both_positions():
    with pytest.raises(DataError, match=r"'a' stands at positions 1 and 3"):
        read_csv(b"a,b,a\n1,2,3\n", "f.csv")
    with pytest.raises(DataError, match=r"positions 1 and 2"):
        read_csv("é,e\u0301\n1,2\n".encode(), "f.csv")


def test_names_that_differ_in_case_stay_two():
    assert read_csv(b"Age,age\n1,2\n", "f.csv").frame.columns == ["Age", "age"]


def test_an_empty_name_gets_its_position_and_a_note():
    raw = read_csv(b"a,,c\n1,2,3\n", "f.csv")
    assert raw.frame.columns == ["a", "column_2", "c"]
    assert raw.notes == {"column_2": "its name in the header is empty"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,2\n3,4\n", ["a", "b"]),
        ("5.1,3.5,x\n4.9,3.0,y\n", ["column_1", "column_2", "column_3"]),
        ("ham,hello\nham,there\nspam,you\nham,x\n", ["column_1", "column_2"]),
        ("country,1990,1991\nA,3,4\nB,5,6\nid,7,8\n", None),
        ("id,1990,1991\n1,3,4\n2,5,6\n", ["id", "1990", "1991"]),
    ],
)
def test_a_header_is_told_from_a_record_or_asked_for(text: str, names: list[str] | None):
    if names is None:
        with pytest.raises(DataError, match=r"may be a header or a record.*--header"):
            read_csv(text.encode(), "f.csv")
        assert read_csv(text.encode(), "f.csv", known=frozenset({"1990"})).read == 3
    else:
        assert read_csv(text.encode(), "f.csv").frame.columns == names


def test_header_false_keeps_the_first_line_as_a_record():
    raw = read_csv(b"a,b\n1,2\n3,4,5\n", "f.csv", header=False)
    assert raw.read == 3
    assert [r.number for r in raw.rejects] == [3]


def test_two_header_lines_are_joined():
    text = "id,seen,,rank,\n,Answer,Film B,Film A,Film B\n1,yes,no,1,2\n2,no,no,2,1\n3,yes,no,1,2\n"
    raw = read_csv(text.encode(), "f.csv")
    assert raw.frame.columns == ["id", "seen: Answer", "seen: Film B", "rank: Film A", "rank: Film B"]
    assert raw.read == 3
    assert raw.how["header"] == "two lines, joined"


@pytest.mark.parametrize("data", [b"\n\n", b"a,b\n", b"   \n"])
def test_a_file_without_records_is_refused(data: bytes):
    with pytest.raises(DataError, match=r"no text|no record"):
        read_csv(data, "f.csv")


@settings(max_examples=60, deadline=None)
@given(name=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40))
def test_any_name_comes_through(name: str):
    name = name.strip()
    if not name or name == "other":
        return
    raw = read_csv(written([[name, "other"], ["x", "1"]], "\n"), "f.csv", header=True)
    assert raw.frame.columns == [name, "other"]


def test_a_name_of_ten_thousand_letters_comes_through():
    name = '{"<b>😀[]' + "n" * 10_000
    assert read_csv(written([[name, "b"], ["1", "2"]], "\n"), "f.csv", header=True).frame.columns[0] == name
