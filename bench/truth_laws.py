"""Populations with a law that is known, and the small real learners that the worlds of `truth.py` are made of.

Trees: LightGBM of 45 rounds. Smooth: logistic or ridge regression on random Fourier features (Rahimi and Recht 2007), a small
kernel machine. Each shows its predictions at three stages (rounds; falling ridge), so that stopping is chosen as in a contest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm
import numpy as np

from treeline.problem.task import Task

Array = np.ndarray
Stages = Callable[[Array], list[Array]]
ROUNDS = (15, 30, 45)
RIDGES = (30.0, 3.0, 0.3)
FEATURES = 40
CLASSES = {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 0}


@dataclass(frozen=True)
class Law:
    """A population: a linear part, bends, steps and one product; how strong and how noisy is drawn as well."""

    task: Task
    seed: int
    shuffled: bool = False
    "Whether the target has nothing to do with the inputs."

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Array, Array]:
        """Return inputs (rows, d) and targets (rows,) of the population."""
        own = np.random.default_rng(self.seed)
        width, out = int(own.integers(5, 11)), max(CLASSES[self.task], 1)
        parts = own.dirichlet(np.ones(4), size=out)
        line, bend, step = (own.normal(size=(width, out)) / np.sqrt(width) for _ in range(3))
        strength, tilt = own.uniform(1.0, 2.5), own.uniform(-1.0, 1.0)
        x = rng.normal(size=(rows, width))
        pieces = (x @ line, np.sin(2 * x @ bend), np.sign(x) @ step, (x[:, :1] * x[:, 1:2]).repeat(out, axis=1))
        signal = strength * sum(np.sqrt(parts[:, i]) * piece for i, piece in enumerate(pieces))
        if self.task is Task.REGRESSION:
            y = signal[:, 0] + rng.normal(size=rows)
        elif self.task is Task.BINARY:
            y = (rng.random(rows) < 1 / (1 + np.exp(-signal[:, 0] - tilt))).astype(np.int64)
        else:
            y = (signal + rng.gumbel(size=signal.shape)).argmax(axis=1)
        return x, rng.permutation(y) if self.shuffled else y


def trees(x: Array, y: Array, task: Task, *, setting: int, seed: int) -> Stages:
    """Fit boosted trees and return a function that gives their predictions at three stages."""
    kind = {Task.BINARY: "binary", Task.MULTICLASS: "multiclass", Task.REGRESSION: "regression"}[task]
    params = {
        "objective": kind, "num_leaves": (7, 15)[setting], "learning_rate": (0.15, 0.08)[setting], "min_data_in_leaf": 10,
        "bagging_fraction": 0.7, "bagging_freq": 1, "feature_fraction": 0.7, "seed": seed, "num_threads": 1, "verbosity": -1,
        "max_bin": 63,
    }  # fmt: skip
    if task is Task.MULTICLASS:
        params["num_class"] = CLASSES[task]
    booster = lightgbm.train(params, lightgbm.Dataset(x, y), ROUNDS[-1])

    def stages(new: Array) -> list[Array]:
        found, raw, start = [], 0.0, 0
        for end in ROUNDS:
            raw = raw + booster.predict(new, raw_score=True, start_iteration=start, num_iteration=end - start)
            found.append(_linked(raw, task))
            start = end
        return found

    return stages


def smooth(x: Array, y: Array, task: Task, *, setting: int, seed: int) -> Stages:
    """Fit a ridge or logistic regression on random Fourier features; the stages are falling ridges."""
    rng = np.random.default_rng(seed)
    turn = rng.normal(size=(x.shape[1], FEATURES)) * (0.3, 0.6)[setting]
    shift = rng.uniform(0, 2 * np.pi, FEATURES)

    def lifted(new: Array) -> Array:
        return np.column_stack([np.ones(len(new)), new, np.cos(new @ turn + shift)])

    phi = lifted(x)
    if task is Task.MULTICLASS:
        paths = [_logistic(phi, (y == c).astype(float)) for c in range(CLASSES[task])]
        path = [np.column_stack(level) for level in zip(*paths, strict=True)]
    else:
        path = _ridge(phi, y) if task is Task.REGRESSION else _logistic(phi, y.astype(float))

    def stages(new: Array) -> list[Array]:
        up = lifted(new)
        return [_linked(up @ weights, task) for weights in path]

    return stages


def _ridge(phi: Array, y: Array) -> list[Array]:
    gram, pull = phi.T @ phi, phi.T @ y
    return [np.linalg.solve(gram + ridge * np.eye(len(gram)), pull) for ridge in RIDGES]


def _logistic(phi: Array, y: Array) -> list[Array]:
    """Newton's method, each ridge started where the one before ended."""
    weights, path = np.zeros(phi.shape[1]), []
    for ridge in RIDGES:
        for _ in range(3):
            p = 1 / (1 + np.exp(-np.clip(phi @ weights, -30, 30)))
            slope = phi.T @ (p - y) + ridge * weights
            bend = (phi * (p * (1 - p))[:, None]).T @ phi + ridge * np.eye(len(weights))
            weights = weights - np.linalg.solve(bend, slope)
        path.append(weights)
    return path


def _linked(raw: Array, task: Task) -> Array:
    """Return values, the probability of the second class, or the probabilities of all."""
    if task is Task.REGRESSION:
        return raw
    if task is Task.BINARY:
        return 1 / (1 + np.exp(-np.clip(raw, -30, 30)))
    return _softmax(raw)


def shifted(prediction: Array, x: Array, task: Task, size: float) -> Array:
    """Return a prediction (..., n) or (..., n, C) with an error of `size` that is a fixed function of the inputs.

    It stands for what a family gets wrong however many rows it sees; members share it, so no blend takes it away.
    """
    if size == 0:
        return prediction
    wrong = size * np.sin(1.7 * x[:, 0] + 1.3 * x[:, 1])
    if task is Task.REGRESSION:
        return prediction + wrong
    clipped = np.clip(prediction, 1e-6, 1 - 1e-6)
    if task is Task.BINARY:
        return 1 / (1 + (1 - clipped) / clipped * np.exp(-wrong))
    tilt = np.outer(wrong, np.linspace(-1, 1, CLASSES[task]))
    return _softmax(np.log(clipped) + tilt)


def _softmax(logits: Array) -> Array:
    high = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return high / high.sum(axis=-1, keepdims=True)
