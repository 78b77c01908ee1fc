"""Hashed grams: the same text gives the same counts, in any language, and single texts leave nothing behind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from treeline.candidates.card import Clock, Fold, Rows, Shape, Watch
from treeline.candidates.classical.words import CARDS
from treeline.candidates.grams import Grams, counts_of, texts_of
from treeline.candidates.media import Media, MediaColumn
from treeline.candidates.texts import as_bytes, longest
from treeline.problem.metric import default_metric
from treeline.problem.task import Task


def rows_of(texts, y=None, task=Task.BINARY):
    series = pl.Series("said", texts)
    held = as_bytes(series, longest(series))
    shape = Shape(
        task=task, n_classes=0 if task is Task.REGRESSION else 2, metric=default_metric(task), num_names=(), cat_names=(),
        cards=(), media=(MediaColumn("said", "text", held.shape[1:]),),
    )  # fmt: skip
    n = len(texts)
    return Rows(shape, np.zeros((n, 0), np.float32), np.zeros((n, 0), np.int32), y, Media.of({"said": held}, n))


def total(counts):
    return np.asarray(counts.sum(axis=1)).ravel().tolist()


def test_words_and_characters_are_counted_by_hand():
    words, chars = Grams(words=2, chars=(3,)).counts(["ab abc", "", "abc ab", "Ab ABC"])
    assert total(words) == [3, 0, 3, 3]  # two words and a pair
    assert total(chars) == [4, 0, 4, 4]
    assert (words[0] != words[3]).nnz == 0  # case does not matter
    assert (words[0] != words[2]).nnz == 2  # the pairs differ, the words do not


def test_scripts_without_blanks_have_one_word_a_character():
    words, _ = Grams(words=1, chars=()).counts(["東京タワー", "straße STRASSE"])
    assert total(words) == [5, 2]


def test_a_gram_hashes_alike_wherever_it_stands():
    words, _ = Grams(words=1, chars=()).counts(["needle", "x " * 400 + "needle", "É needle"])
    bucket = words[0].indices[0]
    assert (words[:, [bucket]].toarray() > 0).all()


def test_texts_come_back_from_bytes_cut_at_a_character():
    texts = ["äöü" * 3, "", None, "plain"]
    held = as_bytes(pl.Series("t", texts), 5)
    assert [bytes(row).rstrip(b"\0").decode() for row in held] == ["äö", "", "", "plain"]
    assert texts_of(rows_of(["日本", "b"])) == ["日本", "b"]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_secret_of_one_text_is_no_feature(card):
    """CVE-2024-5206: a vocabulary kept the tokens of all training texts."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    texts = [("fine day " if one else "grey night ") + "of rain" for one in y]
    plain = card.candidate().fit([Fold(rows_of(texts, y))], {}, clock=Clock(20), seed=0)[0]
    texts[7] += " hunter2-XK42"
    secret = card.candidate().fit([Fold(rows_of(texts, y))], {}, clock=Clock(20), seed=0)[0]
    known, found = (set(model.state()[0]["buckets"].tolist()) for model in (plain, secret))
    assert found <= known


def test_empty_texts_are_predicted_and_a_clock_of_nothing_still_fits():
    y = np.arange(60) % 2
    rows = rows_of(["", "yes"] * 30, y)
    watch = Watch(rows, np.arange(60) % 2)
    model = CARDS[0].candidate().fit([Fold(rows, watch)], {}, clock=Clock(0), seed=0)[0]
    said = model.predict(rows_of(["", "yes", "never seen"]))
    assert said[1] > said[0] and np.isfinite(said).all()
    assert watch.done < 1


def test_a_number_is_predicted_from_words():
    y = np.tile([1.0, 5.0], 100)
    rows = rows_of(["poor film", "great film"] * 100, y, Task.REGRESSION)
    model = CARDS[0].candidate().fit([Fold(rows)], {}, clock=Clock(20), seed=0)[0]
    low, high = model.predict(rows_of(["poor", "great"], task=Task.REGRESSION))
    assert low < 2.5 and high > 3.5


def test_counts_are_made_once_and_read_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    texts = ["the cat sat", "", "the dog and the dog", "猫が座る", "a", "the cat"]
    plain = rows_of(texts, np.zeros(6), Task.REGRESSION)
    kept = replace(plain, media=Media(plain.media.arrays, np.arange(6), tmp_path))
    first, grams = kept.take(np.array([4, 0, 1])), Grams(words=2, chars=(2, 3))
    for some in (first, kept.take(np.array([5, 2, 0, 0, 3])), kept):
        index = some.media.index
        for found, wanted in zip(counts_of(some, grams), grams.counts([texts[k] for k in index]), strict=True):
            assert found.shape == wanted.shape
            assert abs(found - wanted).nnz == 0
    monkeypatch.setattr(Grams, "counts", None)
    assert counts_of(kept, grams)[0].nnz > 0
    with (tmp_path / "words-2.entries").open("ab") as file:
        file.write(b"half")  # of a fit that was killed
    monkeypatch.undo()
    np.load(tmp_path / "words-2.npy", mmap_mode="r+")[2] = 0
    found, wanted = counts_of(kept, grams)[0], grams.counts(texts)[0]
    assert abs(found - wanted).nnz == 0
