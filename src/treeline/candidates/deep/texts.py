"""Nets of texts, trained from nothing: a bag of words, convolutions, LSTMs, a transformer.

They see all columns of texts, one after the other, and the numbers and categories of the table beside them. A text has at most
`length` tokens (256; the LSTM 128); of a longer one the head and the tail are read. While training, some tokens are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

from treeline.candidates.card import Rows, Shape, State
from treeline.candidates.deep.augment import words_left_out
from treeline.candidates.deep.loop import Augment
from treeline.candidates.deep.module import MediaCandidate, ModuleNet, net_card
from treeline.candidates.deep.tokens import Pieces, Words
from treeline.candidates.media import strings
from treeline.candidates.prepare import Dense
from treeline.problem.metric import Array

__all__ = ["CARDS", "TextBag", "TextCNN", "TextInputs", "TextLSTM", "TextNet", "TextTransformer"]


@dataclass(frozen=True, kw_only=True)
class TextNet(ModuleNet):
    """A network of token ids (L,)."""

    kind: str
    "A class of `language`."
    ids: int
    length: int
    width: int
    "Of a token's vector."
    hidden: int
    dropout: float
    layers: int

    def build(self) -> Any:
        """Return a new module."""
        from treeline.candidates.deep import language

        return getattr(language, self.kind)(net=self)


@dataclass(frozen=True, slots=True)
class TextInputs:
    """The table beside, as numbers, and all columns of texts as one row of token ids."""

    dense: Dense
    columns: tuple[str, ...]
    tokens: Words | Pieces
    numbers: int

    @classmethod
    def fit(cls, rows: Rows, settings: Mapping[str, Any], *, seed: int) -> tuple[Self, Array, Array]:
        """Learn from training rows; return the encoder, the table (n, numbers) and the token ids (n, L) int32."""
        columns = tuple(one.name for one in rows.shape.of_kind("text"))
        dense, x = Dense.fit(rows, seed=seed)
        kind = Pieces if settings["pieces"] else Words
        tokens, ids = kind.fit(_texts(rows, columns), most=int(settings["length"]), size=int(settings["vocabulary"]))
        return cls(dense, columns, tokens, x.shape[1]), x, ids

    def encode(self, rows: Rows) -> tuple[Array, Array]:
        """Return the table (n, numbers) float32 and the token ids (n, L) int32."""
        return self.dense(rows), self.tokens(_texts(rows, self.columns))

    def state(self) -> State:
        """Return all that `restore` needs."""
        told = {"columns": self.columns, "numbers": self.numbers, "pieces": isinstance(self.tokens, Pieces)}
        return self.dense.arrays(), {**told, "tokens": self.tokens.meta()}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        """Rebuild from `state()`."""
        tokens = (Pieces if meta["pieces"] else Words).restore(meta["tokens"])
        return cls(Dense.restore(arrays), tuple(meta["columns"]), tokens, int(meta["numbers"]))


def _texts(rows: Rows, columns: tuple[str, ...]) -> list[str]:
    return [" ".join(parts) for parts in zip(*(strings(rows.media[name]) for name in columns), strict=True)]


class TextCandidate(MediaCandidate):
    """What the nets of texts share; a subclass names its module and settings."""

    net_class = TextNet
    encoder = TextInputs
    batch = 64
    kind: ClassVar[str]

    def net(self, settings: Mapping[str, Any], inputs: TextInputs, shape: Shape) -> TextNet:
        """Return the network for such rows."""
        return TextNet(
            outputs=max(1, shape.n_classes),
            numbers=inputs.numbers,
            kind=self.kind,
            ids=inputs.tokens.size,
            length=inputs.tokens.length,
            width=int(settings["width"]),
            hidden=int(settings["hidden"]),
            dropout=float(settings["dropout"]),
            layers=int(settings["layers"]),
        )

    def augment(self, inputs: TextInputs, settings: Mapping[str, Any]) -> Augment | None:
        """Leave some tokens out."""
        return partial(words_left_out, share=float(settings["left_out"]))


WORDS: dict[str, Any] = {
    "epochs": 12,
    "lr": 1e-3,
    "weight_decay": 0.01,
    "smoothing": 0.1,
    "clip": 1.0,
    "dropout": 0.5,
    "left_out": 0.1,
    "length": 256,
    "vocabulary": 20_000,
    "pieces": 0,
    "width": 96,
    "hidden": 64,
    "layers": 2,
}


class TextBag(TextCandidate):
    """Averaged vectors of words and of hashed pairs of neighbours, then a linear layer."""

    kind = "Bag"
    defaults: ClassVar[dict[str, Any]] = {**WORDS, "lr": 3e-3, "width": 64, "left_out": 0.2}


class TextCNN(TextCandidate):
    """Convolutions over 3, 4 and 5 words, the maximum over the text."""

    kind = "Convolutions"
    defaults = WORDS


class TextLSTM(TextCandidate):
    """A bidirectional LSTM, mean and maximum over the text."""

    kind = "Recurrent"
    defaults: ClassVar[dict[str, Any]] = {**WORDS, "length": 128, "lr": 2e-3}


class TextTransformer(TextCandidate):
    """Two blocks of attention over pieces of words, with learned positions."""

    kind = "Transformer"
    defaults: ClassVar[dict[str, Any]] = {**WORDS, "pieces": 1, "vocabulary": 4_000, "dropout": 0.3}


SPACE: dict[str, Any] = {
    "lr": (3e-4, 1e-2, "log"),
    "dropout": (0.1, 0.7),
    "left_out": (0.0, 0.4),
    "weight_decay": (1e-3, 0.1, "log"),
    "width": [32, 64, 96, 128],
}

CARDS = (
    net_card(
        "text_bag",
        "Bag of word vectors",
        f"{__name__}:TextBag",
        "Joulin et al.: Bag of Tricks for Efficient Text Classification, EACL 2017, arXiv:1607.01759",
        portfolio=({}, {"width": 32, "lr": 1e-2}, {"left_out": 0.4, "width": 128}),
        space=SPACE,
    ),
    net_card(
        "text_cnn",
        "Convolutional net on words",
        f"{__name__}:TextCNN",
        "Kim: Convolutional Neural Networks for Sentence Classification, EMNLP 2014, arXiv:1408.5882",
        portfolio=({}, {"hidden": 96, "left_out": 0.3}, {"width": 64, "lr": 2e-3}),
        space={**SPACE, "hidden": [32, 64, 96]},
    ),
    net_card(
        "text_lstm",
        "Bidirectional LSTM on words",
        f"{__name__}:TextLSTM",
        "Conneau et al.: Supervised Learning of Universal Sentence Representations, EMNLP 2017, arXiv:1705.02364",
        portfolio=({}, {"hidden": 96, "left_out": 0.3}, {"width": 64, "hidden": 32, "lr": 4e-3}),
        space={**SPACE, "hidden": [32, 64, 96]},
    ),
    net_card(
        "text_transformer",
        "Transformer on pieces of words",
        f"{__name__}:TextTransformer",
        "Vaswani et al.: Attention Is All You Need, NeurIPS 2017, arXiv:1706.03762",
        portfolio=({}, {"layers": 1, "lr": 2e-3}, {"vocabulary": 8_000, "left_out": 0.2}),
        space={**SPACE, "layers": [1, 2, 3], "vocabulary": [2_000, 4_000, 8_000]},
    ),
)
