"""Made rows whose target any sound method can learn: numbers and categories, texts, images and sounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from treeline.candidates.card import Rows, Shape
from treeline.candidates.media import SOUND_HZ, Media, MediaColumn
from treeline.problem.metric import Array, default_metric
from treeline.problem.task import Task

__all__ = ["easy_rows", "made_media"]

WORDS = ("river", "stone", "cloud", "lamp", "paper", "garden", "winter", "music", "Straße", "東京")
LEVELS = 12
HIGH = ["good", "fine", "great", "lovely", "superb", "bright", "happy", "warm", "kind", "clever", "brave", "calm"]
LOW = ["bad", "poor", "awful", "nasty", "dull", "dark", "sad", "cold", "rude", "stupid", "timid", "angry"]


def easy_rows(task: Task, n: int, *, numbers: int = 4, categories: int = 2, seed: int = 0, media: str = "") -> Rows:
    """Return rows whose target follows from the first number and the first category, with holes and rare levels.

    With `media` (`text`, `image` or `sound`) it follows from a column `m` of those, and from the first number half as much.
    Category columns have 5 and 40 levels in turn; the second number has missing values, the third is constant.
    """
    rng = np.random.default_rng(seed)
    num = rng.normal(size=(n, numbers)).astype(np.float32)
    cards = tuple(7 if j % 2 == 0 else 42 for j in range(categories))
    codes = [rng.integers(1, card, n, dtype=np.int32) for card in cards]
    cat = np.column_stack(codes) if codes else np.zeros((n, 0), np.int32)
    signal, told = np.zeros(n), rng.normal(size=n) if media else np.zeros(n)
    if numbers:
        signal += (1 if media else 2) * num[:, 0] + 2 * told
    if categories and not media:
        signal += 1.5 * (cat[:, 0] % 3 - 1)
    if numbers > 1:
        num[rng.random(n) < 0.2, 1] = np.nan
    if numbers > 2:
        num[:, 2] = 7.0
    signal += rng.normal(size=n) * 0.3
    y, classes = signal * 50 + 1000, 0
    if task is not Task.REGRESSION:
        classes = 2 if task is Task.BINARY else 4
        y = np.digitize(signal, np.array([0.0]) if classes == 2 else np.array([-2.0, 0.0, 2.0])).astype(np.int64)
    shape = Shape(
        task=task,
        n_classes=classes,
        metric=default_metric(task),
        num_names=tuple(f"n{j}" for j in range(numbers)),
        cat_names=tuple(f"c{j}" for j in range(categories)),
        cards=cards,
    )
    if not media:
        return Rows(shape, num, cat, y)
    held = made_media(media, told, seed=seed)
    shape = replace(shape, media=(MediaColumn("m", media, held.shape[1:]),))
    return Rows(shape, num, cat, y, Media.of({"m": held}, n))


def made_media(kind: str, signal: Array, *, seed: int = 0) -> Array:
    """Return one text, image or sound a row, (n, …) as `candidates/media.py` has them, that tells `signal` (n,) well.

    A text has words for low and for high values, an image stripes that widen and brighten, a sound a tone that rises.
    """
    rng = np.random.default_rng(seed)
    rank = np.clip(np.round((signal - signal.min()) / max(np.ptp(signal), 1e-9) * LEVELS), 0, LEVELS).astype(int)
    make = {"text": _text, "image": _image, "sound": _sound}[kind]
    return np.stack([make(int(level), rng) for level in rank])


def _text(level: int, rng: np.random.Generator) -> Array:
    words = [str(rng.choice(WORDS)) for _ in range(6)] + HIGH[:level] + LOW[level:]
    raw = " ".join(rng.permutation(words)).encode()[:160]
    out = np.zeros(160, np.uint8)
    out[: len(raw)] = np.frombuffer(raw, np.uint8)
    return out


def _image(level: int, rng: np.random.Generator) -> Array:
    across = np.arange(20) + rng.integers(0, 20)
    stripes = np.where((across // (1 + level // 3)) % 2 == 0, 60 + 12 * level, 20)
    picture = np.tile(stripes, (20, 1)) + rng.normal(0, 8, (20, 20))
    return np.clip(picture, 0, 255).astype(np.uint8)[:, :, None]


def _sound(level: int, rng: np.random.Generator) -> Array:
    time = np.arange(SOUND_HZ // 2) / SOUND_HZ
    tone = np.sin(2 * np.pi * (300 + 150 * level) * time + rng.uniform(0, 6)) + rng.normal(0, 0.1, len(time))
    return np.asarray(np.clip(tone * 8000, -32768, 32767).astype(np.int16))
