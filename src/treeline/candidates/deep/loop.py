"""The only training loop: M members (one per fold) of one network, trained at once, early stopping on the clock.

Steps are measured while they run; the number of epochs is what fits the soft deadline, never above the recipe's, and the
schedules are functions of the progress t in [0, 1] towards it, so that the learning rate has annealed when time is up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from treeline.candidates.card import Clock, Watch
from treeline.candidates.deep.pace import Pace
from treeline.problem.metric import Array

__all__ = ["Member", "Recipe", "Trained", "train"]

CHUNK = 16384
"Held-out rows predicted at once on a GPU."
Schedule = Callable[[float], float]
Augment = Callable[[Any, Any, Any], tuple[Any, Any]]


def flat(t: float) -> float:
    """Stay at 1."""
    return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained: AdamW with schedules."""

    epochs: int
    "At most; fewer where the clock says so."
    patience: int
    "Epochs without a better choice of the watch after which a member stops."
    batch: int
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    smoothing: float = 0.0
    "Label smoothing."
    loss: str = "cross_entropy"
    "Or `squared`, `absolute`: on the standardised target."
    schedule: Schedule = flat
    "Factor of the learning rate at progress t."
    decay: Schedule = flat
    "Factor of weight decay and dropout at progress t."
    factors: Mapping[str, tuple[float | Schedule, float]] = field(default_factory=dict)
    "By the first part of a weight's name: factors of learning rate (a number, or by progress t) and of weight decay."
    clip: float = 0.0
    "A member's gradient is shortened to this length; 0 leaves it."
    augment: Augment | None = None
    "Called on each member's batch of tensors while training, (x, cat, generator), and returns (x, cat) of the same shape."


@dataclass(slots=True, kw_only=True)
class Member:
    """What one member learns from: encoded rows x (n, …), cat (n, …), y (n,), and its watch with encoded rows."""

    x: Array
    cat: Array
    y: Array
    decode: Callable[[Array], Array]
    "Raw outputs (k, n, C) to a prediction."
    watch: Watch | None = None
    watch_x: Array | None = None
    watch_cat: Array | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """A member's best weights, without the leading M, and facts of its training."""

    weights: dict[str, Array]
    facts: dict[str, Any]


def train(
    net: Any,
    weights: dict[str, Array],
    recipe: Recipe,
    *,
    members: list[Member],
    clock: Clock,
    seed: int,
    epochs: int | None = None,
) -> list[Trained]:
    """Train a stack of members and return each one's best state.

    Args:
        net: has `forward(weights, x, cat, ops)`, returning (M, k, B, outputs), and `block`, the rows predicted at once.
        weights: initial weights, each with leading dimension M. Those named `buffer.…` are not trained: the net writes them.
        recipe: optimiser, schedules, loss.
        members: training rows and watch of each member; their row counts should be alike.
        clock: the soft deadline; also the number of threads.
        seed: of batches and dropout.
        epochs: run exactly so many, whatever the clock says; None plans by the clock.
    """
    run = _Run(net, weights, recipe, members=members, clock=clock, seed=seed)
    rows = max(len(member.y) for member in members)
    held = sum(0 if member.watch_x is None else len(member.watch_x) for member in members)
    pace = Pace(
        clock, rows=rows, held=held, batch=recipe.batch, epochs=epochs or recipe.epochs, fixed=epochs is not None
    )
    while run.slots and not pace.over:
        run.epoch(pace)
    return run.results(pace)


class _Run:
    """One call of `train`."""

    def __init__(
        self, net: Any, weights: dict[str, Array], recipe: Recipe, *, members: list[Member], clock: Clock, seed: int
    ) -> None:
        import torch

        from treeline.candidates.deep.device import AdamW, Device, Stack

        self.torch, self.recipe, self.members = torch, recipe, members
        self.device = Device(clock.threads, seed)
        self.stack = Stack(net, weights)
        self.model = self.device.ready(self.stack)
        self.optimizer = self._optimizer(AdamW)
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator(self.device.name).manual_seed(seed)
        self.slots = list(range(len(members)))
        self.best = [self.stack.copy(slot) for slot in self.slots]
        self.why = ["epochs"] * len(members)
        self._load()

    def _optimizer(self, kind: Any) -> Any:
        groups: dict[str, list[Any]] = {}
        for name, value in self.stack.named.items():
            groups.setdefault(name.split(".")[0], []).append(value)
        factors = self.recipe.factors
        settings = [{"params": held, "factors": factors.get(group, (1.0, 1.0))} for group, held in groups.items()]
        return kind(settings, self.recipe.betas)

    def _load(self) -> None:
        """Put all rows on the device once; batches are row numbers into them."""
        self.starts = np.cumsum([0] + [len(member.y) for member in self.members])
        self.x = self.device.put(joined([member.x for member in self.members]))
        self.cat = self.device.put(joined([member.cat for member in self.members]))
        self.y = self.device.put(joined([member.y for member in self.members]))
        self.held = [
            None
            if member.watch_x is None or member.watch_cat is None
            else (self.device.put(member.watch_x), self.device.put(member.watch_cat))
            for member in self.members
        ]

    def _batches(self, pace: Pace) -> Any:
        """Return the row numbers (steps, members, batch) of one epoch; a smaller fold goes round again."""
        orders = []
        for slot in self.slots:
            order = self.rng.permutation(len(self.members[slot].y))
            order = np.resize(order, pace.per_epoch * pace.batch).reshape(pace.per_epoch, pace.batch)
            orders.append(order + self.starts[slot])
        return self.device.put(np.stack(orders, axis=1))[:, :, self.device.rank :: self.device.world]

    def epoch(self, pace: Pace) -> None:
        """Run the steps of one epoch, or as many as the plan still has, and look at the held-out rows when due."""
        for index in self._batches(pace):
            self._step(index, pace.t)
            pace.tick()
            if pace.due(self.device.world == 1):
                self.device.wait()
                if pace.plan(len(self.slots), self.device.agree):
                    return
            if pace.over:
                break
        if pace.over or pace.epoch % pace.every == 0:
            began = time.monotonic()
            self._look(pace.epoch)
            pace.looked(time.monotonic() - began)

    def _step(self, index: Any, t: float) -> None:
        recipe, rate = self.recipe, self.recipe.schedule(t)
        decay = self.stack.ops.keep = recipe.decay(t)
        for group in self.optimizer.groups:
            lr_factor, wd_factor = group["factors"]
            group["lr"] = recipe.lr * rate * (lr_factor(t) if callable(lr_factor) else lr_factor)
            group["weight_decay"] = recipe.weight_decay * decay * wd_factor
        x, cat, y = (
            held.index_select(0, index.reshape(-1)).view(*index.shape, *held.shape[1:])
            for held in (self.x, self.cat, self.y)
        )
        if recipe.augment is not None:
            pairs = [recipe.augment(*pair, self.generator) for pair in zip(x, cat, strict=True)]
            x, cat = (self.torch.stack(part) for part in zip(*pairs, strict=True))
        # The sum over members of their mean losses: no member's gradient depends on how many others there are.
        self.device.backward(self._loss(self.model(x, cat), y) * len(self.slots))
        if recipe.clip:
            self.optimizer.clip(recipe.clip)
        self.optimizer.step()

    def _loss(self, out: Any, y: Any) -> Any:
        """Return the mean loss of outputs (M, k, B, C) for targets (M, B)."""
        y = y.unsqueeze(1).expand(out.shape[:3])
        if self.recipe.loss == "cross_entropy":
            return self.torch.nn.functional.cross_entropy(
                out.reshape(-1, out.shape[-1]), y.reshape(-1), label_smoothing=self.recipe.smoothing
            )
        error = out[..., 0] - y
        return error.abs().mean() if self.recipe.loss == "absolute" else error.square().mean()

    def _look(self, number: int) -> None:
        """Show the watches their predictions; keep what is best, end members that diverged or went stale."""
        finite = self.stack.finite()
        over = []
        for at, slot in enumerate(self.slots):
            member, held = self.members[slot], self.held[slot]
            if member.watch is None or held is None:
                if not finite[at]:
                    over.append((at, "diverged"))
                else:
                    self.best[slot] = self.stack.copy(at)
                continue
            prediction = self._predict(self.stack.weights(at), held, member)
            if not finite[at] or not np.isfinite(prediction).all():
                over.append((at, "diverged"))
            elif member.watch.see(number, prediction):
                self.best[slot] = self.stack.copy(at)
            elif member.watch.stale >= self.recipe.patience:
                over.append((at, "patience"))
        for at, why in over:
            self.why[self.slots[at]] = why
        if over:
            self._drop({at for at, _ in over})
        self.device.wait()

    def _predict(self, weights: dict[str, Any], held: Any, member: Member) -> Array:
        """Return a member's predictions for its held-out rows; `weights` have a leading 1."""
        rows = CHUNK if self.device.accelerator else 2 * self.stack.net.block
        with self.torch.inference_mode():
            blocks = zip(held[0].split(rows), held[1].split(rows), strict=True)
            parts = [self.stack.outputs(weights, x, cat) for x, cat in blocks]
            return member.decode(self.torch.cat(parts, dim=1).float().cpu().numpy())

    def _drop(self, over: set[int]) -> None:
        """Take ended members out of the stack, so that the others train faster; a launched group keeps its shape."""
        keep = [at for at in range(len(self.slots)) if at not in over]
        if self.device.world > 1 and keep:
            return
        self.slots = [self.slots[at] for at in keep]
        if not keep:
            return
        self.optimizer.keep(self.torch.tensor(keep, device=self.device.name))

    def results(self, pace: Pace) -> list[Trained]:
        """Return the members' best weights and facts."""
        out = []
        for slot, member in enumerate(self.members):
            if member.watch is not None and not member.watch.history:
                member.watch.see(0, np.nan_to_num(self._first(slot)))
            why = "clock" if self.why[slot] == "epochs" and pace.cut else self.why[slot]
            if member.watch is not None and self.why[slot] == "epochs":
                member.watch.done = min(1.0, pace.done / pace.wanted)
            best = pace.epoch if member.watch is None else member.watch.steps[2]
            facts = {
                "epochs": pace.epoch,
                "best_epoch": best,
                "ended_by": why,
                "under_trained": why == "clock",
                "batch": pace.batch,
            }
            out.append(Trained(self.best[slot], facts))
        return out

    def _first(self, slot: int) -> Array:
        """Return the predictions of a member's kept weights, for one that diverged before its first look."""
        weights = {name: self.device.put(value[None]) for name, value in self.best[slot].items()}
        return self._predict(weights, self.held[slot], self.members[slot])


def joined(parts: list[Array]) -> Array:
    """Return arrays one after the other; a single one as it is, because pictures may fill half of the memory."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
