"""XGBoost with the tuned defaults of RealMLP's authors, and with the library's own, learning more slowly."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.rounds import faster, run_rounds, share_of
from treeline.candidates.classical.target import Scale, training_target, wants_l1
from treeline.candidates.prepare import TargetMean, codes_of, settings
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "XGBoost"]

COMMON: dict[str, Any] = {
    "steps": 1000,
    "patience": 300,
    "reg_alpha": 0.0,
    "reg_lambda": 0.0,
    "colsample_bynode": 1.0,
    "max_bin": 256,
    "grow_policy": "depthwise",
    "max_leaves": 0,
    "categories": "means",
}
LABELS = {"learning_rate": 0.08, "max_depth": 6, "min_child_weight": 5e-6, "subsample": 0.65, "colsample_bylevel": 0.9}
VALUES = {"learning_rate": 0.05, "max_depth": 9, "min_child_weight": 2.0, "subsample": 0.7, "colsample_bylevel": 1.0}
OWN = {
    "categories": "native",
    "learning_rate": 0.1,
    "max_depth": 6,
    "min_child_weight": 1.0,
    "subsample": 1.0,
    "colsample_bylevel": 1.0,
    "reg_lambda": 1.0,
}
"AutoGluon's defaults: the library's own, with a third of its learning rate."
PILOT = 10


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted XGBoost model."""

    booster: Any
    means: TargetMean
    scale: Scale
    rate: float = 0.0
    "The learning rate that the fit ended with, for a refit with as many rounds."
    native: bool = False
    "Whether categories are codes that the library splits itself."

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        shape = rows.shape
        if not len(rows):
            return np.zeros((0, shape.n_classes) if shape.task is Task.MULTICLASS else 0)
        raw = self.booster.inplace_predict(_matrix(rows, self.means(rows.cat), native=self.native))
        return self.scale.back(raw) if shape.task is Task.REGRESSION else np.asarray(raw)

    def state(self) -> State:
        """Return XGBoost's own binary JSON and the encoder."""
        model = np.frombuffer(bytes(self.booster.save_raw("ubj")), dtype=np.uint8)
        return {"model": model, **self.means.arrays()}, {
            "scale": self.scale.meta(),
            "rate": self.rate,
            "native": self.native,
        }


class XGBoost:
    """Depth-wise boosting on histograms."""

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Boost fold after fold; where the clock allows few rounds, each one learns more."""
        return [
            self._fit(fold, params, until=share_of(clock, len(folds) - i), threads=clock.threads, seed=seed)
            for i, fold in enumerate(folds)
        ]

    def _fit(self, fold: Fold, params: Mapping[str, Any], *, until: float, threads: int, seed: int) -> Fitted:
        import xgboost as xgb

        rows = fold.train
        chosen = settings({**COMMON, **(VALUES if rows.shape.task is Task.REGRESSION else LABELS)}, params)
        native = chosen["categories"] == "native"
        means, encoded = TargetMean.fit(rows, [] if native else list(range(len(rows.shape.cards))), seed=seed)
        scale, label, weight = training_target(rows)
        config = {
            **{name: value for name, value in chosen.items() if name not in ("steps", "patience", "categories")},
            **_objective(rows),
            "tree_method": "hist",
            "nthread": threads,
            "seed": seed,
            "verbosity": 0,
        }
        kinds = {"feature_types": ["q"] * len(rows.shape.num_names) + ["c"] * len(rows.shape.cards)} if native else {}
        matrix = _matrix(rows, encoded, native=native)
        data = xgb.QuantileDMatrix(
            matrix, label, weight=weight, max_bin=chosen["max_bin"], nthread=threads, enable_categorical=native, **kinds
        )
        booster = xgb.Booster(config, [data])
        held = None
        if fold.watch is not None:
            shown = _matrix(fold.watch.rows, means(fold.watch.rows.cat), native=native)
            held = xgb.DMatrix(shown, nthread=threads, enable_categorical=native, **kinds)
        keep = _rounds(booster, data, held, fold=fold, scale=scale, chosen=chosen, until=until)
        final = booster[:keep]
        final.set_param({"nthread": threads})
        return Boosted(final, means, scale, chosen["learning_rate"], native)

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild from the binary JSON."""
        import xgboost as xgb

        booster = xgb.Booster()
        booster.load_model(bytearray(arrays["model"].tobytes()))
        means = TargetMean(arrays["columns"], arrays["start"], arrays["means"])
        return Boosted(booster, means, Scale(**meta["scale"]), meta.get("rate", 0.0), meta.get("native", False))


def _rounds(
    booster: Any, data: Any, held: Any, *, fold: Fold, scale: Scale, chosen: dict[str, Any], until: float
) -> int:
    """Boost, and return how many rounds to keep."""
    regression = fold.train.shape.task is Task.REGRESSION
    begun = time.monotonic()

    def step(done: int) -> bool:
        if done == PILOT + 1 and fold.watch is not None:
            gain = faster((time.monotonic() - begun) / PILOT, until)
            if gain > 1:
                chosen["learning_rate"] *= gain
                booster.set_param({"learning_rate": chosen["learning_rate"]})
        booster.update(data, done - 1)
        return True

    def show(done: int) -> Array:
        raw = booster.predict(held)
        return scale.back(raw) if regression else np.asarray(raw)

    return run_rounds(
        step,
        show,
        watch=fold.watch,
        until=until,
        rounds=chosen["steps"],
        patience=chosen["patience"],
        rate=chosen["learning_rate"],
    )


def _matrix(rows: Rows, encoded: Array, *, native: bool) -> Array:
    """Return numbers and encoded categories, or, where the library splits those itself, their codes, missing as NaN."""
    return np.hstack([rows.num, codes_of(rows) if native else encoded]).astype(np.float32, copy=False)


def _objective(rows: Rows) -> dict[str, Any]:
    if rows.shape.task is Task.MULTICLASS:
        return {"objective": "multi:softprob", "num_class": rows.shape.n_classes}
    if rows.shape.task is Task.BINARY:
        return {"objective": "binary:logistic", "base_score": float(np.clip(rows.target.mean(), 1e-6, 1 - 1e-6))}
    return {"objective": "reg:absoluteerror" if wants_l1(rows.shape) else "reg:squarederror"}


CARDS = (
    Card(
        name="xgboost",
        title="XGBoost",
        family=Family.CLASSICAL,
        build=f"{__name__}:XGBoost",
        paper="Chen, Guestrin, XGBoost, KDD 2016; defaults: Holzmüller et al., NeurIPS 2024",
        licence="Apache-2.0",
        requires=("xgboost",),
        needs=("xgboost",),
        anytime=True,
        boosts=True,
        portfolio=({}, OWN, {"learning_rate": 0.05, "max_depth": 4, "reg_lambda": 1.0, "colsample_bynode": 0.6}),
        space={
            "learning_rate": (0.01, 0.2, "log"),
            "max_depth": (3, 10),
            "min_child_weight": (1e-3, 20.0, "log"),
            "subsample": (0.5, 1.0),
            "colsample_bylevel": (0.5, 1.0),
            "reg_lambda": (1e-4, 10.0, "log"),
        },
    ),
)
