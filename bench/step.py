"""What a training step of the one loop costs beside a bare PyTorch loop of the same module: CPU time, one thread.

    python bench/step.py

Both do the same steps of the same batches in turn; the smallest of the rounds counts, because a busy machine only adds.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from measure import append, markdown

from treeline.candidates.card import Clock
from treeline.candidates.deep.loop import Member, Recipe, train
from treeline.candidates.deep.pictures import PictureNet
from treeline.candidates.deep.texts import TextNet

ROUNDS, EPOCHS, STEPS = 5, 2, 10
NETS: dict[str, tuple[Any, int]] = {
    "image_resnet, 128 pictures of 28 x 28": (
        PictureNet(
            outputs=10,
            numbers=0,
            kind="resnet",
            size=(28, 28, 1),
            mean=(70.0,),
            std=(90.0,),
            width=16,
            dropout=0.2,
        ),
        128,
    ),
    "text_transformer, 64 texts of 48 pieces": (
        TextNet(
            outputs=10,
            numbers=0,
            kind="Transformer",
            ids=4000,
            length=48,
            width=96,
            hidden=64,
            dropout=0.3,
            layers=2,
        ),
        64,
    ),
}


def bare(net: Any, x: torch.Tensor, cat: torch.Tensor, y: torch.Tensor, batch: int) -> None:
    """The loop that every tutorial has."""
    module = net.build().train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    for _ in range(EPOCHS):
        for index in torch.randperm(len(y)).view(-1, batch):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(x[index], cat[index]), y[index]).backward()
            optimizer.step()


def main() -> None:
    """Measure both nets and append the table."""
    torch.set_num_threads(1)
    rng, rows = np.random.default_rng(0), []
    for name, (net, batch) in NETS.items():
        n = STEPS * batch
        x, y = np.zeros((n, 0), np.float32), rng.integers(0, 10, n)
        if isinstance(net, PictureNet):
            cat = rng.integers(0, 256, (n, *net.size)).astype(np.uint8)
        else:
            cat = rng.integers(1, net.ids, (n, net.length)).astype(np.int32)
        recipe = Recipe(epochs=EPOCHS, patience=EPOCHS, batch=batch, lr=1e-3, weight_decay=0.01)
        took: dict[str, list[float]] = {"bare": [], "ours": []}
        for _ in range(ROUNDS):
            began = time.process_time()
            bare(net, *(torch.from_numpy(value) for value in (x, cat, y)), batch)
            took["bare"].append(time.process_time() - began)
            weights = net.init(x[None, :1], cat[None, :1], rng)
            began = time.process_time()
            member = Member(x=x, cat=cat, y=y, decode=lambda out: out)
            train(net, weights, recipe, members=[member], clock=Clock(600), seed=0, epochs=EPOCHS)
            took["ours"].append(time.process_time() - began)
        best = {key: min(values) / EPOCHS / STEPS for key, values in took.items()}
        rows.append(
            [name, f"{best['bare'] * 1e3:.1f}", f"{best['ours'] * 1e3:.1f}", f"{best['ours'] / best['bare'] - 1:+.0%}"]
        )
    head = ["net and batch", "bare loop, ms a step", "our loop, ms a step", "difference"]
    append(
        "A training step of the one loop beside a bare one", markdown(head, rows), versions=f"torch {torch.__version__}"
    )


if __name__ == "__main__":
    main()
