"""Log-mel spectrograms: sounds as pictures of loudness over time and pitch, for nets and for classical features alike.

Each row is made by itself and no target is looked at, so they are kept by `Media.derived`:

    rows.media.derived(name, "log-mel-64", log_mel)        # (n, frames, 64) uint8
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from treeline.candidates.media import SOUND_HZ
from treeline.problem.metric import Array

__all__ = ["HOP", "STEPS_PER_DB", "WINDOW", "log_mel", "mel_size"]

WINDOW, HOP, POINTS = 400, 160, 512
"Samples a frame looks at (25 ms), between two frames (10 ms), and of the transform."
STEPS_PER_DB = 2
"Levels are in half decibels above one step of the 16 bits: 0 is digital silence, 195 to 215 a full-scale tone."
LOWEST, HIGHEST = 20.0, SOUND_HZ / 2
BLOCK = 8_192
"Frames that are transformed together: about 50 MB."


def mel_size(length: int, mels: int = 64) -> tuple[int, int]:
    """Return (frames, mels) of a sound of `length` samples; at least one frame."""
    return 1 + max(length - WINDOW, 0) // HOP, mels


def log_mel(waves: Array, mels: int = 64) -> Array:
    """Return log-mel spectrograms (Davis, Mermelstein, IEEE Transactions on Acoustics, Speech, and Signal Processing 1980).

    Args:
        waves: (k, T) int16 at `SOUND_HZ`, padded with zeros; shorter than a window is padded further.
        mels: bands, evenly spaced in mels from 20 Hz to 8 kHz.

    Returns:
        (k, frames, mels) uint8, `mel_size(T, mels)`: half decibels, time before pitch, low pitches first. Where the padding
        begins all bands are 0.
    """
    k, length = waves.shape
    frames, _ = mel_size(length, mels)
    if length < WINDOW:
        waves = np.pad(waves, ((0, 0), (0, WINDOW - length)))
    out = np.empty((k, frames, mels), np.uint8)
    window, bands = _window(), _bands(mels)
    views = sliding_window_view(waves, WINDOW, axis=1)[:, ::HOP]
    many = max(1, BLOCK // frames)
    for start in range(0, k, many):
        spectrum = np.fft.rfft(views[start : start + many] * window, POINTS)
        power = (spectrum.real**2 + spectrum.imag**2) @ bands
        level = 10 * STEPS_PER_DB * np.log10(1 + power)
        out[start : start + many] = np.minimum(np.rint(level), 255)
    return out


@cache
def _window() -> Array:
    """Return Hann's window (WINDOW,) float32 of unit energy, so that power is that of a sample."""
    window = np.hanning(WINDOW + 1)[:-1]
    return np.asarray(window / np.sqrt((window**2).sum()), dtype=np.float32)


@cache
def _bands(mels: int) -> Array:
    """Return the weights (POINTS / 2 + 1, mels) float32 of the frequencies in each band; they sum to 1.

    A low band is narrower than the step between two frequencies, so triangles are averaged over that step.
    """
    fine = 16
    width = SOUND_HZ / POINTS
    at = (np.arange((POINTS // 2 + 1) * fine) + 0.5) / fine * width - width / 2
    mel = np.linspace(2595 * np.log10(1 + LOWEST / 700), 2595 * np.log10(1 + HIGHEST / 700), mels + 2)
    edge = 700 * (10 ** (mel / 2595) - 1)
    low, middle, high = edge[:-2], edge[1:-1], edge[2:]
    rise = (at[:, None] - low) / (middle - low)
    fall = (high - at[:, None]) / (high - middle)
    weight = np.maximum(np.minimum(rise, fall), 0).reshape(-1, fine, mels).mean(axis=1)
    return np.asarray(weight / weight.sum(axis=0), dtype=np.float32)
