"""Log-mel spectrograms say where in time and pitch a sound is."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.candidates.media import SOUND_HZ
from treeline.candidates.spectra import STEPS_PER_DB, log_mel, mel_size


def tone(hertz: float, size: float = 8000.0, length: int = SOUND_HZ) -> np.ndarray:
    return np.round(size * np.sin(2 * np.pi * hertz * np.arange(length) / SOUND_HZ)).astype(np.int16)


@pytest.mark.parametrize("length", [0, 1, 399, 400, 401, 560, 16_000])
def test_the_size_is_the_one_that_is_told(length: int) -> None:
    found = log_mel(np.zeros((3, length), np.int16), 40)
    assert found.shape == (3, *mel_size(length, 40))
    assert found.dtype == np.uint8
    assert not found.any()


def test_a_higher_tone_is_in_a_higher_band() -> None:
    loudest = log_mel(np.stack([tone(hertz) for hertz in (100, 300, 1000, 3000, 7000)])).mean(axis=1).argmax(axis=1)
    assert (np.diff(loudest) > 0).all()


def test_half_the_size_is_six_decibels_less_and_full_scale_fits() -> None:
    full, half = log_mel(np.stack([tone(1000, 32767), tone(1000, 16384)])).astype(int).max(axis=(1, 2))
    assert abs((full - half) / STEPS_PER_DB - 6) <= 0.5
    assert full <= 220


def test_padding_is_silent_and_rows_do_not_touch() -> None:
    waves = np.stack([tone(500), tone(500), tone(2000)])
    waves[1, 8000:] = 0
    found = log_mel(waves)
    assert not found[1, 50:].any()
    np.testing.assert_array_equal(found[0], log_mel(waves[:1])[0])
    np.testing.assert_array_equal(found[0, :47], found[1, :47])


def test_every_band_hears_something() -> None:
    noise = np.random.default_rng(0).normal(0, 1000, (1, SOUND_HZ)).astype(np.int16)
    for mels in (20, 64, 128):
        assert log_mel(noise, mels).mean(axis=1).min() > 40 * STEPS_PER_DB
