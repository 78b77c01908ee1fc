"""Where the weights of a pretrained encoder are: a folder, or a name on the model hub that is at hand or can be fetched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from treeline.data.media import LARGEST

__all__ = ["USUAL", "Weights", "find_weights", "sharpness"]

SHARPEST = 224
"Pixels of an image's longer side that a pretrained encoder may see; `LARGEST` are enough for everybody else."

USUAL = {
    "text": "sentence-transformers/all-MiniLM-L6-v2",
    "image": "facebook/dinov2-small",
    "sound": "facebook/wav2vec2-base",
    "speech": "openai/whisper-tiny",
}
"What is taken by kind of media where the user names nothing and it is on this machine already."


@dataclass(frozen=True, slots=True)
class Weights:
    """A folder with the weights of an encoder, or why there is none and the command that changes that."""

    folder: str = ""
    reason: str = ""
    install: str = ""


def find_weights(wish: str | None, kind: str) -> Weights:
    """Return the weights to use for a kind of media (`text`, `image`, `sound`).

    Args:
        wish: a folder, a name on the hub, `none`, or None for the usual ones where they are on this machine.
        kind: of media, or `speech` for what turns sounds into text.
    """
    if wish == "none":
        return Weights(reason="left out with --pretrained none")
    if find_spec("transformers") is None:
        return Weights(reason="transformers is not installed", install="pip install 'treeline[text]'")
    name = wish or USUAL[kind]
    folder = Path(name).expanduser()
    if folder.is_dir():
        if (folder / "config.json").exists():
            return Weights(folder=str(folder.resolve()))
        return Weights(reason=f"the folder {name} holds no config.json", install="--pretrained FOLDER of a saved model")
    fetch = f"hf download {name} --local-dir {name.rpartition('/')[2]}, then --pretrained {name.rpartition('/')[2]}"
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        return Weights(
            reason=f"there is no folder {name}", install="--pretrained FOLDER or a name such as " + USUAL[kind]
        )
    return _from_hub(name, fetch, offline=wish is None)


def sharpness(wish: str | None) -> int:
    """Return how many pixels the longer side of an image needs, by the encoder that `find_weights` would find."""
    folder = find_weights(wish, "image").folder
    sizes = [LARGEST]
    for name in ("config.json", "preprocessor_config.json"):
        path = Path(folder) / name
        if folder and path.exists():
            told = json.loads(path.read_text(encoding="utf-8"))
            sizes += _numbers(told.get("image_size")) + _numbers(told.get("size")) + _numbers(told.get("crop_size"))
    return min(SHARPEST, max(sizes))


def _numbers(value: object) -> list[int]:
    """Return the whole numbers in a setting that may be one, several, or named ones."""
    found = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, int)]


def _from_hub(name: str, fetch: str, *, offline: bool) -> Weights:
    """Return the folder of a hub model: from the local cache, or fetched unless `offline`."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    patterns = ["*.json", "*.txt", "*.model", "model.safetensors", "model-*.safetensors"]
    try:
        return Weights(folder=snapshot_download(name, local_files_only=offline, allow_patterns=patterns))
    except (RepositoryNotFoundError, HFValidationError):
        return Weights(
            reason=f"there is no folder {name}, and the hub knows none of that name",
            install="--pretrained NAME or FOLDER",
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        why = "its weights are not on this machine" if offline else "the model hub cannot be reached"
        return Weights(reason=f"{name}: {why}", install=fetch)
