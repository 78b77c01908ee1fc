"""A pretrained encoder left as it is, with a linear head: the cheapest transfer learning there is.

The vectors are made once a run (`Media.derived`); the head is the path of penalties of `classical/linear.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.linear import Weights, along
from treeline.candidates.classical.target import Scale, training_target
from treeline.candidates.encoders import digest, pretrained
from treeline.candidates.prepare import Dense, settings, with_prefix, without_prefix
from treeline.errors import IntegrityError, SetupError, shown
from treeline.problem.metric import Array
from treeline.problem.task import Family

__all__ = ["CARDS", "Frozen", "here"]

ELSEWHERE = "TREELINE_PRETRAINED"
"The environment variable that names the folder of the encoder on another machine."


def here(folder: str, sha256: str) -> str:
    """Return the folder of an encoder on this machine.

    Raises:
        SetupError: it is not here.
        IntegrityError: another model lies there.
    """
    place = os.environ.get(ELSEWHERE) or folder
    if not (Path(place) / "config.json").exists():
        raise SetupError(
            f"The pretrained encoder that this model was fitted with is not in {shown(place)}.",
            do=f"Copy its folder here and set {ELSEWHERE} to it.",
        )
    if digest(place) != sha256:
        raise IntegrityError(
            f"The encoder in {shown(place)} is not the one of this model (SHA-256 {sha256[:12]}…).",
            do=f"Set {ELSEWHERE} to the folder it was fitted with.",
        )
    return place


@dataclass(frozen=True, slots=True)
class Head:
    """The linear head over vectors and the table beside."""

    folder: str
    sha256: str
    kind: str
    middle: Array
    "(d,) float32"
    spread: Array
    "(d,) float32"
    table: Dense
    weights: Weights
    scale: Scale

    def inputs(self, rows: Rows) -> Array:
        """Return (n, d) float32."""
        return np.hstack([(_vectors(rows, self.folder, self.kind) - self.middle) / self.spread, self.table(rows)])

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        return self.weights.predict(self.inputs(rows), rows, self.scale)

    def state(self) -> State:
        """Return the head; the encoder stays where it is and is named by its digest."""
        arrays = {"middle": self.middle, "spread": self.spread}
        arrays |= {"slope": self.weights.slope, "offset": self.weights.offset}
        arrays |= with_prefix("table", self.table.arrays())
        return arrays, {
            "folder": self.folder, "sha256": self.sha256, "kind": self.kind, "scale": self.scale.meta(),
        }  # fmt: skip


def _vectors(rows: Rows, folder: str, kind: str) -> Array:
    """Return the vectors of all columns of the kind, side by side."""
    encoder = pretrained(folder, kind)
    parts = [rows.media.derived(one.name, f"embed-{encoder.name}", encoder.embed) for one in rows.shape.of_kind(kind)]
    return np.hstack(parts)


class Frozen:
    """An encoder and a linear head; a subclass names the kind of media."""

    kind = "text"

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Fit the head for each fold along its path of penalties; the watch chooses.

        Raises:
            SetupError: no weights are given, or they cannot be loaded.
        """
        chosen = settings({"steps": None, "weights": ""}, params)
        folder = str(chosen["weights"])
        if not folder:
            raise SetupError("No pretrained weights are named.", do="Give --pretrained FOLDER.")
        import torch

        torch.set_num_threads(max(1, clock.threads))
        out: list[Fitted] = []
        for fold in folds:
            rows = fold.train
            vectors = _vectors(rows, folder, self.kind)
            table, _ = Dense.fit(rows, seed=seed, cap=30)
            scale, _, _ = training_target(rows)
            blank = Weights(np.zeros((1, 1), np.float32), np.zeros(1, np.float32))
            middle, spread = vectors.mean(axis=0), np.maximum(vectors.std(axis=0), 1e-6)
            head = Head(folder, digest(folder), self.kind, middle, spread, table, blank, scale)
            held = None if fold.watch is None else head.inputs(fold.watch.rows)
            weights = along(head.inputs(rows), fold, held, scale, steps=chosen["steps"])
            out.append(replace(head, weights=weights))
        return out

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild the head.

        Raises:
            SetupError, IntegrityError: the encoder is not here, or is another one.
        """
        return Head(
            here(meta["folder"], meta["sha256"]), meta["sha256"], meta["kind"], arrays["middle"], arrays["spread"],
            Dense.restore(without_prefix("table", arrays)), Weights(arrays["slope"], arrays["offset"]),
            Scale(**meta["scale"]),
        )  # fmt: skip


class FrozenImages(Frozen):
    """Frozen encoder of images."""

    kind = "image"


class FrozenSounds(Frozen):
    """Frozen encoder of sounds."""

    kind = "sound"


def _card(kind: str, build: str, title: str, paper: str, extra: str) -> Card:
    return Card(
        name=f"{kind}_frozen", title=title, family=Family.DEEP, build=f"{__name__}:{build}", paper=paper,
        licence="Apache-2.0; the weights have their own", accepts=(kind,), requires=("torch", "transformers", "scipy"),
        needs=("torch", "transformers"), extra=extra, pretrained=True,
    )  # fmt: skip


CARDS = (
    _card(
        "text", "Frozen", "Pretrained text encoder, frozen",
        "Reimers, Gurevych, Sentence-BERT, EMNLP 2019, arXiv:1908.10084", "text",
    ),
    _card(
        "image", "FrozenImages", "Pretrained image encoder, frozen",
        "Razavian et al., CNN features off-the-shelf, CVPR Workshops 2014, arXiv:1403.6382", "image",
    ),
    _card(
        "sound", "FrozenSounds", "Pretrained sound encoder, frozen",
        "Baevski et al., wav2vec 2.0, NeurIPS 2020, arXiv:2006.11477", "audio",
    ),
)  # fmt: skip
