"""Fine-tuning a pretrained encoder on the one training loop: small matrices beside its attention, or all of it.

`rank` above 0: low-rank updates of the attention's linear maps, all else frozen (LoRA, Hu et al., ICLR 2022, arXiv:2106.09685).
`rank` 0: every weight, the upper layers first and the lower ones more slowly (ULMFiT, Howard, Ruder, ACL 2018).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from treeline.candidates.card import Card, Rows, Shape, State
from treeline.candidates.deep.frozen import here
from treeline.candidates.deep.loop import Recipe
from treeline.candidates.deep.module import MediaCandidate, ModuleNet
from treeline.candidates.encoders import LONGEST, digest, pretrained
from treeline.candidates.media import largest
from treeline.candidates.prepare import Dense, with_prefix, without_prefix
from treeline.errors import SetupError
from treeline.problem.metric import Array
from treeline.problem.task import Family

__all__ = ["CARDS", "Tuned", "TunedNet"]

ATTENTION = ("query", "value", "q_proj", "v_proj", "q_lin", "v_lin")
"Names of linear maps that get low-rank updates, in the model families of transformers."
THAW = {"head": 0.0, "top": 0.1, "middle": 0.25, "low": 0.4}
"Progress at which each third of the layers starts to learn."
SLOWER = {"head": 1.0, "top": 0.05, "middle": 0.03, "low": 0.02, "lora": 0.5}
"Factors of the learning rate."


def thawed(group: str, t: float) -> float:
    """Return the factor of a group's learning rate at progress t."""
    return SLOWER[group] if t >= THAW.get(group, 0.0) else 0.0


def with_head(model: Any, pool: Any, *, outputs: int, numbers: int, width: int, kind: str) -> Any:
    """Return a module (x, cat) -> (B, outputs) over an encoder; x are the table's numbers, cat the model's main input."""
    import torch

    class Headed(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.base = model
            self.drop = torch.nn.Dropout(0.1)
            self.head = torch.nn.Linear(width + numbers, outputs)

        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            for part in self.base.modules():  # running means belong to the pretrained weights, which stay as they are
                if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                    part.eval()
            return self

        def forward(self, x: Any, cat: Any) -> Any:
            if kind == "text":
                used = int((cat >= 0).any(dim=0).sum().clamp(min=1))
                ids = cat[:, :used]
                inputs = {"input_ids": ids.clamp(min=0).long(), "attention_mask": (ids >= 0).long()}
            else:
                inputs = {"pixel_values" if kind == "image" else "given": cat.float()}
            found = self.base(**inputs) if kind != "sound" else self.base(inputs["given"])
            return self.head(self.drop(torch.cat([pool(found, inputs), x], dim=1)))

    return Headed()


def low_rank(model: Any, rank: int) -> None:
    """Put trainable updates of `rank` beside the attention's maps of a frozen model, in place."""
    import torch

    class Updated(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, base: Any) -> None:
            super().__init__()
            self.base = base
            self.down = torch.nn.Parameter(torch.randn(rank, base.in_features) / rank)
            self.up = torch.nn.Parameter(torch.zeros(base.out_features, rank))

        def forward(self, x: Any) -> Any:
            return self.base(x) + (x @ self.down.T) @ self.up.T * 2.0

    for place, part in list(model.named_modules()):
        if isinstance(part, torch.nn.Linear) and place.rpartition(".")[2] in ATTENTION:
            parent = model.get_submodule(place.rpartition(".")[0])
            setattr(parent, place.rpartition(".")[2], Updated(part))


@dataclass(frozen=True, kw_only=True)
class TunedNet(ModuleNet):
    """The encoder of a folder with a head; its weights here are those that are trained."""

    folder: str
    kind: str
    width: int
    rank: int
    block: ClassVar[int] = 32

    def build(self) -> Any:
        """Return the module with the pretrained weights, and new ones for head and updates."""
        found = pretrained(self.folder, self.kind)
        model = copy.deepcopy(found.model)
        if self.rank:
            low_rank(model, self.rank)
        else:
            for weight in model.parameters():
                weight.requires_grad_(True)
        return with_head(
            model, found.pool, outputs=self.outputs, numbers=self.numbers, width=self.width, kind=self.kind
        )

    def named(self, module: Any) -> dict[str, Any]:
        """Return what is trained, named by head, update or third of the layers."""
        held = [(name, value) for name, value in module.named_parameters() if value.requires_grad]
        layers = {name: _layer(name) for name, _ in held}
        most = max(layers.values()) + 1
        groups = ("low", "middle", "top")

        def group(name: str) -> str:
            if not name.startswith("base."):
                return "head"
            return "lora" if self.rank else groups[min(2, max(0, 3 * layers[name] // most))]

        return {f"{group(name)}.{name}": value for name, value in held}

    def loaded(self, weights: Mapping[str, Array]) -> Any:
        """Return the module for predicting."""
        import torch

        module = self.build()
        held = {name.partition(".")[2]: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        module.load_state_dict(held, strict=False)
        return module.eval()


def _layer(name: str) -> int:
    """Return the number of the layer that a weight's name holds, -1 for embeddings and what lies outside."""
    return next((int(part) for part in name.split(".") if part.isdigit()), -1)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows as the pretrained model wants them."""

    folder: str
    sha256: str
    kind: str
    name: str
    "The column."
    table: Dense

    @classmethod
    def fit(cls, rows: Rows, settings: Mapping[str, Any], *, seed: int) -> tuple[Self, Array, Array]:
        """Learn the table's encoding; return these rows encoded.

        Raises:
            SetupError: no weights are given.
        """
        folder, kind = str(settings["weights"]), str(settings["kind"])
        if not folder:
            raise SetupError("No pretrained weights are named.", do="Give --pretrained FOLDER.")
        table, _ = Dense.fit(rows, seed=seed, cap=30)
        made = cls(folder, digest(folder), kind, largest(rows.shape.of_kind(kind)).name, table)
        return (made, *made.encode(rows))

    def encode(self, rows: Rows) -> tuple[Array, Array]:
        """Return x (n, numbers) and cat: token ids (n, L) int32, -1 after the end, or the model's input as float16."""
        found = pretrained(self.folder, self.kind)
        make = _ids if self.kind == "text" else _floats
        cat = rows.media.derived(self.name, f"given-{found.name}", lambda raw: make(found, raw))
        if self.kind == "text":
            cat = cat[:, : max(1, int((cat >= 0).any(axis=0).sum()))]
        return self.table(rows), cat

    def state(self) -> State:
        """Return the table's encoding; the model is named by its digest."""
        meta = {"folder": self.folder, "sha256": self.sha256, "kind": self.kind, "name": self.name}
        return with_prefix("table", self.table.arrays()), meta

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        """Rebuild it.

        Raises:
            SetupError, IntegrityError: the encoder is not here, or is another one.
        """
        folder = here(meta["folder"], meta["sha256"])
        return cls(folder, meta["sha256"], meta["kind"], meta["name"], Dense.restore(without_prefix("table", arrays)))


def _ids(found: Any, raw: Array) -> Array:
    """Return token ids (k, LONGEST) int32, -1 after the end."""
    inputs = found.prepare(raw)
    out = np.full((len(raw), LONGEST), -1, np.int32)
    ids = np.where(inputs["attention_mask"].numpy() > 0, inputs["input_ids"].numpy(), -1)
    out[:, : ids.shape[1]] = ids
    return out


def _floats(found: Any, raw: Array) -> Array:
    """Return the model's main input for raw images or sounds, as long for every row."""
    if found.kind != "sound":
        (given,) = found.prepare(raw).values()
        return np.asarray(given.numpy().astype(np.float16))
    out = []
    for row in raw:  # each by itself, or it would be levelled with its neighbours
        (given,) = found.prepare(row[None]).values()
        values = given[0].numpy().astype(np.float16)
        out.append(np.pad(values, (0, max(0, len(row) - len(values)))) if values.ndim == 1 else values)
    return np.stack(out)


class Tuned(MediaCandidate):
    """An encoder that is trained on; a subclass names the kind of media."""

    net_class = TunedNet
    encoder = Prepared
    batch = 32
    defaults: ClassVar[dict[str, Any]] = {
        "epochs": 4, "lr": 1e-3, "weight_decay": 0.01, "smoothing": 0.0, "clip": 1.0, "rank": 8, "weights": "", "kind": "text",
    }  # fmt: skip

    def net(self, settings: Mapping[str, Any], inputs: Any, shape: Shape) -> TunedNet:
        """Return the network for such rows."""
        return TunedNet(
            outputs=max(1, shape.n_classes), numbers=inputs.table.width, folder=inputs.folder, kind=inputs.kind,
            width=pretrained(inputs.folder, inputs.kind).width, rank=int(settings["rank"]),
        )  # fmt: skip

    def recipe(self, settings: Mapping[str, Any], shape: Shape, rows: int) -> Recipe:
        """Return AdamW with a warm start, layers thawing from the top."""
        plain = super().recipe(settings, shape, rows)
        groups = ("head", "lora", "top", "middle", "low")
        factors = {group: (lambda t, group=group: thawed(group, t), 1.0) for group in groups}
        return replace(plain, factors=factors)

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Any:
        """Rebuild a fitted network; the encoder may lie elsewhere by now.

        Raises:
            SetupError, IntegrityError: the encoder is not here, or is another one.
        """
        place = here(meta["inputs"]["folder"], meta["inputs"]["sha256"])
        return super().restore(arrays, {**meta, "net": {**meta["net"], "folder": place}})


class TunedImages(Tuned):
    """Fine-tuned encoder of images."""

    defaults: ClassVar[dict[str, Any]] = {**Tuned.defaults, "kind": "image"}


class TunedSounds(Tuned):
    """Fine-tuned encoder of sounds."""

    defaults: ClassVar[dict[str, Any]] = {**Tuned.defaults, "kind": "sound"}


def _card(kind: str, build: str, paper: str, extra: str) -> Card:
    return Card(
        name=f"{kind}_tuned", title=f"Pretrained {kind} encoder, fine-tuned", family=Family.DEEP, build=f"{__name__}:{build}",
        paper=paper, licence="Apache-2.0; the weights have their own", accepts=(kind,), requires=("torch", "transformers"),
        needs=("torch", "transformers"), extra=extra, anytime=True, pretrained=True, max_rows=200_000,
        portfolio=({}, {"rank": 0}), space={"rank": [0, 4, 8, 16], "lr": (3e-4, 3e-3, "log")},
    )  # fmt: skip


LORA = "Hu et al., LoRA, ICLR 2022, arXiv:2106.09685; "
CARDS = (
    _card("text", "Tuned", LORA + "Devlin et al., BERT, NAACL 2019, arXiv:1810.04805", "text"),
    _card("image", "TunedImages", LORA + "Dosovitskiy et al., ICLR 2021, arXiv:2010.11929", "image"),
    _card("sound", "TunedSounds", LORA + "Baevski et al., wav2vec 2.0, NeurIPS 2020, arXiv:2006.11477", "audio"),
)
