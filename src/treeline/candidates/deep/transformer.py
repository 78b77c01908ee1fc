"""A small feature-tokenizer transformer: every column is a token, attention lets columns look at each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from treeline.candidates.card import Card, Shape
from treeline.candidates.deep.embed import Layout, category_table
from treeline.candidates.deep.network import NetCandidate, warm_cos
from treeline.problem.metric import Array
from treeline.problem.task import Family

__all__ = ["CARDS", "Transformer", "TransformerNet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerNet:
    """Tokens of numbers and categories, a summary token, pre-normalised blocks of attention and a ReLU layer, a linear head."""

    blocks: tuple[int, ...]
    "Dense columns by feature: a feature's columns make one token."
    embedded: int
    table: int
    starts: tuple[int, ...]
    outputs: int
    dim: int
    heads: int
    layers: int
    dropout: float
    block: ClassVar[int] = 256
    "Rows predicted at once: their activations stay in the cache."

    def init(self, x: Array, cat: Array, rng: np.random.Generator) -> dict[str, Array]:
        """Draw weights for M members; x (M, s, d) gives M."""
        members, dim = len(x), self.dim

        def uniform(fan_in: int, *shape: int) -> Array:
            bound = fan_in**-0.5
            return rng.uniform(-bound, bound, (members, *shape)).astype(np.float32)

        def flat(value: float, width: int = dim) -> Array:
            return np.full((members, 1, width), value, dtype=np.float32)

        weights = {
            "token.weight": uniform(dim, sum(self.blocks), dim),
            "token.bias": uniform(dim, len(self.blocks) + 1, dim),
        }
        if self.embedded:
            table = category_table(members, self.starts, self.table, dim, rng=rng)
            weights["table"] = table * np.float32(dim**-0.5)
        for layer in range(self.layers):
            for part, fan_out in (("qkv", 3 * dim), ("mix", dim), ("up", 2 * dim)):
                weights[f"{part}.{layer}"], weights[f"bias.{part}.{layer}"] = (
                    uniform(dim, dim, fan_out),
                    flat(0.0, fan_out),
                )
            weights[f"down.{layer}"], weights[f"bias.down.{layer}"] = uniform(2 * dim, 2 * dim, dim), flat(0.0)
            for part in ("one", "two"):
                weights[f"norm.{part}.{layer}"], weights[f"bias.{part}.{layer}"] = flat(1.0), flat(0.0)
        weights["norm.head"], weights["bias.norm"] = flat(1.0), flat(0.0)
        weights["head"], weights["bias.head"] = uniform(dim, dim, self.outputs), flat(0.0, self.outputs)
        return weights

    def _tokens(self, weights: dict[str, Any], x: Any, cat: Any, ops: Any) -> Any:
        """Return tokens (M, B, tokens, dim), the summary first."""
        members, batch = x.shape[0], x.shape[1]
        weight, bias = weights["token.weight"], weights["token.bias"]
        single = next((at for at, count in enumerate(self.blocks) if count > 1), len(self.blocks))
        parts = [ops.expand(bias[:, None, :1], (members, batch, 1, self.dim))]
        if single:
            parts.append(x[:, :, :single, None] * weight[:, None, :single] + bias[:, None, 1 : single + 1])
        at = single
        for slot in range(single, len(self.blocks)):
            count = self.blocks[slot]
            parts.append(
                ops.linear(x[:, :, at : at + count], weight[:, at : at + count], bias[:, slot + 1 : slot + 2])[
                    :, :, None
                ]
            )
            at += count
        if self.embedded:
            parts.append(ops.take(weights["table"], cat))
        return ops.stack_tokens(parts)

    def forward(self, weights: dict[str, Any], x: Any, cat: Any, ops: Any) -> Any:
        """Return outputs (M, 1, B, outputs) of rows x (M, B, d), cat (M, B, q)."""
        h = self._tokens(weights, x, cat, ops)
        members, batch, tokens, dim = h.shape
        h = h.reshape(members, batch * tokens, dim)

        def linear(value: Any, part: str, layer: int) -> Any:
            return ops.linear(value, weights[f"{part}.{layer}"], weights[f"bias.{part}.{layer}"])

        for layer in range(self.layers):
            normed = ops.norm(h, weights[f"norm.one.{layer}"], weights[f"bias.one.{layer}"])
            qkv = linear(normed, "qkv", layer).reshape(members * batch, tokens, 3, self.heads, dim // self.heads)
            qkv = ops.permute(qkv, (2, 0, 3, 1, 4))
            seen = ops.permute(ops.attention(qkv[0], qkv[1], qkv[2], self.dropout), (0, 2, 1, 3))
            h = h + linear(seen.reshape(members, batch * tokens, dim), "mix", layer)
            normed = ops.norm(h, weights[f"norm.two.{layer}"], weights[f"bias.two.{layer}"])
            up = ops.drop(ops.act("relu", linear(normed, "up", layer)), self.dropout)
            h = h + linear(up, "down", layer)
        summary = h.reshape(members, batch, tokens, dim)[:, :, 0]
        summary = ops.act("relu", ops.norm(summary, weights["norm.head"], weights["bias.norm"]))
        return ops.linear(summary, weights["head"], weights["bias.head"])[:, None]


class Transformer(NetCandidate):
    """A transformer small enough for a CPU: two blocks of 32 values a token."""

    net_class = TransformerNet
    inputs = "quantile"
    schedule = staticmethod(warm_cos)
    plain = ("bias", "token", "table", "norm")
    defaults: ClassVar[dict[str, Any]] = {
        "epochs": 30,
        "patience": 10,
        "lr": 2e-3,
        "weight_decay": 1e-5,
        "dropout": 0.1,
        "dim": 32,
        "heads": 4,
        "layers": 2,
    }

    def net(self, settings: Mapping[str, Any], layout: Layout, shape: Shape) -> TransformerNet:
        """Return the network for such rows."""
        return TransformerNet(
            blocks=layout.blocks,
            embedded=len(layout.embedded),
            table=layout.table,
            starts=layout.starts,
            outputs=max(1, shape.n_classes),
            dim=int(settings["dim"]),
            heads=int(settings["heads"]),
            layers=int(settings["layers"]),
            dropout=float(settings["dropout"]),
        )


CARDS = (
    Card(
        name="transformer",
        title="Tabular transformer",
        family=Family.DEEP,
        build="treeline.candidates.deep.transformer:Transformer",
        paper="Gorishniy et al.: Revisiting Deep Learning Models for Tabular Data, NeurIPS 2021, arXiv:2106.11959",
        requires=("torch",),
        extra="deep",
        anytime=True,
        batched=True,
        max_rows=20_000,
        portfolio=({}, {"dropout": 0.2, "lr": 1e-3}, {"dim": 64, "lr": 1e-3}, {"layers": 3, "lr": 1e-3}),
        space={"lr": (3e-4, 5e-3, "log"), "dropout": (0.0, 0.4), "dim": [32, 64, 96], "layers": [1, 2, 3]},
    ),
)
