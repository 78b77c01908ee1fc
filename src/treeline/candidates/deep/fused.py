"""A whole layer as one step of autograd, for CPUs: inner member by inner member, so that what it touches stays in the cache.

TabM's k inner members make activations of many megabytes, and a CPU then spends more time moving them through memory than
multiplying. Here the rows of one inner member pass through all of a block's arithmetic before the next one's, forward and
backward; the gradients are written out by hand and checked against autograd in the tests. It saves a quarter of a step
(docs/decisions/0004-training-on-cpu.md); the same for RealMLP's layers saved a tenth and was not worth its lines.
"""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["BatchEnsembleBlock"]


class BatchEnsembleBlock(torch.autograd.Function):  # type: ignore[misc]
    """TabM's block: out = relu(((x * r) W) * s + b) * mask, for M members of k inner members each."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        """Return (M, k, B, o).

        Inputs: x (M, 1 or k, B, i), first (M, k, 1, i), weight (M, i, o), second and bias (M, k, 1, o), mask or None.
        """
        x, first, weight, second, bias, mask = inputs
        members, k, batch, width = len(x), first.shape[1], x.shape[2], weight.shape[2]
        out, product = x.new_empty(members, k, batch, width), x.new_empty(members, k, batch, width)
        scaled = x.new_empty(batch, x.shape[3])
        for m in range(members):
            for j in range(k):
                torch.mul(x[m, j % x.shape[1]], first[m, j], out=scaled)
                torch.mm(scaled, weight[m], out=product[m, j])
                to = out[m, j]
                torch.addcmul(bias[m, j], product[m, j], second[m, j], out=to)
                to.relu_()
                if mask is not None:
                    to.mul_(mask[m, j])
        ctx.mask = mask
        ctx.save_for_backward(x, first, weight, second, product, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        """Return gradients for x, first, weight, second, bias."""
        x, first, weight, second, product, out = ctx.saved_tensors
        dx, dweight = torch.zeros_like(x), torch.zeros_like(weight)
        dfirst, dsecond, dbias = torch.empty_like(first), torch.empty_like(second), torch.empty_like(second)
        shared, scaled = x.shape[1] == 1, x.new_empty(x.shape[2:])
        for m in range(len(x)):
            for j in range(first.shape[1]):
                at = x[m, 0 if shared else j]
                # A dropped unit has out == 0, so one comparison stands for the ReLU and the mask's zeros.
                g = torch.ops.aten.threshold_backward(grad[m, j], out[m, j], 0)
                if ctx.mask is not None:
                    g.mul_(ctx.mask[m, j])
                torch.sum(g, 0, keepdim=True, out=dbias[m, j])
                torch.sum(g * product[m, j], 0, keepdim=True, out=dsecond[m, j])
                g.mul_(second[m, j])
                torch.mul(at, first[m, j], out=scaled)
                dweight[m].addmm_(scaled.t(), g)
                back = g @ weight[m].t()
                torch.sum(back * at, 0, keepdim=True, out=dfirst[m, j])
                dx[m, 0 if shared else j].addcmul_(back, first[m, j])
        return dx, dfirst, dweight, dsecond, dbias, None
