"""Which items the report shows, and their pictures."""

from __future__ import annotations

import numpy as np

from treeline.contest.items import CONFUSED, EXAMPLES, SUSPECTS, as_picture, select


def _said(y: np.ndarray, codes: np.ndarray, sure: np.ndarray) -> np.ndarray:
    p = np.repeat((1 - sure)[:, None] / 2, 3, axis=1)
    p[np.arange(len(y)), codes] = sure
    return p


def test_the_most_frequent_confusion_comes_first_with_its_surest_rows() -> None:
    y = np.repeat([0, 1, 2], 40)
    said, sure = y.copy(), np.full(120, 0.8)
    said[:10], said[40:43] = 2, 0
    sure[:10] = np.linspace(0.5, 0.59, 10)
    chosen = select(y, _said(y, said, sure))
    assert [(pair.true, pair.said, pair.rows) for pair in chosen.confusions] == [(0, 2, 10), (1, 0, 3)]
    assert chosen.confusions[0].shown.tolist() == [9, 8, 7, 6, 5, 4][:CONFUSED]
    assert set(chosen.confusions[0].shown) <= set(chosen.positions)


def test_suspects_are_the_labels_that_are_contradicted_surely() -> None:
    y = np.repeat([0, 1, 2], 40)
    said, sure = y.copy(), np.full(120, 0.98)
    said[[5, 50]], sure[5] = 2, 0.999
    chosen = select(y, _said(y, said, sure))
    assert chosen.suspects.tolist() == [5, 50] and len(chosen.suspects) <= SUSPECTS


def test_examples_are_spread_over_the_largest_classes() -> None:
    y = np.array([1] * 30 + [0] * 2)
    chosen = select(y, np.where(y == 1, 0.9, 0.2))
    assert [(c, found.tolist()) for c, found in chosen.examples] == [(1, [0, 14, 29]), (0, [30, 31])]
    assert len(chosen.examples[0][1]) == EXAMPLES and not chosen.confusions


def test_rows_without_a_prediction_are_passed_over() -> None:
    y, p = np.array([0, 1, 0, 1]), np.array([np.nan, 0.2, 0.1, np.nan])
    chosen = select(y, p)
    assert chosen.positions.tolist() == [1, 2]
    assert chosen.confusions[0].shown.tolist() == [1]
    nobody = select(y, np.full((4, 2), np.nan))
    assert nobody.positions.tolist() == [] and not nobody.confusions


def test_pictures_are_small() -> None:
    image = np.zeros((2, 130, 20, 3), np.uint8)
    image[0, :65] = 200
    small = as_picture(image, "image")
    assert small.shape == (2, 64, 10, 3) and small.dtype == np.uint8
    assert (small[0, :31] == 200).all() and not small[0, 33:].any() and not small[1].any()
    assert np.array_equal(as_picture(image[:, :20], "image"), image[:, :20])


def test_a_sound_is_a_spectrogram_low_pitches_below() -> None:
    time = np.arange(16_000) / 16_000
    waves = np.stack([8000 * np.sin(2 * np.pi * hertz * time) for hertz in (200, 6000)]).astype(np.int16)
    low, high = as_picture(np.pad(waves, ((0, 0), (0, 16_000))), "sound")[..., 0]
    assert low.shape == (64, 64)
    assert low.mean(axis=1).argmax() > 50 and high.mean(axis=1).argmax() < 15
    assert low.max() == 255
    assert not as_picture(np.zeros((1, 1600), np.int16), "sound").std()
