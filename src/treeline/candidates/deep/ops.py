"""The arithmetic a network is written in, on numpy: what predicting uses. `device.TorchOps` is its twin for training.

Arrays have a leading dimension of members M. Functions may write into the arrays that they themselves made, never into
their arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from treeline.problem.metric import Array

__all__ = ["NumpyOps"]

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


class NumpyOps:
    """Plain numpy: float32 in, float32 out, no dropout."""

    def linear(self, x: Array, weight: Array, bias: Array, gain: float = 1.0) -> Array:
        """Return `gain * x @ weight + bias`; x (M, B, i), weight (M, i, o), bias (M, 1, o)."""
        out = np.matmul(x, weight)
        if gain != 1.0:
            out *= np.float32(gain)
        out += bias
        return np.asarray(out)

    def act(self, name: str, x: Array) -> Array:
        """Return the activation `name` (relu, selu, mish) of x."""
        if name == "relu":
            return np.asarray(np.maximum(x, np.float32(0)))
        low = np.exp(np.minimum(x, np.float32(0 if name == "selu" else 20)))
        if name == "selu":
            low -= np.float32(1)
            low *= np.float32(SELU_SCALE * SELU_ALPHA)
            low += np.float32(SELU_SCALE) * np.maximum(x, np.float32(0))
            return np.asarray(low)
        twice = low * (low + np.float32(2))
        return np.asarray(x * (twice / (twice + np.float32(2))))

    def bent_linear(self, x: Array, weight: Array, bias: Array, bend: Array, *, act: str, rate: float) -> Array:
        """Return RealMLP's layer: z = x W / sqrt(i) + b, then z + bend * (act(z) - z), then dropout at `rate`."""
        out = self.linear(x, weight, bias, x.shape[-1] ** -0.5)
        step = self.act(act, out)
        step -= out
        step *= bend
        out += step
        return out

    def ensemble_block(
        self, x: Array, first: Array, weight: Array, second: Array, bias: Array, *, rate: float
    ) -> Array:
        """Return TabM's block: relu(((x * first) W) * second + bias), then dropout at `rate`.

        x (M, 1 or k, B, i), first (M, k, 1, i), weight (M, i, o), second and bias (M, k, 1, o) -> (M, k, B, o).
        """
        out = np.matmul(x * first, weight[:, None])
        out *= second
        out += bias
        return np.asarray(np.maximum(out, np.float32(0), out=out))

    def drop(self, x: Array, rate: float) -> Array:
        """Return x: there is no dropout when predicting."""
        return x

    def cos(self, x: Array) -> Array:
        """Return the cosine."""
        return np.asarray(np.cos(x))

    def sin(self, x: Array) -> Array:
        """Return the sine."""
        return np.asarray(np.sin(x))

    def concat(self, parts: list[Array]) -> Array:
        """Join arrays along their last axis."""
        return np.concatenate(parts, axis=-1)

    def stack_tokens(self, parts: list[Array]) -> Array:
        """Join (M, B, t, d) arrays along their third axis."""
        return np.concatenate(parts, axis=2)

    def expand(self, x: Array, shape: tuple[int, ...]) -> Array:
        """Return x broadcast to `shape`."""
        return np.broadcast_to(x, shape)

    def take(self, table: Array, index: Array) -> Array:
        """Look rows up: table (M, r, d), index (M, B, q) -> (M, B, q, d)."""
        return np.stack([rows[at] for rows, at in zip(table, index, strict=True)])

    def norm(self, x: Array, weight: Array, bias: Array) -> Array:
        """Return x with its last axis normalised to mean 0 and deviation 1, scaled and shifted."""
        out = x - x.mean(axis=-1, keepdims=True)
        out /= np.sqrt((out * out).mean(axis=-1, keepdims=True) + np.float32(1e-5))
        out *= weight
        out += bias
        return np.asarray(out)

    def attention(self, query: Array, key: Array, value: Array, rate: float) -> Array:
        """Return softmax(q k' / sqrt(d)) v over the last two axes (tokens, d)."""
        scores = np.matmul(query, np.swapaxes(key, -1, -2)) / np.float32(np.sqrt(query.shape[-1]))
        return np.asarray(np.matmul(self.softmax(scores), value))

    def softmax(self, x: Array) -> Array:
        """Return the softmax over the last axis."""
        out = np.exp(x - x.max(axis=-1, keepdims=True))
        out /= out.sum(axis=-1, keepdims=True)
        return np.asarray(out)

    def permute(self, x: Array, axes: tuple[int, ...]) -> Any:
        """Return x with its axes in this order."""
        return np.transpose(x, axes)
