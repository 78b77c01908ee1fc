"""Classical candidates for pictures: what classical vision measures in them, and learners for tables on top.

Four ways to look: a kernel machine and neighbours on gradients, boosted trees on coarse ones, and a linear model on patches
that are learned from the pictures. Numbers and categories of the table stand beside in all of them. A fifth, the kernel
machine on bare pixels, tells what the features are worth.
"""

from __future__ import annotations

from typing import Any

from treeline.candidates.blocks import Ready
from treeline.candidates.card import Card
from treeline.candidates.classical.lightgbm import LightGBM
from treeline.candidates.classical.linear import Linear
from treeline.candidates.classical.neighbours import Neighbours
from treeline.candidates.classical.patches import Patches
from treeline.candidates.classical.pictures import coarse_gradients, colours, gradients, pixels, textures
from treeline.candidates.classical.svm import KERNEL_MACHINE, Svm
from treeline.candidates.classical.through import Beside, Compared, Group, Through
from treeline.problem.task import Family

__all__ = ["CARDS", "bare", "boosting", "neighbours", "patches", "svm"]

GRADIENTS = Group("gradients-18", gradients, 2.0)
TEXTURES = Group("textures-59", textures)
COLOURS = Group("colours-16", colours)
PIXELS = Group("pixels-32", pixels)
COARSE = Group("coarse-gradients-18", coarse_gradients)


def svm(groups: tuple[Group, ...] = (GRADIENTS, TEXTURES, COLOURS)) -> Through:
    """Return a Gaussian kernel machine on principal components of gradients, textures and colours."""
    return Through(Svm(Ready), Compared("image", groups, 300), {"exact": 3000, "landmarks": 1500})


def bare() -> Through:
    """Return the same machine on principal components of the pixels."""
    return svm((PIXELS,))


def neighbours() -> Through:
    """Return nearest neighbours among the first principal components of the same features, half whitened."""
    return Through(Neighbours(Ready), Compared("image", (GRADIENTS, TEXTURES, COLOURS), 64, whiten=0.5))


def boosting() -> Through:
    """Return LightGBM on coarse gradients, textures and colours; each tree sees a fifth of them."""
    params = {"learning_rate": 0.1, "num_leaves": 31, "steps": 500, "patience": 60}
    return Through(LightGBM(), Beside("image", (COARSE, TEXTURES, COLOURS)), {**params, "feature_fraction": 0.2})


def patches() -> Through:
    """Return a linear model on the activations of learned patches."""
    return Through(Linear(), Patches(), {"knots": 0, "pairs": 0})


def _card(name: str, title: str, build: str, paper: str, **more: Any) -> Card:
    return Card(
        name=f"image_{name}",
        title=title,
        family=Family.CLASSICAL,
        build=f"{__name__}:{build}",
        paper=paper,
        accepts=("image",),
        **more,
    )


CARDS = (
    _card(
        "svm",
        "Gradients and a kernel machine",
        "svm",
        "Dalal, Triggs, Histograms of oriented gradients, CVPR 2005; Cortes, Vapnik, Machine Learning 1995",
        plain="image_pixels",
        **KERNEL_MACHINE,
    ),
    _card(
        "pixels",
        "Bare pixels and a kernel machine",
        "bare",
        "Cortes, Vapnik, Machine Learning 1995",
        **KERNEL_MACHINE,
    ),
    _card(
        "boosting",
        "Gradients and boosted trees",
        "boosting",
        "Dalal, Triggs, Histograms of oriented gradients, CVPR 2005; Ke et al., LightGBM, NeurIPS 2017",
        licence="MIT",
        requires=("lightgbm",),
        needs=("lightgbm",),
        anytime=True,
        portfolio=({}, {"extra_trees": True, "num_leaves": 15}),
        space={
            "num_leaves": (4, 100, "log"),
            "feature_fraction": (0.05, 0.5, "log"),
            "learning_rate": (0.02, 0.2, "log"),
        },
    ),
    _card(
        "neighbours",
        "Gradients and nearest neighbours",
        "neighbours",
        "Dalal, Triggs, Histograms of oriented gradients, CVPR 2005; Cover, Hart, 1967",
        licence="Apache-2.0",
        memorises=True,
        portfolio=({}, {"components": 200}),
        space={"components": (16, 300, "log")},
    ),
    _card(
        "patches",
        "Learned patches and a linear model",
        "patches",
        "Coates, Ng, Lee, An analysis of single-layer networks in unsupervised feature learning, AISTATS 2011",
        licence="Apache-2.0",
        requires=("scipy",),
        max_rows=100_000,
        portfolio=({}, {"patches": 200}),
        space={"patches": (100, 800, "log")},
    ),
)
