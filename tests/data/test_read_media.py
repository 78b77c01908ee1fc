"""Folders, zips and tables of paths become data sets; what cannot be used is named and never opened."""

from __future__ import annotations

import csv
import io
import os
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image

from treeline.api import audit as audit_source
from treeline.api import run
from treeline.data.ask import ask, rows_of
from treeline.data.audit import audit
from treeline.data.column import Kind
from treeline.data.conform import conform
from treeline.data.findings import Finding, Severity
from treeline.data.read_table import read
from treeline.data.splits import plan_folds
from treeline.data.structure import keys_of
from treeline.errors import DataError, UsageError

RNG = np.random.default_rng(1)


def picture(seed: int = -1) -> Image.Image:
    rng = RNG if seed < 0 else np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    return small.resize((24, 20), Image.Resampling.BICUBIC)


def put(folder: Path, *names: str) -> Path:
    """Write a picture (or a sound) under each name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".wav":
            soundfile.write(path, RNG.normal(size=1600) / 9, 16_000)
        else:
            picture().save(path)
    return folder


def classes(folder: Path, count: int = 12, under: str = "") -> Path:
    return put(folder, *(f"{under}{label}/{i}.png" for label in ("cat", "dog") for i in range(count)))


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


def kinds(source: object, **more: object) -> dict[str, str]:
    return {column.name: str(column.kind) for column in read(source, **more).columns}  # type: ignore[arg-type]


def found(source: Path) -> dict[str, Finding]:
    data = read(source)
    return {finding.code: finding for finding in audit(data, ask(data, "label"))}


@pytest.mark.parametrize("inside", ["", "photos/"])
def test_one_folder_a_class(tmp_path: Path, inside: str):
    folder = classes(tmp_path / "x", under=inside)
    data = read(folder)
    assert kinds(folder) == {"file": "image", "label": "category"}
    assert data.label == "label"
    assert data.frame["label"].to_list() == ["cat"] * 12 + ["dog"] * 12
    assert data.media["file"].shape == (24, 20, 24, 3)
    assert np.array_equal(data.media["file"][0], np.asarray(Image.open(folder / data.frame["file"][0])))
    again = read(zipped(folder))
    assert again.fingerprint == data.fingerprint
    assert np.array_equal(again.media["file"], data.media["file"])


def test_the_fingerprint_covers_the_pixels(tmp_path: Path):
    folder = classes(tmp_path / "x")
    before = read(folder).fingerprint
    picture(5).save(folder / "cat" / "0.png")
    assert read(folder).fingerprint != before


def test_numbers_as_folder_names_are_labels(tmp_path: Path):
    folder = put(tmp_path, *(f"{label}/{i}.wav" for label in range(3) for i in range(6)))
    data = read(folder)
    assert kinds(folder) == {"file": "sound", "label": "category"}
    assert ask(data, "label").classes == ("0", "1", "2")
    assert data.media["file"].shape == (18, 1600)


def test_given_splits_are_a_column_that_is_no_input(tmp_path: Path):
    classes(classes(tmp_path, under="train/"), 3, under="test/")
    data = read(tmp_path)
    assert kinds(tmp_path) == {"file": "image", "label": "category", "split": "identifier"}
    assert data.how["split"] == "test 6, train 24"
    assert "no input" in data.column("split").note
    assert "D003" not in found(tmp_path)


def test_metadata_names_files_and_columns(tmp_path: Path):
    put(tmp_path, *(f"images/{i}.png" for i in range(30)), "images/more.png")
    rows = [f"images/{i}.png,{i % 3},{0.5 * i},p{i // 3},{i % 5}" for i in range(30)]
    (tmp_path / "metadata.csv").write_text("file_name,grade,weight,patient,fold\n" + "\n".join(rows))
    for source in (tmp_path, zipped(tmp_path)):
        data = read(source, target="grade")
        assert kinds(source, target="grade") == {
            "file_name": "image", "grade": "number", "weight": "number", "patient": "category", "fold": "identifier",
        }  # fmt: skip
        assert data.media["file_name"].shape[0] == 30
        assert "files not named in metadata.csv: 1 ('images/more.png')" in data.column("file_name").note
        assert data.label == ""
        assert "no fold of it is split" in data.column("fold").note
    (tmp_path / "metadata.csv").write_text(
        "file_name,label\n" + "\n".join(f"images/{i}.png,{i % 3}" for i in range(30))
    )
    assert read(tmp_path).label == "label"


def test_metadata_must_name_files(tmp_path: Path):
    put(tmp_path, "a.png")
    (tmp_path / "metadata.csv").write_text("name,grade\na.png,1\nb.png,2\n")
    with pytest.raises(DataError, match=r"no column 'file_name'; there are 'name', 'grade'"):
        read(tmp_path)


def test_a_column_of_paths_in_a_table(tmp_path: Path):
    put(tmp_path, *(f"{i}.png" for i in range(30)))
    names = [f"{i}.png" for i in range(30)]
    table = pl.DataFrame({"picture": names, "x": range(30), "other": [f"none{i}.png" for i in range(30)]})
    table.write_csv(tmp_path / "t.csv")
    table.write_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        assert kinds(tmp_path / name)["picture"] == "image"
        assert kinds(tmp_path / name)["other"] == "identifier"
        assert (
            "looks like paths of images, but 'none0.png' does not exist" in read(tmp_path / name).column("other").note
        )
    with pytest.raises(DataError, match=r"30 of 30 files cannot be used: 'none0.png' does not exist"):
        read(tmp_path / "t.csv", kinds={"other": "image"})
    assert kinds(tmp_path / "t.csv", kinds={"picture": "identifier"})["picture"] == "identifier"


def test_paths_of_a_frame_begin_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, *(f"{i}.png" for i in range(10)))
    monkeypatch.chdir(tmp_path)
    data = read(pl.DataFrame({"picture": [f"{i}.png" for i in range(10)], "y": [0, 1] * 5}))
    assert data.media["picture"].shape == (10, 20, 24, 3)


def test_what_is_no_image_is_named_and_left_alone(tmp_path: Path):
    folder = classes(tmp_path / "x")
    for name in ("cat/Thumbs.db", "cat/.hidden.png", "__MACOSX/cat/0.png", "dog/a.svg", "dog/b.pdf", "dog/c.eps"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"never opened")
    (folder / "bird").mkdir()
    (folder / "more").symlink_to(tmp_path)
    for source in (folder, zipped(folder)):
        data = read(source)
        note = data.column("file").note
        assert len(data) == 24
        assert "hidden or system files left out: 3" in note
        assert "files of other formats not opened: 3 ('dog/a.svg', 'dog/b.pdf', 'dog/c.eps')" in note
        assert "folders without such files: 1 ('bird')" in note or source.suffix == ".zip"
    assert "links to folders not followed: 1 ('more')" in read(folder).column("file").note


def test_few_bad_files_are_set_aside_and_many_stop(tmp_path: Path):
    folder = classes(tmp_path / "x", 60)
    (folder / "cat" / "7.png").write_bytes(b"<html>404")
    data = read(folder, rejects=tmp_path / "r.csv")
    assert data.records.to_json() == {
        "read": 120, "used": 119, "quarantined": 1, "reasons": {"image: no readable image": 1},
    }  # fmt: skip
    assert len(data.media["file"]) == len(data) == 119
    for row in (0, 30, 65, 118):
        assert np.array_equal(data.media["file"][row], np.asarray(Image.open(folder / data.frame["file"][row])))
    with (tmp_path / "r.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["raw"] == "cat/7.png"
    (folder / "cat" / "8.png").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"2 of 120 files cannot be used: 'cat/7.png' holds a web page.*; 'cat/8.png' is empty"
    ):
        read(folder)
    assert read(folder, bad_rows="quarantine", rejects=tmp_path / "r.csv").records.quarantined == 2


def test_zip_members_cannot_leave_it(tmp_path: Path):
    image = io.BytesIO()
    picture().save(image, "PNG")
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(20):
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", image.getvalue() + bytes([i]))
        link = zipfile.ZipInfo("a/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a/../../evil.png", image.getvalue())
    with pytest.raises(DataError, match=r"'a/../../evil.png' leads out of its folder; 'a/link.png' is a link"):
        read(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.zip"]


def test_a_zip_of_one_table_is_still_a_table(tmp_path: Path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t.csv", "a,b\n1,x\n2,y\n")
    assert kinds(path) == {"a": "number", "b": "category"}
    put(tmp_path, "p.png")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t.txt", "nothing")
        archive.writestr("u.txt", "nothing")
    with pytest.raises(DataError, match="holds 2 files"):
        read(path)


def test_a_folder_without_media_is_refused(tmp_path: Path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="no image and no sound in it"):
        read(tmp_path)


def test_files_without_classes_are_for_predicting(tmp_path: Path):
    train, new = classes(tmp_path / "x"), put(tmp_path / "new", "a.png", "deep/b.png", "c.png")
    columns = [column.to_json() for column in read(train).columns if column.name == "file"]
    frame, problems = conform(new, columns)
    assert frame["file"].to_list() == ["a.png", "c.png", "deep/b.png"]
    assert problems.root == str(new)
    renamed, _ = conform(new, [{**columns[0], "name": "picture"}])
    assert renamed["picture"].to_list() == frame["file"].to_list()
    (new / "metadata.csv").write_text("file_name\na.png\nc.png\n")
    named, _ = conform(new, columns)
    assert named["file"].to_list() == ["a.png", "c.png"]
    (new / "metadata.csv").unlink()
    listed, _ = conform(pl.DataFrame({"file_name": ["a.png", "c.png"]}), columns)
    assert listed["file"].to_list() == named["file"].to_list()
    labelled, problems = conform(train, columns)
    assert labelled.height == 24
    assert problems.extra == ()
    with pytest.raises(UsageError, match="Nothing says which column to predict"):
        run(new, out=tmp_path / "run", progress="quiet")


def test_the_audit_takes_the_label_of_a_folder(tmp_path: Path):
    audited = audit_source(classes(tmp_path))
    assert audited.problem is not None
    assert audited.problem.target == "label"


def test_pictures_stored_anew_stay_in_one_fold(tmp_path: Path):
    for split, count in (("train", 40), ("test", 10)):
        for label in ("cat", "dog"):
            put(tmp_path, *(f"{split}/{label}/{i}.png" for i in range(count)))
    for i in range(6):
        picture(i).save(tmp_path / "train" / "cat" / f"twin{i}.png")
        picture(i).save(tmp_path / "test" / "cat" / f"twin{i}.jpg", quality=90)
    picture(0).resize((48, 40)).save(tmp_path / "test" / "dog" / "large.png")
    data = read(tmp_path)
    problem = ask(data, "label")
    finding = {one.code: one for one in audit(data, problem)}["D025"]
    assert finding.severity is Severity.NOTE
    assert "kept in one fold" in finding.done
    assert audit(data)[0].severity is Severity.WARN
    assert finding.title == "The same pictures in train and test"
    assert finding.rows == 7
    assert "3 of them have different labels" in finding.found
    assert "13 lie in more than one of the given splits" in finding.found
    rows = np.arange(len(data))
    _, y, _ = rows_of(data, problem)
    folds = plan_folds(y, problem, **keys_of(data, problem, rows))
    twins = data.frame["file"].str.extract(r"(twin\d)").to_list()
    for name in {twin for twin in twins if twin}:
        assert len({int(folds.fold[row]) for row in rows if twins[row] == name}) == 1


def test_different_pictures_are_left_in_peace(tmp_path: Path):
    classes(tmp_path, 100)
    assert set(found(tmp_path)) <= {"D020"}


def test_a_picture_that_stands_for_none_makes_no_copies(tmp_path: Path):
    put(tmp_path, *(f"{i}.png" for i in range(60)))
    names = ["0.png" if i % 2 else f"{i}.png" for i in range(60)]
    table = pl.DataFrame({"p": names, "x": RNG.normal(size=60), "y": ["a", "b", "b"] * 20})
    table[0, "p"] = "2.png"
    table.write_csv(tmp_path / "t.csv")
    data = read(tmp_path / "t.csv")
    same = keys_of(data, ask(data, "y"), np.arange(60))["duplicates"]
    assert same[0] == same[2]
    assert len(np.unique(same)) == 59


def test_names_that_are_no_utf8_are_named(tmp_path: Path):
    folder = classes(tmp_path / "x", 100)
    (folder / "cat" / "0.png").rename(os.fsdecode(os.fsencode(folder / "cat") + b"/\xff.png"))
    data = read(folder, rejects=tmp_path / "r.csv")
    assert data.records.quarantined == 1
    assert "no UTF-8" in (tmp_path / "r.csv").read_text()


def test_equal_sounds_are_found(tmp_path: Path):
    put(tmp_path, *(f"{label}/{i}.wav" for label in "ab" for i in range(20)))
    shutil.copy(tmp_path / "a" / "1.wav", tmp_path / "b" / "twin.wav")
    codes = found(tmp_path)
    assert codes["D025"].rows == 1
    assert "2 of them have different labels" in codes["D025"].found
    assert codes["D002"].rows == 2


def test_folders_of_one_picture_only_hold_no_information(tmp_path: Path):
    classes(tmp_path)
    for path in tmp_path.rglob("*.png"):
        picture(3).save(path)
    with pytest.raises(DataError, match="D017"):
        found(tmp_path)


def test_one_column_can_hold_one_sort_of_file(tmp_path: Path):
    put(classes(tmp_path, 100), "cat/a.wav")
    data = read(tmp_path, rejects=tmp_path.parent / "r.csv")
    assert data.column("file").kind is Kind.IMAGE
    assert data.records.reasons == {"file missing or not allowed": 1}
