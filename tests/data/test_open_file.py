"""Files that are not what they seem, packed, cut, huge or changing."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from treeline.data import open_file as module
from treeline.data.open_file import open_file
from treeline.data.read_table import read
from treeline.errors import BudgetError, DataError, TreelineError, UsageError

TEXT = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i % 97) for i in range(3000))


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


PACKED = {
    "gzip": gzip.compress(TEXT),
    "bz2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
    "zstd": zstd(TEXT),
    "zip": zipped(**{"t.csv": TEXT, "__MACOSX/t.csv": b"junk"}),
}


@pytest.mark.parametrize("how", PACKED)
def test_packed_text_is_unpacked_whatever_its_name(tmp_path: Path, how: str):
    path = tmp_path / "table.csv"
    path.write_bytes(PACKED[how])
    content = open_file(path)
    assert (content.data, content.sort, content.compression) == (TEXT, "text", how)
    assert read(path).how["compression"] == how


@pytest.mark.parametrize("how", PACKED)
def test_a_cut_archive_is_refused_with_the_byte_reached(tmp_path: Path, how: str):
    path = tmp_path / f"t.{how}"
    path.write_bytes(PACKED[how][: len(PACKED[how]) // 2])
    with pytest.raises(DataError, match=r"cut short or damaged"):
        open_file(path)


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped(t=data)])
def test_a_bomb_is_met_at_the_cap(tmp_path: Path, pack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FLOOR", 1 << 20)
    path = tmp_path / "bomb"
    path.write_bytes(pack(b"0,0\n" * (8 << 20)))
    with pytest.raises(DataError, match=r"unpacks to"):
        open_file(path)


def test_a_zip_of_several_files_lists_them(tmp_path: Path):
    path = tmp_path / "t.zip"
    path.write_bytes(zipped(**{"one.csv": TEXT, "../two.csv": TEXT}))
    with pytest.raises(DataError, match=r"holds 2 files: 'one.csv', '../two.csv'"):
        open_file(path)
    assert os.listdir(tmp_path) == ["t.zip"]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"<!DOCTYPE html><html>not found</html>", "web page"),
        (b"\x80\x04\x95\x10pickled", "pickle"),
        (b"\x93NUMPY\x01\x00", "numpy"),
        (b"SQLite format 3\x00", "sqlite:///"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "xlsx"),
        (b"\x89HDF\r\n", "HDF5"),
        (gzip.compress(gzip.compress(TEXT)), "another gzip"),
        (b"", "empty"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, head: bytes, said: str):
    path = tmp_path / "t.csv"
    path.write_bytes(head)
    with pytest.raises(DataError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_a_parquet_file_named_csv_is_read_as_what_it_is(tmp_path: Path):
    path = tmp_path / "t.csv"
    pl.DataFrame({"a": [1, 2, 5], "b": ["x", "y", "x"]}).write_parquet(path)
    assert read(path).how["format"] == "Parquet"


def test_text_named_parquet_is_refused(tmp_path: Path):
    path = tmp_path / "t.parquet"
    path.write_bytes(TEXT)
    with pytest.raises(DataError, match=r"says .parquet, but the content is text"):
        read(path)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_a_cut_columnar_file_is_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"t.{suffix}"
    frame = pl.DataFrame({"a": np.arange(5000)})
    frame.write_parquet(path) if suffix == "parquet" else frame.write_ipc(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"cut short or damaged"):
        read(path)


def test_a_missing_file_offers_near_names(tmp_path: Path):
    (tmp_path / "churn.csv").write_bytes(TEXT)
    with pytest.raises(UsageError, match=r"did you mean 'churn.csv'") as caught:
        read(tmp_path / "chrun.csv")
    assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match=r"no file"):
        read(tmp_path / "no" / "where.csv")


def test_a_folder_and_a_pipe_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"folder"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"no regular file"):
        read(tmp_path / "pipe")


@pytest.mark.parametrize("url", ["https://example.org/a.csv", "s3://bucket/a.csv", "file:///etc/passwd"])
def test_nothing_is_fetched_from_the_network(url: str):
    with pytest.raises(UsageError, match=r"fetches nothing"):
        read(url)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "t.csv"
    path.write_bytes(TEXT)
    plain = Path.read_bytes

    def read_and_append(self: Path) -> bytes:
        data = plain(self)
        with self.open("ab") as file:
            file.write(b"1,2\n")
        return data

    monkeypatch.setattr(Path, "read_bytes", read_and_append)
    with pytest.raises(DataError, match=r"changed while it was read"):
        open_file(path)


def test_a_file_beyond_memory_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "t.csv"
    path.write_bytes(TEXT)
    monkeypatch.setattr(module, "_available", lambda: 1000)
    with pytest.raises(BudgetError, match=r"memory"):
        open_file(path)


@pytest.mark.parametrize(
    "name", ["-dash.csv", "quo'te\".csv", "new\nline.csv", "n" * 240 + ".csv", "é.csv", "e\u0301.csv"]
)
def test_odd_file_names_work_and_stay_on_one_line(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(TEXT)
    assert read(path).records.read == 3000
    path.write_bytes(b"a,b\n1\n2,3\n")
    with pytest.raises(TreelineError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
