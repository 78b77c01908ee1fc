"""Tabular networks pretrained by others, used where the user has their package and weights: TabICL and TabPFN.

They learn nothing from the training rows: they read them as context at every prediction. So the state of a fitted one is the
training rows and the name and hash of its weights; whoever restores it needs the package and the same weights.
Weights are named by the setting `weights`, or else by the variable TREELINE_TABICL_WEIGHTS or TREELINE_TABPFN_WEIGHTS: a
checkpoint file, a folder with one, or the name of a published checkpoint, which the package then takes from its cache or the hub.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.errors import IntegrityError, SetupError, shown
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "TabICL", "TabPFN", "weights_named"]

BLOCK = 4096


def weights_named(package: str, given: str | None = None) -> str | None:
    """Return the weights that were asked for: the setting, or the variable TREELINE_<PACKAGE>_WEIGHTS, or None."""
    return given or os.environ.get(f"TREELINE_{package.upper()}_WEIGHTS") or None


def checkpoint(package: str, given: str, kind: str) -> str:
    """Return the checkpoint that `given` stands for: a file, the one of that kind in a folder, or a published name.

    Raises:
        SetupError: the folder has no checkpoint of the kind, or several.
    """
    path = Path(given).expanduser()
    if not path.is_dir():
        return str(path) if path.exists() else given
    found = sorted(file for file in path.glob("*.ckpt") if kind in file.name) or sorted(path.glob("*.ckpt"))
    if len(found) != 1:
        raise SetupError(
            f"The folder {shown(given)} has {len(found)} {kind} checkpoints for {package}; one is needed.",
            do="Name the checkpoint file itself.",
        )
    return str(found[0])


def digest(source: str) -> str:
    """Return the SHA-256 of a checkpoint file, or an empty string for a published name."""
    path = Path(source)
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def table(rows: Rows) -> Array:
    """Return rows as one float32 array (n, p + q): numbers, then category codes, NaN for missing."""
    codes = rows.cat.astype(np.float32)
    codes[rows.cat == 0] = np.nan
    return np.concatenate([rows.num, codes], axis=1)


@dataclass(slots=True)
class FittedContext:
    """Training rows and the network that reads them."""

    candidate: Pretrained
    x: Array
    y: Array
    meta: dict[str, Any]
    "Task, number of classes, seed, threads, weights, their hash."
    model: Any = field(default=None)

    def predict(self, rows: Rows) -> Array:
        """Return (n,) values or probabilities of `classes[1]`, or (n, C) probabilities, float32."""
        if not len(rows):
            wide = Task(self.meta["task"]) is Task.MULTICLASS
            return np.zeros((0, self.meta["n_classes"]) if wide else 0, dtype=np.float32)
        if self.model is None:
            self.model = self.candidate.load(self.meta).fit(self.x, self.y)
        x = table(rows)
        blocks = [x[start : start + BLOCK] for start in range(0, len(x), BLOCK)]
        if Task(self.meta["task"]) is Task.REGRESSION:
            return np.concatenate([np.asarray(self.model.predict(block), dtype=np.float32) for block in blocks])
        out = np.zeros((len(x), self.meta["n_classes"]), dtype=np.float32)
        known = np.asarray(self.model.classes_, dtype=np.int64)
        out[:, known] = np.concatenate([self.model.predict_proba(block) for block in blocks])
        return out[:, 1] if Task(self.meta["task"]) is Task.BINARY else out

    def state(self) -> State:
        """Return the training rows, and what to read them with."""
        return {"x": self.x, "y": self.y}, dict(self.meta)


class Pretrained:
    """A network that was pretrained by others; a subclass says how its package builds it."""

    package: ClassVar[str]
    defaults: ClassVar[dict[str, Any]] = {"weights": None, "estimators": 4}

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Keep each fold's rows as context and show its watch one prediction. See `Candidate.fit`.

        Raises:
            SetupError: package or weights are not there.
        """
        unknown = sorted(set(params) - set(self.defaults) - {"steps"})
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        settings = {**self.defaults, **params}
        shape = folds[0].train.shape
        given = weights_named(self.package, settings["weights"])
        if given is None:
            raise SetupError(
                f"No weights are named for {self.package}.",
                do=f"Set TREELINE_{self.package.upper()}_WEIGHTS to a checkpoint file, a folder with one, or a published name.",
            )
        source = checkpoint(self.package, given, "regressor" if shape.task is Task.REGRESSION else "classifier")
        meta = {
            "task": str(shape.task),
            "n_classes": shape.n_classes,
            "seed": seed,
            "threads": clock.threads,
            "estimators": int(settings["estimators"]),
            "weights": source,
            "sha256": digest(source),
        }
        out: list[Fitted] = []
        for fold in folds:
            fitted = FittedContext(self, table(fold.train), fold.train.target, meta)
            if fold.watch is not None:
                fold.watch.see(1, fitted.predict(fold.watch.rows))
            out.append(fitted)
        return out

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild a fitted model; the weights on this machine must be those it was judged with.

        Raises:
            IntegrityError: the checkpoint file is another one.
        """
        here = weights_named(self.package) if not Path(meta["weights"]).exists() else None
        kind = "regressor" if Task(meta["task"]) is Task.REGRESSION else "classifier"
        source = checkpoint(self.package, here, kind) if here else meta["weights"]
        if meta["sha256"] and digest(source) != meta["sha256"]:
            raise IntegrityError(
                f"The weights {shown(source)} are not those of this model (SHA-256 {meta['sha256'][:12]}…).",
                do=f"Set TREELINE_{self.package.upper()}_WEIGHTS to the checkpoint it was fitted with.",
            )
        return FittedContext(self, arrays["x"], arrays["y"], {**meta, "weights": source})

    def load(self, meta: Mapping[str, Any]) -> Any:
        """Build the package's estimator with the weights of `meta`.

        Raises:
            SetupError: the package is not installed.
        """
        if find_spec(self.package) is None:
            raise SetupError(f"The package {self.package} is not installed.", do=f"Run: pip install {self.package}")
        import torch

        torch.set_num_threads(max(1, int(meta["threads"])))
        return self.build(import_module(self.package), meta)

    def build(self, package: Any, meta: Mapping[str, Any]) -> Any:
        """Return the estimator, not yet fitted."""
        raise RuntimeError(f"{type(self).__name__} builds nothing")


class TabICL(Pretrained):
    """TabICL: in-context learning for tables, BSD-3-Clause code and weights."""

    package = "tabicl"

    def build(self, package: Any, meta: Mapping[str, Any]) -> Any:
        """Return a TabICLClassifier or TabICLRegressor; a local file is never downloaded over."""
        made = package.TabICLRegressor if meta["task"] == Task.REGRESSION else package.TabICLClassifier
        local = Path(meta["weights"]).is_file()
        source = {"model_path": meta["weights"]} if local else {"checkpoint_version": meta["weights"]}
        return made(
            n_estimators=meta["estimators"],
            random_state=meta["seed"],
            n_jobs=meta["threads"],
            allow_auto_download=not local,
            **source,
        )


class TabPFN(Pretrained):
    """TabPFN: the prior-fitted network of Prior Labs; its newer weights are not for commercial use."""

    package = "tabpfn"

    def build(self, package: Any, meta: Mapping[str, Any]) -> Any:
        """Return a TabPFNClassifier or TabPFNRegressor."""
        made = package.TabPFNRegressor if meta["task"] == Task.REGRESSION else package.TabPFNClassifier
        return made(
            n_estimators=meta["estimators"],
            random_state=meta["seed"],
            model_path=meta["weights"],
            ignore_pretraining_limits=True,
        )


CARDS = (
    Card(
        name="tabicl",
        memorises=True,
        title="TabICL (pretrained)",
        family=Family.DEEP,
        build="treeline.candidates.deep.pretrained:TabICL",
        paper="Qu, Holzmüller, Varoquaux, Le Morvan: TabICL, ICML 2025, arXiv:2502.05564",
        licence="BSD-3-Clause (code and published weights)",
        requires=("tabicl",),
        needs=("tabicl", "torch"),
        pretrained=True,
        max_rows=50_000,
        portfolio=({}, {"estimators": 8}),
    ),
    Card(
        name="tabpfn",
        memorises=True,
        title="TabPFN (pretrained)",
        family=Family.DEEP,
        build="treeline.candidates.deep.pretrained:TabPFN",
        paper="Hollmann et al.: Accurate predictions on small data with a tabular foundation model, Nature 637, 2025",
        licence="Apache-2.0 code; weights v2 Prior Labs licence (attribution), v2.5 and later not for commercial use",
        requires=("tabpfn",),
        needs=("tabpfn", "torch"),
        pretrained=True,
        max_rows=10_000,
        max_classes=10,
        portfolio=({}, {"estimators": 8}),
    ),
)
