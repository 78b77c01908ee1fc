"""The bundle: one folder with everything that predicting needs, as data only.

manifest.json manifest.sha256   what belongs to it, see `sealed.py`
schema.json                     problem and columns
model.json                      members, their weights and files
features.safetensors            the encoder
weights/M-F.safetensors         member M, fold model F: arrays, and its JSON data as the array `meta.json`
parity.json                     raw rows of the inputs with the predictions they must have
parity.safetensors              images and sounds of those rows, decoded, where the inputs hold such
verdict.json                    the verdict it was chosen by
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.card import Card, Rows, State
from treeline.candidates.features import Encoder
from treeline.candidates.media import Media
from treeline.data.column import Kind
from treeline.deliver.parity import FLOAT32, difference, parity_json, veiled
from treeline.deliver.runtime import Ensemble, load, restored
from treeline.deliver.sealed import appearing, put, seal
from treeline.errors import IntegrityError, UsageError, shown
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Contents", "Member", "write_bundle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One contestant of the delivered model, with the models of its folds."""

    name: str
    card: Card
    weight: float
    models: Sequence[State]
    proof: Sequence[Array] = ()
    "Per model, what it predicted for the parity rows where it was fitted (target's own scale): (n,) or (n, C), NaN if unknown."


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into a bundle."""

    problem: Problem
    columns: Sequence[dict[str, Any]]
    "`Column.to_json` of every column of the training table."
    encoder: Encoder
    members: Sequence[Member]
    verdict: dict[str, Any]
    parity_frame: pl.DataFrame
    "About 32 raw rows of canonical types; only the inputs of the model are kept of them."
    parity_media: Mapping[str, Array] = field(default_factory=dict)
    "Images and sounds of those rows, decoded: see `Dataset.media`."
    target_transform: str = "none"
    "`log1p`: the models predict log(1 + target)."
    versions: dict[str, str] = field(default_factory=dict)
    "Versions of Python and of the libraries that the members were fitted with."


def write_bundle(folder: Path, contents: Contents) -> dict[str, Any]:
    """Write a bundle under `folder`, in one rename, after it was loaded and has predicted its parity rows.

    Returns:
        `bytes` in all, number of `files` and `models`, and `parity`: the largest difference found.

    Raises:
        IntegrityError: the models do not predict as they did where they were fitted; an older bundle stays as it is.
        SetupError: no space is left, or the folder is not writable.
        UsageError: there is no member, or its state is not plain data.
    """
    if not contents.members or sum(member.weight for member in contents.members) <= 0:
        raise UsageError("There is no member with a weight, so there is no model to write.")
    rows = contents.parity_frame.select(contents.encoder.inputs)
    float32 = any(member.card.family is Family.DEEP for member in contents.members)
    with appearing(folder) as new:
        columns = [{**one, "examples": []} if one["kind"] == Kind.TEXT else one for one in contents.columns]
        schema = {"problem": contents.problem.to_json(), "columns": columns}
        put(new / "schema.json", _json(schema))
        put(new / "verdict.json", _json(contents.verdict))
        put(new / "features.safetensors", _packed(contents.encoder.state()))
        put(new / "model.json", _json(_members(new, contents)))
        _expected(contents, rows)  # holds the models against their proof, on the true texts
        rows = veiled(rows, contents.columns)
        expected = _expected(replace(contents, members=[replace(one, proof=()) for one in contents.members]), rows)
        put(new / "parity.json", _json(parity_json(rows, expected, float32=float32)))
        if contents.parity_media:
            put(new / "parity.safetensors", _packed((dict(contents.parity_media), {})))
        files = seal(new, dict(contents.versions))
        model = load(new)
    size = sum(entry[0] for entry in files.values())
    models = sum(len(member.models) for member in contents.members)
    return {"bytes": size, "files": len(files), "models": models, "parity": model.parity}


def _members(new: Path, contents: Contents) -> dict[str, Any]:
    members = []
    for m, member in enumerate(contents.members):
        names = [f"weights/{m}-{f}.safetensors" for f in range(len(member.models))]
        for name, state in zip(names, member.models, strict=True):
            put(new / name, _packed(state))
        members.append({"name": member.name, "card": member.card.name, "weight": member.weight, "weights": names})
    return {"target_transform": contents.target_transform, "members": members}


def _expected(contents: Contents, frame: pl.DataFrame) -> Array:
    """Predict the parity rows from the states in memory, and hold every model against its proof."""
    media = Media.of(contents.encoder.arrays(frame, contents.parity_media), frame.height)
    shape = contents.encoder.shape(contents.problem)
    rows = Rows(shape, *contents.encoder.transform(frame), None, media)
    ready = []
    for member in contents.members:
        models = restored(member.card, list(member.models))
        for model, proof in zip(models, member.proof, strict=False):
            known = np.isfinite(proof.reshape(len(rows), -1)).all(axis=1)
            if not known.any():
                continue
            alone = Ensemble(((1.0, (model,)),), contents.target_transform).predict(rows)
            found = difference(alone[known], proof[known])
            if found > FLOAT32:
                raise IntegrityError(
                    f"{member.card.title} as read back does not predict as it did when it was fitted: the largest "
                    f"difference is {found:.2g}.",
                    do="Leave this candidate out, and report it.",
                    where=member.name,
                )
        ready.append((member.weight, tuple(models)))
    return Ensemble(tuple(ready), contents.target_transform).predict(rows)


def _json(data: Any) -> bytes:
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"A bundle holds plain JSON data only: {shown(error)}.") from None


def _packed(state: State) -> bytes:
    from safetensors.numpy import save

    arrays, meta = state
    wrong = [name for name, array in arrays.items() if array.dtype.kind not in "biuf" or name == "meta.json"]
    if wrong:
        raise UsageError(f"The array {shown(wrong[0])} of a model is not made of numbers.")
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return save({**plain, "meta.json": np.frombuffer(_json(meta), dtype=np.uint8)})
