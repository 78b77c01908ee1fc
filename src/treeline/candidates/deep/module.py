"""Networks for texts, images and sounds: plain torch modules on the one training loop.

Two slots go into every such module, `module(x, cat)`:

    x      (B, numbers) float32: the table's numbers and categories as `prepare.Dense` makes them, joined before the head
    cat    (B, ...): the medium, token ids int32 (B, L) or a picture uint8 (B, H, W, C)

Layers that only torch runs fast enough need it at prediction, too: their cards say `needs=("torch",)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, Shape, State
from treeline.candidates.deep.loop import Augment, Member, Recipe, train
from treeline.candidates.deep.network import Target, loss_of, warm_cos
from treeline.candidates.media import FULL_EPOCHS
from treeline.candidates.prepare import settings
from treeline.problem.metric import Array
from treeline.problem.task import Family

__all__ = ["Encoder", "FittedModule", "MediaCandidate", "ModuleNet", "net_card"]

BLOCK = 1024
"Rows encoded at once."
SMOOTHING_CLASSES = 3
"Labels are smoothed from so many classes on."


@dataclass(frozen=True, kw_only=True)
class ModuleNet:
    """A network described by plain values, which `build` turns into a torch module with newly drawn weights.

    The weights of M members are arrays with a leading M, as for every network here. The first part of their names says how
    they are trained: `weight` with weight decay, `plain` (biases, norms, embeddings) without, `buffer` not at all: running
    means and variances, which the module updates in place while training.
    """

    outputs: int
    numbers: int
    "Columns of x."
    block: ClassVar[int] = 128
    "Rows predicted at once: their activations stay in the cache."

    def build(self) -> Any:
        """Return a new module."""
        raise RuntimeError(f"{type(self).__name__} builds no module")

    @cached_property
    def module(self) -> Any:
        """The module that training computes with; its own weights are not used."""
        return self.build()

    def init(self, x: Array, cat: Array, rng: np.random.Generator) -> dict[str, Array]:
        """Draw weights for M members by building the module M times; x (M, ...) gives M."""
        import torch

        drawn = []
        for seed in rng.integers(2**31, size=len(x)):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(seed))
                drawn.append({name: value.detach().numpy() for name, value in self.named(self.build()).items()})
        return {name: np.stack([each[name] for each in drawn]) for name in drawn[0]}

    def named(self, module: Any) -> dict[str, Any]:
        """Return what of a module is held per member, by name."""
        return _named(module)

    def forward(self, weights: dict[str, Any], x: Any, cat: Any, ops: Any) -> Any:
        """Return outputs (M, 1, B, outputs) of x (M, B, numbers), cat (M, B, ...), one member after the other."""
        import torch

        module = self.module
        if module.training != ops.training:
            module.train(ops.training)
        first = next(_held(module), x)
        if first.device != x.device:
            module.to(x.device)  # for what is not among the weights: frozen layers and their running means
        # A view for one member, one copy for several: indexing would fill a gradient of zeros for every weight and member.
        parts = {
            name.partition(".")[2]: [value.squeeze(0)] if len(x) == 1 else value.unbind(0)
            for name, value in weights.items()
        }
        out = [
            torch.func.functional_call(module, {name: part[m] for name, part in parts.items()}, (x[m], cat[m]))
            for m in range(len(x))
        ]
        return torch.stack(out)[:, None]

    def loaded(self, weights: Mapping[str, Array]) -> Any:
        """Return the module for predicting, with a member's weights (no leading M)."""
        import torch

        # Building on the device `meta` would draw nothing, but it loads torch's compiler, 1.7 CPU s.
        with torch.random.fork_rng(devices=[]):
            module = self.build()
        held = {name.partition(".")[2]: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        module.load_state_dict(held, strict=False, assign=True)
        return module.eval()


def _held(module: Any) -> Iterator[Any]:
    """Yield a module's weights and buffers."""
    return chain(module.parameters(), module.buffers())


def _named(module: Any) -> dict[str, Any]:
    """Return a module's weights and float buffers under their names here."""
    import torch

    out = {}
    for place, part in module.named_modules():
        for name, value in part.named_parameters(recurse=False):
            decays = name.startswith("weight") and value.dim() > 1 and not isinstance(part, torch.nn.Embedding)
            out[f"{'weight' if decays else 'plain'}.{place + '.' if place else ''}{name}"] = value
        for name, value in part.named_buffers(recurse=False):
            if value.is_floating_point():
                out[f"buffer.{place + '.' if place else ''}{name}"] = value
    return out


class Encoder(Protocol):
    """Rows to the two slots of a module, learned on the training rows of one fold."""

    @classmethod
    def fit(cls, rows: Rows, settings: Mapping[str, Any], *, seed: int) -> tuple[Self, Array, Array]:
        """Learn from training rows; return the encoder and these rows encoded."""
        ...

    def encode(self, rows: Rows) -> tuple[Array, Array]:
        """Return x (n, numbers) float32 and cat (n, ...)."""
        ...

    def state(self) -> State:
        """Return all that `restore` needs."""
        ...

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        """Rebuild from `state()`."""
        ...


@dataclass(slots=True)
class FittedModule:
    """A fitted network, predicting with torch; several threads may do so at once."""

    net: ModuleNet
    weights: dict[str, Array]
    inputs: Encoder
    target: Target
    facts: dict[str, Any]
    module: Any = field(default=None, repr=False, compare=False)
    "Loaded by the first prediction and only read from then on; if two threads load it at once, one of them is kept."

    def predict(self, rows: Rows) -> Array:
        """Return (n,) values or probabilities of `classes[1]`, or (n, C) probabilities, float32."""
        import torch

        if not len(rows):
            return self.target.decode(np.zeros((1, 1, self.net.outputs), np.float32))[:0]
        module = self.module = self.module or self.net.loaded(self.weights)
        parts, step = [], self.net.block
        for start in range(0, len(rows), BLOCK):
            x, cat = self.inputs.encode(rows.take(np.arange(start, min(start + BLOCK, len(rows)))))
            with torch.inference_mode():
                for at in range(0, len(x), step):
                    out = module(torch.from_numpy(x[at : at + step]), torch.from_numpy(cat[at : at + step]))
                    parts.append(self.target.decode(out[None].numpy()))
        return np.concatenate(parts)

    def state(self) -> State:
        """Return weights and encoder as arrays, the rest as JSON."""
        held, inputs = self.inputs.state()
        arrays = {f"net/{name}": value for name, value in self.weights.items()}
        arrays |= {f"inputs/{name}": value for name, value in held.items()}
        return arrays, {"net": asdict(self.net), "inputs": inputs, **self.target.meta(), "facts": dict(self.facts)}


class MediaCandidate:
    """Fits one module after the other; a subclass names encoder, network, settings and augmentation."""

    net_class: ClassVar[Any]
    encoder: ClassVar[Any]
    batch: ClassVar[int] = 128
    defaults: ClassVar[dict[str, Any]]

    def net(self, settings: Mapping[str, Any], inputs: Any, shape: Shape) -> ModuleNet:
        """Return the network for such rows."""
        raise RuntimeError(f"{type(self).__name__} names no network")

    def augment(self, inputs: Any, settings: Mapping[str, Any]) -> Augment | None:
        """Return what changes the training batches, or None."""
        return None

    def recipe(self, settings: Mapping[str, Any], shape: Shape, rows: int) -> Recipe:
        """Return how to train on so many rows: AdamW, more epochs and smaller batches where rows are few."""
        smooth = shape.task.is_classification and shape.n_classes >= SMOOTHING_CLASSES
        return Recipe(
            epochs=epochs_for(rows, int(settings["epochs"])),
            patience=max(10, epochs_for(rows, int(settings["epochs"])) // 3),
            batch=batch_for(rows, self.batch),
            lr=float(settings["lr"]),
            weight_decay=float(settings["weight_decay"]),
            smoothing=float(settings["smoothing"]) if smooth else 0.0,
            schedule=warm_cos,
            factors={"plain": (1.0, 0.0)},
            clip=float(settings["clip"]),
            loss=loss_of(shape),
        )

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Fit one model per fold, one after the other. See `Candidate.fit`."""
        given = settings({**self.defaults, "steps": None}, params)
        out: list[Fitted] = []
        for at, fold in enumerate(folds):
            share = Clock(max(0.0, clock.left()) / (len(folds) - at), threads=clock.threads)
            out.append(self._fit_one(fold, given, clock=share, seed=seed + at))
        return out

    def _fit_one(self, fold: Fold, given: dict[str, Any], *, clock: Clock, seed: int) -> FittedModule:
        shape = fold.train.shape
        inputs, x, cat = self.encoder.fit(fold.train, given, seed=seed)
        target = Target.of(fold.train)
        member = Member(x=x, cat=cat, y=target.encode(fold.train.target), decode=target.decode, watch=fold.watch)
        if fold.watch is not None:
            member.watch_x, member.watch_cat = inputs.encode(fold.watch.rows)
        net = self.net(given, inputs, shape)
        weights = net.init(x[None, :1], cat[None, :1], np.random.default_rng([seed, 7]))
        recipe = replace(self.recipe(given, shape, len(x)), augment=self.augment(inputs, given))
        epochs = int(given["steps"]) if given["steps"] is not None and fold.watch is None else None
        done = train(net, weights, recipe, members=[member], clock=clock, seed=seed, epochs=epochs)[0]
        # A copy of the net, for this one holds the module that training used.
        return FittedModule(replace(net), done.weights, inputs, target, done.facts)

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild a fitted network from its state."""
        parts: dict[str, dict[str, Array]] = {"net": {}, "inputs": {}}
        for key, value in arrays.items():
            part, _, name = key.partition("/")
            parts[part][name] = value
        known = {name: tuple(value) if isinstance(value, list) else value for name, value in meta["net"].items()}
        inputs = self.encoder.restore(parts["inputs"], meta["inputs"])
        return FittedModule(self.net_class(**known), parts["net"], inputs, Target.restore(meta), meta["facts"])


def net_card(name: str, title: str, build: str, paper: str, **more: Any) -> Card:
    """Return the card of a net that is trained from nothing on the kind of media that its name begins with."""
    return Card(
        name=name, title=title, family=Family.DEEP, build=build, paper=paper, accepts=(name.partition("_")[0],),
        requires=("torch",), needs=("torch",), extra="deep", anytime=True, **more,
    )  # fmt: skip


def epochs_for(rows: int, base: int) -> int:
    """Return the epochs at most: `base` from `FULL_EPOCHS` rows on, up to three times as many for fewer."""
    return round(base * min(3.0, max(1.0, math.sqrt(FULL_EPOCHS / max(1, rows)))))


def batch_for(rows: int, base: int) -> int:
    """Return the batch size: `base`, half of it below 40 such batches of rows, a quarter below 10."""
    return base if rows >= 40 * base else base // 2 if rows >= 10 * base else base // 4
