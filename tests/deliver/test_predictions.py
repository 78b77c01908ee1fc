"""Files of predictions: complete or absent, read back the same, safe to open in a spreadsheet (row W2)."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from treeline.deliver.predictions import SUFFIXES, write_predictions
from treeline.errors import SetupError, UsageError

FRAME = pl.DataFrame(
    {
        "prediction": ["=1+1", "+a", "-b", "@c", "\td", "\re", "plain", "a=b", None],
        "proba_=x": [-0.5, 1e-9, 0.25, 1.0, 0.0, 0.1, 0.2, 0.3, 0.4],
        "-y": [-1, -2, -3, 4, 5, 6, 7, 8, 9],
    }
)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_formulas_become_text_and_numbers_stay(tmp_path: Path, suffix: str) -> None:
    path = write_predictions(FRAME, tmp_path / f"out{suffix}")
    back = pl.read_csv(path, separator="\t" if suffix == ".tsv" else ",")
    assert back["prediction"].to_list() == ["'=1+1", "'+a", "'-b", "'@c", "'\td", "'\re", "plain", "a=b", None]
    assert back.columns == ["prediction", "proba_=x", "'-y"]
    assert back["proba_=x"].to_list() == FRAME["proba_=x"].to_list() and back["'-y"].to_list() == FRAME["-y"].to_list()
    assert [p.name for p in tmp_path.iterdir()] == [f"out{suffix}"]


@pytest.mark.parametrize(
    ("suffix", "read"), [(".parquet", pl.read_parquet), (".feather", pl.read_ipc), (".jsonl", pl.read_ndjson)]
)
def test_machine_formats_keep_every_value(tmp_path: Path, suffix: str, read: object) -> None:
    path = write_predictions(FRAME, tmp_path / f"out{suffix}")
    assert callable(read) and read(path).equals(FRAME)


def test_escaping_can_be_turned_off(tmp_path: Path) -> None:
    path = write_predictions(FRAME, tmp_path / "out.csv", escape=False)
    assert pl.read_csv(path).equals(FRAME)


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv"):
        write_predictions(FRAME, tmp_path / "out.cvs")
    assert ".cvs" not in SUFFIXES and list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_predictions(FRAME.head(1), tmp_path / "out.csv")
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SetupError, match="No space left"):
        write_predictions(FRAME, path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["out.csv"]
