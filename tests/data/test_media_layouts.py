"""Layouts of folders and zips that people have: splits, strays, tables in parts, names from other systems."""

import csv
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from treeline.data.column import Kind
from treeline.data.conform import conform
from treeline.data.given_test import given_test
from treeline.data.media import decode_files
from treeline.data.read_table import read
from treeline.errors import DataError

images = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def picture(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    images.fromarray(RNG.integers(0, 255, (9, 8, 3)).astype(np.uint8)).save(path)
    return path.read_bytes()


def split_folder(root: Path, many: int) -> Path:
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            for k in range(many):
                picture(root / part / label / f"{k}.png")
    return root


def test_one_stray_picture_does_not_turn_the_split_into_the_answer(tmp_path: Path):
    split_folder(tmp_path, 30)
    picture(tmp_path / "preview.png")
    found = read(tmp_path)
    assert found.label == "label"
    assert set(found.frame["label"]) == {"cat", "dog"}
    assert set(found.frame["split"]) == {"train", "test"}
    assert found.records.quarantined == 1


def given_tests_beside_other_folders_are_refused_in_a_line(tmp_path: Path):
    split_folder(tmp_path, 5)
    split_folder(tmp_path / "again", 5)
    with pytest.raises(DataError, match=r"test, train stand beside 'again'"):
        read(tmp_path)


def table(folder: Path, rows: Iterable[tuple[str, str]]) -> None:
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file_name", "label"), *rows])


def test_a_table_in_each_part_is_read(tmp_path: Path):
    for part in ("train", "test"):
        for k in range(12):
            picture(tmp_path / part / f"{k}.png")
        table(tmp_path / part, [(f"{k}.png", "ab"[k % 2]) for k in range(12)])
    found = read(tmp_path)
    assert found.label == "label" and len(found) == 24
    assert found.frame["split"].value_counts().height == 2
    assert found.column("split").kind is Kind.IDENTIFIER
    assert found.frame["file_name"][0] == "test/0.png"


def zipped(path: Path, names: Iterable[str]) -> Path:
    content = picture(path.with_suffix(".png"))
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            member = zipfile.ZipInfo("x")
            member.filename = name
            archive.writestr(member, content)
    return path


def test_folders_parted_by_backslashes_are_folders(tmp_path: Path):
    source = zipped(tmp_path / "old.zip", [f"{label}\\{k}.png" for label in ("cat", "dog") for k in range(8)])
    found = read(source)
    assert set(found.frame["label"]) == {"cat", "dog"}
    assert decode_files(found.frame["file"].to_list(), Kind.IMAGE, root=str(source)).bad == {}


def test_names_in_utf8_that_do_not_say_so_are_read(tmp_path: Path):
    source = zipped(tmp_path / "mac.zip", [f"{label}/{k}.png" for label in ("café", "dög") for k in range(8)])
    raw = bytearray(source.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.find(mark)
        while place >= 0:
            (flags,) = struct.unpack_from("<H", raw, place + at)
            struct.pack_into("<H", raw, place + at, flags & ~0x800)
            place = raw.find(mark, place + 4)
    source.write_bytes(raw)
    found = read(source)
    assert set(found.frame["label"]) == {"café", "dög"}
    assert decode_files(found.frame["file"].to_list(), Kind.IMAGE, root=str(source)).bad == {}


def test_new_pictures_may_lie_in_any_folders(tmp_path: Path):
    known = read(split_folder(tmp_path / "known", 5))
    for k in range(9):
        picture(tmp_path / "new" / "batch1" / f"{k}.png")
    picture(tmp_path / "new" / "one.png")
    frame, _ = conform(tmp_path / "new", [known.column("file").to_json()])
    assert frame.height == 10


def test_a_long_clip_does_not_make_thousands_of_short_ones_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    soundfile = pytest.importorskip("soundfile")
    names = [f"{k}.wav" for k in range(20)]
    for k, name in enumerate(names):
        soundfile.write(tmp_path / name, RNG.normal(0, 0.1, 160_000 if k == 3 else 8_000), 16_000)
    assert decode_files(names, Kind.SOUND, root=str(tmp_path)).array.shape == (20, 160_000)
    monkeypatch.setattr("treeline.data.media.ALL_SOUNDS", 20 * 2 * 10_000)
    found = decode_files(names, Kind.SOUND, root=str(tmp_path))
    assert found.array.shape[1] <= 10_000
    assert "cut after" in found.how


def test_a_given_test_folder_is_set_apart(tmp_path: Path):
    for label in ("cat", "dog"):
        for k in range(12):
            picture(tmp_path / "train" / label / f"{k}.png")
        for k in range(6):
            picture(tmp_path / "test" / label / f"{k}.png")
    found = read(tmp_path)
    rows, y = np.arange(len(found)), (found.frame["label"] == "dog").to_numpy().astype(np.int64)
    aside = given_test(found, rows, y)
    assert aside.sum() == 12
    assert set(found.frame["split"].filter(aside)) == {"test"}
    one = np.where(aside & (y == 1))[0]
    alone = y.copy()
    alone[one] = 2  # a class of the test folder only
    assert not given_test(found, rows, alone).any()
