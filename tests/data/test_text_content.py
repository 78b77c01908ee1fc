"""Texts that are odd, empty, encoded, or give the answer away."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from treeline.candidates.grams import Grams, lowered
from treeline.candidates.texts import as_bytes, longest
from treeline.data.ask import ask
from treeline.data.audit import audit
from treeline.data.column import Kind
from treeline.data.findings import Finding, Severity
from treeline.data.kinds import infer_column
from treeline.data.read_table import read
from treeline.data.text_content import MAX_BYTES
from treeline.data.text_values import Options
from treeline.errors import DataError

from .data_worlds import table

WORDS = [
    "river",
    "stone",
    "cloud",
    "paper",
    "window",
    "garden",
    "yellow",
    "silent",
    "music",
    "winter",
    "bread",
    "harbour",
]


def texts(n: int = 200) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, 9)) for _ in range(n)]


def found(some: list[str], labels: list[str] | None = None) -> dict[str, Finding]:
    labels = labels or ["ham", "spam"] * (len(some) // 2)
    data = table(pl.DataFrame({"note": some, "label": labels}), note=Kind.TEXT)
    return {one.code: one for one in audit(data, ask(data, "label"))}


def test_plain_texts_are_left_in_peace():
    assert not {"D026", "D027"} & set(found(texts()))


@pytest.mark.parametrize("stamp", ["[spam]", "Q7"])
def test_a_word_that_tells_the_label_is_named(stamp: str):
    finding = found([text + f" {stamp}" * (i % 2) for i, text in enumerate(texts())])["D026"]
    assert finding.severity is Severity.WARN
    assert finding.columns == ("note",)
    assert repr(stamp.strip("[]").lower()) in finding.found


def test_the_own_name_of_a_class_is_told_sooner():
    some = [text + " spam" * (i % 4 == 1) for i, text in enumerate(texts())]
    assert "'spam' in 50% of 'spam'" in found(some)["D026"].found
    assert "D026" not in found([text.replace("spam", "zebra") for text in some])


def test_encoded_blank_and_long_texts_are_counted_with_their_rows():
    some = texts()
    some[3], some[4], some[5] = base64.b64encode(bytes(range(200))).decode(), "\x89PNG\x01", "   "
    some[6], some[7] = "<p class='a'>so</p>", "word " * 2_000
    finding = found(some)["D027"]
    assert finding.severity is Severity.WARN
    for said in (
        "base64 1 (0.5%; rows 4)",
        "binary 1 (0.5%; rows 5)",
        "blank 1 (0.5%; rows 6)",
        "HTML 1 (0.5%; rows 7)",
    ):
        assert said in finding.found
    assert "longer than 4,096 bytes, read so far 1 (0.5%; rows 8)" in finding.found


@pytest.mark.parametrize("text", ["", "   ", "the very same words each time"])
def test_texts_without_information_are_refused(tmp_path: Path, text: str):
    path = tmp_path / "same.csv"
    path.write_text("label,note\n" + "".join(f'{"ab"[i % 2]},"{text}"\n' for i in range(100)))
    data = read(path, target="label")
    with pytest.raises(DataError, match="D017"):
        audit(data, ask(data, "label"))


def test_texts_without_blanks_are_texts_and_names_are_not():
    rng = np.random.default_rng(0)
    signs = [chr(code) for code in range(0x4E00, 0x4F00)]
    said = pl.Series("said", ["".join(rng.choice(signs, 20)) for _ in range(100)])
    names = pl.Series("who", ["".join(rng.choice(signs, 3)) for _ in range(100)])
    assert infer_column(said, Options())[1].kind is Kind.TEXT
    assert infer_column(names, Options())[1].kind is not Kind.TEXT


@pytest.mark.parametrize("sign", ["天", "word ", "<a "])
def test_a_huge_text_takes_no_longer_than_its_start(sign: str):
    some = texts()
    some[0] = sign * (20_000_000 // len(sign))
    start = time.monotonic()
    assert "D027" in found(some)
    column = pl.Series("note", some)
    assert longest(column) == MAX_BYTES
    kept = as_bytes(column, MAX_BYTES)[0].tobytes().rstrip(b"\0").decode()
    assert some[0].startswith(kept)
    assert MAX_BYTES - 4 < len(kept.encode()) <= MAX_BYTES
    Grams().counts([some[0]])
    assert time.monotonic() - start < 20


def test_spellings_of_one_text_are_one_text():
    assert lowered("cafe\u0301") == lowered("caf\u00e9")
    plain, odd = Grams().counts(["caf\u00e9 au lait"]), Grams().counts(["cafe\u0301 au lait"])
    assert all((one != other).nnz == 0 for one, other in zip(plain, odd, strict=True))


@pytest.mark.parametrize("odd", ["\u202eevil", "zero\u200bwidth", "\ud800 alone", "\x1b[31m", "\ufeffbom"])
def test_odd_characters_are_counted_like_others(odd: str):
    words, chars = Grams().counts([odd, "plain"])
    assert words.shape[0] == chars.shape[0] == 2
    assert chars[0].nnz > 0
