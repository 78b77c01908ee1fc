"""Nets of images from 1 x 1 to 64 x 64: convolutional, residual, a vision transformer, an MLP-Mixer.

They see the largest column of images, and the numbers and categories of the table beside it. Training pictures are shifted
always, and mirrored where `augment.mirror_is_harmless` says so.
"""

from __future__ import annotations

from typing import Any

from treeline.candidates.deep.module import net_card
from treeline.candidates.deep.pictures import PATCHES, PictureCandidate, patch_settings

__all__ = ["CARDS", "ImageCNN", "ImageMLP", "ImageResNet", "ImageViT"]

CONV: dict[str, Any] = {
    "media": "image",
    "epochs": 24,
    "lr": 4e-3,
    "weight_decay": 0.02,
    "smoothing": 0.1,
    "clip": 0.0,
    "dropout": 0.2,
    "shift": 0.08,
    "width": 16,
}
PATCH: dict[str, Any] = {**CONV, **PATCHES, "clip": 1.0}


class ImageCNN(PictureCandidate):
    """A plain convolutional net: three stages of two 3 x 3 convolutions with BatchNorm, pooled in between."""

    kind = "cnn"
    defaults = CONV


class ImageResNet(PictureCandidate):
    """A small residual network: three stages of one block each."""

    kind = "resnet"
    defaults = CONV


class ImageViT(PictureCandidate):
    """A small vision transformer: 8 x 8 patches at most, three blocks, the mean over all tokens."""

    kind = "vit"
    defaults = PATCH


class ImageMLP(PictureCandidate):
    """An MLP-Mixer: MLPs over the values of a patch and over the patches in turn."""

    kind = "mixer"
    defaults = PATCH


CONV_SPACE: dict[str, Any] = {
    "lr": (1e-3, 1e-2, "log"),
    "weight_decay": (1e-3, 0.1, "log"),
    "dropout": (0.0, 0.5),
    "shift": (0.02, 0.15),
    "width": [8, 16, 24, 32],
}
CONV_MORE: dict[str, Any] = {"portfolio": ({}, {"width": 32}, {"width": 24, "dropout": 0.4}), "space": CONV_SPACE}
PATCH_MORE = patch_settings(CONV_SPACE)

CARDS = (
    net_card(
        "image_cnn",
        "Convolutional net",
        f"{__name__}:ImageCNN",
        "Simonyan, Zisserman: Very Deep Convolutional Networks, ICLR 2015, arXiv:1409.1556",
        **CONV_MORE,
    ),
    net_card(
        "image_resnet",
        "Residual net",
        f"{__name__}:ImageResNet",
        "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385",
        **CONV_MORE,
    ),
    net_card(
        "image_vit",
        "Vision transformer",
        f"{__name__}:ImageViT",
        "Dosovitskiy et al.: An Image is Worth 16x16 Words, ICLR 2021, arXiv:2010.11929",
        **PATCH_MORE,
    ),
    net_card(
        "image_mlp",
        "MLP-Mixer",
        f"{__name__}:ImageMLP",
        "Tolstikhin et al.: MLP-Mixer, NeurIPS 2021, arXiv:2105.01601",
        **PATCH_MORE,
    ),
)
