"""What classical audio analysis measures in sounds: cepstra, the spectrum's shape, rhythm, and random convolutions.

Each function takes sounds (k, T) int16, one sample or more, and returns (k, d) float32. All look only at the part from the
first to the last frame that sounds, and at levels relative to the loudest, so silence around and volume do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from treeline.candidates.classical.pictures import areas
from treeline.candidates.spectra import HOP, STEPS_PER_DB, WINDOW, log_mel, mel_size
from treeline.problem.metric import Array

__all__ = ["convolutions", "spectrogram", "statistics"]

MELS = 40
RANGE = 60.0
"Decibels below the loudest level that are heard."
SOUNDING = 45.0
"A frame sounds when its loudest band is at most so many decibels below the clip's."
QUIETEST = 12.0
"A clip without a level above this, in decibels over one step of the 16 bits, is silent."
CEPSTRA = 20
SEGMENTS = 4
LAGS = np.unique(np.round(np.geomspace(8, 200, 13)).astype(int))
"Edges of the lags, in frames, at which an onset may come again: 80 ms to 2 s."
SPANS = 32
"Equal parts of its time in which a spectrogram is taken as it is."
TAPS, GROUPS, RIVALS = 9, 24, 8
DILATIONS = (1, 2, 4, 8)
BAND = 12
"Bands that a group of kernels hears."


def statistics(waves: Array) -> Array:
    """Return cepstra with their changes over time, spectral shape, rhythm and length (Tzanetakis, Cook, IEEE TSAP 2002)."""
    return _each(waves, _statistics)


def convolutions(waves: Array) -> Array:
    """Return how often each of many random kernels fits a spectrogram better than its rivals (HYDRA; Dempster et al., 2023).

    Kernels of nine frames, at four dilations, and twelve bands stand in groups of eight. Where a kernel fits best its answer
    counts, by thirds of the sound; where it fits worst its count, over all. The kernels are the same in every run.
    """
    return _each(waves, _convolutions)


def spectrogram(waves: Array) -> Array:
    """Return the levels of `SPANS` equal spans of time in each band: what nets of sounds look at, as numbers."""
    return _each(waves, lambda level, crossing, peak: (areas(len(level), SPANS) @ level / 20).ravel())


def _each(waves: Array, measure: Callable[[Array, Array, float], Array]) -> Array:
    """Return `measure(levels (f, MELS), crossings (f,), peak)` of every sound, levels relative to its loudest one."""
    if not len(waves):
        return _each(np.zeros((1, max(waves.shape[1], 1)), np.int16), measure)[:0]
    return np.stack([measure(*part) for part in _parts(waves)]).astype(np.float32)


def _parts(waves: Array) -> Iterator[tuple[Array, Array, float]]:
    """Yield levels, crossings of zero and loudest level of the part of each sound that sounds."""
    for wave, quantised in zip(waves, log_mel(waves, MELS), strict=True):
        level = quantised.astype(np.float32) / STEPS_PER_DB
        peak = float(level.max())
        loud = np.flatnonzero(level.max(axis=1) > max(peak - SOUNDING, QUIETEST))
        first, last = (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, 1)
        heard = np.maximum(level[first:last] - peak, -RANGE) if len(loud) else np.full((1, MELS), -RANGE, np.float32)
        yield heard, _crossings(wave)[first:last], peak


def _crossings(wave: Array) -> Array:
    """Return the share of samples in each frame (f,) where the sign changes."""
    signs = np.signbit(wave)
    changes = np.concatenate([[0], np.cumsum(signs[1:] != signs[:-1])]) if len(wave) else np.zeros(1)
    start = np.arange(mel_size(len(wave))[0]) * HOP
    end = np.minimum(start + WINDOW, len(changes)) - 1
    return np.asarray((changes[end] - changes[start]) / WINDOW)


def _statistics(level: Array, crossing: Array, peak: float) -> Array:
    cepstra = level @ _cosines()
    change = _change(cepstra)
    power = 10 ** (level / 10)
    shape = np.column_stack([_shape(power, level), crossing, level.mean(axis=1), level.max(axis=1)])
    onset = np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0).mean(axis=1)
    return np.concatenate(
        [
            cepstra.mean(axis=0),
            cepstra.std(axis=0),
            change.std(axis=0),
            _change(change).std(axis=0),
            (areas(len(level), SEGMENTS) @ cepstra).ravel(),
            (areas(len(level), SEGMENTS) @ shape).ravel(),
            shape.std(axis=0),
            np.quantile(shape, (0.1, 0.5, 0.9), axis=0).ravel(),
            level.mean(axis=0),
            _rhythm(onset),
            [onset.mean(), onset.std(), np.log(len(level)), peak],
        ]
    )


@cache
def _cosines() -> Array:
    """Return the cosine transform (MELS, CEPSTRA) float32."""
    at = np.pi * (np.arange(MELS) + 0.5) / MELS
    return np.asarray(np.cos(at[:, None] * np.arange(CEPSTRA)) * np.sqrt(2 / MELS), dtype=np.float32)


def _change(series: Array) -> Array:
    """Return the slope of (f, d) over five frames (Furui, 1986)."""
    wide = np.pad(series, ((2, 2), (0, 0)), mode="edge")
    return np.asarray((2 * (wide[4:] - wide[:-4]) + wide[3:-1] - wide[1:-3]) / 10)


def _shape(power: Array, level: Array) -> Array:
    """Return centroid, spread, rolloff and flatness of each frame's spectrum, on the mel scale, (f, 4)."""
    total = power.sum(axis=1)
    pitch = np.arange(MELS, dtype=np.float32) / MELS
    centre = power @ pitch / total
    spread = np.sqrt(np.maximum(power @ pitch**2 / total - centre**2, 0))
    rolloff = (np.cumsum(power, axis=1) < 0.85 * total[:, None]).sum(axis=1) / MELS
    flatness = level.mean(axis=1) - 10 * np.log10(total / MELS)
    return np.column_stack([centre, spread, rolloff, flatness])


def _rhythm(onset: Array) -> Array:
    """Return the largest correlation of onsets (f,) with themselves, later by lags between each two `LAGS`."""
    centred = onset - onset.mean()
    wide = np.fft.rfft(centred, 2 * max(len(centred), LAGS[-1] + 1))
    again = np.fft.irfft(np.abs(wide) ** 2)[: LAGS[-1]]
    again = again / again[0] if again[0] > 1e-9 else np.zeros_like(again)
    return np.maximum.reduceat(again, LAGS[:-1])


def _convolutions(level: Array, crossing: Array, peak: float) -> Array:
    frames = len(level)
    found = []
    for dilation, kernels in zip(DILATIONS, _kernels(), strict=True):
        reach = (TAPS - 1) * dilation
        wide = np.pad(level / 20, ((reach // 2, reach - reach // 2), (0, 0)), mode="edge")
        views = sliding_window_view(wide, reach + 1, axis=0)[:, :, ::dilation]
        answer = (views.reshape(frames, MELS * TAPS) @ kernels).reshape(frames, GROUPS, RIVALS)
        best, worst = answer.max(axis=2, keepdims=True), answer.min(axis=2, keepdims=True)
        wins = np.where(answer == best, answer, 0).reshape(frames, GROUPS * RIVALS)
        found += [np.sqrt(np.maximum(areas(frames, 3) @ wins, 0)).ravel()]
        found += [np.sqrt((answer == worst).mean(axis=0)).ravel()]
    return np.concatenate([*found, [np.log(frames), peak]])


@cache
def _kernels() -> tuple[Array, ...]:
    """Return for each dilation random kernels (MELS * TAPS, GROUPS * RIVALS) float32 of mean 0 and length 1."""
    rng = np.random.default_rng(0)
    made = []
    for _ in DILATIONS:
        kernels = np.zeros((GROUPS, RIVALS, MELS, TAPS))
        for group, low in enumerate(np.linspace(0, MELS - BAND, GROUPS).round().astype(int)):
            drawn = rng.normal(size=(RIVALS, BAND, TAPS))
            kernels[group, :, low : low + BAND] = drawn - drawn.mean(axis=(1, 2), keepdims=True)
        flat = kernels.reshape(GROUPS * RIVALS, MELS * TAPS)
        made.append((flat / np.linalg.norm(flat, axis=1, keepdims=True)).T.astype(np.float32))
    return tuple(made)
