"""How readable a model is from outside: what small surrogates explain of its predictions.

Molnar, Casalicchio and Bischl (2019) measure a model by what can be said of it without opening it. Four numbers on held-out rows:
additivity (R² of an additive surrogate), tree fidelity (R² of a tree of depth 5), effective size (share of inputs that carry 90%
of the additive surrogate's variance) and stability (rank correlation of those shares between folds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.dimensions import Dimension, Side, normal, unmeasured
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.problem.metric import Array

__all__ = ["Reading", "interpretability", "read_off", "signal_of"]

BINS = 8
DEPTH, LEAF = 5, 5
MOST_INPUTS = 30
"Of more inputs those with the largest single effect are looked at."
SPLITS = 2
RIDGE = 3.0
POINTS = 5.0
"Indices this near to each other are the same."
WEIGHTS = (35.0, 25.0, 15.0, 25.0)
READABLE = 0.05
"Where both surrogates of both sides explain less, the index would be made of noise."
LEAST_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What surrogates say of one family's predictions."""

    additivity: float
    tree: float
    size: float
    "Share of the inputs."
    inputs: int
    "How many inputs carry 90%."
    stability: float
    se: float
    "Standard error of the index."

    @property
    def index(self) -> float:
        """0 to 100; larger is easier to explain."""
        parts = (max(self.additivity, 0), max(self.tree, 0), 1 - self.size, max(self.stability, 0))
        return float(np.dot(WEIGHTS, parts))


def signal_of(prediction: Array, *, probability: bool, relative: bool = False, of: int = 0) -> Array:
    """Return one number a row: the value, or the log-odds of a probability; of several classes those of class `of`.

    `relative`: errors count relative to the value, so its logarithm is looked at.
    """
    p = np.asarray(prediction, dtype=np.float64)
    if relative:
        return np.log1p(np.maximum(p, 0.0))
    if not probability:
        return p
    clipped = np.clip(p[:, of] if p.ndim == 2 else p, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(clipped / (1 - clipped)))


def read_off(inputs: Array, signal: Array, fold: Array, *, seed: int = 0) -> Reading | None:
    """Return what surrogates explain of `signal` (n,) from `inputs` (n, d), NaN where missing; None where too little varies."""
    keep = np.ptp(np.nan_to_num(inputs), axis=0) > 0
    x, rng = inputs[:, keep], np.random.default_rng(seed)
    if len(signal) < LEAST_ROWS or x.shape[1] == 0 or np.var(signal) <= 0:
        return None
    columns = [_bins(x[:, j]) for j in range(x.shape[1])]
    if len(columns) > MOST_INPUTS:
        single = [_between(codes, signal) for codes in columns]
        columns = [columns[j] for j in np.argsort(single)[::-1][:MOST_INPUTS]]
    plain = np.stack(columns, axis=1)
    added, treed = [], []
    for _ in range(SPLITS):
        halves = np.array_split(rng.permutation(len(signal)), 2)
        for train, test in (halves, halves[::-1]):
            added.append(_r2(signal[test], _additive(plain, signal, train)[0][test]))
            treed.append(_r2(signal[test], _tree(plain, signal, train)[test]))
    shares = _shares(plain, signal, np.arange(len(signal)))
    carried = np.sort(shares)[::-1].cumsum()
    needed = int(np.searchsorted(carried, 0.9 * carried[-1]) + 1)
    stable, se_stable = _stability(plain, signal, fold)
    se = np.hypot(WEIGHTS[0] * np.std(added) + WEIGHTS[1] * np.std(treed), WEIGHTS[3] * se_stable)
    return Reading(
        additivity=float(np.mean(added)), tree=float(np.mean(treed)), size=needed / x.shape[1], inputs=needed,
        stability=stable, se=float(se),
    )  # fmt: skip


def _bins(values: Array) -> Array:
    """Return codes (n,): 0 missing, 1… equally filled bins, or the values themselves where they are few."""
    found = np.unique(values[np.isfinite(values)])
    if len(found) > BINS:
        found = np.unique(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.where(np.isfinite(values), np.searchsorted(found, values, side="right") + 1, 0)


def _between(codes: Array, signal: Array) -> float:
    """Return the variance of the signal's means over the bins of one input."""
    counts = np.bincount(codes)
    means = np.bincount(codes, weights=signal) / np.maximum(counts, 1)
    return float(np.average((means - signal.mean()) ** 2, weights=counts))


def _additive(codes: Array, signal: Array, train: Array) -> tuple[Array, list[Array]]:
    """Fit a ridge on the bins of every input on `train`; return its values (n,) and each input's part of them (n,)."""
    from scipy.linalg import solve

    hot = [np.eye(codes[:, j].max() + 1, dtype=np.float32)[codes[:, j]] for j in range(codes.shape[1])]
    seen = np.hstack([each[train] for each in hot])
    middle, level = seen.mean(axis=0, dtype=np.float64).astype(np.float32), signal[train].mean()
    seen -= middle
    gram = (seen.T @ seen).astype(np.float64)
    gram.flat[:: len(gram) + 1] += RIDGE
    pull = seen.T @ (signal[train] - level).astype(np.float32)
    weights = solve(gram, pull.astype(np.float64), assume_a="pos", overwrite_a=True)
    parts, at = [], 0
    for each in hot:
        here = slice(at, at + each.shape[1])
        parts.append((each - middle[here]) @ weights[here])
        at += each.shape[1]
    return level + np.sum(parts, axis=0), parts


def _tree(codes: Array, signal: Array, train: Array) -> Array:
    """Grow a regression tree on the bins, least squares, on `train`; return what it says of all rows (n,)."""
    said, bins = np.full(len(signal), signal[train].mean()), int(codes.max()) + 1
    offset = bins * np.arange(codes.shape[1])
    nodes = [(np.isin(np.arange(len(signal)), train), np.ones(len(signal), dtype=bool))]
    for _ in range(DEPTH):
        grown = []
        for learn, rows in nodes:
            said[rows] = signal[learn].mean()
            found = _cut(codes[learn] + offset, signal[learn], bins)
            if found is not None:
                below = codes[:, found[0]] <= found[1]
                grown += [(learn & below, rows & below), (learn & ~below, rows & ~below)]
        nodes = grown
    for learn, rows in nodes:
        said[rows] = signal[learn].mean()
    return said


def _cut(flat: Array, signal: Array, bins: int) -> tuple[int, int] | None:
    """Return the input and bin after which to cut; None where no cut leaves `LEAF` rows on both sides and gains."""
    count = np.bincount(flat.ravel(), minlength=bins * flat.shape[1]).reshape(-1, bins)
    weights = np.repeat(signal, flat.shape[1])
    total = np.bincount(flat.ravel(), weights=weights, minlength=bins * flat.shape[1]).reshape(-1, bins)
    left, sums = count.cumsum(axis=1), total.cumsum(axis=1)
    right, rest = left[:, -1:] - left, sums[:, -1:] - sums
    gain = np.where(
        (left >= LEAF) & (right >= LEAF), sums**2 / np.maximum(left, 1) + rest**2 / np.maximum(right, 1), -np.inf
    )
    best = int(gain.argmax())
    whole = float(signal.sum()) ** 2 / len(signal)
    return divmod(best, bins) if gain.flat[best] > whole + 1e-12 else None


def _r2(truth: Array, guess: Array) -> float:
    return 1.0 - float(np.mean((truth - guess) ** 2) / max(float(np.var(truth)), 1e-12))


def _shares(codes: Array, signal: Array, rows: Array) -> Array:
    """Return each input's share of the additive surrogate's variance (d,)."""
    spread = np.array([part[rows].var() for part in _additive(codes, signal, rows)[1]])
    return spread / max(float(spread.sum()), 1e-12)


def _stability(codes: Array, signal: Array, fold: Array) -> tuple[float, float]:
    """Return the mean rank correlation of the inputs' shares between folds, each fold's model read alone, and its error."""
    folds = [np.flatnonzero(fold == number) for number in np.unique(fold)]
    if len(folds) < 2 or min(map(len, folds)) < LEAST_ROWS // 4:  # one model only: two halves of its rows
        folds = np.array_split(np.random.default_rng(0).permutation(len(signal)), 2)
    ranks = [np.argsort(np.argsort(_shares(codes, signal, rows))) for rows in folds]
    if codes.shape[1] < 2:
        return 1.0, 0.0
    pairs = [float(np.corrcoef(a, b)[0, 1]) for i, a in enumerate(ranks) for b in ranks[:i]]
    return float(np.mean(pairs)), float(np.std(pairs) / np.sqrt(len(folds) - 1))


def interpretability(readings: Mapping[Family, Reading | None], glass: Mapping[str, Any] | None) -> Dimension:
    """Compare how well small surrogates stand for each side's predictions.

    `glass`: the best glass box among the contenders, `name` and `costs` (words), None where there is none.
    """
    known = {family: reading for family, reading in readings.items() if reading is not None}
    if len(known) < 2:
        return unmeasured("interpretability", f"it needs {LEAST_ROWS} judged rows of both sides whose predictions vary")
    if all(max(one.additivity, one.tree) < READABLE for one in known.values()):
        return unmeasured("interpretability", "no small surrogate explains the predictions of either side")
    sides = {
        str(family): Side(
            value=one.index,
            interval=(max(one.index - 1.96 * one.se, 0.0), min(one.index + 1.96 * one.se, 100.0)),
            text=f"{one.index:.0f} of 100 (tree of depth {DEPTH} explains {max(one.tree, 0):.0%})",
            detail={
                "additivity": one.additivity, "tree": one.tree, "size": one.size, "inputs": one.inputs,
                "stability": one.stability, "glass_box": dict(glass) if glass and family is Family.CLASSICAL else None,
            },
        )
        for family, one in known.items()
    }  # fmt: skip
    a, b = known[Family.CLASSICAL], known[Family.DEEP]
    told = " and ".join(f"{max(one.additivity, 0):.0%} ({family})" for family, one in known.items())
    words = f"An additive model explains {told} of the predictions."
    if glass:
        words += f" {glass['words']}"
    return Dimension(
        name="interpretability",
        unit="index, 0 to 100",
        sides=sides,
        odds=normal(b.index - a.index, float(np.hypot(a.se, b.se)), POINTS),
        words=words,
        how="Surrogates of out-of-fold predictions on held-out rows: 35 additivity, 25 tree of depth 5, 15 few inputs, 25 "
        "stability over folds (Molnar, Casalicchio, Bischl 2019).",
    )
