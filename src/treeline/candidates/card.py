"""The card of a contestant and the protocols it keeps.

A candidate is handed one or several folds and returns one `Fitted` for each. While it trains it shows the predictions for
the fold's held-out rows to the fold's `Watch`, round by round or epoch by epoch; the watch keeps the best ones. So stopping
costs no extra rows: the stopping point that one half of those rows chooses is judged on the other half (see `Watch`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from treeline.candidates.media import NO_MEDIA, Media, MediaColumn
from treeline.problem.metric import METRICS, Array, Metric
from treeline.problem.task import Family, Task

__all__ = ["Candidate", "Card", "Clock", "Fitted", "Fold", "Rows", "Shape", "State", "Watch"]

State = tuple[dict[str, Array], dict[str, Any]]
"What a fitted model is: named arrays (text and bytes as uint8) and JSON data. No code, no pickle."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What every candidate may know of the columns and the task."""

    task: Task
    n_classes: int
    "0 for regression."
    metric: Metric
    num_names: tuple[str, ...]
    cat_names: tuple[str, ...]
    cards: tuple[int, ...]
    "Per category column the number of codes: 0 is missing, 1 is rare or unseen, 2… are levels by falling frequency."
    media: tuple[MediaColumn, ...] = ()
    "Columns of texts, images and sounds."

    def of_kind(self, kind: str) -> tuple[MediaColumn, ...]:
        """Return the media columns of a kind: `text`, `image` or `sound`."""
        return tuple(column for column in self.media if column.kind == kind)


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded rows: numbers (n, p) float32 with NaN for missing, categories (n, q) int32 codes, target (n,) or None, media."""

    shape: Shape
    num: Array
    cat: Array
    y: Array | None = None
    media: Media = NO_MEDIA

    def __len__(self) -> int:
        """Return n."""
        return len(self.num)

    def take(self, index: Array) -> Rows:
        """Return these rows, copied."""
        y = None if self.y is None else self.y[index]
        return Rows(self.shape, self.num[index], self.cat[index], y, self.media.take(index))

    @property
    def target(self) -> Array:
        """The target (n,): float64 for regression, int64 codes for classification."""
        assert self.y is not None, "these rows have no target"
        return self.y


class Clock:
    """The time a fit may take. Cooperative: a fit looks at it and ends early; the runner kills what does not."""

    def __init__(self, seconds: float, *, threads: int = 1) -> None:
        """Start now; `seconds` until the soft deadline."""
        self.start = time.monotonic()
        self.seconds = seconds
        self.threads = threads

    def left(self) -> float:
        """Seconds until the soft deadline (negative after it)."""
        return self.start + self.seconds - time.monotonic()

    def used(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start


class Watch:
    """Sees a fit's predictions for held-out rows along its steps and keeps the best for each half and for all.

    The held-out rows are in two halves. `kept()[0]` holds the predictions at the step that half 0 chose, to be judged on
    half 1 only; `kept()[1]` the other way round; `kept()[2]` those at the step that all rows chose, which is the model that
    is handed over. A fit without steps calls `see` once.
    """

    def __init__(self, rows: Rows, half: Array) -> None:
        """`rows` are the held-out rows with their target; `half` (n,) is 0 or 1 for each of them."""
        self.rows = rows
        y = rows.target
        self._parts = [np.flatnonzero(half == 0), np.flatnonzero(half == 1), np.arange(len(y))]
        self._y = [y[part] for part in self._parts]
        self._metrics = [_judge_of(rows.shape, part) for part in self._y]
        self._best = [np.inf, np.inf, np.inf]
        self._kept: list[Array | None] = [None, None, None]
        self.steps = [0, 0, 0]
        "The chosen step of half 0, half 1 and all."
        self.history: list[tuple[int, float]] = []
        "Step and loss over all held-out rows."
        self.last = 0
        self.done = 1.0
        "Share of its planned steps that the fit did; below 1 where the clock ended it. Candidates set it."

    @contextmanager
    def over(self, rows: Rows) -> Iterator[Watch]:
        """Hold the same rows in another form, such as features of their pictures, for a fit that sees only those."""
        assert len(rows) == len(self.rows), "another form of the same rows"
        plain, self.rows = self.rows, rows
        try:
            yield self
        finally:
            self.rows = plain

    def see(self, step: int, prediction: Array) -> bool:
        """Look at the predictions (n,) or (n, C) after `step`; return whether the step is the best so far for all rows."""
        best = False
        for slot, (part, y, metric) in enumerate(zip(self._parts, self._y, self._metrics, strict=True)):
            if metric is None:  # nobody to choose: the other half is judged on the latest step
                self._kept[slot] = np.array(prediction, dtype=np.float32)
                continue
            loss = metric.loss(y, prediction[part])
            if slot == 2:
                self.history.append((step, loss))
            if loss < self._best[slot] or self._kept[slot] is None:
                self._best[slot] = loss if np.isfinite(loss) else np.inf
                self._kept[slot] = np.array(prediction, dtype=np.float32)
                self.steps[slot] = step
                best = best or slot == 2
        self.last = step
        return best

    @property
    def stale(self) -> int:
        """Steps since any of the three choices last changed: what patience is measured against."""
        return self.last - max(self.steps)

    def kept(self) -> Array:
        """Return the kept predictions (3, n) or (3, n, C), float32."""
        if self._kept[2] is None:
            raise RuntimeError("nothing was shown to the watch")
        return np.stack([kept if kept is not None else self._kept[2] for kept in self._kept])


def _judge_of(shape: Shape, y: Array) -> Metric | None:
    """Return what chooses the step on these rows: log-loss where they hold one class only, nothing where there are none."""
    if not len(y):
        return None
    if shape.task.is_classification and len(np.unique(y)) < 2:
        return METRICS["log_loss"]
    return shape.metric


@dataclass(frozen=True, slots=True)
class Fold:
    """The rows to train on and the watch over the rows held out; no watch when a chosen model is refitted on all rows."""

    train: Rows
    watch: Watch | None = None


class Fitted(Protocol):
    """A fitted model."""

    def predict(self, rows: Rows) -> Array:
        """Return (n,) values or probabilities of `classes[1]`, or (n, C) probabilities. Pure: same rows, same result."""
        ...

    def state(self) -> State:
        """Return all that `restore` needs."""
        ...


class Candidate(Protocol):
    """A contestant, built with no arguments from `Card.build`."""

    def fit(self, folds: Sequence[Fold], params: Mapping[str, Any], *, clock: Clock, seed: int) -> list[Fitted]:
        """Fit one model per fold, showing each fold's watch its held-out predictions at least once.

        `params` override the defaults; unknown names are a `ValueError`. The fit ends by itself near `clock.left() == 0`
        where the card says `anytime`. With `params["steps"]` given and no watch, exactly that many rounds or epochs are run.
        """
        ...

    def restore(self, arrays: dict[str, Array], meta: dict[str, Any]) -> Fitted:
        """Rebuild a fitted model from its state, importing only what predicting needs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Everything that is known of a contestant without building it."""

    name: str
    title: str
    "As a person writes it, such as `LightGBM`."
    family: Family
    build: str
    "`module:Class` of the candidate."
    paper: str
    licence: str = ""
    tasks: tuple[Task, ...] = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
    accepts: tuple[str, ...] = ()
    "Kinds of media it reads, `text`, `image` or `sound`; it needs a column of one of them. Empty: numbers and categories only."
    requires: tuple[str, ...] = ()
    "Modules that must be importable to fit."
    preload: tuple[str, ...] = ()
    "Further modules that a worker imports once, because the first fit would."
    needs: tuple[str, ...] = ()
    "Modules that must be importable to predict."
    extra: str = ""
    "The extra that installs them, such as `deep`."
    anytime: bool = False
    "Whether a fit ends by itself near its soft deadline with something usable."
    batched: bool = False
    "Whether several folds are fitted faster together than one after the other."
    pretrained: bool = False
    reference: bool = False
    "Competes for comparison only; never counted as a contender (the baseline)."
    glass_box: bool = False
    boosts: bool = False
    "Gradient-boosted trees, by public results the strongest of tables: always judged on all rows."
    memorises: bool = False
    "Carries its training rows' answers: on those rows it is right by construction, however well it learned."
    seedless: bool = False
    "Learns the same from the same rows whatever the seed, but for how numbers beside are binned."
    max_rows: int = 10_000_000
    "Above this many training rows the candidate is skipped, with that reason."
    max_classes: int = 1000
    cost_power: float = 1.0
    "How fit seconds grow with rows, before it is measured."
    portfolio: tuple[dict[str, Any], ...] = ({},)
    "Settings worth trying, by expected gain per second; the first one is the default."
    lead: int = 0
    "The place in the portfolio of the setting that stands for the candidate in a first wave."
    mild: int = 0
    "The place in the portfolio of the setting that leads where rows are ordered in time: it fits the past less closely."
    plain: str = ""
    "The candidate that learns alike from texts, images or sounds as they are, with no features made by hand."
    space: dict[str, Any] = field(default_factory=dict)
    "Ranges of the settings: `(low, high)`, `(low, high, 'log')` or a list of choices."

    def missing(self) -> tuple[str, ...]:
        """Return the modules of `requires` that are not installed."""
        return tuple(module for module in self.requires if find_spec(module) is None)

    @property
    def media_net(self) -> bool:
        """Whether it is a net of texts, images or sounds that learns in steps: its first seconds tell nothing."""
        return bool(self.accepts) and self.anytime and self.family is Family.DEEP

    @property
    def trains_on_gpu(self) -> bool:
        """Whether the one training loop fits it, which takes a GPU where there is one."""
        return self.anytime and self.family is Family.DEEP and "torch" in self.requires

    def candidate(self) -> Candidate:
        """Build the candidate (imports its module)."""
        module, _, name = self.build.partition(":")
        built: Candidate = getattr(import_module(module), name)()
        return built
