"""A world in which the plan plays: the real cards with costs from ledgers, scores that follow a known law, virtual seconds.

Nothing is fitted, so a run of 300 s takes milliseconds, and what a change of the plan does to it is known before it is tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from treeline.candidates.registry import cards
from treeline.contest.field import Given, line_up
from treeline.contest.ladder import rungs_of
from treeline.contest.plan import Plan, Wish
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.metric import metric_named
from treeline.problem.task import Family, Task

COSTS = {
    "lightgbm": 0.6, "catboost": 0.8, "xgboost": 0.8, "random_forest": 3.5, "extra_trees": 2.5, "ebm": 2.0, "svm": 4.0,
    "linear": 0.3, "neighbours": 0.5, "baseline": 0.01, "mlp": 3.5, "realmlp": 16.0, "transformer": 35.0, "tabm": 150.0,
}  # fmt: skip
"CPU seconds of a fold of 10,000 rows of about twenty columns, all steps done; ledgers of 2026-11-28, three tables."
USUAL = 10.0
"For a candidate that is not in the table."
START_S, WRITE_S = 0.1, 0.05
LIMIT_OF_SIDE = 0.84
"Share of the limit that the contest has: reading, auditing and the ending take the rest."
OTHERS = {"-2": 2.0, "-3": 2.0, "-4": 2.0, "-5": 1.0}
"How much dearer further settings are."


@dataclass(frozen=True, slots=True)
class Fit:
    """A job under way."""

    family: Family
    wish: Wish
    begun: float
    end: float
    done: float
    "Share of its steps; 0 where it will be killed."


@dataclass(slots=True)
class World:
    """A table: so many rows, a fit on it costs `cost` times what it does in the table above."""

    rows: int
    seconds: float
    cost: float = 1.0
    seed: int = 0
    classes: int = 2
    noise: float = 1.0
    "How much scores of lower rungs and their ranking scatter, 1 for as much as on the tables at hand."
    trials: list[Trial] = field(default_factory=list)
    used_s: float = 0.0
    rng: np.random.Generator = field(init=False)
    entries: dict[Family, tuple[Entry, ...]] = field(init=False)
    floor: dict[str, float] = field(init=False)
    slope: dict[str, float] = field(init=False)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        """Draw how good everybody is."""
        self.rng = np.random.default_rng([self.seed, self.rows, round(self.seconds)])
        task = Task.BINARY if self.classes == 2 else Task.MULTICLASS
        line = line_up(
            {name: card for name, card in cards().items() if not card.accepts},
            Given(task=task, classes=self.classes, rows=round(0.8 * self.rows)),
            families=[str(family) for family in Family],
        )
        self.entries = line.entries
        names = [entry.name for listed in line.entries.values() for entry in listed]
        self.floor = dict(zip(names, 0.30 + 0.01 * self.rng.normal(size=len(names)), strict=True))
        self.slope = dict(zip(names, 2.0 * np.exp(0.3 * self.rng.normal(size=len(names))), strict=True))
        self.plan = Plan(
            entries=line.entries, cards=cards(), rungs=rungs_of(self.rows, classes=self.classes, seconds=self.seconds),
            rows=self.rows, folds=5, metric=metric_named("log_loss", task), seed=0,
        )  # fmt: skip

    def law(self, name: str, rows: float) -> float:
        """Return the loss of an entry after all its steps on so many rows."""
        return float(self.floor[name] + self.slope[name] * rows**-0.5)

    def natural(self, name: str, candidate: str, rows: float) -> float:
        """Return the seconds of one fold, all steps done; the fits of an entry differ by a fifth."""
        more = next((times for ending, times in OTHERS.items() if name.endswith(ending)), 1.0)
        drawn = float(np.exp(0.2 * self.rng.normal()))
        return START_S + more * drawn * self.cost * COSTS.get(candidate, USUAL) * rows / 1e4

    def play(self) -> World:
        """Run the contest with two slots, one a side; a side that wants nothing more leaves its slot to the other."""
        deadline, running = LIMIT_OF_SIDE * self.seconds, []
        finished: set[Family] = set()
        while self.used_s < deadline:
            for family, other in ((one, one.other) for one in self.entries):
                mine = [fit for fit in running if fit.family is family]
                while len(mine) < (2 if other in finished else 1):
                    busy = [(fit.wish.entry.name, fit.wish.rung, fold) for fit in running for fold in fit.wish.folds]
                    wish = self.plan.next(family, self.trials, busy, deadline - self.used_s)
                    if wish is None:
                        finished |= set() if mine else {family}
                        break
                    mine.append(self._begin(family, wish))
                    running.append(mine[-1])
            if not running:
                break
            first = min(running, key=lambda fit: fit.end)
            running.remove(first)
            self.used_s = first.end
            self._tell(first)
        return self

    def _begin(self, family: Family, wish: Wish) -> Fit:
        name, candidate, rows = wish.entry.name, wish.entry.candidate, 0.8 * self.rows * wish.rung
        natural = sum(self.natural(name, candidate, rows) for _ in wish.folds)
        spent = min(natural, wish.seconds) if cards()[candidate].anytime else natural
        wall = min(spent, wish.patience) + WRITE_S
        return Fit(family, wish, self.used_s, self.used_s + wall, spent / natural if spent <= wish.patience else 0.0)

    def _tell(self, fit: Fit) -> None:
        wish, name, count = fit.wish, fit.wish.entry.name, len(fit.wish.folds)
        rows = 0.8 * self.rows * wish.rung
        se = 0.6 / np.sqrt(0.2 * self.rows)
        stray = 0.15 * self.slope[name] * rows**-0.5 if wish.rung < 1 else 0.0
        for fold in wish.folds:
            luck = self.noise * (0.4 * se * self.rng.normal() + stray * self.rng.normal())
            loss = self.law(name, rows) + luck + 0.1 * (1 - fit.done) ** 2
            self.trials.append(
                Trial(
                    id=f"{len(self.trials):04d}-{name}-f{fold}", entry=name, candidate=wish.entry.candidate,
                    family=fit.family, params={}, rung=wish.rung, rows=int(rows), fold=fold, seed=wish.seed,
                    state=State.DONE if fit.done else State.TIMEOUT, score=loss if fit.done else None, se=float(se),
                    done=fit.done or 1.0, wall_s=(fit.end - fit.begun) / count, started_s=fit.begun,
                )
            )  # fmt: skip

    def reach(self, family: Family) -> dict[str, int]:
        """Return on how many folds at the top each contender was judged, the first ones without a gap; most first."""
        folds: dict[str, set[int]] = {}
        known = {entry.name for entry in self.entries[family] if not entry.reference}
        for trial in self.trials:
            if trial.entry in known and trial.rung == 1.0 and trial.state is State.DONE:
                folds.setdefault(trial.entry, set()).add(trial.fold)
        found = {name: next(k for k in range(6) if k not in had) for name, had in folds.items()}
        return dict(sorted(found.items(), key=lambda one: -one[1]))

    def second(self, family: Family) -> int:
        """Return on how many folds the contender with the second most was judged."""
        return [*self.reach(family).values(), 0, 0][1]

    def wasted(self, family: Family) -> float:
        """Return the share of a side's seconds that went into fits at the top that no verdict counts: fewer folds than others."""
        reach = self.reach(family)
        width = max((k for k in reach.values()), key=lambda k: (k * sum(r >= k for r in reach.values()), k), default=0)
        mine = [trial for trial in self.trials if trial.family is family]
        lost = [one.wall_s for one in mine if one.rung == 1.0 and one.entry in reach and reach[one.entry] < width]
        return sum(lost) / max(sum(one.wall_s for one in mine), 1e-9)
