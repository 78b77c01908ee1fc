"""Pretrained encoders of texts, images and sounds: any transformers model in a folder, one vector a row.

Weights are read from safetensors files only, and no code that a folder may hold is run. Nothing is fetched here:
`weights.py` says where the folder is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from treeline.candidates.media import SOUND_HZ, ended, strings
from treeline.errors import SetupError, shown
from treeline.problem.metric import Array

__all__ = ["BATCH", "Pretrained", "digest", "hushed", "pretrained", "refuse_drawn"]

BATCH = 32
UNUSED = ("pooler", "masked_spec_embed", "mask_token")
"Parts that training needs and encoding does not; files often lack them."
LONGEST = 256
"Tokens of a text, where the model allows as many."


@cache
def digest(folder: str) -> str:
    """Return the SHA-256 over configuration and weights of a folder, which names a model wherever it lies."""
    found = hashlib.sha256()
    for path in sorted(Path(folder).iterdir()):
        if path.name in ("config.json", "tokenizer.json") or path.suffix == ".safetensors":
            found.update(path.name.encode())
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    found.update(block)
    return found.hexdigest()


@contextmanager
def hushed() -> Iterator[None]:
    """Keep transformers from printing bars and warnings; what goes wrong is raised all the same."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def refuse_drawn(told: dict[str, Any]) -> None:
    """Raise a ValueError where weights were not in the files, so that they were drawn at random instead."""
    drawn = [name for name in told["missing_keys"] if not any(part in name for part in UNUSED)]
    if drawn:
        raise ValueError(f"the weights of {len(drawn)} of its parts are missing, such as {drawn[0]}")


@cache
def pretrained(folder: str, kind: str) -> Pretrained:
    """Load the model of a folder for a kind of media, once a process.

    Raises:
        SetupError: transformers is not installed, or the folder holds no such model in safetensors files.
    """
    try:
        from safetensors import SafetensorError
        from transformers import AutoModel
    except ImportError:
        raise SetupError(
            "Pretrained models need the library transformers.", do="pip install 'treeline[text]'"
        ) from None
    try:
        with hushed():
            safe: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False}
            model, told = AutoModel.from_pretrained(folder, output_loading_info=True, **safe)
            refuse_drawn(told)
            if hasattr(model, "get_encoder") and getattr(model.config, "is_encoder_decoder", False):
                model = model.get_encoder()
            prepare = {"text": _for_texts, "image": _for_images, "sound": _for_sounds}[kind](folder, model)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SetupError(
            f"The folder {shown(folder)} holds no model of {kind}s that can be loaded: {first[:200]}",
            do="Give --pretrained a folder saved by save_pretrained, weights as safetensors.",
        ) from None
    for weight in model.parameters():
        weight.requires_grad_(False)
    return Pretrained(model.eval(), prepare, kind, _normalised(folder), digest(folder)[:16])


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A loaded encoder."""

    model: Any
    prepare: Any
    "Raw rows to the model's named inputs, tensors."
    kind: str
    normalise: bool
    "Bring vectors to length one, as the model was trained."
    name: str
    "The start of its digest."

    @property
    def width(self) -> int:
        """The length of a vector."""
        return int(self.pool(self.model(**self.prepare(self.blank())), {}).shape[-1])

    def blank(self) -> Array:
        """Return one empty row."""
        shapes = {"text": ((1, 1), np.uint8), "image": ((1, 8, 8, 3), np.uint8), "sound": ((1, SOUND_HZ), np.int16)}
        size, kind = shapes[self.kind]
        return np.zeros(size, kind)

    def pool(self, out: Any, inputs: dict[str, Any]) -> Any:
        """Return the mean over a model's last states, (B, width): of known tokens, of patches, of time."""
        states = out.last_hidden_state
        if states.dim() == 4:
            return states.mean(dim=(2, 3))
        mask = inputs.get("attention_mask")
        if mask is None or mask.shape[1] != states.shape[1]:
            return states.mean(dim=1)
        share = mask.unsqueeze(-1).to(states.dtype)
        return (states * share).sum(dim=1) / share.sum(dim=1).clamp(min=1e-9)

    def embed(self, raw: Array) -> Array:
        """Return the vectors (k, width) float32 of raw rows (k, …), rows of like length side by side."""
        import torch

        parts: list[tuple[Array, Array]] = []
        with torch.inference_mode():
            for index in self._batches(raw):
                inputs = self.prepare(raw[index])
                found = self.pool(self.model(**inputs), inputs)
                found = torch.nn.functional.normalize(found, dim=1) if self.normalise else found
                parts.append((index, found.float().numpy()))
        out = np.zeros((len(raw), parts[0][1].shape[1]), np.float32)
        for index, found in parts:
            out[index] = found
        return out

    def _batches(self, raw: Array) -> Iterator[Array]:
        used = (raw != 0).reshape(len(raw), -1)
        length = np.where(used.any(axis=1), used.shape[1] - used[:, ::-1].argmax(axis=1), 0)
        order = np.argsort(-length, kind="stable") if self.kind != "image" else np.arange(len(raw))
        # A sound is heard at its own length: what is padded beside a longer one would be heard as well.
        size = 1 if self.kind == "sound" else BATCH
        for start in range(0, len(order), size):
            yield order[start : start + size]


def _json(folder: str, name: str) -> Any:
    path = Path(folder) / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _normalised(folder: str) -> bool:
    modules = _json(folder, "modules.json")
    return any(str(one.get("type", "")).endswith("Normalize") for one in modules or [])


def _for_texts(folder: str, model: Any) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    most = min(LONGEST, int(_json(folder, "sentence_bert_config.json").get("max_seq_length", LONGEST)))
    most = min(most, int(getattr(model.config, "max_position_embeddings", LONGEST)))

    def prepare(raw: Array) -> dict[str, Any]:
        return dict(tokenizer(strings(raw), padding=True, truncation=True, max_length=most, return_tensors="pt"))

    return prepare


def _for_images(folder: str, model: Any) -> Any:
    import torch

    told, config = _json(folder, "preprocessor_config.json"), model.config
    mean, std = (torch.tensor(told.get(name, [0.5] * 3)).view(1, -1, 1, 1) for name in ("image_mean", "image_std"))
    # What the pictures were cut to in training goes before what the model could take.
    size: Any = told.get("crop_size") or told.get("size") or getattr(config, "image_size", None) or 224
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    size = size[0] if isinstance(size, list | tuple) else size
    channels = int(getattr(config, "num_channels", 3))

    def prepare(raw: Array) -> dict[str, Any]:
        pixels = torch.from_numpy(np.ascontiguousarray(raw)).permute(0, 3, 1, 2).float() / 255
        pixels = pixels.expand(-1, channels, -1, -1) if pixels.shape[1] == 1 else pixels[:, :channels]
        pixels = torch.nn.functional.interpolate(pixels, (int(size), int(size)), mode="bilinear", antialias=True)
        return {"pixel_values": (pixels - mean) / std}

    return prepare


def _for_sounds(folder: str, model: Any) -> Any:
    from transformers import AutoFeatureExtractor

    extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)

    def prepare(raw: Array) -> dict[str, Any]:
        waves = [ended(wave) for wave in raw]
        found = extractor(waves, sampling_rate=SOUND_HZ, return_tensors="pt")
        return {name: value for name, value in found.items() if name != "attention_mask"}

    return prepare
