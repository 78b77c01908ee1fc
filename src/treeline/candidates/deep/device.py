"""The torch side of the networks: arithmetic, the module that holds a stack of members, the device it runs on.

This file and `fused` have torch at their top; they are imported inside functions, by `loop` alone.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from treeline.candidates.deep.fused import BatchEnsembleBlock
from treeline.problem.metric import Array

__all__ = ["AdamW", "Device", "Stack", "TorchOps"]

POOL = 2**20


class TorchOps:
    """The twin of `ops.NumpyOps` on tensors, with gradients; `keep` scales every dropout rate."""

    def __init__(self) -> None:
        """Start in training mode, with full dropout."""
        self.training = True
        self.keep = 1.0
        self._pools: dict[float, tuple[float, Any]] = {}

    def linear(self, x: Any, weight: Any, bias: Any, gain: float = 1.0) -> Any:
        """See `NumpyOps.linear`; one fused call."""
        return torch.baddbmm(bias, x, weight, alpha=gain)

    def act(self, name: str, x: Any) -> Any:
        """See `NumpyOps.act`."""
        return {"relu": F.relu, "selu": F.selu, "mish": F.mish}[name](x)

    def drop(self, x: Any, rate: float) -> Any:
        """Drop a share of the values while training.

        Drawing masks would cost a CPU a fifth of a step, so there they are windows at random places of one long mask.
        """
        now = rate * self.keep
        if not self.training or now <= 0:
            return x
        if x.is_cuda:
            return F.dropout(x, now)
        return x * self._mask(tuple(x.shape), rate)

    def _mask(self, shape: tuple[int, ...], rate: float) -> Any:
        """Return a dropout mask, scaled to mean 1, or None where nothing is dropped."""
        now = rate * self.keep
        if not self.training or now <= 0:
            return None
        size = math.prod(shape)
        held, pool = self._pools.get(rate, (-1.0, None))
        if abs(held - now) > 0.02 * rate or len(pool) < size + POOL:
            pool = torch.empty(size + POOL).bernoulli_(1 - now).div_(1 - now)
            self._pools[rate] = (now, pool)
        start = int(torch.randint(POOL, (1,)))
        return pool[start : start + size].view(shape)

    def bent_linear(self, x: Any, weight: Any, bias: Any, bend: Any, *, act: str, rate: float) -> Any:
        """See `NumpyOps.bent_linear`."""
        out = self.linear(x, weight, bias, x.shape[-1] ** -0.5)
        return self.drop(torch.lerp(out, self.act(act, out), bend.to(out.dtype)), rate)

    def ensemble_block(self, x: Any, first: Any, weight: Any, second: Any, bias: Any, *, rate: float) -> Any:
        """See `NumpyOps.ensemble_block`."""
        members, k, batch = x.shape[0], first.shape[1], x.shape[2]
        if not x.is_cuda:
            return BatchEnsembleBlock.apply(
                x, first, weight, second, bias, self._mask((members, k, batch, weight.shape[2]), rate)
            )
        out = (x * first).reshape(members, k * batch, -1) @ weight
        return self.drop(F.relu(out.reshape(members, k, batch, -1) * second + bias), rate)

    def cos(self, x: Any) -> Any:
        """See `NumpyOps.cos`."""
        return torch.cos(x)

    def sin(self, x: Any) -> Any:
        """See `NumpyOps.sin`."""
        return torch.sin(x)

    def concat(self, parts: list[Any]) -> Any:
        """See `NumpyOps.concat`."""
        return torch.cat(parts, dim=-1)

    def stack_tokens(self, parts: list[Any]) -> Any:
        """See `NumpyOps.stack_tokens`."""
        return torch.cat(parts, dim=2)

    def expand(self, x: Any, shape: tuple[int, ...]) -> Any:
        """See `NumpyOps.expand`."""
        return x.expand(shape)

    def take(self, table: Any, index: Any) -> Any:
        """See `NumpyOps.take`; one lookup in the table of all members."""
        members, rows, width = table.shape
        shift = torch.arange(members, device=index.device).view(-1, 1, 1) * rows
        return F.embedding(index + shift, table.reshape(members * rows, width))

    def norm(self, x: Any, weight: Any, bias: Any) -> Any:
        """See `NumpyOps.norm`."""
        return torch.addcmul(bias, F.layer_norm(x, x.shape[-1:]), weight)

    def attention(self, query: Any, key: Any, value: Any, rate: float) -> Any:
        """See `NumpyOps.attention`."""
        scores = torch.matmul(query, key.transpose(-1, -2)) * (1.0 / math.sqrt(query.shape[-1]))
        return torch.matmul(self.drop(torch.softmax(scores, dim=-1), rate), value)

    def softmax(self, x: Any) -> Any:
        """See `NumpyOps.softmax`."""
        return torch.softmax(x, dim=-1)

    def permute(self, x: Any, axes: tuple[int, ...]) -> Any:
        """See `NumpyOps.permute`."""
        return x.permute(axes)


class Stack(torch.nn.Module):  # type: ignore[misc]
    """A network with the weights of M members; `forward` gives (M, k, B, outputs)."""

    def __init__(self, net: Any, weights: dict[str, Array]) -> None:
        """Hold `weights`, arrays with a leading M, as parameters; those named `buffer.…` have no gradient."""
        super().__init__()
        self.net = net
        self.ops = TorchOps()
        self.held = torch.nn.ParameterList(
            torch.nn.Parameter(torch.tensor(value), requires_grad=not name.startswith("buffer."))
            for name, value in weights.items()
        )
        self.named: dict[str, Any] = dict(zip(weights, self.held, strict=True))

    def forward(self, x: Any, cat: Any) -> Any:
        """Compute the outputs of a batch: x (M, B, d), cat (M, B, q)."""
        return self.net.forward(self.named, x, cat, self.ops)

    def weights(self, slot: int) -> dict[str, Any]:
        """Return one member's weights, with a leading 1."""
        return {name: value[slot : slot + 1] for name, value in self.named.items()}

    def outputs(self, weights: dict[str, Any], x: Any, cat: Any) -> Any:
        """Compute the outputs (k, B, outputs) of one member's `weights` for rows x (B, …), cat (B, …), without dropout."""
        self.ops.training = False
        out = self.net.forward(weights, x[None], cat[None], self.ops)[0]
        self.ops.training = True
        return out

    def copy(self, slot: int) -> dict[str, Array]:
        """Return one member's weights as numpy arrays."""
        return {name: value.detach()[slot].float().cpu().numpy().copy() for name, value in self.named.items()}

    def finite(self) -> list[bool]:
        """Whether each member's weights are all finite."""
        total = sum(value.detach().flatten(1).sum(1) for value in self.named.values())
        return [bool(ok) for ok in torch.isfinite(total)]


class AdamW:
    """AdamW over groups of weights, by the same fused kernel as `torch.optim.AdamW(fused=True)`.

    Importing `torch.optim` loads the whole compiler, 1.7 CPU s in every process; and this one lets members leave the stack.
    """

    def __init__(self, groups: list[dict[str, Any]], betas: tuple[float, float]) -> None:
        """Each group has `params`, and `lr` and `weight_decay`, which may change between steps."""
        self.groups, self.betas = groups, betas
        for group in groups:
            group["moments"] = [[torch.zeros_like(value) for value in group["params"]] for _ in range(2)]
            group["steps"] = [torch.zeros((), device=value.device) for value in group["params"]]

    def step(self) -> None:
        """Update the weights that have a gradient, and forget the gradients."""
        for group in self.groups:
            used = [at for at, value in enumerate(group["params"]) if value.grad is not None]
            if not used:
                continue
            params, first, second, steps = (
                [held[at] for at in used] for held in (group["params"], *group["moments"], group["steps"])
            )
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                [value.detach() for value in params],
                [value.grad for value in params],
                first,
                second,
                [],
                steps,
                lr=group["lr"],
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=group["weight_decay"],
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )
            for value in params:
                value.grad = None

    def clip(self, limit: float) -> None:
        """Shorten each member's gradient to the length `limit` (Pascanu, Mikolov, Bengio, ICML 2013)."""
        grads = [value.grad for group in self.groups for value in group["params"] if value.grad is not None]
        length = torch.stack([torch.linalg.vector_norm(grad.flatten(1), dim=1) for grad in grads]).norm(dim=0)
        factor = (limit / (length + 1e-6)).clamp_(max=1.0)
        for grad in grads:
            grad.mul_(factor.view(-1, *[1] * (grad.dim() - 1)))

    def keep(self, index: Any) -> None:
        """Keep only these members of all weights and their moments."""
        for group in self.groups:
            for value in group["params"]:
                value.data, value.grad = value.data[index], None
            group["moments"] = [[held[index] for held in moment] for moment in group["moments"]]


class Device:
    """Where a fit runs. On a CPU it is bare torch; with CUDA, accelerate brings bfloat16 and all launched processes."""

    def __init__(self, threads: int, seed: int) -> None:
        """Find the device; accelerate is imported only where CUDA exists or several processes were launched."""
        self.accelerator: Any = None
        torch.set_num_threads(max(1, threads))
        if torch.cuda.is_available() or int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import Accelerator

            cuda = torch.cuda.is_available()
            half = "bf16" if cuda and torch.cuda.is_bf16_supported() else "no"
            self.accelerator = Accelerator(mixed_precision=half, cpu=not cuda)
        self.rank = self.accelerator.process_index if self.accelerator else 0
        self.world = self.accelerator.num_processes if self.accelerator else 1
        self.name = self.accelerator.device if self.accelerator else torch.device("cpu")
        torch.manual_seed(seed + self.rank)

    @staticmethod
    def start() -> None:
        """Open the GPU where there is one, which takes seconds in every new process: its first products load the libraries."""
        if not torch.cuda.is_available():
            return
        import accelerate  # noqa: F401

        kind = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
        picture = torch.ones(1, 8, 16, 16, device="cuda", dtype=kind, requires_grad=True)
        (F.conv2d(picture, picture[:, :, :3, :3]).flatten() @ torch.ones(196, device="cuda", dtype=kind)).backward()
        torch.cuda.synchronize()

    def put(self, value: Array) -> Any:
        """Return an array as a tensor on the device; a float64 as float32."""
        if value.dtype == np.float64:
            value = value.astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(value)).to(self.name)

    def ready(self, stack: Stack) -> Any:
        """Return the callable to train with: the stack itself, or its wrapper for mixed precision and several processes."""
        stack.to(self.name)
        return self.accelerator.prepare(stack) if self.accelerator else stack

    def backward(self, loss: Any) -> None:
        """Compute gradients."""
        if self.accelerator:
            self.accelerator.backward(loss)
        else:
            loss.backward()

    def agree(self, value: float) -> float:
        """Return the value of the slowest process, so that all of them plan the same steps."""
        if self.world == 1:
            return value
        return float(self.accelerator.reduce(torch.tensor(value, device=self.name), reduction="mean"))

    def wait(self) -> None:
        """Let queued work end, so that the clock measures it."""
        if self.accelerator and self.name.type == "cuda":
            torch.cuda.synchronize()
