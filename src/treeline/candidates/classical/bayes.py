"""Naive Bayes: every input speaks for itself, numbers through normal curves or bins, categories through counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.target import in_shape, softmax
from treeline.candidates.prepare import settings
from treeline.problem.metric import Array
from treeline.problem.task import Family, Task

__all__ = ["CARDS", "NaiveBayes"]

TRUST = tuple(np.geomspace(0.05, 1.0, 10))
"How much of the inputs' evidence is believed, per step from 1: inputs that repeat each other are counted twice."
USUAL = 7


@dataclass(frozen=True, slots=True)
class Counts:
    """Log probabilities of codes given the class; a number is a code too (its bin), or has a normal curve."""

    edges: Array
    "(p, b) float32: inner edges of the bins"
    normal: Array
    "(2, p, C): mean and standard deviation; empty where numbers are binned"
    tables: Array
    "(codes of all inputs, C): log P(code | class)"
    starts: Array
    "(inputs + 1,) int32"
    prior: Array
    "(C,): log P(class)"
    trust: float

    def evidence(self, rows: Rows) -> Array:
        """Return the summed log likelihoods (n, C), without the prior."""
        codes = self.codes(rows)
        total = np.zeros((len(rows), len(self.prior)))
        for j, start in enumerate(self.starts[:-1]):
            total += self.tables[start + np.minimum(codes[:, j], self.starts[j + 1] - start - 1)]
        for j in range(self.normal.shape[1]):
            mean, sd = self.normal[:, j]
            x = rows.num[:, j, None].astype(np.float64)
            total += np.nan_to_num(-0.5 * np.minimum(((x - mean) / sd) ** 2, 50) - np.log(sd))
        return total

    def codes(self, rows: Rows) -> Array:
        """Return the codes (n, inputs): bins of numbers (0 for missing), then categories."""
        binned = [
            np.where(np.isfinite(x), np.searchsorted(edge, x, side="right") + 1, 0)
            for x, edge in zip(rows.num.T, self.edges, strict=False)
        ]
        return np.column_stack([*binned, rows.cat]) if binned else rows.cat

    def answer(self, evidence: Array, trust: float, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        return in_shape(softmax(self.prior + trust * evidence), rows.shape)

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        if not len(rows):
            return in_shape(np.zeros((0, len(self.prior))), rows.shape)
        return self.answer(self.evidence(rows), self.trust, rows)

    def state(self) -> State:
        """Return the tables."""
        names = ("edges", "normal", "tables", "starts", "prior")
        return {name: getattr(self, name) for name in names}, {"trust": self.trust}


class NaiveBayes:
    """Class-wise normal curves or bins for numbers, smoothed counts for categories; evidence is tempered."""

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Count; a step is a place in `TRUST`."""
        chosen = settings({"steps": None, "numbers": "bins", "bins": 16, "smooth": 1.0}, params)
        fitted: list[Fitted] = []
        for fold in folds:
            trust = TRUST[min(max(chosen["steps"] or USUAL, 1), len(TRUST)) - 1]
            model = _count(fold.train, chosen, float(trust))
            if fold.watch is not None:
                held = fold.watch.rows
                evidence = model.evidence(held)
                for step in [chosen["steps"]] if chosen["steps"] else range(1, len(TRUST) + 1):
                    if fold.watch.see(step, model.answer(evidence, TRUST[step - 1], held)):
                        trust = TRUST[step - 1]
                model = Counts(model.edges, model.normal, model.tables, model.starts, model.prior, float(trust))
            fitted.append(model)
        return fitted

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild the tables."""
        return Counts(**arrays, trust=meta["trust"])


def _count(rows: Rows, chosen: dict[str, Any], trust: float) -> Counts:
    y, c, p = rows.target, rows.shape.n_classes, rows.num.shape[1]
    bins, smooth = int(chosen["bins"]), float(chosen["smooth"])
    shares = (np.bincount(y, minlength=c) + smooth) / (len(y) + smooth * c)
    gaussian = chosen["numbers"] == "normal"
    edges = np.zeros((0 if gaussian else p, bins - 1), np.float32)
    for j in range(len(edges)):
        column = rows.num[np.isfinite(rows.num[:, j]), j]
        if len(column):
            edges[j] = np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1])
    normal = _normals(rows) if gaussian else np.zeros((2, 0, c))
    empty = Counts(edges, normal, np.zeros((0, c)), np.zeros(1, np.int32), np.log(shares), trust)
    codes = empty.codes(rows)
    cards = [bins + 1] * len(edges) + list(rows.shape.cards)
    tables = []
    for j, card in enumerate(cards):
        counts = np.bincount(np.minimum(codes[:, j], card - 1) * c + y, minlength=card * c).reshape(card, c)
        # A code's share among all classes is what a class with few rows is drawn to.
        overall = (counts.sum(axis=1, keepdims=True) + smooth) / (len(y) + smooth * card)
        tables.append(np.log((counts + 10 * smooth * overall) / (counts.sum(axis=0) + 10 * smooth)))
    starts = np.cumsum([0, *cards]).astype(np.int32)
    return Counts(edges, normal, np.concatenate([*tables, np.zeros((0, c))]), starts, empty.prior, trust)


def _normals(rows: Rows) -> Array:
    """Return mean and standard deviation (2, p, C) of each number in each class, drawn a little to all rows' ones."""
    y, c = rows.target, rows.shape.n_classes
    good = np.isfinite(rows.num)
    x = np.where(good, rows.num, 0).astype(np.float64)
    members = np.eye(c)[y]
    n = good.T.astype(np.float64) @ members
    total = n.sum(axis=1, keepdims=True)
    mean = x.sum(axis=0)[:, None] / np.maximum(total, 1)
    spread = (np.where(good, (rows.num - mean[:, 0]) ** 2, 0)).sum(axis=0)[:, None] / np.maximum(total, 1)
    spread = np.where(spread > 0, spread, 1.0)
    means = (x.T @ members + mean) / (n + 1)
    squares = (x**2).T @ members - 2 * means * (x.T @ members) + n * means**2
    return np.stack([means, np.sqrt((np.maximum(squares, 0) + spread) / (n + 1)) + 1e-3 * np.sqrt(spread)])


CARDS = (
    Card(
        name="naive_bayes",
        title="Naive Bayes",
        family=Family.CLASSICAL,
        build=f"{__name__}:NaiveBayes",
        paper="Maron, Automatic Indexing, J. ACM 1961; Hand, Yu, Idiot's Bayes, International Statistical Review 2001",
        licence="Apache-2.0",
        tasks=(Task.BINARY, Task.MULTICLASS),
        glass_box=True,
        portfolio=({}, {"numbers": "normal"}),
        space={"bins": (5, 64, "log"), "smooth": (0.1, 10.0, "log")},
    ),
)
