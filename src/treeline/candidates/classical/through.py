"""Candidates for tables, fitted through features of texts, images or sounds.

A `Recipe` says how rows with media turn into rows of numbers; what it learns, it learns on a fold's training rows. Features
that look at no target and need no other rows are `Group`s: they are made once a run, by `Media.derived`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from treeline.candidates.blocks import Blocks, numbers_only
from treeline.candidates.card import Candidate, Clock, Fitted, Fold, Rows, State
from treeline.candidates.classical.pictures import small
from treeline.candidates.classical.rounds import share_of
from treeline.candidates.prepare import with_prefix, without_prefix
from treeline.problem.metric import Array

__all__ = ["Beside", "Compared", "Group", "Made", "Recipe", "Through", "group_features"]

BLOCK = 4096
"Rows that are predicted together: features are wide."


@dataclass(frozen=True, slots=True)
class Group:
    """Features of one kind, made of each row by itself."""

    key: str
    "Names them and every setting they depend on; a file name."
    make: Callable[[Array], Array]
    "Raw rows (k, ...) to (k, d)."
    weight: float = 1.0
    "Beside other groups, where rows are compared by distance."


class Made(Protocol):
    """Turns rows with media into rows of numbers (and categories)."""

    def __call__(self, rows: Rows) -> Rows:
        """Return rows without media, each made by itself."""
        ...

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        ...


class Recipe(Protocol):
    """How a `Made` is learned."""

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The recipe's own settings."""
        ...

    def learn(self, rows: Rows, chosen: Mapping[str, Any], *, seed: int) -> tuple[Made, Rows]:
        """Learn from training rows; return what was learned and the training rows turned."""
        ...

    def restore(self, arrays: Mapping[str, Array]) -> Made:
        """Rebuild from `Made.arrays()`."""
        ...


def group_features(rows: Rows, kind: str, groups: Sequence[Group]) -> list[Array]:
    """Return the features (n, d) float32 of each media column of a kind, group after group."""
    return [
        rows.media.derived(column.name, group.key, partial(_make, group, kind)).astype(np.float32)
        for column in rows.shape.of_kind(kind)
        for group in groups
    ]


def _make(group: Group, kind: str, raw: Array) -> Array:
    return group.make(small(raw) if kind == "image" else raw)


@dataclass(frozen=True, slots=True)
class Beside:
    """Features to the left of the table's numbers: for trees, and for learners that scale each number by itself."""

    kind: str
    groups: tuple[Group, ...]

    @property
    def defaults(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def learn(self, rows: Rows, chosen: Mapping[str, Any], *, seed: int) -> tuple[Made, Rows]:
        """Learn nothing."""
        return self, self(rows)

    def restore(self, arrays: Mapping[str, Array]) -> Made:
        """Return itself."""
        return self

    def __call__(self, rows: Rows) -> Rows:
        """Return rows of features and numbers."""
        return numbers_only(rows, np.hstack([*group_features(rows, self.kind, self.groups), rows.num]), rows.cat)

    def arrays(self) -> dict[str, Array]:
        """Return the state: none."""
        return {}


@dataclass(frozen=True, slots=True)
class Compared:
    """Features for learners that compare rows by distance and take their inputs as they are (`blocks.Ready`)."""

    kind: str
    groups: tuple[Group, ...]
    components: int
    whiten: float = 0.0
    spread: float = 4.0
    blocks: Blocks | None = None
    "Once learned."

    @property
    def defaults(self) -> Mapping[str, Any]:
        """How many components are kept."""
        return {"components": self.components}

    def learn(self, rows: Rows, chosen: Mapping[str, Any], *, seed: int) -> tuple[Made, Rows]:
        """Learn scales and principal components."""
        features = group_features(rows, self.kind, self.groups)
        weights = [group.weight for _ in rows.shape.of_kind(self.kind) for group in self.groups]
        most = int(chosen["components"])
        blocks, matrix = Blocks.fit(
            rows, features, weights, most=most, whiten=self.whiten, spread=self.spread, seed=seed
        )
        return replace(self, blocks=blocks), numbers_only(rows, matrix)

    def restore(self, arrays: Mapping[str, Array]) -> Made:
        """Rebuild scales and components."""
        return replace(self, blocks=Blocks.restore(arrays))

    def __call__(self, rows: Rows) -> Rows:
        """Return rows of components and the scaled table."""
        assert self.blocks is not None, "not learned yet"
        return numbers_only(rows, self.blocks(rows, group_features(rows, self.kind, self.groups)))

    def arrays(self) -> dict[str, Array]:
        """Return scales and components."""
        return {} if self.blocks is None else self.blocks.arrays()


@dataclass(frozen=True, slots=True)
class Passed:
    """A model fitted through features."""

    made: Made
    model: Fitted

    def predict(self, rows: Rows) -> Array:
        """Return predictions in Treeline's shapes."""
        starts = range(0, max(len(rows), 1), BLOCK)
        parts = (rows.take(np.arange(at, min(at + BLOCK, len(rows)))) for at in starts)
        return np.concatenate([self.model.predict(self.made(part)) for part in parts])

    def state(self) -> State:
        """Return what the features learned, and the model."""
        arrays, meta = self.model.state()
        return with_prefix("made", self.made.arrays()) | with_prefix("model", arrays), meta


class Through:
    """A candidate for tables behind a recipe; steps, clock and watch mean what they mean to that candidate."""

    def __init__(self, inner: Candidate, recipe: Recipe, params: Mapping[str, Any] | None = None) -> None:
        """`params` are the defaults that differ from those of `inner`."""
        self.inner = inner
        self.recipe = recipe
        self.params = params or {}

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Fit fold after fold, so that the features of one at a time are held."""
        known = self.recipe.defaults
        own = {**known, **{name: value for name, value in params.items() if name in known}}
        rest = {**self.params, **{name: value for name, value in params.items() if name not in known}}
        fitted: list[Fitted] = []
        for i, fold in enumerate(folds):
            until = share_of(clock, len(folds) - i)
            made, train = self.recipe.learn(fold.train, own, seed=seed)
            if fold.watch is None:
                model = self._inner(Fold(train), rest, until, clock.threads, seed)
            else:
                with fold.watch.over(made(fold.watch.rows)) as watch:
                    model = self._inner(Fold(train, watch), rest, until, clock.threads, seed)
            fitted.append(Passed(made, model))
        return fitted

    def _inner(self, fold: Fold, params: Mapping[str, Any], until: float, threads: int, seed: int) -> Fitted:
        clock = Clock(0.0, threads=threads)
        clock.seconds = until - clock.start
        return self.inner.fit([fold], params, clock=clock, seed=seed)[0]

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild both parts."""
        made = self.recipe.restore(without_prefix("made", arrays))
        return Passed(made, self.inner.restore(without_prefix("model", arrays), meta))
