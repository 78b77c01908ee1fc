"""RealMLP with its tuned defaults (RealMLP-TD): an MLP whose many small tricks were chosen on many data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from treeline.candidates.card import Card, Shape
from treeline.candidates.deep.embed import Layout, category_table, periodic, periodic_init
from treeline.candidates.deep.loop import Recipe
from treeline.candidates.deep.network import NetCandidate, batch_for, coslog4, flat_cos
from treeline.candidates.deep.ops import NumpyOps
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "RealMLP", "RealMLPNet"]

LABEL_METRICS = ("accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", "matthews_corrcoef")


@dataclass(frozen=True, slots=True, kw_only=True)
class RealMLPNet:
    """Periodic embeddings, a scaling layer, and blocks in neural tangent parametrisation with a parametric activation."""

    numbers: int
    embedded: int
    table: int
    starts: tuple[int, ...]
    "First table row of each embedded category: its missing code."
    outputs: int
    hidden: int
    layers: int
    dropout: float
    act: str
    sizes: tuple[int, int, int] = (16, 3, 8)
    "Frequencies and learned values per number (beside the number itself), learned values per category."
    block: ClassVar[int] = 1024
    "Rows predicted at once: their activations stay in the cache."

    def init(self, x: Array, cat: Array, rng: np.random.Generator) -> dict[str, Array]:
        """Draw weights for M members so that every layer starts with deviation 1 on sample rows x (M, s, d), cat (M, s, q)."""
        members = len(x)
        weights: dict[str, Array] = {}
        if self.numbers:
            frequencies, size, _ = self.sizes
            weights |= periodic_init(members, self.numbers, frequencies=frequencies, size=size, sigma=0.1, rng=rng)
        if self.embedded:
            weights["table"] = category_table(members, self.starts, self.table, self.sizes[2], rng=rng)
        ops = NumpyOps()
        h = self._embed(weights, x, cat, ops)
        weights["scale"] = np.ones((members, 1, h.shape[-1]), dtype=np.float32)
        for layer in range(self.layers + 1):
            width = self.hidden if layer < self.layers else self.outputs
            h = _draw(weights, layer, h, width, rng)
            if layer < self.layers:
                weights[f"act.{layer}"] = np.ones((members, 1, width), dtype=np.float32)
                h = ops.act(self.act, h)
        return weights

    def _embed(self, weights: dict[str, Any], x: Any, cat: Any, ops: Any) -> Any:
        parts = [x]
        if self.numbers:
            waves = ops.permute(periodic(weights, x[:, :, : self.numbers], ops), (0, 2, 1, 3))
            parts.append(waves.reshape(x.shape[0], x.shape[1], -1))
        if self.embedded:
            parts.append(ops.take(weights["table"], cat).reshape(x.shape[0], x.shape[1], -1))
        return ops.concat(parts)

    def forward(self, weights: dict[str, Any], x: Any, cat: Any, ops: Any) -> Any:
        """Return outputs (M, 1, B, outputs) of rows x (M, B, d), cat (M, B, q)."""
        h = self._embed(weights, x, cat, ops) * weights["scale"]
        for layer in range(self.layers):
            own = [weights[f"{part}.{layer}"] for part in ("weight", "bias", "act")]
            h = ops.bent_linear(h, *own, act=self.act, rate=self.dropout)
        out = ops.linear(h, weights[f"weight.{self.layers}"], weights[f"bias.{self.layers}"], h.shape[-1] ** -0.5)
        return out[:, None]


def _draw(weights: dict[str, Array], layer: int, h: Array, width: int, rng: np.random.Generator) -> Array:
    """Add a layer whose outputs on `h` have deviation 1 and whose biases put every unit's bend among the rows ("he+5")."""
    members, rows, fan_in = h.shape
    weight = rng.standard_normal((members, fan_in, width)).astype(np.float32)
    out = np.matmul(h, weight) * np.float32(fan_in**-0.5)
    spread = np.maximum(out.std(axis=1, keepdims=True), np.float32(1e-6))
    weight /= spread
    out /= spread
    simplex = rng.exponential(size=(members, 5, width))
    simplex /= simplex.sum(axis=1, keepdims=True)
    picks = np.take_along_axis(out, rng.integers(0, rows, (members, 5, width)), axis=1)
    bias = -(picks * simplex).sum(axis=1, keepdims=True).astype(np.float32)
    weights[f"weight.{layer}"], weights[f"bias.{layer}"] = weight, bias
    return np.asarray(out + bias)


class RealMLP(NetCandidate):
    """RealMLP-TD; 64 epochs by default, which is a quarter of the published number at nearly its score."""

    net_class = RealMLPNet
    inputs = "robust"
    defaults: ClassVar[dict[str, Any]] = {
        "epochs": 64,
        "lr": None,
        "weight_decay": 0.02,
        "dropout": 0.15,
        "hidden": 256,
        "layers": 3,
        "smoothing": None,
    }

    def net(self, settings: Mapping[str, Any], layout: Layout, shape: Shape) -> RealMLPNet:
        """Return the network for such rows."""
        return RealMLPNet(
            numbers=layout.numbers,
            embedded=len(layout.embedded),
            table=layout.table,
            starts=layout.starts,
            outputs=max(1, shape.n_classes),
            hidden=int(settings["hidden"]),
            layers=int(settings["layers"]),
            dropout=float(settings["dropout"]),
            act="mish" if shape.task is Task.REGRESSION else "selu",
        )

    def recipe(self, settings: Mapping[str, Any], shape: Shape, rows: int) -> Recipe:
        """Return the published recipe; labels are smoothed only where the metric asks for labels, not for probabilities."""
        lr = settings["lr"] or (0.2 if shape.task is Task.REGRESSION else 0.04)
        smoothing = settings["smoothing"]
        if smoothing is None:
            smoothing = 0.1 if shape.metric.name in LABEL_METRICS else 0.0
        batch = batch_for(rows)
        return Recipe(
            epochs=int(settings["epochs"]),
            patience=int(settings["epochs"]),
            batch=batch,
            lr=lr * max(1.0, batch / 256) ** 0.5,
            betas=(0.9, 0.95),
            weight_decay=float(settings["weight_decay"]),
            smoothing=float(smoothing),
            schedule=coslog4,
            decay=flat_cos,
            factors={"scale": (6.0, 1.0), "bias": (0.1, 0.0), "act": (0.1, 1.0), "plr": (0.1, 1.0)},
        )


CARDS = (
    Card(
        name="realmlp",
        title="RealMLP",
        family=Family.DEEP,
        build="treeline.candidates.deep.realmlp:RealMLP",
        paper="Holzmüller, Grinsztajn, Steinwart: Better by Default, NeurIPS 2024, arXiv:2407.04491",
        requires=("torch",),
        extra="deep",
        anytime=True,
        batched=True,
        portfolio=(
            {},
            {"dropout": 0.0, "weight_decay": 0.005},
            {"epochs": 256},
            {"hidden": 384, "dropout": 0.3},
        ),
        space={
            "lr": (0.01, 0.3, "log"),
            "dropout": (0.0, 0.5),
            "weight_decay": (0.001, 0.1, "log"),
            "hidden": [128, 256, 384],
        },
    ),
)
