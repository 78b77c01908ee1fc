"""Changed training rows: pictures shifted, and mirrored where that is harmless, spectrograms masked, words left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from treeline.problem.metric import Array

__all__ = ["masked", "mirror_is_harmless", "moved", "words_left_out"]

RULE_ROWS, RULE_SIDE = 4000, 16
"The mirror rule looks at so many training pictures, shrunk to so many pixels a side."
LOST = 0.15
"Mirroring may cost a linear model so much of what it knows."


def mirror_is_harmless(pictures: Array, y: Array, *, classes: int) -> bool:
    """Whether left and right of the pictures may be exchanged, judged on training rows alone.

    A ridge regression on coarse pixels is learned on one half of the rows and asked about the other half, as it is and
    mirrored, and the other way round. Mirroring is harmless where that model knows something and its answers for mirrored
    pictures are surely (one-sided 95 %) not worse by more than 15 % of what it gains over a constant. So digits, letters and
    left against right are never mirrored, and neither are pictures too few or too hard to tell.

    Args:
        pictures: (n, H, W, C) uint8, the training pictures.
        y: (n,) codes, or values for regression.
        classes: their number; 0 for regression.
    """
    pick = np.linspace(0, len(y) - 1, min(len(y), RULE_ROWS)).astype(np.int64)
    by = [-(-side // RULE_SIDE) for side in pictures.shape[1:3]]
    coarse = pictures[pick, by[0] // 2 :: by[0], by[1] // 2 :: by[1]].astype(np.float64) / 255
    # The columns kept are those of the mirrored picture, too, or the two would differ by half a step.
    back = pictures[pick, by[0] // 2 :: by[0], ::-1][:, :, by[1] // 2 :: by[1]].astype(np.float64) / 255
    y = y[pick]
    goal = np.eye(classes)[y] if classes else (y - y.mean())[:, None] / (y.std() or 1.0)
    half = np.random.default_rng(0).permutation(len(y)) % 2 == 0
    plain, turned, constant = np.zeros(len(y)), np.zeros(len(y)), np.zeros(len(y))
    for learn in (half, ~half):
        if learn.all() or not learn.any():
            return False
        middle = coarse[learn].mean(axis=0)
        a = (coarse[learn] - middle).reshape(learn.sum(), -1)
        ridge = 0.01 * np.trace(a.T @ a) / a.shape[1] * np.sqrt(a.shape[1]) + 1e-6
        weights = np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ (goal[learn] - goal[learn].mean(axis=0)))
        for right, shown in ((plain, coarse), (turned, back)):
            out = (shown[~learn] - middle).reshape((~learn).sum(), -1) @ weights + goal[learn].mean(axis=0)
            right[~learn] = _right(out, goal[~learn], classes)
        constant[~learn] = _right(np.broadcast_to(goal[learn].mean(axis=0), out.shape), goal[~learn], classes)
    gain, lost = plain - constant, plain - turned
    error = np.sqrt(len(y))
    knows = gain.mean() > 1.64 * gain.std() / error
    return bool(knows and lost.mean() + 1.64 * lost.std() / error < LOST * gain.mean())


def _right(out: Array, goal: Array, classes: int) -> Array:
    """Return how right each answer is: 1 or 0 for a class, minus the squared error for a value."""
    if classes:
        return np.asarray(out.argmax(axis=1) == goal.argmax(axis=1), dtype=np.float64)
    return np.asarray(-np.square(out - goal)[:, 0])


def moved(x: Any, cat: Any, generator: Any, *, flips: bool, share: float) -> tuple[Any, Any]:
    """Shift pictures (B, H, W, C) by up to `share` of their sides, edges repeated; mirror half of them where `flips`."""
    import torch

    batch, high, wide = cat.shape[:3]

    def places(side: int) -> Any:
        most = max(1, round(share * side)) if side > 4 else 0
        by = torch.randint(-most, most + 1, (batch, 1), generator=generator, device=cat.device)
        return (torch.arange(side, device=cat.device) + by).clamp_(0, side - 1)

    rows, columns = places(high), places(wide)
    if flips:
        turned = torch.rand((batch, 1), generator=generator, device=cat.device) < 0.5
        columns = torch.where(turned, wide - 1 - columns, columns)
    which = torch.arange(batch, device=cat.device)[:, None, None]
    return x, cat[which, rows[:, :, None], columns[:, None, :]]


def masked(x: Any, cat: Any, generator: Any, *, share: float, loud: int = 8) -> tuple[Any, Any]:
    """Change spectrograms (B, T, mels, 1): a shift in time, a gain, a stretch of time and a band of pitches left out.

    SpecAugment (Park et al., Interspeech 2019) without warping. A stretch is at most `share` of the time, a band a quarter of the
    pitches; both get the spectrogram's mean. The gain is up to `loud` half decibels; what was silent stays so.
    """
    import torch

    batch, time, mels = cat.shape[:3]

    def draw(low: float, high: float) -> Any:
        return torch.empty(batch, 1, device=cat.device).uniform_(low, high, generator=generator)

    def stretch(side: int, most: float) -> Any:
        length = draw(0, most * side)
        start = draw(0, 1) * (side - length)
        at = torch.arange(side, device=cat.device)
        return (at >= start) & (at < start + length)

    places = (torch.arange(time, device=cat.device) + draw(-share * time / 2, share * time / 2).long()) % time
    cat = cat[torch.arange(batch, device=cat.device)[:, None], places].to(torch.int16)
    cat = torch.where(cat > 0, cat + draw(-loud, loud).to(torch.int16).view(-1, 1, 1, 1), cat).clamp_(0, 255)
    hidden = stretch(time, share)[:, :, None] | stretch(mels, 0.25)[:, None, :]
    mean = cat.float().mean((1, 2, 3), keepdim=True).to(torch.int16)
    return x, torch.where(hidden[..., None], mean, cat).to(torch.uint8)


def words_left_out(x: Any, cat: Any, generator: Any, *, share: float) -> tuple[Any, Any]:
    """Leave out a share of the tokens of texts (B, L), and close the gaps."""
    import torch

    gone = torch.rand(cat.shape, generator=generator, device=cat.device) < share
    kept = (cat != 0) & ~gone
    order = torch.argsort(~kept, dim=1, stable=True)
    return x, torch.where(kept, cat, 0).gather(1, order)
