"""Linear models on TF-IDF of words and characters: what has won text classification for decades, in seconds.

Grams that one training text alone holds are no features, so nothing of a single text is kept; see `grams.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.linear import Weights
from treeline.candidates.classical.sparse import columns_for, margin_path, platt, sparse_path
from treeline.candidates.classical.target import Scale, training_target
from treeline.candidates.grams import Grams, counts_of
from treeline.candidates.prepare import Dense, settings, with_prefix, without_prefix
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "WordCounts", "Words"]

PATHS = {
    "logistic": (3.0, 1.0, 0.3, 0.1, 0.03, 0.01),
    "hinge": (30.0, 10.0, 3.0, 1.0, 0.3, 0.1),
    "bayes": (3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0),
    "squared": (30.0, 10.0, 3.0, 1.0, 0.3, 0.1),
}
"Penalties by model, strong to weak: rows have length one, so the same ones serve short and long texts."
USUAL = 4
"The place on the path where nobody chooses."


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which grams are features, and their weights: idf, or 1 where only presence counts."""

    buckets: Array
    "(d,) int32, sorted; word grams first"
    words: int
    "How many of them are word grams."
    weight: Array
    "(d,) float32"
    grams: Grams
    presence: bool
    "Count a gram once a text, and do not bring rows to length one."

    @classmethod
    def fit(
        cls, counts: tuple[Any, Any], grams: Grams, *, most: int, presence: bool, rare: bool = True
    ) -> tuple[Vocabulary, Any]:
        """Learn from the counts of training texts; return the vocabulary and their features (n, d).

        `rare`: grams of few texts weigh more (idf).
        """
        found, weights = [], []
        n = next(one.shape[0] for one in counts if one is not None)
        for part in counts:
            seen = np.zeros(1, np.int64) if part is None else np.bincount(part.indices, minlength=part.shape[1])
            keep = np.flatnonzero(seen >= 2)
            share = most // sum(one is not None for one in counts)
            if len(keep) > share:
                keep = np.sort(keep[np.argsort(-seen[keep], kind="stable")[:share]])
            found.append(keep.astype(np.int32))
            alike = presence or not rare
            weights.append(np.ones(len(keep)) if alike else np.log((1 + n) / (1 + seen[keep])) + 1)
        made = cls(np.concatenate(found), len(found[0]), np.concatenate(weights).astype(np.float32), grams, presence)
        return made, made._of(counts)

    def __call__(self, rows: Rows) -> Any:
        """Return the features (n, d) of the texts of rows, scipy CSR float32."""
        return self._of(counts_of(rows, self.grams))

    def _of(self, counts: tuple[Any, Any]) -> Any:
        from scipy import sparse

        parts = []
        for part, (a, b) in zip(counts, ((0, self.words), (self.words, len(self.buckets))), strict=True):
            if part is None:
                continue
            some = _columns(part, self.buckets[a:b])
            some.data = np.ones_like(some.data) if self.presence else np.log1p(some.data)
            some = some @ sparse.diags_array(self.weight[a:b])
            if not self.presence:
                length = np.sqrt(np.asarray(some.multiply(some).sum(axis=1)).ravel())
                some = sparse.diags_array((1 / np.maximum(length, 1e-9)).astype(np.float32)) @ some
            parts.append(some)
        return sparse.hstack(parts, format="csr", dtype=np.float32)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of the state."""
        return {"buckets": self.buckets, "weight": self.weight}

    def meta(self) -> dict[str, Any]:
        """Return the JSON data of the state."""
        return {
            "words": self.words, "presence": self.presence, "grams": [self.grams.words, list(self.grams.chars)]
        }  # fmt: skip

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Vocabulary:
        """Rebuild it."""
        words, chars = meta["grams"]
        return cls(arrays["buckets"], meta["words"], arrays["weight"], Grams(words, tuple(chars)), meta["presence"])


def _columns(matrix: Any, kept: Array) -> Any:
    """Return the columns `kept` (sorted) of a CSR matrix."""
    from scipy import sparse

    place = np.full(matrix.shape[1], -1, np.int32)
    place[kept] = np.arange(len(kept))
    column = place[matrix.indices]
    there = column >= 0
    ends = np.concatenate([[0], np.cumsum(there)])[matrix.indptr]
    return sparse.csr_matrix((matrix.data[there], column[there], ends), shape=(matrix.shape[0], len(kept)))


@dataclass(frozen=True, slots=True)
class Inputs:
    """The features of rows: grams, and the numbers and categories of the table beside."""

    vocabulary: Vocabulary
    table: Dense

    def __call__(self, rows: Rows, texts: Any = None) -> Any:
        """Return (n, d) scipy CSR."""
        from scipy import sparse

        grams = self.vocabulary(rows) if texts is None else texts
        return sparse.hstack([grams, sparse.csr_matrix(self.table(rows))], format="csr", dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model."""

    inputs: Inputs
    weights: Weights
    scale: Scale

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        return self.weights.predict(self.inputs(rows), rows, self.scale)

    def state(self) -> State:
        """Return hash weights, slopes and the table's encoder."""
        arrays = {"slope": self.weights.slope, "offset": self.weights.offset} | self.inputs.vocabulary.arrays()
        arrays |= with_prefix("table", self.inputs.table.arrays())
        return arrays, {"scale": self.scale.meta(), "vocabulary": self.inputs.vocabulary.meta()}


class Words:
    """One linear model; the setting `model` says which: `logistic`, `hinge`, `bayes` (NB-SVM), `squared`."""

    model = "logistic"
    bare = False
    "Counts of single words, and nothing made of them."

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Fit the path of penalties for each fold; its watch chooses."""
        grams = {"words": 1, "chars": 1} if self.bare else {"words": 2, "chars": 5}
        chosen = settings({"steps": None, **grams}, params)
        out: list[Fitted] = []
        for at, fold in enumerate(folds):
            share = Clock(max(0.0, clock.left()) / (len(folds) - at), threads=clock.threads)
            out.append(self._fit(fold, chosen, share, seed))
        return out

    def _fit(self, fold: Fold, chosen: Mapping[str, Any], clock: Clock, seed: int) -> Fit:
        rows = fold.train
        model = "squared" if rows.shape.task is Task.REGRESSION else self.model
        grams = Grams(int(chosen["words"]), tuple(range(2, int(chosen["chars"]) + 1)))
        vocabulary, texts = Vocabulary.fit(
            counts_of(rows, grams), grams, most=columns_for(rows.shape.n_classes),
            presence=model == "bayes", rare=not self.bare,
        )  # fmt: skip
        table, _ = Dense.fit(rows, seed=seed, cap=20)
        inputs = Inputs(vocabulary, table)
        scale, z, _ = training_target(rows)
        target = _target(z, rows)
        held = None if fold.watch is None else inputs(fold.watch.rows)
        last = chosen["steps"] if chosen["steps"] is not None else (USUAL if fold.watch is None else None)
        matrix, best, slowest = inputs(rows, texts), None, 0.0
        penalties = PATHS[model] if last is None else PATHS[model][: max(1, int(last))]
        for step, weights in enumerate(_path(matrix, target, model, penalties), start=1):
            watch = fold.watch
            if watch is None or watch.see(step, weights.predict(held, watch.rows, scale)) or best is None:
                best = weights
            slowest = max(slowest, clock.used() / step)
            if watch is not None and (watch.stale >= 2 or clock.left() < slowest):
                watch.done = 1.0 if watch.stale >= 2 else step / len(penalties)
                break
        assert best is not None
        return Fit(inputs, best, scale)

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild the weights."""
        inputs = Inputs(Vocabulary.restore(arrays, meta["vocabulary"]), Dense.restore(without_prefix("table", arrays)))
        return Fit(inputs, Weights(arrays["slope"], arrays["offset"]), Scale(**meta["scale"]))


class WordCounts(Words):
    """The linear model on how often each word occurs: what TF-IDF of pairs and characters is held against."""

    bare = True


class WordsSvm(Words):
    """Linear support vector machine."""

    model = "hinge"


class WordsBayes(Words):
    """Support vector machine on features weighed by their naive Bayes log-count ratio."""

    model = "bayes"


def _target(z: Array, rows: Rows) -> Array:
    """Return the target (n, k): values, one column of 0 and 1, or one a class."""
    if rows.shape.task is Task.MULTICLASS:
        return np.eye(rows.shape.n_classes, dtype=np.float32)[z]
    return np.asarray(z[:, None], dtype=np.float32)


def _path(matrix: Any, target: Array, model: str, penalties: Sequence[float]) -> Any:
    """Yield the weights whose scores are log-odds, softmax scores or values, for each penalty."""
    if model in ("logistic", "squared"):
        yield from sparse_path(matrix, target, loss=model, penalties=penalties)
        return
    half = np.zeros(len(target), bool)
    half[np.lexsort((np.arange(len(target)), target.argmax(axis=1)))[::2]] = True
    factor = _ratios(matrix, target) if model == "bayes" else None
    crossed = [
        margin_path(
            matrix[part], target[part], penalties=[one / 2 for one in penalties],
            factor=_ratios(matrix[part], target[part]) if model == "bayes" else None,
        )
        for part in (half, ~half)
    ]  # fmt: skip
    whole = margin_path(matrix, target, penalties=penalties, factor=factor)
    for weights, *halves in zip(whole, *crossed, strict=True):
        margins = np.empty_like(target)
        for part, other in zip((~half, half), halves, strict=True):
            margins[part] = matrix[part] @ other.slope + other.offset
        size, shift = platt(margins, target)
        yield Weights(weights.slope * size, weights.offset * size + shift)


def _ratios(matrix: Any, target: Array) -> Array:
    """Return the log-count ratios (d, k) of each class against the rest, those of the densest columns as they are."""
    if target.shape[1] == 1:
        target = np.hstack([1 - target, target])
        return (_ratios(matrix, target)[:, 1:]).astype(np.float32)
    there = matrix.copy()
    there.data = (there.data != 0).astype(np.float32)
    inside = there.T @ target + 1.0
    outside = there.sum(axis=0).reshape(-1, 1) + 2.0 - inside
    ratio = np.log(inside / inside.sum(axis=0)) - np.log(outside / outside.sum(axis=0))
    return np.asarray(ratio, dtype=np.float32)


def _card(name: str, title: str, build: str, paper: str, tasks: tuple[Task, ...], **more: Any) -> Card:
    usual = {
        "portfolio": ({}, {"words": 3, "chars": 6}, {"words": 1, "chars": 4}),
        "space": {"words": [1, 2, 3], "chars": [3, 4, 5, 6]},
    }
    return Card(
        name=name, title=title, family=Family.CLASSICAL, build=f"{__name__}:{build}", paper=paper, licence="Apache-2.0",
        accepts=("text",), tasks=tasks, requires=("scipy", "sklearn"), needs=("scipy",), anytime=True, seedless=True,
        **{**usual, **more},
    )  # fmt: skip


LABELS = (Task.BINARY, Task.MULTICLASS)
CARDS = (
    _card(
        "words_logistic", "TF-IDF, logistic regression", "Words",
        "Joachims, Text categorization with support vector machines, ECML 1998; Genkin, Lewis, Madigan, Technometrics 2007",
        (*LABELS, Task.REGRESSION), plain="words_counts",
    ),
    _card(
        "words_counts", "Counts of words, logistic regression", "WordCounts",
        "Genkin, Lewis, Madigan, Technometrics 2007", (*LABELS, Task.REGRESSION), portfolio=({},), space={},
    ),
    _card(
        "words_svm", "TF-IDF, linear SVM", "WordsSvm",
        "Joachims, Text categorization with support vector machines, ECML 1998", LABELS,
    ),
    _card(
        "words_nbsvm", "TF-IDF, NB-SVM", "WordsBayes",
        "Wang, Manning, Baselines and bigrams, ACL 2012", LABELS,
    ),
)  # fmt: skip
