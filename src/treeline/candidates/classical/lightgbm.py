"""LightGBM with the tuned defaults of RealMLP's authors, and settings of AutoGluon's portfolio.

Categories are given as target means: clearly better than LightGBM's own category splits on two of ten tables, where the few
rows a leaf may hold let those overfit, and within a few per cent elsewhere (docs/decisions/0003). The library's own defaults,
with its own splits of categories, are a setting beside them: milder, so they drift less (docs/decisions/0020).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.rounds import faster, run_rounds, share_of
from treeline.candidates.classical.target import Scale, sigmoid, softmax, training_target, wants_l1
from treeline.candidates.prepare import TargetMean, codes_of, settings
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "LightGBM"]

COMMON: dict[str, Any] = {
    "steps": 1000,
    "patience": 300,
    "bagging_freq": 1,
    "feature_fraction": 1.0,
    "lambda_l1": 0.0,
    "lambda_l2": 0.0,
    "min_sum_hessian_in_leaf": 1e-7,
    "extra_trees": False,
    "max_bin": 255,
    "categories": "means",
}
LABELS = {"learning_rate": 0.04, "bagging_fraction": 0.75, "num_leaves": 50, "min_data_in_leaf": 40}
VALUES = {"learning_rate": 0.05, "bagging_fraction": 0.7, "num_leaves": 100, "min_data_in_leaf": 3}
OWN = {
    "categories": "native",
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "min_sum_hessian_in_leaf": 1e-3,
    "bagging_fraction": 1.0,
}
"LightGBM's own defaults."
PILOT = 10
BLOCK = 300
"Trees that are walked together: more of them fall out of the processor's cache (3.5 times slower on 26 classes)."


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted LightGBM model."""

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
        matrix = _matrix(rows, self.means(rows.cat), native=self.native)
        block = max(1, BLOCK // self.booster.num_model_per_iteration())
        raw = np.zeros(())
        for start in range(0, max(self.booster.num_trees() // self.booster.num_model_per_iteration(), 1), block):
            raw = raw + self.booster.predict(matrix, start_iteration=start, num_iteration=block, raw_score=True)
        if shape.task is Task.REGRESSION:
            return self.scale.back(raw)
        return sigmoid(raw) if shape.task is Task.BINARY else softmax(raw)

    def state(self) -> State:
        """Return LightGBM's own text format and the encoder."""
        text = np.frombuffer(self.booster.model_to_string().encode(), dtype=np.uint8)
        return {"model": text, **self.means.arrays()}, {
            "scale": self.scale.meta(),
            "rate": self.rate,
            "native": self.native,
        }


class LightGBM:
    """Leaf-wise boosting on histograms."""

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Boost fold after fold; where the clock allows few rounds, each one learns more."""
        return [
            self._fit(fold, params, until=share_of(clock, len(folds) - i), threads=clock.threads, seed=seed)
            for i, fold in enumerate(folds)
        ]

    def _fit(self, fold: Fold, params: Mapping[str, Any], *, until: float, threads: int, seed: int) -> Fitted:
        import lightgbm as lgb

        shape = fold.train.shape
        chosen = settings({**COMMON, **(VALUES if shape.task is Task.REGRESSION else LABELS)}, params)
        native = chosen["categories"] == "native"
        means, encoded = TargetMean.fit(fold.train, [] if native else list(range(len(shape.cards))), seed=seed)
        scale, label, weight = training_target(fold.train)
        config = {
            **{name: value for name, value in chosen.items() if name not in ("steps", "patience", "categories")},
            **_objective(fold.train),
            "num_threads": threads,
            "seed": seed,
            "verbosity": -1,
            "metric": "none",
            "deterministic": True,
            "force_col_wise": True,
            "feature_pre_filter": False,
            # A quarter of the usual sample: finding the bins takes half the time.
            "bin_construct_sample_cnt": 50_000,
        }
        split = [len(shape.num_names) + j for j in range(len(shape.cards))] if native else []
        matrix = _matrix(fold.train, encoded, native=native)
        data = lgb.Dataset(matrix, label, weight=weight, params=config, categorical_feature=split).construct()
        booster = lgb.Booster(config, data)
        if fold.watch is not None:
            held = fold.watch.rows
            shown = _matrix(held, means(held.cat), native=native)
            booster.add_valid(lgb.Dataset(shown, held.target, reference=data, params=config), "held")
        keep = self._boost(booster, fold, chosen, scale, until)
        final = lgb.Booster(model_str=booster.model_to_string(num_iteration=keep))
        final.params["num_threads"] = threads
        return Boosted(final, means, scale, chosen["learning_rate"], native)

    def _boost(self, booster: Any, fold: Fold, chosen: dict[str, Any], scale: Scale, until: float) -> int:
        begun = time.monotonic()
        regression = fold.train.shape.task is Task.REGRESSION

        def step(done: int) -> bool:
            if done == PILOT + 1 and fold.watch is not None:
                gain = faster((time.monotonic() - begun) / PILOT, until)
                if gain > 1:
                    chosen["learning_rate"] *= gain
                    booster.reset_parameter({"learning_rate": chosen["learning_rate"]})
            # A round whose random draw allows no split is drawn again; only many such in a row are the end.
            return any(not booster.update() for _ in range(20))

        def show(done: int) -> Array:
            seen: list[Array] = []

            def keep(prediction: Array, _: Any) -> tuple[str, float, bool]:
                seen.append(prediction)
                return "seen", 0.0, False

            # LightGBM keeps the held-out rows' scores up to date; asking for them is all that a look costs.
            booster.eval_valid(feval=keep)
            return scale.back(seen[0]) if regression else seen[0]

        return run_rounds(
            step,
            show,
            watch=fold.watch,
            until=until,
            rounds=chosen["steps"],
            patience=chosen["patience"],
            rate=chosen["learning_rate"],
        )

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild from the text format."""
        import lightgbm as lgb

        booster = lgb.Booster(model_str=arrays["model"].tobytes().decode())
        means = TargetMean(arrays["columns"], arrays["start"], arrays["means"])
        return Boosted(booster, means, Scale(**meta["scale"]), meta.get("rate", 0.0), meta.get("native", False))


def _matrix(rows: Rows, encoded: Array, *, native: bool) -> Array:
    """Return numbers and encoded categories, or, where the library splits those itself, their codes, missing as NaN."""
    return np.hstack([rows.num, codes_of(rows) if native else encoded]).astype(np.float32, copy=False)


def _objective(rows: Rows) -> dict[str, Any]:
    if rows.shape.task is Task.MULTICLASS:
        return {"objective": "multiclass", "num_class": rows.shape.n_classes}
    if rows.shape.task is Task.BINARY:
        return {"objective": "binary"}
    return {"objective": "l1" if wants_l1(rows.shape) else "l2"}


CARDS = (
    Card(
        name="lightgbm",
        title="LightGBM",
        family=Family.CLASSICAL,
        build=f"{__name__}:LightGBM",
        paper="Ke et al., LightGBM, NeurIPS 2017; defaults: Holzmüller et al., NeurIPS 2024; Erickson et al., 2020",
        licence="MIT",
        requires=("lightgbm",),
        needs=("lightgbm",),
        anytime=True,
        boosts=True,
        mild=1,
        portfolio=(
            {},
            OWN,
            {
                "learning_rate": 0.0121,
                "num_leaves": 53,
                "feature_fraction": 0.702,
                "min_data_in_leaf": 14,
                "steps": 3000,
            },
            {
                "extra_trees": True,
                "learning_rate": 0.0179,
                "num_leaves": 39,
                "feature_fraction": 0.462,
                "bagging_fraction": 0.877,
                "min_data_in_leaf": 3,
                "lambda_l1": 0.24,
                "lambda_l2": 0.36,
                "steps": 3000,
            },
            {
                "learning_rate": 0.0114,
                "num_leaves": 84,
                "feature_fraction": 0.528,
                "bagging_fraction": 0.978,
                "min_data_in_leaf": 3,
                "steps": 3000,
            },
            {
                "extra_trees": True,
                "learning_rate": 0.0127,
                "num_leaves": 5,
                "feature_fraction": 0.733,
                "steps": 3000,
            },
        ),
        space={
            "learning_rate": (0.01, 0.1, "log"),
            "num_leaves": (4, 200, "log"),
            "min_data_in_leaf": (1, 64, "log"),
            "feature_fraction": (0.4, 1.0),
            "bagging_fraction": (0.7, 1.0),
            "lambda_l1": (1e-5, 1.0, "log"),
            "lambda_l2": (1e-5, 2.0, "log"),
            "extra_trees": [False, True],
        },
    ),
)
