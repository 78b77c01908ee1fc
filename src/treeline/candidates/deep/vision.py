"""The modules of pictures and spectrograms, uint8 (B, H, W, C).

Convolutions keep the channels last: on a CPU a training step takes a third less time so. This file has torch at its top;
it is imported inside functions only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["Block", "ConvNet", "Dropout", "Head", "PatchNet"]

MAX_SIDES = (64, 40)
"The stem halves a picture until it is at most so high (a spectrogram: so long) and wide."
POOL = 2**20
"Places at which a window of the long dropout mask may start."
SIDE = 32
"Learned values of the table beside the medium."


class Dropout(nn.Module):  # type: ignore[misc]
    """Dropout (Srivastava et al., JMLR 2014) whose masks, on a CPU, are windows at random places of one long mask.

    Drawing every mask takes a fifth of a transformer's step there; see `device.TorchOps.drop`.
    """

    def __init__(self, rate: float) -> None:
        """Drop a share `rate` of the values while training."""
        super().__init__()
        self.rate = rate
        self.pool: Any = None

    def forward(self, x: Any) -> Any:
        """Return x, some values dropped and the others enlarged."""
        if not self.training or self.rate <= 0:
            return x
        if x.is_cuda:
            return F.dropout(x, self.rate)
        if self.pool is None or len(self.pool) < POOL + x.numel():
            self.pool = torch.empty(POOL + x.numel()).bernoulli_(1 - self.rate).div_(1 - self.rate)
        start = int(torch.randint(POOL, (1,)))
        return x * self.pool[start : start + x.numel()].view(x.shape)


class Head(nn.Module):  # type: ignore[misc]
    """The features of the medium and of the table beside it, dropout, one linear layer."""

    def __init__(self, width: int, numbers: int, outputs: int, dropout: float) -> None:
        """Take `width` features of the medium and `numbers` of the table."""
        super().__init__()
        self.side = nn.Linear(numbers, SIDE) if numbers else None
        self.drop = Dropout(dropout)
        self.out = nn.Linear(width + (numbers + SIDE if numbers else 0), outputs)

    def forward(self, features: Any, x: Any) -> Any:
        """Return outputs (B, outputs) of features (B, width) and x (B, numbers)."""
        features = self.drop(features)
        if self.side is not None:
            features = torch.cat([features, x, F.relu(self.side(x))], dim=1)
        return self.out(features)


class Standard(nn.Module):  # type: ignore[misc]
    """Bytes (B, H, W, C) to floats (B, C, H, W) of mean 0 and deviation 1 by channel, channels last in memory."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """`mean` and `std` are of the training pictures' channels."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("factor", 1 / torch.tensor(std).view(-1, 1, 1))

    def forward(self, pictures: Any) -> Any:
        """Return the floats."""
        floats = pictures.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
        return (floats - self.mean) * self.factor


def conv(fan_in: int, fan_out: int, stride: tuple[int, int] = (1, 1)) -> list[Any]:
    """Return a 3 x 3 convolution and its BatchNorm (Ioffe, Szegedy, ICML 2015)."""
    return [nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False), nn.BatchNorm2d(fan_out)]


class Residual(nn.Module):  # type: ignore[misc]
    """Two convolutions beside a shortcut (He et al., CVPR 2016); it starts as the shortcut alone."""

    def __init__(self, fan_in: int, fan_out: int, stride: tuple[int, int]) -> None:
        """Halve the sides whose stride is 2."""
        super().__init__()
        self.main = nn.Sequential(*conv(fan_in, fan_out, stride), nn.ReLU(inplace=True), *conv(fan_out, fan_out))
        nn.init.zeros_(self.main[-1].weight)
        self.short = nn.Sequential()
        if fan_in != fan_out or stride != (1, 1):
            short = [nn.Conv2d(fan_in, fan_out, 1, bias=False), nn.BatchNorm2d(fan_out)]
            self.short = nn.Sequential(nn.AvgPool2d(stride, ceil_mode=True), *short)

    def forward(self, x: Any) -> Any:
        """Return relu(main + short)."""
        return F.relu(self.main(x) + self.short(x), inplace=True)


class ConvNet(nn.Module):  # type: ignore[misc]
    """A stem and three stages, `width`, 2 and 4 times as wide; then mean and maximum over all places, or a GRU over time."""

    def __init__(self, *, net: Any) -> None:
        """See `pictures.PictureNet` for `net`; kinds are `cnn`, `resnet` and `crnn`."""
        super().__init__()
        width, size = net.width, list(net.size[:2])
        layers: list[Any] = [*conv(net.size[2], width, halves(size, MAX_SIDES)), nn.ReLU(inplace=True)]
        while any(side > most for side, most in zip(size, MAX_SIDES, strict=True)):
            layers += [*conv(width, width, halves(size, MAX_SIDES)), nn.ReLU(inplace=True)]
        fan_in = width
        for stage in range(3):
            fan_out = width << stage
            # The recurrent net keeps time finer than pitch.
            least = (48 if net.kind == "crnn" else 3, 3)
            stride = halves(size, least) if stage else (1, 1)
            if net.kind == "resnet":
                layers.append(Residual(fan_in, fan_out, stride))
            else:
                layers += [nn.MaxPool2d(stride, ceil_mode=True)] if stride != (1, 1) else []
                layers += [*conv(fan_in, fan_out), nn.ReLU(inplace=True)]
                twice = net.kind == "cnn" and stage > 0
                layers += [*conv(fan_out, fan_out), nn.ReLU(inplace=True)] if twice else []
            fan_in = fan_out
        self.standard = Standard(net.mean, net.std)
        self.layers = nn.Sequential(*layers)
        self.gru = None
        if net.kind == "crnn":
            self.gru = nn.GRU(fan_in, fan_in // 2, batch_first=True, bidirectional=True)
        self.head = Head(2 * fan_in, net.numbers, net.outputs, net.dropout)

    def forward(self, x: Any, cat: Any) -> Any:
        """Return outputs (B, outputs)."""
        found = self.layers(self.standard(cat))
        if self.gru is None:
            return self.head(torch.cat([found.mean((2, 3)), found.amax((2, 3))], dim=1), x)
        steps, _ = self.gru(found.mean(3).transpose(1, 2))
        return self.head(torch.cat([steps.mean(1), steps.amax(1)], dim=1), x)


def halves(size: list[int], most: tuple[int, int]) -> tuple[int, int]:
    """Return the strides that halve the sides above `most`, and halve them in `size`."""
    stride = (2 if size[0] > most[0] else 1, 2 if size[1] > most[1] else 1)
    size[:] = [-(-side // by) for side, by in zip(size, stride, strict=True)]
    return stride


class Block(nn.Module):  # type: ignore[misc]
    """Tokens look at each other by attention or through a small MLP, then each goes through its own; normalised before."""

    def __init__(self, tokens: int, dim: int, *, attention: bool, dropout: float) -> None:
        """Attention has a head for 32 values; the MLP over `tokens` is MLP-Mixer's (Tolstikhin et al., NeurIPS 2021)."""
        super().__init__()
        self.one, self.two = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.heads = max(1, dim // 32) if attention else 0
        self.mix_in = nn.Linear(dim, 3 * dim) if attention else nn.Linear(tokens, 2 * tokens)
        self.mix_out = nn.Linear(dim, dim) if attention else nn.Linear(2 * tokens, tokens)
        self.up, self.down = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.drop = Dropout(dropout)

    def forward(self, h: Any, mask: Any = None) -> Any:
        """Return tokens (B, T, dim); `mask` (B, 1, 1, T) is true where there is one."""
        normed = self.one(h)
        if self.heads:
            batch, tokens, dim = h.shape
            parts = self.mix_in(normed).view(batch, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
            seen = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=mask)
            h = h + self.drop(self.mix_out(seen.transpose(1, 2).reshape(batch, tokens, dim)))
        else:
            h = h + self.drop(self.mix_out(F.relu(self.mix_in(normed.transpose(1, 2)))).transpose(1, 2))
        return h + self.drop(self.down(self.drop(F.relu(self.up(self.two(h))))))


class PatchNet(nn.Module):  # type: ignore[misc]
    """Patches as tokens, with learned positions, blocks of attention or of MLPs, the mean over all tokens."""

    def __init__(self, *, net: Any) -> None:
        """See `pictures.PictureNet` for `net`; kinds are `vit` and `mixer`."""
        super().__init__()
        high, wide = net.size[:2]
        patch = net.patch
        # Patches overlap by half: early convolutions help transformers see better (Xiao et al., NeurIPS 2021).
        kernel = tuple(2 * (side // 2) + side for side in patch)
        self.standard = Standard(net.mean, net.std)
        self.pad = tuple(side // 2 for side in patch)
        self.extra = (-wide % patch[1], -high % patch[0])
        self.cut = nn.Conv2d(net.size[2], net.width, kernel, patch)
        tokens = -(-high // patch[0]) * -(-wide // patch[1])
        self.positions = nn.Parameter(torch.randn(1, tokens, net.width) * 0.02)
        attention = net.kind == "vit"
        self.blocks = nn.ModuleList(
            Block(tokens, net.width, attention=attention, dropout=net.dropout) for _ in range(net.layers)
        )
        self.norm = nn.LayerNorm(net.width)
        self.head = Head(net.width, net.numbers, net.outputs, net.dropout)

    def forward(self, x: Any, cat: Any) -> Any:
        """Return outputs (B, outputs)."""
        (high, wide), (right, down) = self.pad, self.extra
        h = self.cut(F.pad(self.standard(cat), (wide, wide + right, high, high + down)))
        h = h.flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h).mean(1), x)
