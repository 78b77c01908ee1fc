"""CatBoost with the tuned defaults of RealMLP's authors; categories stay categories."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, Shape, State
from treeline.candidates.classical.baseline import Constant, constant
from treeline.candidates.classical.rounds import faster, look_at, patience_at, share_of
from treeline.candidates.classical.target import Scale, in_shape, training_target, wants_l1
from treeline.candidates.prepare import settings
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "CatBoost"]

COMMON: dict[str, Any] = {
    "steps": 1000,
    "patience": 300,
    "l2_leaf_reg": 1e-5,
    "subsample": 0.9,
    "max_bin": 254,
    "rsm": 1.0,
    "max_ctr_complexity": 4,
}
LABELS = {
    "learning_rate": 0.08,
    "depth": 7,
    "random_strength": 0.8,
    "one_hot_max_size": 15,
    "leaf_estimation_iterations": 1,
}
# The authors use 20 leaf iterations for values; one is exact for squared errors and takes a third to a half less time.
VALUES = {
    "learning_rate": 0.09,
    "depth": 9,
    "random_strength": 0.0,
    "one_hot_max_size": 20,
    "leaf_estimation_iterations": 1,
}
OWN = {"depth": 6, "l2_leaf_reg": 3.0, "learning_rate": 0.05, "random_strength": 1.0}
"The library's own defaults, with AutoGluon's learning rate: the strongest single default on the 51 sets of TabArena."
PILOT = 10


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted CatBoost model."""

    model: Any
    classes: Array
    "(k,) int64: the classes that training held; empty for regression"
    scale: Scale
    rate: float
    "The learning rate that the fit ended with, for a refit with as many rounds."
    threads: int = -1

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        shape = rows.shape
        if not len(rows):
            return np.zeros((0, shape.n_classes) if shape.task is Task.MULTICLASS else 0)
        kind = "RawFormulaVal" if shape.task is Task.REGRESSION else "Probability"
        return self.shaped(self.model.predict(_pool(rows), kind, thread_count=self.threads), shape)

    def shaped(self, raw: Array, shape: Shape) -> Array:
        """Return CatBoost's answer in Treeline's shape; classes that training lacked get no probability."""
        if shape.task is Task.REGRESSION:
            return self.scale.back(raw)
        if raw.shape[1] == shape.n_classes:
            return in_shape(raw, shape)
        spread = np.zeros((len(raw), shape.n_classes))
        spread[:, self.classes] = raw
        return spread

    def state(self) -> State:
        """Return CatBoost's own binary format."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.cbm"
            self.model.save_model(str(path))
            model = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        return {"model": model, "classes": self.classes}, {"scale": self.scale.meta(), "rate": self.rate}


class Stop:
    """Ends a fit: at the moment `until`, for want of progress, or after the pilot when fewer rounds must learn faster."""

    def __init__(self, until: float, config: dict[str, Any], *, patience: int, pilot: bool) -> None:
        """Start measuring now."""
        self.begun = time.monotonic()
        self.until, self.patience, self.pilot, self.rate = until, patience, pilot, config["learning_rate"]
        self.best, self.lowest, self.gain = 0, np.inf, 1.0
        self.rounds, self.done = config["iterations"], 1.0

    def after_iteration(self, info: Any) -> bool:
        """Return whether to go on (CatBoost calls this after each round)."""
        now = time.monotonic()
        if self.pilot and info.iteration == PILOT:
            self.gain = faster((now - self.begun) / PILOT, self.until)
            if self.gain > 1.2:
                return False
        if info.iteration % 10 == 0:
            (loss,) = next(iter(info.metrics["validation"].values()))[-1:]
            if loss < self.lowest:
                self.best, self.lowest = info.iteration, loss
        wait = patience_at(self.best, self.patience, self.rate)
        if now >= self.until:
            self.done = min(1.0, info.iteration / min(self.rounds, self.best + wait))
        return now < self.until and info.iteration - self.best <= wait


class CatBoost:
    """Boosting of symmetric trees, with target statistics of categories in random order."""

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Boost fold after fold; where the clock allows few rounds, each one learns more."""
        return [
            self._fit(fold, params, until=share_of(clock, len(folds) - i), threads=clock.threads, seed=seed)
            for i, fold in enumerate(folds)
        ]

    def _fit(self, fold: Fold, params: Mapping[str, Any], *, until: float, threads: int, seed: int) -> Fitted:
        rows, watch = fold.train, fold.watch
        chosen = settings({**COMMON, **(VALUES if rows.shape.task is Task.REGRESSION else LABELS)}, params)
        scale, label, weight = training_target(rows)
        if len(np.unique(label)) < 2 or not _varies(rows):
            return constant(fold)
        config = _config(rows.shape, chosen, threads=threads, seed=seed)
        train = _pool(rows, label, weight)
        classes = np.unique(label) if rows.shape.task is not Task.REGRESSION else np.zeros(0, np.int64)
        if watch is None:
            return Boosted(_train(train, config), classes, scale, config["learning_rate"], threads)
        held = _held(watch.rows, scale, classes)
        stop = Stop(until, config, patience=chosen["patience"], pilot=True)
        model = _train(train, config, held, stop)
        if stop.gain > 1.2:
            config["learning_rate"] *= stop.gain
            stop = Stop(until, config, patience=chosen["patience"], pilot=False)
            model = _train(train, config, held, stop)
        watch.done = stop.done
        fitted = Boosted(model, classes, scale, config["learning_rate"], threads)
        kind = "RawFormulaVal" if rows.shape.task is Task.REGRESSION else "Probability"
        pool = _pool(watch.rows)
        for done in look_at(model.tree_count_):
            watch.see(done, fitted.shaped(model.predict(pool, kind, ntree_end=done, thread_count=threads), rows.shape))
        model.shrink(watch.steps[2])
        return fitted

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild from the binary format."""
        if "answer" in arrays:
            return Constant(arrays["answer"])
        from catboost import CatBoost as Model

        model = Model()
        model.load_model(blob=arrays["model"].tobytes())
        return Boosted(model, arrays["classes"], Scale(**meta["scale"]), meta.get("rate", 0.0))


def _train(train: Any, config: dict[str, Any], held: Any = None, stop: Stop | None = None) -> Any:
    from catboost import CatBoost as Model

    model = Model(config)
    if held is None:
        return model.fit(train)
    return model.fit(train, eval_set=held, use_best_model=False, callbacks=[stop])


def _config(shape: Shape, chosen: dict[str, Any], *, threads: int, seed: int) -> dict[str, Any]:
    config = {name: value for name, value in chosen.items() if name not in ("steps", "patience")}
    loss = {Task.BINARY: "Logloss", Task.MULTICLASS: "MultiClass", Task.REGRESSION: "RMSE"}[shape.task]
    if shape.task is Task.REGRESSION and wants_l1(shape):
        loss = "MAE"
    return {
        **config,
        "iterations": chosen["steps"],
        "loss_function": loss,
        "boosting_type": "Plain",
        "bootstrap_type": "Bernoulli",
        "thread_count": threads,
        "random_seed": seed,
        "allow_writing_files": False,
        "verbose": False,
    }


def _varies(rows: Rows) -> bool:
    """Whether any input has two values; CatBoost refuses rows where none has."""
    num = np.where(np.isfinite(rows.num), rows.num, np.float32(np.finfo(np.float32).min))
    return bool((num != num[:1]).any() or (rows.cat != rows.cat[:1]).any())


def _held(rows: Rows, scale: Scale, classes: Array) -> Any:
    """Return the held-out rows as a pool, without rows of classes that training lacked (CatBoost refuses those)."""
    if rows.shape.task is Task.REGRESSION:
        return _pool(rows, scale(rows.target), scale.weights(rows.target, rows.shape))
    known = rows.take(np.flatnonzero(np.isin(rows.target, classes)))
    return _pool(known, known.target)


def _pool(rows: Rows, label: Array | None = None, weight: Array | None = None) -> Any:
    """Return CatBoost's pool; its `FeaturesData` takes numbers and byte strings without a detour over Python objects."""
    from catboost import FeaturesData, Pool

    num = np.ascontiguousarray(rows.num, dtype=np.float32)
    if not rows.cat.shape[1]:
        return Pool(num, label, weight=weight)
    names = np.array([b"%d" % code for code in range(max(rows.shape.cards))], dtype=object)
    cat = names[np.where(rows.cat < np.array(rows.shape.cards), rows.cat, 1)]
    data = FeaturesData(num_feature_data=num if num.shape[1] else None, cat_feature_data=cat)
    return Pool(data, label, weight=weight)


CARDS = (
    Card(
        name="catboost",
        title="CatBoost",
        family=Family.CLASSICAL,
        build=f"{__name__}:CatBoost",
        paper="Prokhorenkova et al., CatBoost, NeurIPS 2018; defaults: Holzmüller et al., NeurIPS 2024",
        licence="Apache-2.0",
        requires=("catboost",),
        needs=("catboost",),
        anytime=True,
        boosts=True,
        lead=1,
        mild=1,
        portfolio=(
            {},
            OWN,
            {"depth": 6, "l2_leaf_reg": 2.15, "learning_rate": 0.0686},
        ),
        space={
            "learning_rate": (0.02, 0.2, "log"),
            "depth": (4, 9),
            "l2_leaf_reg": (1e-5, 10.0, "log"),
            "random_strength": (0.0, 2.0),
            "subsample": (0.6, 1.0),
        },
    ),
)
