"""Predicting from a bundle. Loads only what its members need, and nothing that can run code."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.card import Card, Fitted, Rows, State
from treeline.candidates.features import Encoder
from treeline.candidates.media import Media
from treeline.candidates.registry import card_named
from treeline.data.column import Kind
from treeline.deliver.parity import parity_rows, same_or_refuse
from treeline.deliver.sealed import AGAIN, open_sealed, strict_json
from treeline.errors import IntegrityError, SetupError, UsageError, shown
from treeline.problem.metric import Array, labels
from treeline.problem.problem import Problem
from treeline.problem.task import Task

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Ensemble", "Model", "load", "parity_inputs", "restored"]

CHUNK = 50_000
"Rows encoded and predicted at a time, which bounds memory."
MANY = 5_000
"From so many rows on, models predict side by side, each on its own core."
LOG_TOP = 60.0
DISTRIBUTIONS = {"sklearn": "scikit-learn", "interpret": "interpret-core", "xgboost": "xgboost-cpu"}


def restored(card: Card, models: list[State]) -> list[Fitted]:
    """Rebuild a member's models.

    Raises:
        SetupError: a library that predicting needs is not installed.
    """
    for module in card.needs:
        if find_spec(module) is None:
            pip = f'"treeline[{card.extra}]"' if card.extra else DISTRIBUTIONS.get(module, module)
            raise SetupError(f"{card.title} needs the library {module} to predict.", do=f"pip install {pip}")
    candidate = card.candidate()
    return [candidate.restore(arrays, meta) for arrays, meta in models]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Members with weights; a member predicts the mean of its fold models."""

    members: tuple[tuple[float, tuple[Fitted, ...]], ...]
    target_transform: str = "none"

    def predict(self, rows: Rows) -> Array:
        """Return (n,) or (n, C) float64; values of a target fitted on the log scale are brought back before any mean."""
        shares = [(weight / len(models), model) for weight, models in self.members for model in models]

        def one(share: tuple[float, Fitted]) -> Array:
            return share[0] * self._back(np.asarray(share[1].predict(rows), dtype=np.float64))

        if len(rows) < MANY:
            total = sum(map(one, shares))
        else:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                total = sum(pool.map(one, shares))
        return np.asarray(total / sum(weight for weight, _ in self.members))

    def _back(self, prediction: Array) -> Array:
        return np.expm1(np.clip(prediction, 0.0, LOG_TOP)) if self.target_transform == "log1p" else prediction


@dataclass(slots=True, kw_only=True, repr=False)
class Model:
    """A model ready to use."""

    problem: Problem
    columns: list[dict[str, Any]]
    "Every column of the training table, see `Column.to_json`."
    encoder: Encoder
    ensemble: Ensemble
    verdict: dict[str, Any]
    manifest: dict[str, Any]
    parity: float = float("nan")
    "The largest difference found on the parity rows when it was loaded."
    problems: dict[str, int] = field(default_factory=dict)
    "What was odd in the rows of the latest call, with the number of rows: unseen levels, unreadable values, unused columns."

    files: dict[str, pl.Series] = field(default_factory=dict)
    "The paths of images and sounds of the latest call, by column."

    def __repr__(self) -> str:
        """Return one line."""
        models = sum(len(models) for _, models in self.ensemble.members)
        return f"<Model of {shown(self.problem.target)} ({self.problem.task}), {models} fitted models>"

    @property
    def classes_(self) -> Array:
        """The labels (C,) in the order of `predict_proba`, numbers where the target held numbers; empty for regression."""
        target = next((column for column in self.columns if column["name"] == self.problem.target), {})
        if target.get("kind") != Kind.NUMBER:
            return np.array(self.problem.classes, dtype=object)
        numbers = np.array([float(label) for label in self.problem.classes])
        fractions = any("." in str(example) for example in target.get("examples") or ())
        return numbers if fractions or (numbers != np.round(numbers)).any() else numbers.astype(np.int64)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that new rows must have."""
        return self.encoder.inputs

    def needed(self) -> list[dict[str, Any]]:
        """Return what is known of the inputs, see `Column.to_json`."""
        return [column for column in self.columns if column["name"] in self.inputs]

    def predict(self, source: Any) -> Array:
        """Return labels (n,), as `classes_` has them, or values (n,) float64.

        Args:
            source: new rows: a pandas, Polars or Arrow table, a dict of columns, a list of records, or the path of a file.
                Columns may come in any order; others are ignored and listed in `problems`.

        Raises:
            DataError: a column is missing, or the rows cannot be read.
        """
        return self._said(self.scores(source))

    def predict_proba(self, source: Any) -> Array:
        """Return the probabilities (n, C) of `classes_`.

        Raises:
            UsageError: the target is a number.
        """
        if self.problem.task is Task.REGRESSION:
            raise UsageError("The target is a number, so there are no probabilities.", do="Use predict.")
        return _both(self.scores(source))

    def predict_frame(self, source: Any) -> pl.DataFrame:
        """Return a frame with the paths of images or sounds, `prediction`, and `proba_<label>` for each class."""
        import polars as pl

        scores = self.scores(source)
        said = self._said(scores)
        if self.problem.task is Task.REGRESSION:
            return pl.DataFrame({**self.files, "prediction": said})
        shares = _both(scores)
        columns = {f"proba_{label}": shares[:, j] for j, label in enumerate(self.problem.classes)}
        return pl.DataFrame({**self.files, "prediction": pl.Series(said.tolist()), **columns})

    def scores(self, source: Any) -> Array:
        """Return predictions in Treeline's own shape, see `problem.metric`: (n,) or (n, C) float64."""
        from treeline.data.conform import conform
        from treeline.data.media import decode

        if isinstance(source, Mapping):
            import polars as pl

            source = pl.DataFrame(dict(source), strict=False)
        frame, found = conform(source, self.needed())
        decoded = decode(frame, self.encoder.media, root=found.root)
        known = {column["name"] for column in self.columns}
        problems = {f"{name}: could not be read, taken as missing": count for name, count in found.items()}
        problems |= {f"{name}: column not used": frame.height for name in found.extra if name not in known}
        scores = self.scores_of(frame, decoded, problems)
        self.problems, self.files = problems, {name: frame[name] for name in decoded}
        return scores

    def scores_of(self, frame: pl.DataFrame, decoded: Mapping[str, Array], problems: dict[str, int]) -> Array:
        """Return the predictions of rows of canonical types, images and sounds `decoded`; adds to `problems`."""
        return np.concatenate(list(self._chunks(frame, decoded, problems)))

    def _chunks(self, frame: pl.DataFrame, decoded: Mapping[str, Array], problems: dict[str, int]) -> Iterator[Array]:
        shape = self.encoder.shape(self.problem)
        for start in range(0, max(1, frame.height), CHUNK):
            some = frame.slice(start, CHUNK)
            num, cat = self.encoder.transform(some)
            held = {name: values[start : start + CHUNK] for name, values in decoded.items()}
            media = Media.of(self.encoder.arrays(some, held), some.height)
            for j, name in enumerate(self.encoder.cat_names):
                unseen = int((cat[:, j] == 1).sum())
                if unseen:
                    key = f"{name}: rare or unseen level"
                    problems[key] = problems.get(key, 0) + unseen
            yield self.ensemble.predict(Rows(shape, num, cat, None, media))

    def _said(self, scores: Array) -> Array:
        if self.problem.task is Task.REGRESSION:
            return scores
        return np.asarray(self.classes_[labels(scores)])


def _both(scores: Array) -> Array:
    return scores if scores.ndim == 2 else np.stack([1 - scores, scores], axis=1)


def load(folder: str | Path, *, check: bool = True) -> Model:
    """Load a bundle after every byte of it was verified; predict its parity rows unless `check` is false.

    Raises:
        IntegrityError: the bundle was changed, is incomplete, or predicts differently here.
        SetupError: a library that a member needs is not installed.
    """
    folder = Path(folder)
    manifest, files = open_sealed(folder)
    try:
        model = _built(folder, manifest, files)
        parity = strict_json(files.pop("parity.json"), where=str(folder / "parity.json"))
        if check:
            rows = parity_rows(parity, model.needed())
            decoded = _state(folder, "parity.safetensors", files)[0] if "parity.safetensors" in files else {}
            model.parity = same_or_refuse(model.scores_of(rows, decoded, {}), parity, where=str(folder))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(
            f"The bundle lacks what a model needs: {type(error).__name__} {shown(error)}.", where=str(folder), do=AGAIN
        ) from error
    return model


def parity_inputs(folder: Path) -> tuple[pl.DataFrame, dict[str, Array]]:
    """Return the raw rows that travel with a bundle, of all the columns that it needs, and their images and sounds.

    Raises:
        IntegrityError: the bundle was changed or is incomplete.
    """
    _, files = open_sealed(folder)
    try:
        encoder = Encoder.restore(*_state(folder, "features.safetensors", files))
        schema = strict_json(files["schema.json"], where=str(folder / "schema.json"))
        columns = [column for column in schema["columns"] if column["name"] in encoder.inputs]
        rows = parity_rows(strict_json(files["parity.json"], where=str(folder / "parity.json")), columns)
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("Its parity rows are damaged.", where=str(folder), do=AGAIN) from error
    return rows, _state(folder, "parity.safetensors", files)[0] if "parity.safetensors" in files else {}


def _built(folder: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> Model:
    def parsed(name: str) -> Any:
        return strict_json(files.pop(name), where=str(folder / name))

    schema, plan = parsed("schema.json"), parsed("model.json")
    encoder = Encoder.restore(*_state(folder, "features.safetensors", files))
    members = []
    for member in plan["members"]:
        states = [_state(folder, name, files) for name in member["weights"]]
        members.append((float(member["weight"]), tuple(restored(card_named(member["card"]), states))))
    if sum(weight for weight, _ in members) <= 0:
        raise ValueError("no member has a weight")
    return Model(
        problem=Problem.from_json(schema["problem"]),
        columns=schema["columns"],
        encoder=encoder,
        ensemble=Ensemble(tuple(members), plan["target_transform"]),
        verdict=parsed("verdict.json"),
        manifest=manifest,
    )


def _state(folder: Path, name: str, files: dict[str, bytes]) -> State:
    """Read arrays and JSON data; the bytes are dropped as soon as they are read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    try:
        arrays = parse(files.pop(name))
    except SafetensorError as error:
        raise IntegrityError(
            f"It is no safetensors file: {shown(error)}.", where=str(folder / name), do=AGAIN
        ) from None
    return arrays, strict_json(arrays.pop("meta.json").tobytes(), where=str(folder / name))
