"""What the nets of images and of spectrograms have in common: their encoder and their networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from treeline.candidates.card import Rows, Shape, State
from treeline.candidates.classical.pictures import small_of
from treeline.candidates.deep.augment import masked, mirror_is_harmless, moved
from treeline.candidates.deep.loop import Augment
from treeline.candidates.deep.module import MediaCandidate, ModuleNet
from treeline.candidates.media import largest
from treeline.candidates.prepare import Dense
from treeline.candidates.spectra import log_mel
from treeline.problem.metric import Array

__all__ = ["PATCHES", "PictureCandidate", "PictureInputs", "PictureNet", "patch_settings"]

MELS = 64
FRAMES, REACH = 128, 98
"Of a longer spectrogram, neighbouring frames are averaged; it is cut where this percentage of training sounds have ended."
TOKENS = 8
"Patches of an image a side at most; of a spectrogram four times as many in time, half as many in pitch."
PATCHES: dict[str, Any] = {"lr": 1.5e-3, "weight_decay": 0.05, "dropout": 0.1, "width": 64, "layers": 3}
"How nets of patches differ in their settings from convolutional ones."


def patch_settings(space: Mapping[str, Any]) -> dict[str, Any]:
    """Return portfolio and space of a net of patches, by those of the convolutional nets beside it."""
    return {
        "portfolio": ({}, {"width": 96, "layers": 2}, {"layers": 4, "dropout": 0.2}),
        "space": {**space, "lr": (3e-4, 5e-3, "log"), "width": [32, 64, 96], "layers": [2, 3, 4]},
    }


@dataclass(frozen=True, kw_only=True)
class PictureNet(ModuleNet):
    """A network of pictures (H, W, C): convolutional, recurrent, or of patches."""

    kind: str
    "`cnn`, `resnet` or `crnn` (see `vision.ConvNet`), `vit` or `mixer` (see `vision.PatchNet`)."
    size: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    width: int
    dropout: float
    layers: int = 0
    patch: tuple[int, int] = (1, 1)

    def build(self) -> Any:
        """Return a new module."""
        from treeline.candidates.deep import vision

        return (vision.PatchNet if self.layers else vision.ConvNet)(net=self)


@dataclass(frozen=True, slots=True)
class PictureInputs:
    """The table beside, as numbers, and the first column of images, or of sounds as log-mel spectrograms."""

    dense: Dense
    column: str
    kind: str
    mean: tuple[float, ...]
    "By channel, of the training pictures."
    std: tuple[float, ...]
    flips: bool
    "Whether left and right may be exchanged."
    size: tuple[int, int, int]
    numbers: int
    reach: int = 0
    "Frames of a sound that are looked at."

    @classmethod
    def fit(cls, rows: Rows, settings: Mapping[str, Any], *, seed: int) -> tuple[Self, Array, Array]:
        """Learn from training rows; return the encoder, the table (n, numbers) and the pictures (n, H, W, C) uint8."""
        column = largest(rows.shape.of_kind(settings["media"]))
        dense, x = Dense.fit(rows, seed=seed)
        reach = _reach(rows, column.name) if column.kind == "sound" else 0
        pictures = _pictures(rows, column.name, reach)
        some = pictures[np.linspace(0, len(pictures) - 1, min(len(pictures), 2000)).astype(np.int64)]
        flat = some.reshape(-1, some.shape[-1])
        mean, std = flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64)
        flips = column.kind == "image" and mirror_is_harmless(pictures, rows.target, classes=rows.shape.n_classes)
        size = (int(pictures.shape[1]), int(pictures.shape[2]), int(pictures.shape[3]))
        scale = tuple(float(one) if one > 1 else 1.0 for one in std)
        inputs = cls(dense, column.name, column.kind, tuple(map(float, mean)), scale, flips, size, x.shape[1], reach)
        return inputs, x, pictures

    def encode(self, rows: Rows) -> tuple[Array, Array]:
        """Return the table (n, numbers) float32 and the pictures (n, H, W, C) uint8."""
        return self.dense(rows), _pictures(rows, self.column, self.reach)

    def state(self) -> State:
        """Return all that `restore` needs."""
        names = ("column", "kind", "mean", "std", "flips", "size", "numbers", "reach")
        return self.dense.arrays(), {name: getattr(self, name) for name in names}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        """Rebuild from `state()`."""
        known: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in meta.items()}
        return cls(Dense.restore(arrays), **known)


def _log_mel(rows: Rows, column: str) -> Array:
    return rows.media.derived(column, f"log-mel-{MELS}", log_mel)


def _reach(rows: Rows, column: str) -> int:
    """Return the frame by which `REACH` percent of the sounds have ended: the rest is mostly padding."""
    heard = np.asarray(_log_mel(rows, column) > 0).max(axis=2)
    ends = np.where(heard.any(axis=1), heard.shape[1] - heard[:, ::-1].argmax(axis=1), 1)
    return int(np.ceil(np.percentile(ends, REACH)))


def _pictures(rows: Rows, column: str, reach: int) -> Array:
    """Return images as they are, or `reach` frames of the spectrograms of sounds."""
    if not reach:
        return small_of(rows.media, column)
    found = _log_mel(rows, column)[:, :reach]
    by = -(-found.shape[1] // FRAMES)
    if by > 1:
        whole = found[:, : found.shape[1] // by * by].reshape(len(found), -1, by, MELS)
        found = np.rint(whole.mean(axis=2, dtype=np.float32)).astype(np.uint8)
    return found[..., None]


class PictureCandidate(MediaCandidate):
    """A net of pictures; a subclass names its kind and settings, among them the `media` that it looks at."""

    net_class = PictureNet
    encoder = PictureInputs
    kind: ClassVar[str]

    def net(self, settings: Mapping[str, Any], inputs: PictureInputs, shape: Shape) -> PictureNet:
        """Return the network for such rows."""
        high, wide = inputs.size[:2]
        side = -(-max(high, wide) // TOKENS)
        sound = (-(-high // (4 * TOKENS)), 2 * -(-wide // TOKENS))
        return PictureNet(
            outputs=max(1, shape.n_classes),
            numbers=inputs.numbers,
            kind=self.kind,
            size=inputs.size,
            mean=inputs.mean,
            std=inputs.std,
            width=int(settings["width"]),
            dropout=float(settings["dropout"]),
            layers=int(settings.get("layers", 0)),
            patch=sound if inputs.kind == "sound" else (side, side),
        )

    def augment(self, inputs: PictureInputs, settings: Mapping[str, Any]) -> Augment | None:
        """Shift images, and mirror them where that is harmless; shift, mask and amplify sounds."""
        if inputs.kind == "sound":
            return partial(masked, share=float(settings["shift"]))
        return partial(moved, flips=inputs.flips, share=float(settings["shift"]))
