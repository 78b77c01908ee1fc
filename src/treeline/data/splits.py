"""Who is judged on what: folds, the two halves of every fold, and the order in which the ladder takes rows.

All is drawn once, before the first fit, and both families use it. Copies of the same inputs and rows of one group never
lie in two folds (Kaufman et al. 2012, "Leakage in data mining"); under the time policy nothing is learned from the future.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeline.errors import DataError
from treeline.problem.task import Policy

if TYPE_CHECKING:
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["ALL", "Folds", "plan_folds"]

ALL = -1
"In place of a fold: hold nothing out."

GREEDY = 20_000
"So many units with several rows are placed one by one, the largest first; smaller ones are dealt out."
CHUNKS = 10
"A time block is cut into so many stretches; its halves take them in turn."


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """The split of n rows. Arrays are never written to."""

    policy: Policy
    n_folds: int
    fold: Array
    "(n,) int8: the fold in which a row is held out; -1: never. Under TIME fold 0 is the most recent block."
    half: Array
    "(n,) int8, 0 or 1: the cross-fit half of a held-out row."
    order: Array
    "(n,) int64 row numbers: the ladder takes rows in this order. Under TIME the most recent ones first."
    groups: Array | None = None
    "(n,) codes under TIME with groups: a training part leaves out the groups of its held-out rows."

    def test_rows(self, fold: int) -> Array:
        """Return the sorted numbers of the rows held out in `fold`."""
        return np.flatnonzero(self.fold == fold)

    def train_rows(self, fold: int, share: float = 1.0) -> Array:
        """Return the sorted numbers of the training rows of `fold` for a rung with this share (0, 1] of them.

        Smaller shares are subsets of larger ones, and the same for everybody who asks. `ALL` holds nothing out.
        """
        if fold == ALL:
            allowed = np.ones(len(self.fold), dtype=bool)
        elif self.policy is Policy.TIME:
            allowed = (self.fold > fold) | (self.fold == -1)
            if self.groups is not None:
                allowed &= ~np.isin(self.groups, self.groups[self.fold == fold])
        else:
            allowed = self.fold != fold
        ladder = self.order[allowed[self.order]]
        if share < 1.0:
            ladder = ladder[: max(1, round(share * len(ladder)))]
        return np.sort(ladder)


def plan_folds(
    y: Array,
    problem: Problem,
    *,
    groups: Array | None = None,
    times: Array | None = None,
    duplicates: Array | None = None,
    folds: int | None = None,
) -> Folds:
    """Split n rows with target `y` (n,) as the problem's policy says; deterministic from `problem.seed`.

    By default 10 folds below 500 rows, 5 above, and more from 50,000 on, so that none holds out more than about 10,000 (judging
    more rows costs time and adds no certainty that matters); the time policy holds out the most recent half in 4 blocks, each
    judged by models that saw only what came before it (expanding window). Classes, or tenths of a regression target,
    have equal shares in folds, in halves and in every stretch of the ladder, as far as groups and duplicates allow.

    Args:
        y: class codes (int) or values (float), (n,).
        problem: task, policy and seed are used.
        groups: (n,) codes; rows with equal codes stay in one fold.
        times: (n,) sortable; needed under the time policy.
        duplicates: (n,) codes; rows with equal codes stay in one fold.
        folds: number of folds, at least 2; fewer are made where there are not enough units.

    Raises:
        DataError: all rows are of one group, or of one time.
    """
    rng = np.random.default_rng([problem.seed, 0xF01D])
    strata = _strata(y, problem)
    if problem.policy is Policy.TIME:
        dated = _time_folds(np.arange(len(y)) if times is None else times, groups, 4 if folds is None else folds)
        if not all(len(dated.train_rows(fold)) for fold in range(dated.n_folds)):
            raise DataError(
                "Every group that is held out also fills the time before, so nothing is left to learn from.",
                do="Give either --group or --time.",
            )
        return dated
    units = _units(groups if problem.policy is Policy.GROUPED else None, duplicates, len(y))
    n_units = int(units.max()) + 1
    if n_units < 2:
        raise DataError(
            f"All {len(y)} rows are of one group or are copies of one row, so none can be held out.",
            do="Choose another column to group by.",
        )
    usual = _usual(len(y))
    if (
        problem.policy is Policy.GROUPED and n_units < 2 * usual
    ):  # or the first fold, which all see, would hold one group only
        usual = min(usual, 5)
    count = min(folds or usual, n_units)
    fold = _deal(units, strata, count, rng)
    half = _deal(units, strata + (strata.max() + 1) * fold, 2, rng)
    return Folds(
        policy=problem.policy,
        n_folds=count,
        fold=fold.astype(np.int8),
        half=half.astype(np.int8),
        order=_ladder(strata, fold, rng),
    )


def _usual(n: int) -> int:
    return 10 if n < 500 else min(20, max(5, n // 10_000))


def _strata(y: Array, problem: Problem) -> Array:
    """Class codes, or tenths of a regression target: equal shares of them make folds alike."""
    if problem.task.is_classification:
        return _numbered(y)
    edges = np.unique(np.quantile(y, np.linspace(0.1, 0.9, 9)))
    return _numbered(np.searchsorted(edges, y, side="right"))


def _units(groups: Array | None, duplicates: Array | None, n: int) -> Array:
    """Number the sets of rows that must stay together: connected through a group or through a copy."""
    if groups is None and duplicates is None:
        return np.arange(n)
    if groups is None or duplicates is None:
        return _numbered(duplicates if groups is None else groups)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = _numbered(groups), _numbered(duplicates)
    width = int(a.max()) + 1
    size = width + int(b.max()) + 1
    graph = coo_array((np.ones(n, dtype=np.int8), (a, b + width)), shape=(size, size))
    return _numbered(connected_components(graph, directed=False)[1][a])


def _numbered(codes: Array | None) -> Array:
    return np.asarray(np.unique(np.asarray(codes), return_inverse=True)[1], dtype=np.int64)


def _deal(units: Array, strata: Array, parts: int, rng: np.random.Generator) -> Array:
    """Deal whole units to `parts` so that sizes and shares of the strata (n,) are as equal as can be; returns (n,)."""
    n_units, n_strata = int(units.max()) + 1, int(strata.max()) + 1
    size = np.bincount(units, minlength=n_units)
    # A unit goes by the rarest stratum that it holds, so that rare classes reach many parts.
    stratum = np.full(n_units, n_strata - 1)
    by_rarity = np.argsort(-np.bincount(strata, minlength=n_strata), kind="stable")
    rarity = np.empty(n_strata, dtype=np.int64)
    rarity[by_rarity] = np.arange(n_strata)
    rarest = np.full(n_units, -1)
    np.maximum.at(rarest, units, rarity[strata])
    stratum = by_rarity[rarest]
    part = np.full(n_units, -1)
    load = np.zeros((n_strata, parts))
    total = np.zeros(parts)
    shuffled = rng.permutation(n_units)
    large = shuffled[size[shuffled] > 1]
    large = large[np.argsort(-size[large], kind="stable")]
    fair = max(1.0, len(units) / parts)
    need = np.maximum(1.0, np.bincount(stratum, weights=size, minlength=n_strata) / parts)
    for unit in large[:GREEDY].tolist():
        s = stratum[unit]
        chosen = int(np.argmin(load[s] / need[s] + total / fair))
        part[unit] = chosen
        load[s, chosen] += size[unit]
        total[chosen] += size[unit]
    rest = large[GREEDY:]
    if len(rest):
        part[rest] = np.arange(len(rest)) % parts
        np.add.at(load, (stratum[rest], part[rest]), size[rest])
        total = load.sum(axis=0)
    single = shuffled[size[shuffled] == 1]
    single = single[np.argsort(stratum[single], kind="stable")]
    for run in np.split(single, np.flatnonzero(np.diff(stratum[single])) + 1):
        if len(run):
            quota = _quota(len(run), load[stratum[run[0]]], total, rng)
            part[run] = rng.permutation(np.repeat(np.arange(parts), quota))
            total += quota
    return np.asarray(part[units])


def _quota(m: int, load: Array, total: Array, rng: np.random.Generator) -> Array:
    """How many of m single rows each part gets: levels what it holds of their stratum, the rest to the lightest."""
    level = np.sort(load)
    filled = np.arange(1, len(load) + 1) * level - np.cumsum(level)
    lowest = int(np.searchsorted(filled, m, side="right"))
    height = (m + level[:lowest].sum()) / lowest
    quota = np.floor(np.maximum(0.0, height - load) + 1e-9).astype(np.int64)
    spare = np.lexsort((rng.random(len(load)), total + quota, load + quota))
    quota[spare[: m - int(quota.sum())]] += 1
    return np.asarray(quota)


def _ladder(strata: Array, fold: Array, rng: np.random.Generator) -> Array:
    """Order rows so that each prefix has the shares of all strata and folds; every class comes twice at the very front."""
    n = len(strata)
    shuffled = rng.permutation(n)
    turn = _rank_within((strata * (int(fold.max()) + 1) + fold)[shuffled])
    by_turn = np.lexsort((rng.random(n), turn, strata[shuffled]))
    shuffled = shuffled[by_turn]
    rank = _rank_within(strata[shuffled])
    place = (rank + rng.random(n)) / np.bincount(strata)[strata[shuffled]]
    place[rank < 2] *= 1e-9
    return np.asarray(shuffled[np.argsort(place, kind="stable")], dtype=np.int64)


def _rank_within(codes: Array) -> Array:
    """Return (n,) 0, 1, 2, … counting each code's rows in their order."""
    order = np.argsort(codes, kind="stable")
    size = np.bincount(codes)
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order] = np.arange(len(codes)) - np.repeat(np.cumsum(size) - size, size)
    return rank


def _time_folds(times: Array, groups: Array | None, blocks: int) -> Folds:
    """Hold out the most recent half in `blocks` blocks; rows of one time stay together."""
    n = len(times)
    order = np.argsort(times, kind="stable")
    ranked = times[order]
    first = np.searchsorted(ranked, ranked, side="left")
    ideal = np.round(n * (0.5 + 0.5 * np.arange(blocks) / blocks)).astype(np.int64)
    cuts = first[np.minimum(ideal, n - 1)]
    later = np.searchsorted(ranked, ranked[np.minimum(ideal, n - 1)], side="right")
    cuts = np.unique(np.where(cuts > 0, cuts, later))
    cuts = cuts[(cuts > 0) & (cuts < n)]
    if not len(cuts):
        raise DataError(f"All {n} rows are of one time, so no future can be held out.", do="Use --split random.")
    block = np.searchsorted(cuts, first, side="right")
    fold, half = np.empty(n, dtype=np.int8), np.zeros(n, dtype=np.int8)
    fold[order] = np.where(block == 0, -1, len(cuts) - block)
    # Neighbours in time resemble each other: halves of whole stretches keep the choice and the judgement apart.
    start = np.r_[0, cuts]
    length = np.diff(np.r_[start, n])
    half[order] = ((first - start[block]) * CHUNKS // length[block]) % 2
    codes = None if groups is None else _numbered(groups)
    return Folds(policy=Policy.TIME, n_folds=len(cuts), fold=fold, half=half, order=order[::-1].copy(), groups=codes)
