"""A plain MLP on periodic embeddings of its numbers: the simplest net that holds its own on tables.

Its second setting leaves the embeddings out, with the defaults of the authors' reference library: smoother in its inputs, and
another net altogether beside the three that embed (docs/decisions/0020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from treeline.candidates.card import Card, Shape
from treeline.candidates.deep.embed import Layout, category_table, periodic, periodic_init
from treeline.candidates.deep.network import NetCandidate, warm_cos
from treeline.problem.metric import Array
from treeline.problem.task import Family

__all__ = ["CARDS", "MLP", "MLPNet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MLPNet:
    """Periodic embeddings with a ReLU, then blocks of linear, ReLU, dropout."""

    numbers: int
    width: int
    embedded: int
    table: int
    starts: tuple[int, ...]
    outputs: int
    hidden: int
    layers: int
    dropout: float
    sizes: tuple[int, int, int] = (16, 8, 8)
    "Frequencies and learned values per number, learned values per category."
    sigma: float = 0.1
    block: ClassVar[int] = 1024
    "Rows predicted at once: their activations stay in the cache."

    def init(self, x: Array, cat: Array, rng: np.random.Generator) -> dict[str, Array]:
        """Draw weights for M members; x (M, s, d) gives M."""
        members = len(x)
        frequencies, size, per_category = self.sizes
        weights: dict[str, Array] = {}
        if self.numbers:
            weights |= periodic_init(
                members, self.numbers, frequencies=frequencies, size=size, sigma=self.sigma, rng=rng
            )
        if self.embedded:
            weights["table"] = category_table(members, self.starts, self.table, per_category, rng=rng)
        fan_in = self.width + self.numbers * size + self.embedded * per_category
        for layer in range(self.layers + 1):
            fan_out = self.hidden if layer < self.layers else self.outputs
            bound = fan_in**-0.5
            weights[f"weight.{layer}"] = rng.uniform(-bound, bound, (members, fan_in, fan_out)).astype(np.float32)
            weights[f"bias.{layer}"] = rng.uniform(-bound, bound, (members, 1, fan_out)).astype(np.float32)
            fan_in = fan_out
        return weights

    def forward(self, weights: dict[str, Any], x: Any, cat: Any, ops: Any) -> Any:
        """Return outputs (M, 1, B, outputs) of rows x (M, B, d), cat (M, B, q)."""
        parts = [x]
        if self.numbers:
            waves = ops.act("relu", periodic(weights, x[:, :, : self.numbers], ops))
            parts.append(ops.permute(waves, (0, 2, 1, 3)).reshape(x.shape[0], x.shape[1], -1))
        if self.embedded:
            parts.append(ops.take(weights["table"], cat).reshape(x.shape[0], x.shape[1], -1))
        h = ops.concat(parts)
        for layer in range(self.layers):
            h = ops.act("relu", ops.linear(h, weights[f"weight.{layer}"], weights[f"bias.{layer}"]))
            h = ops.drop(h, self.dropout)
        return ops.linear(h, weights[f"weight.{self.layers}"], weights[f"bias.{self.layers}"])[:, None]


class MLP(NetCandidate):
    """An MLP on quantile-normalised numbers with periodic embeddings, small one-hot and large embedded categories."""

    net_class = MLPNet
    inputs = "quantile"
    schedule = staticmethod(warm_cos)
    plain = ("bias", "table")
    defaults: ClassVar[dict[str, Any]] = {
        "epochs": 40,
        "patience": 16,
        "lr": 2e-3,
        "weight_decay": 1e-3,
        "dropout": 0.15,
        "hidden": 256,
        "layers": 2,
        "sigma": 0.1,
        "periodic": True,
    }

    def net(self, settings: Mapping[str, Any], layout: Layout, shape: Shape) -> MLPNet:
        """Return the network for such rows."""
        return MLPNet(
            numbers=layout.numbers if settings["periodic"] else 0,
            width=layout.width,
            embedded=len(layout.embedded),
            table=layout.table,
            starts=layout.starts,
            outputs=max(1, shape.n_classes),
            hidden=int(settings["hidden"]),
            layers=int(settings["layers"]),
            dropout=float(settings["dropout"]),
            sigma=float(settings["sigma"]),
        )


PLAIN = {"periodic": False, "layers": 2, "hidden": 384, "dropout": 0.1, "lr": 1e-3, "weight_decay": 3e-4}
"The MLP of rtdl_revisiting_models (Gorishniy et al., NeurIPS 2021), with nothing learned about single numbers."

CARDS = (
    Card(
        name="mlp",
        title="MLP with periodic embeddings",
        family=Family.DEEP,
        build="treeline.candidates.deep.mlp:MLP",
        paper="Gorishniy, Rubachev, Babenko: On Embeddings for Numerical Features, NeurIPS 2022, arXiv:2203.05556",
        requires=("torch",),
        extra="deep",
        anytime=True,
        batched=True,
        portfolio=(
            {},
            PLAIN,
            {"sigma": 0.5, "dropout": 0.3},
            {"layers": 3, "hidden": 384},
            {"sigma": 0.02, "layers": 3},
        ),
        space={
            "lr": (3e-4, 1e-2, "log"),
            "dropout": (0.0, 0.5),
            "weight_decay": (1e-5, 0.1, "log"),
            "hidden": [128, 256, 384],
            "layers": [1, 2, 3],
            "sigma": (0.01, 1.0, "log"),
        },
    ),
)
