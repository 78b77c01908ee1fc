"""What all candidates of this folder share: settings, the target's scale, fitting folds as one stack, predicting in numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np

from treeline.candidates.card import Clock, Fitted, Fold, Rows, Shape, State
from treeline.candidates.deep.embed import Inputs, Layout, fit_inputs, layout_of
from treeline.candidates.deep.loop import Member, Recipe, Trained, train
from treeline.candidates.deep.ops import NumpyOps
from treeline.problem.metric import Array
from treeline.problem.task import Task

__all__ = ["NetCandidate", "Target", "batch_for", "coslog4", "flat_cos", "warm_cos"]

BLOCK = 8192
"Rows encoded at once."
ALIKE = 1.25
"Folds whose row counts differ by at most this factor are trained as one stack."


def flat_cos(t: float) -> float:
    """Stay at 1 for the first half, then fall to 0 along a cosine."""
    return 1.0 if t < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1)))


def coslog4(t: float) -> float:
    """Four cosine cycles, each twice as long as the one before (Holzmüller et al., NeurIPS 2024)."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))


def warm_cos(t: float) -> float:
    """Rise over the first twentieth, then fall to 0 along a cosine."""
    return t / 0.05 if t < 0.05 else 0.5 * (1 + math.cos(math.pi * (t - 0.05) / 0.95))


def batch_for(rows: int, base: int = 256) -> int:
    """Return the batch size: `base`, fewer below 4 x base rows (never below 32), more above 30,000 rows."""
    if rows < 4 * base:
        return max(32, min(base, 1 << int(math.log2(max(rows, 4) / 4))))
    return base * (4 if rows > 100_000 else 2 if rows > 30_000 else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """How outputs (k, n, C) become predictions: probabilities, or values in the target's unit within what was seen."""

    task: Task
    log: bool = False
    mean: float = 0.0
    std: float = 1.0
    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def of(cls, rows: Rows) -> Target:
        """Fit on training rows; a metric of relative errors learns log(1 + y) where no target is negative."""
        if rows.shape.task.is_classification:
            return cls(task=rows.shape.task)
        y = rows.target.astype(np.float64)
        log = rows.shape.metric.name == "mean_absolute_percentage_error" and bool(y.min() >= 0)
        slack = 0.02 * float(y.max() - y.min())
        scaled = np.log1p(y) if log else y
        low, high = float(y.min()) - slack, float(y.max()) + slack
        return cls(
            task=Task.REGRESSION,
            log=log,
            mean=float(scaled.mean()),
            std=float(scaled.std()) or 1.0,
            low=max(low, 0.0) if log else low,
            high=high,
        )

    def encode(self, y: Array) -> Array:
        """Return what the network learns: codes (n,) int64 or standardised values (n,) float32."""
        if self.task.is_classification:
            return np.asarray(y, dtype=np.int64)
        return np.asarray(((np.log1p(y) if self.log else y) - self.mean) / self.std, dtype=np.float32)

    def decode(self, out: Array) -> Array:
        """Return predictions (n,) or (n, C), float32."""
        if self.task is Task.REGRESSION:
            value = out[..., 0].mean(axis=0).astype(np.float64) * self.std + self.mean
            if self.log:
                value = np.expm1(np.minimum(value, 700.0))
            return np.asarray(np.clip(value, self.low, self.high), dtype=np.float32)
        share = NumpyOps().softmax(out).mean(axis=0)
        return np.asarray(share[:, 1] if self.task is Task.BINARY else share)

    def meta(self) -> dict[str, Any]:
        """Return the state as JSON."""
        values = {name: value for name, value in asdict(self).items() if name != "task"}
        return {
            "task": str(self.task),
            "target": {name: value if math.isfinite(value) else None for name, value in values.items()},
        }

    @classmethod
    def restore(cls, meta: Mapping[str, Any]) -> Target:
        """Rebuild from `meta()`."""
        ends = {"low": -math.inf, "high": math.inf}
        values: dict[str, Any] = {
            name: ends[name] if value is None else value for name, value in meta["target"].items()
        }
        return cls(task=Task(meta["task"]), **values)


def loss_of(shape: Shape) -> str:
    """Return the training loss that serves the metric."""
    if shape.task.is_classification:
        return "cross_entropy"
    absolute = ("mean_absolute_error", "median_absolute_error", "mean_absolute_percentage_error")
    return "absolute" if shape.metric.name in absolute else "squared"


@dataclass(frozen=True, slots=True)
class FittedNet:
    """A fitted network, predicting in numpy."""

    net: Any
    weights: dict[str, Array]
    "Without the leading M."
    inputs: Inputs
    target: Target
    facts: dict[str, Any]

    def predict(self, rows: Rows) -> Array:
        """Return (n,) values or probabilities of `classes[1]`, or (n, C) probabilities, float32."""
        if not len(rows):
            blank = np.zeros((1, rows.num.shape[1]), np.float32), np.zeros((1, rows.cat.shape[1]), np.int32)
            return self.predict(Rows(rows.shape, *blank))[:0]
        weights = {name: value[None] for name, value in self.weights.items()}
        ops, parts, step = NumpyOps(), [], self.net.block
        for start in range(0, len(rows), BLOCK):
            x, cat = self.inputs.encode(rows.take(np.arange(start, min(start + BLOCK, len(rows)))))
            for at in range(0, len(x), step):
                out = self.net.forward(weights, x[None, at : at + step], cat[None, at : at + step], ops)
                parts.append(self.target.decode(out[0]))
        return np.concatenate(parts)

    def state(self) -> State:
        """Return weights and encoding as arrays, the rest as JSON."""
        arrays = {f"net/{name}": value for name, value in self.weights.items()}
        arrays |= {f"inputs/{name}": value for name, value in self.inputs.arrays.items()}
        meta = {
            "net": asdict(self.net),
            "layout": asdict(self.inputs.layout),
            **self.target.meta(),
            "facts": dict(self.facts),
        }
        return arrays, meta


class NetCandidate:
    """Fits folds as stacks of members; a subclass names the network, its settings and its recipe."""

    net_class: ClassVar[Any]
    inputs: ClassVar[str] = "robust"
    schedule: ClassVar[Any] = None
    "Factor of the learning rate by progress t in 0..1."
    plain: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[dict[str, Any]]

    def recipe(self, settings: Mapping[str, Any], shape: Shape, rows: int) -> Recipe:
        """Return how to train on so many rows: AdamW along `schedule`, without weight decay on the `plain` weights."""
        batch = batch_for(rows)
        return Recipe(
            epochs=int(settings["epochs"]),
            patience=int(settings["patience"]),
            batch=batch,
            lr=float(settings["lr"]) * max(1.0, batch / 256) ** 0.5,
            weight_decay=float(settings["weight_decay"]),
            schedule=self.schedule,
            factors=dict.fromkeys(self.plain, (1.0, 0.0)),
        )

    def net(self, settings: Mapping[str, Any], layout: Layout, shape: Shape) -> Any:
        """Return the network for such rows."""
        raise RuntimeError(f"{type(self).__name__} names no network")

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Fit one model per fold; folds of like size are trained at once. See `Candidate.fit`."""
        unknown = sorted(set(params) - set(self.defaults) - {"steps"})
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        settings = {**self.defaults, **params}
        layout = layout_of([fold.train for fold in folds])
        out: dict[int, Fitted] = {}
        groups = alike([len(fold.train) for fold in folds])
        for at, group in enumerate(groups):
            share = Clock(max(0.0, clock.left()) / (len(groups) - at), threads=clock.threads)
            fitted = self._fit_stack([folds[i] for i in group], settings, layout, clock=share, seed=seed + group[0])
            out.update(zip(group, fitted, strict=True))
        return [out[i] for i in range(len(folds))]

    def _fit_stack(
        self, folds: list[Fold], settings: dict[str, Any], layout: Layout, *, clock: Clock, seed: int
    ) -> list[FittedNet]:
        shape = folds[0].train.shape
        inputs = [fit_inputs(fold.train, layout, self.inputs) for fold in folds]
        targets = [Target.of(fold.train) for fold in folds]
        members = [_member(fold, given, target) for fold, given, target in zip(folds, inputs, targets, strict=True)]
        net = self.net(settings, layout, shape)
        rng = np.random.default_rng([seed, 7])
        x, cat = _sample(members, rng)
        weights: dict[str, Array] = net.init(x, cat, rng)
        recipe = replace(self.recipe(settings, shape, len(members[0].y)), loss=loss_of(shape))
        epochs = int(settings["steps"]) if "steps" in settings and all(fold.watch is None for fold in folds) else None
        trained: list[Trained] = train(net, weights, recipe, members=members, clock=clock, seed=seed, epochs=epochs)
        return [
            FittedNet(net, each.weights, given, target, each.facts)
            for each, given, target in zip(trained, inputs, targets, strict=True)
        ]

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild a fitted network from its state."""

        def settings(of: str) -> dict[str, Any]:
            return {name: tuple(value) if isinstance(value, list) else value for name, value in meta[of].items()}

        layout, net = Layout(**settings("layout")), self.net_class(**settings("net"))
        parts: dict[str, dict[str, Array]] = {"net": {}, "inputs": {}}
        for key, value in arrays.items():
            part, _, name = key.partition("/")
            parts[part][name] = value
        return FittedNet(net, parts["net"], Inputs(layout, parts["inputs"]), Target.restore(meta), meta["facts"])


def alike(counts: Sequence[int]) -> list[list[int]]:
    """Group folds by row count: within a group the largest is at most `ALIKE` times the smallest."""
    groups: list[list[int]] = []
    for i in sorted(range(len(counts)), key=lambda i: counts[i]):
        if groups and counts[i] <= ALIKE * counts[groups[-1][0]]:
            groups[-1].append(i)
        else:
            groups.append([i])
    return [sorted(group) for group in groups]


def _member(fold: Fold, inputs: Inputs, target: Target) -> Member:
    x, cat = inputs.encode(fold.train)
    member = Member(x=x, cat=cat, y=target.encode(fold.train.target), decode=target.decode, watch=fold.watch)
    if fold.watch is not None:
        member.watch_x, member.watch_cat = inputs.encode(fold.watch.rows)
    return member


def _sample(members: list[Member], rng: np.random.Generator, rows: int = 1024) -> tuple[Array, Array]:
    """Return some encoded rows of every member, (M, s, d) and (M, s, q), for weights drawn to suit the data."""
    picks = [rng.integers(0, len(member.y), rows) for member in members]
    x = np.stack([member.x[pick] for member, pick in zip(members, picks, strict=True)])
    cat = np.stack([member.cat[pick] for member, pick in zip(members, picks, strict=True)])
    return x, cat
