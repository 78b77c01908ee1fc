"""Classical candidates for sounds: what classical audio analysis measures in them, and learners for tables on top.

A kernel machine, extra trees and boosted trees on statistics of the spectrogram over time, and a linear model on random
convolutions of it. Numbers and categories of the table stand beside in all of them. A fifth, the kernel machine on the bare
spectrogram, tells what the features are worth.
"""

from __future__ import annotations

from typing import Any

from treeline.candidates.blocks import Ready
from treeline.candidates.card import Card
from treeline.candidates.classical.audio import convolutions, spectrogram, statistics
from treeline.candidates.classical.forests import ExtraTrees
from treeline.candidates.classical.lightgbm import LightGBM
from treeline.candidates.classical.linear import Linear
from treeline.candidates.classical.svm import KERNEL_MACHINE, Svm
from treeline.candidates.classical.through import Beside, Compared, Group, Through
from treeline.problem.task import Family

__all__ = ["CARDS", "bare", "boosting", "forest", "kernels", "svm"]

STATISTICS = Beside("sound", (Group("statistics-40", statistics),))
CONVOLUTIONS = Group("convolutions-40", convolutions)
SPECTROGRAM = Group("spectrogram-40", spectrogram)


def svm() -> Through:
    """Return a Gaussian kernel machine on statistics."""
    return Through(Svm(), STATISTICS, {"gamma": 0.5, "C": 5.0, "landmarks": 1500})


def bare() -> Through:
    """Return a Gaussian kernel machine on principal components of the spectrogram."""
    return Through(Svm(Ready), Compared("sound", (SPECTROGRAM,), 300), {"exact": 3000, "landmarks": 1500})


def forest() -> Through:
    """Return extra trees on statistics."""
    return Through(ExtraTrees(), STATISTICS)


def boosting() -> Through:
    """Return LightGBM on statistics; each tree sees a third of them."""
    params = {"learning_rate": 0.08, "num_leaves": 15, "min_data_in_leaf": 10, "steps": 500, "patience": 60}
    return Through(LightGBM(), STATISTICS, {**params, "feature_fraction": 0.3})


def kernels() -> Through:
    """Return a linear model on principal components of random convolutions, which weigh as much as so many columns."""
    return Through(
        Linear(Ready), Compared("sound", (CONVOLUTIONS,), 800, whiten=0.5, spread=1600.0), {"knots": 0, "pairs": 0}
    )


def _card(name: str, title: str, build: str, paper: str, **more: Any) -> Card:
    return Card(
        name=f"sound_{name}",
        title=title,
        family=Family.CLASSICAL,
        build=f"{__name__}:{build}",
        paper=paper,
        accepts=("sound",),
        **more,
    )


CARDS = (
    _card(
        "svm",
        "Cepstra and a kernel machine",
        "svm",
        "Davis, Mermelstein, IEEE TASSP 1980; Cortes, Vapnik, Machine Learning 1995",
        licence="BSD-3-Clause",
        requires=("sklearn", "scipy"),
        max_rows=100_000,
        cost_power=1.2,
        portfolio=({}, {"gamma": 0.2, "C": 20.0}),
        plain="sound_spectrogram",
        space={"gamma": (0.05, 2.0, "log"), "C": (0.5, 50.0, "log")},
    ),
    _card(
        "spectrogram",
        "The bare spectrogram and a kernel machine",
        "bare",
        "Cortes, Vapnik, Machine Learning 1995",
        **KERNEL_MACHINE,
    ),
    _card(
        "boosting",
        "Cepstra and boosted trees",
        "boosting",
        "Davis, Mermelstein, IEEE TASSP 1980; Ke et al., LightGBM, NeurIPS 2017",
        licence="MIT",
        requires=("lightgbm",),
        needs=("lightgbm",),
        anytime=True,
        portfolio=({}, {"extra_trees": True, "num_leaves": 7}),
        space={
            "num_leaves": (4, 60, "log"),
            "feature_fraction": (0.05, 0.6, "log"),
            "learning_rate": (0.02, 0.2, "log"),
        },
    ),
    _card(
        "forest",
        "Cepstra and extra trees",
        "forest",
        "Davis, Mermelstein, IEEE TASSP 1980; Geurts, Ernst, Wehenkel, Machine Learning 2006",
        licence="BSD-3-Clause",
        memorises=True,
        requires=("sklearn",),
        needs=("sklearn",),
        anytime=True,
        cost_power=1.1,
        portfolio=({}, {"min_samples_leaf": 2, "max_features": 0.2}),
        space={"max_features": (0.03, 0.6, "log"), "min_samples_leaf": (1, 10, "log")},
    ),
    _card(
        "convolutions",
        "Random convolutions and a linear model",
        "kernels",
        "Dempster, Schmidt, Webb, HYDRA, Data Mining and Knowledge Discovery 2023",
        licence="Apache-2.0",
        requires=("scipy",),
        max_rows=100_000,
        portfolio=({}, {"components": 300}),
        space={"components": (100, 1500, "log")},
    ),
)
