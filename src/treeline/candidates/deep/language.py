"""The modules of token ids, int32 (B, L), padded with 0 at the end.

Padding never changes what comes out, so a batch is cut after its longest text. This file has torch at its top; it is imported
inside functions only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from treeline.candidates.deep.vision import Block, Dropout, Head

__all__ = ["Bag", "Convolutions", "Recurrent", "Transformer"]

PAIRS = 2**14
"Hashed ids of neighbouring words."
KERNELS = (3, 4, 5)


def trimmed(ids: Any) -> tuple[Any, Any]:
    """Return ids (B, L), cut after the longest text, and where there is one (B, L, 1), as 1.0; one place is left at least."""
    longest = max(1, int((ids != 0).sum(1).max()))
    ids = ids[:, :longest].long()
    return ids, (ids != 0).unsqueeze(2).float()


class Embedded(nn.Module):  # type: ignore[misc]
    """Token ids as learned vectors, some of whose values are dropped while training; padding is zero."""

    def __init__(self, ids: int, dim: int, dropout: float) -> None:
        """Draw a table (ids, dim)."""
        super().__init__()
        self.table = nn.Embedding(ids, dim, padding_idx=0)
        nn.init.normal_(self.table.weight, std=dim**-0.5)
        with torch.no_grad():
            self.table.weight[0] = 0
        self.drop = Dropout(dropout)

    def forward(self, ids: Any) -> Any:
        """Return (B, L, dim)."""
        return self.drop(self.table(ids))


def pooled(found: Any, there: Any) -> Any:
    """Return the mean and the maximum over the tokens that are there, (B, 2 d) of (B, L, d)."""
    mean = (found * there).sum(1) / there.sum(1).clamp(min=1)
    highest = (found - 1e4 * (1 - there)).amax(1)
    return torch.cat([mean, highest * (there[:, 0] > 0)], dim=1)


class Bag(nn.Module):  # type: ignore[misc]
    """The mean of the vectors of words and of hashed pairs of neighbours."""

    def __init__(self, *, net: Any) -> None:
        """See `texts.TextNet` for `net`."""
        super().__init__()
        self.ids = net.ids
        self.table = nn.Embedding(net.ids + PAIRS, net.width, padding_idx=0)
        nn.init.normal_(self.table.weight, std=net.width**-0.5)
        self.head = Head(net.width, net.numbers, net.outputs, net.dropout)

    def forward(self, x: Any, cat: Any) -> Any:
        """Return outputs (B, outputs)."""
        ids, _ = trimmed(cat)
        first, second = ids[:, :-1], ids[:, 1:]
        pairs = self.ids + (first * 7919 + second * 104_729) % PAIRS
        every = torch.cat([ids, torch.where(second == 0, 0, pairs)], dim=1)
        return self.head(F.embedding_bag(every, self.table.weight, mode="mean", padding_idx=0), x)


class Convolutions(nn.Module):  # type: ignore[misc]
    """Convolutions over 3, 4 and 5 words, the maximum over the text of each."""

    def __init__(self, *, net: Any) -> None:
        """See `texts.TextNet` for `net`."""
        super().__init__()
        self.embedded = Embedded(net.ids, net.width, net.dropout / 2)
        self.convolutions = nn.ModuleList(nn.Conv1d(net.width, net.hidden, k, padding=k // 2) for k in KERNELS)
        self.head = Head(len(KERNELS) * net.hidden, net.numbers, net.outputs, net.dropout)

    def forward(self, x: Any, cat: Any) -> Any:
        """Return outputs (B, outputs)."""
        ids, there = trimmed(cat)
        h, there = self.embedded(ids).transpose(1, 2), there.transpose(1, 2)
        found = [(F.relu(convolve(h)[:, :, : ids.shape[1]]) * there).amax(2) for convolve in self.convolutions]
        return self.head(torch.cat(found, dim=1), x)


class Recurrent(nn.Module):  # type: ignore[misc]
    """One LSTM from the front and one from the back, mean and maximum over the text."""

    def __init__(self, *, net: Any) -> None:
        """See `texts.TextNet` for `net`."""
        super().__init__()
        self.embedded = Embedded(net.ids, net.width, net.dropout / 2)
        self.forth = nn.LSTM(net.width, net.hidden, batch_first=True)
        self.back = nn.LSTM(net.width, net.hidden, batch_first=True)
        self.head = Head(4 * net.hidden, net.numbers, net.outputs, net.dropout)

    def forward(self, x: Any, cat: Any) -> Any:
        """Return outputs (B, outputs)."""
        ids, there = trimmed(cat)
        h = self.embedded(ids)
        # Each text is turned by itself, so that both LSTMs meet the padding last.
        last = there.sum(1, dtype=torch.long) - 1
        turned = (last - torch.arange(ids.shape[1], device=ids.device)) % ids.shape[1]
        turned_h = h.gather(1, turned.unsqueeze(2).expand_as(h))
        found = torch.cat([self.forth(h)[0], self.back(turned_h)[0]], dim=2)
        return self.head(pooled(found, there), x)


class Transformer(nn.Module):  # type: ignore[misc]
    """Pieces of words with learned positions, blocks of attention, mean and maximum over the text."""

    def __init__(self, *, net: Any) -> None:
        """See `texts.TextNet` for `net`."""
        super().__init__()
        self.embedded = Embedded(net.ids, net.width, net.dropout / 2)
        self.positions = nn.Parameter(torch.randn(1, net.length, net.width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(net.length, net.width, attention=True, dropout=net.dropout / 2) for _ in range(net.layers)
        )
        self.norm = nn.LayerNorm(net.width)
        self.head = Head(2 * net.width, net.numbers, net.outputs, net.dropout)

    def forward(self, x: Any, cat: Any) -> Any:
        """Return outputs (B, outputs)."""
        ids, there = trimmed(cat)
        mask = (ids != 0)[:, None, None, :].clone()
        mask[..., 0] = True  # attention to nothing is not a number
        h = self.embedded(ids) + self.positions[:, : ids.shape[1]]
        for block in self.blocks:
            h = block(h, mask)
        return self.head(pooled(self.norm(h), there), x)
