"""Tokens are learned on training texts, never name what stands in one of them only, and read any language."""

from __future__ import annotations

import json

import numpy as np
import pytest

from treeline.candidates.deep.tokens import BUCKETS, Pieces, Words, words_of
from treeline.candidates.media import strings

TEXTS = ["The cat's red hat", "the CAT sat, xqzsecret9", "a red cat", "no hat", "", "東京 の雨", "東京は雨"] * 1


def test_words_of_any_language() -> None:
    assert words_of("The cat's HAT, twice!", 99) == ["the", "cat's", "hat", ",", "twice", "!"]
    assert words_of("東京は雨 Straße", 99) == ["東", "京", "は", "雨", "straße"]
    assert words_of("ฝนตก", 99) == list("ฝนตก")
    assert words_of(" ".join(map(str, range(10))), 4) == ["0", "1", "8", "9"]
    assert words_of("x" * 99, 9) == ["x" * 32]


def test_strings_drop_the_padding_and_survive_broken_bytes() -> None:
    raw = np.zeros((3, 6), np.uint8)
    raw[0, :3] = np.frombuffer("雨".encode(), np.uint8)
    raw[1, :2] = np.frombuffer("雨".encode(), np.uint8)[:2]
    assert strings(raw) == ["雨", "\N{REPLACEMENT CHARACTER}", ""]


def test_a_known_word_has_its_id_and_a_rare_one_a_bucket() -> None:
    words, ids = Words.fit(TEXTS, most=256, size=100)
    assert words.known[:2] == ["cat", "hat"] or words.known[0] in {"cat", "hat", "red", "the"}
    assert set(words.known) == {"cat", "hat", "red", "the", "東", "京", "雨"}
    assert ids.shape == (7, words.length)
    np.testing.assert_array_equal(ids, words(TEXTS))
    assert (ids[4] == 0).all()
    rare = words(["xqzsecret9"])[0, 0]
    assert len(words.known) < rare <= len(words.known) + BUCKETS < words.size


@pytest.mark.parametrize("kind", [Words, Pieces])
def test_no_token_of_one_text_is_kept(kind: type[Words] | type[Pieces]) -> None:
    state = json.dumps(kind.fit(TEXTS, most=256, size=500)[0].meta(), ensure_ascii=False)
    for secret in ("xqz", "secret", "9", "sat", "cat's", "の"):
        assert secret not in state


@pytest.mark.parametrize("kind", [Words, Pieces])
def test_restored_tokens_are_the_same(kind: type[Words] | type[Pieces]) -> None:
    tokens, ids = kind.fit(TEXTS, most=256, size=500)
    again = kind.restore(json.loads(json.dumps(tokens.meta())))
    np.testing.assert_array_equal(again(TEXTS), ids)
    assert again(["", "unseen ж words " * 300]).max() < again.size


def test_pieces_merge_what_is_frequent() -> None:
    pieces, ids = Pieces.fit(["lower lowest", "lower newer", "newest lowest", "newest newer"], most=256, size=40)
    assert {" low", "er", "est"} <= set(pieces.pieces) or {" lower", " newest"} <= set(pieces.pieces)
    assert [pieces.pieces[i - 2] for i in pieces(["lower"])[0] if i] == [" lower"]
    assert "".join(pieces.pieces[i - 2] for i in pieces(["slow newer"])[0] if i > 1).endswith(" newer")
    assert 1 in pieces(["жук"])
    assert len(pieces.pieces) <= 40
    assert ids.shape[1] >= 4


def test_long_texts_keep_head_and_tail() -> None:
    texts = [" ".join(f"w{i}" for i in range(50))] * 3
    words, ids = Words.fit(texts, most=8, size=100)
    assert [words.known[i - 1] for i in ids[0]] == ["w0", "w1", "w2", "w3", "w46", "w47", "w48", "w49"]
    np.testing.assert_array_equal(words(texts), ids)


def test_marks_belong_to_their_letters_and_spellings_are_one() -> None:
    assert words_of("हिन्दी में", 99) == ["हिन्दी", "में"]
    assert words_of("كِتَابٌ", 99) == ["كِتَابٌ"]
    assert words_of("cafe\u0301!", 99) == words_of("CAFÉ!", 99) == ["café", "!"]
