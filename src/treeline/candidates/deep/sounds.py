"""Nets of sounds, seen as log-mel spectrograms: convolutional, recurrent, residual, a transformer.

They see the largest column of sounds, and the numbers and categories of the table beside it. Training spectrograms are shifted in
time, made louder or softer, and masked (SpecAugment).
"""

from __future__ import annotations

from typing import Any, ClassVar

from treeline.candidates.deep.module import net_card
from treeline.candidates.deep.pictures import PATCHES, PictureCandidate, patch_settings

__all__ = ["CARDS", "SoundCNN", "SoundCRNN", "SoundResNet", "SoundTransformer"]

CONV: dict[str, Any] = {
    "media": "sound",
    "epochs": 24,
    "lr": 3e-3,
    "weight_decay": 0.02,
    "smoothing": 0.1,
    "clip": 1.0,
    "dropout": 0.3,
    "shift": 0.2,
    "width": 16,
}


class SoundCNN(PictureCandidate):
    """A plain convolutional net: three stages of 3 x 3 convolutions with BatchNorm, pooled in between."""

    kind = "cnn"
    defaults = CONV


class SoundCRNN(PictureCandidate):
    """Convolutions, then a bidirectional GRU over time."""

    kind = "crnn"
    defaults = CONV


class SoundResNet(PictureCandidate):
    """A small residual network: three stages of one block each."""

    kind = "resnet"
    defaults = CONV


class SoundTransformer(PictureCandidate):
    """Patches of the spectrogram, at most 32 in time and 4 in pitch, three blocks of attention, the mean over all."""

    kind = "vit"
    defaults: ClassVar[dict[str, Any]] = {**CONV, **PATCHES}


SPACE: dict[str, Any] = {
    "lr": (1e-3, 1e-2, "log"),
    "weight_decay": (1e-3, 0.1, "log"),
    "dropout": (0.0, 0.5),
    "shift": (0.05, 0.4),
    "width": [8, 16, 24, 32],
}
MORE: dict[str, Any] = {"portfolio": ({}, {"width": 24}, {"width": 8, "lr": 5e-3}), "space": SPACE}

CARDS = (
    net_card(
        "sound_cnn",
        "Convolutional net on spectrograms",
        f"{__name__}:SoundCNN",
        "Hershey et al.: CNN Architectures for Large-Scale Audio Classification, ICASSP 2017, arXiv:1609.09430",
        **MORE,
    ),
    net_card(
        "sound_crnn",
        "Convolutional recurrent net on spectrograms",
        f"{__name__}:SoundCRNN",
        "Çakır et al.: Convolutional Recurrent Neural Networks for Sound Event Detection, TASLP 2017, arXiv:1702.06286",
        **MORE,
    ),
    net_card(
        "sound_resnet",
        "Residual net on spectrograms",
        f"{__name__}:SoundResNet",
        "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385",
        **MORE,
    ),
    net_card(
        "sound_transformer",
        "Spectrogram transformer",
        f"{__name__}:SoundTransformer",
        "Gong, Chung, Glass: AST: Audio Spectrogram Transformer, Interspeech 2021, arXiv:2104.01778",
        **patch_settings(SPACE),
    ),
)
