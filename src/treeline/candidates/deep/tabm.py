"""TabM: k MLPs in one, sharing all weights but cheap per-member scalings; their mean is the prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from treeline.candidates.card import Card, Shape
from treeline.candidates.deep.embed import Layout, category_table
from treeline.candidates.deep.network import NetCandidate
from treeline.problem.metric import Array
from treeline.problem.task import Family

__all__ = ["CARDS", "TabM", "TabMNet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TabMNet:
    """Blocks of ((x * r) W) * s + b, ReLU, dropout, with r, s, b of their own for each of the k inner members, and k heads."""

    blocks: tuple[int, ...]
    "Dense columns by feature: a feature's columns share the first random sign."
    embedded: int
    table: int
    starts: tuple[int, ...]
    outputs: int
    k: int
    hidden: int
    layers: int
    dropout: float
    per_category: int = 8
    block: ClassVar[int] = 256
    "Rows predicted at once: their activations stay in the cache."

    def init(self, x: Array, cat: Array, rng: np.random.Generator) -> dict[str, Array]:
        """Draw weights for M members; x (M, s, d) gives M. Only the first scaling is random, the others start at 1."""
        members, weights = len(x), {}
        if self.embedded:
            weights["table"] = category_table(members, self.starts, self.table, self.per_category, rng=rng)
        counts = np.array([*self.blocks, *([self.per_category] * self.embedded)], dtype=np.int64)
        fan_in = int(counts.sum())
        signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), (members, self.k, 1, len(counts)))
        for layer in range(self.layers):
            bound = fan_in**-0.5
            shape = (members, self.k, 1)
            weights[f"weight.{layer}"] = rng.uniform(-bound, bound, (members, fan_in, self.hidden)).astype(np.float32)
            weights[f"in.{layer}"] = (
                np.repeat(signs, counts, axis=-1) if layer == 0 else np.ones((*shape, fan_in), np.float32)
            )
            weights[f"out.{layer}"] = np.ones((*shape, self.hidden), np.float32)
            bias = rng.uniform(-bound, bound, (members, 1, 1, self.hidden)).astype(np.float32)
            weights[f"bias.{layer}"] = np.repeat(bias, self.k, axis=1)
            fan_in = self.hidden
        bound = fan_in**-0.5
        heads = (members, self.k, fan_in, self.outputs)
        weights["head.weight"] = rng.uniform(-bound, bound, heads).astype(np.float32)
        weights["head.bias"] = rng.uniform(-bound, bound, (members, self.k, 1, self.outputs)).astype(np.float32)
        return weights

    def forward(self, weights: dict[str, Any], x: Any, cat: Any, ops: Any) -> Any:
        """Return outputs (M, k, B, outputs) of rows x (M, B, d), cat (M, B, q)."""
        members, batch = x.shape[0], x.shape[1]
        if self.embedded:
            x = ops.concat([x, ops.take(weights["table"], cat).reshape(members, batch, -1)])
        h = x[:, None]
        for layer in range(self.layers):
            own = [weights[f"{part}.{layer}"] for part in ("in", "weight", "out", "bias")]
            h = ops.ensemble_block(h, *own, rate=self.dropout)
        heads, shift = weights["head.weight"], weights["head.bias"]
        flat = ops.linear(
            h.reshape(members * self.k, batch, -1),
            heads.reshape(members * self.k, -1, self.outputs),
            shift.reshape(members * self.k, 1, self.outputs),
        )
        return flat.reshape(members, self.k, batch, self.outputs)


def late_fall(t: float) -> float:
    """Stay at 1 until two thirds of the way, then fall to 0 linearly."""
    return min(1.0, 3 * (1 - t))


class TabM(NetCandidate):
    """TabM on quantile-normalised numbers; small by default, since the published size takes minutes on a CPU."""

    net_class = TabMNet
    inputs = "quantile"
    schedule = staticmethod(late_fall)
    plain = ("bias", "in", "out", "table")
    defaults: ClassVar[dict[str, Any]] = {
        "epochs": 60,
        "patience": 8,
        "lr": 2e-3,
        "weight_decay": 3e-4,
        "dropout": 0.1,
        "k": 16,
        "hidden": 256,
        "layers": 3,
    }

    def net(self, settings: Mapping[str, Any], layout: Layout, shape: Shape) -> TabMNet:
        """Return the network for such rows."""
        return TabMNet(
            blocks=layout.blocks,
            embedded=len(layout.embedded),
            table=layout.table,
            starts=layout.starts,
            outputs=max(1, shape.n_classes),
            k=int(settings["k"]),
            hidden=int(settings["hidden"]),
            layers=int(settings["layers"]),
            dropout=float(settings["dropout"]),
        )


CARDS = (
    Card(
        name="tabm",
        title="TabM",
        family=Family.DEEP,
        build="treeline.candidates.deep.tabm:TabM",
        paper="Gorishniy, Kotelnikov, Babenko: TabM, ICLR 2025, arXiv:2410.24210",
        requires=("torch",),
        extra="deep",
        anytime=True,
        batched=True,
        portfolio=(
            {},
            {"dropout": 0.3, "weight_decay": 0.03},
            {"k": 32, "hidden": 512, "patience": 16},
            {"layers": 2, "hidden": 384},
        ),
        space={
            "lr": (3e-4, 5e-3, "log"),
            "dropout": (0.0, 0.5),
            "weight_decay": (1e-5, 0.1, "log"),
            "hidden": [128, 256, 512],
            "layers": [1, 2, 3, 4],
            "k": [8, 16, 32],
        },
    ),
)
