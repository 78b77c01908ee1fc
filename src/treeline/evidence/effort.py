"""What each side needs: rows and time, and how its cost grows; from the fits that were made anyway."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.curves import ALIKE, Curve
from treeline.evidence.dimensions import FACTOR, Dimension, Side, drawn, normal, unmeasured
from treeline.evidence.influence import turn
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.problem.metric import Array, Metric

__all__ = ["Fit", "data_needed", "scalability", "training_time"]

DRAWS = 400
LEVELS = (0.95, 0.99)
LEAST_DONE = 0.25
"A fit that did less of its steps does not say how long it would have taken."
HALF = 0.5
"Where so many draws have both sides there on the lowest rung, who needs fewer rows is not seen."
GROWTH = 0.1
"Exponents this near to each other are the same."
STARTUP = 0.05
"CPU seconds below which a fit is mostly start-up, and says nothing of growth."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One fit of one fold, as numbers."""

    family: Family
    entry: str
    rows: int
    fold: int
    score: float | None
    se: float
    "Standard error of the score; 0 where not known."
    cpu_s: float
    ended_s: float
    "Seconds since the run began."
    gpu_s: float = 0.0
    done: float = 1.0
    "Share of its planned steps that the clock let it do; 0 where it failed."


def data_needed(curves: Mapping[Family, Curve], guess: float | None, metric: Metric, *, seed: int = 0) -> Dimension:
    """Compare the training rows with which each side reaches most of what it gains over a constant guess today.

    Args:
        curves: the families' frontiers.
        guess: score of the constant guess.
        metric: of the scores.
        seed: of the draws.
    """
    known = {family: curve for family, curve in curves.items() if len(curve.points) >= 2}
    if len(known) < 2 or guess is None:
        return unmeasured("data", "there are too few rungs of the ladder on both sides")
    rng, rows, gains = np.random.default_rng(seed), {}, {}
    for family, curve in known.items():
        rows[family] = np.array([float(point.rows) for point in curve.points])
        gains[family] = _gains([(point.score, point.se) for point in curve.points], guess, metric, rng=rng)
    top = {family: gain[:, -1] for family, gain in gains.items()}
    if min(float(each[0]) for each in top.values()) <= 0:
        return unmeasured("data", "a side gains nothing over a constant guess")
    common, least = LEVELS[0] * np.minimum(*top.values()), max(float(x[0]) for x in rows.values())
    sides, need, told = {}, {}, []
    for family, x in rows.items():
        own = [float(_reached(x, gains[family][:1], level * top[family][:1], between=True)[0]) for level in LEVELS]
        need[family] = np.maximum(_reached(x, gains[family], common, between=True), least)
        first = bool(need[family][0] <= least)
        text = f"{'at most ' if first else ''}{need[family][0]:,.0f} rows"
        detail = {"rows_95": own[0], "rows_99": own[1], "at_most": first}
        sides[str(family)] = _side(need[family], text, detail)
        told.append(f"{own[0]:,.0f} and {own[1]:,.0f} rows ({family})")
    lead = np.log(need[Family.CLASSICAL] / need[Family.DEEP])
    unseen = float(np.mean(np.maximum(need[Family.CLASSICAL], need[Family.DEEP])[1:] <= least)) > HALF
    return Dimension(
        name="data",
        unit="rows",
        sides=sides,
        odds=None if unseen else drawn(lead[1:], math.log(FACTOR)),
        words=f"Training rows to 95% of the gain that both reach. To 95% and 99% of its own: {', '.join(told)}.",
        how="Read off the families' learning curves, which are redrawn 400 times with their noise; no row count below the "
        "lowest common rung is claimed.",
    )


def _gains(scored: Sequence[tuple[float, float]], guess: float, metric: Metric, *, rng: np.random.Generator) -> Array:
    """Return (1 + S, J): what scores with their standard errors gain over the guess, as they are and redrawn with their noise.

    The scores are of the same held-out rows, so the part of the noise that they share is left out.
    """
    gain = np.array([turn(metric, score) - turn(metric, guess) for score, _ in scored])
    noise = np.array([se for _, se in scored]) * math.sqrt(1 - ALIKE)
    return gain + np.vstack([np.zeros(len(gain)), rng.normal(size=(DRAWS, len(gain))) * noise])


def _side(need: Array, text: str, detail: dict[str, Any]) -> Side:
    """Return a side from its value and its draws (1 + S,)."""
    low, high = np.quantile(need[1:], [0.025, 0.975])
    return Side(value=float(need[0]), interval=(float(low), float(high)), text=text, detail=detail)


def _reached(x: Array, gain: Array, level: Array, *, between: bool) -> Array:
    """Return (S,) where the best so far of `gain` (S, J) over `x` (J,) first reaches `level` (S,); the last x if never."""
    best = np.maximum.accumulate(gain, axis=1)
    hit = best >= level[:, None]
    j = np.where(hit.any(axis=1), hit.argmax(axis=1), len(x) - 1)
    if not between:
        return np.asarray(x[j])
    before, s = np.maximum(j - 1, 0), np.arange(len(gain))
    rise = best[s, j] - best[s, before]
    share = np.where(rise > 0, (level - best[s, before]) / np.where(rise > 0, rise, 1.0), 1.0)
    return np.asarray(x[before] * (x[j] / x[before]) ** np.clip(share, 0.0, 1.0))


def training_time(fits: Sequence[Fit], guess: float | None, metric: Metric, *, seed: int = 0) -> Dimension:
    """Compare the CPU seconds until each side reaches most of what it gains over a constant guess in the end."""
    if guess is None:
        return unmeasured("time", "the constant guess has no score")
    if any(fit.gpu_s for fit in fits):
        return unmeasured("time", "a side used a GPU, whose seconds do not compare with those of a CPU")
    rng, spent, gains, wall = np.random.default_rng(seed), {}, {}, {}
    for family in Family:
        mine = sorted((fit for fit in fits if fit.family is family), key=lambda fit: fit.ended_s)
        cpu = np.cumsum([fit.cpu_s for fit in mine])
        judged = [i for i, fit in enumerate(mine) if fit.fold == 0 and fit.score is not None]
        if not judged:
            return unmeasured("time", f"the {family} side has no score")
        spent[family], wall[family] = cpu[judged], np.array([mine[i].ended_s for i in judged])
        gains[family] = _gains([(mine[i].score or 0.0, mine[i].se) for i in judged], guess, metric, rng=rng)
    top = {family: gain.max(axis=1) for family, gain in gains.items()}
    if min(float(each[0]) for each in top.values()) <= 0:
        return unmeasured("time", "a side gains nothing over a constant guess")
    common = LEVELS[0] * np.minimum(*top.values())
    sides, need, told = {}, {}, []
    for family, x in spent.items():
        level = LEVELS[0] * top[family][:1]
        own = [float(_reached(x, gains[family][:1], share * top[family][:1], between=False)[0]) for share in LEVELS]
        need[family] = _reached(x, gains[family], common, between=False)
        detail = {"cpu_s_95": own[0], "cpu_s_99": own[1]}
        detail["wall_s_95"] = float(_reached(wall[family], gains[family][:1], level, between=False)[0])
        sides[str(family)] = _side(need[family], f"{need[family][0]:.3g} s of CPU", detail)
        told.append(f"{own[0]:.3g} and {own[1]:.3g} s ({family})")
    return Dimension(
        name="time",
        unit="CPU seconds",
        sides=sides,
        odds=drawn(np.log(need[Family.CLASSICAL] / need[Family.DEEP])[1:], math.log(FACTOR)),
        words=f"CPU, search included, to 95% of the gain that both reach. To 95% and 99% of its own: {', '.join(told)}.",
        how="The best score on fold 0 so far against all CPU seconds of the family until then; scores redrawn 400 times.",
    )


def scalability(
    fits: Sequence[Fit],
    doubling: Mapping[str, tuple[float, float]],
    *,
    columns: Mapping[Family, tuple[float, str]] | None = None,
    fewer: str = "",
) -> Dimension:
    """Compare how CPU seconds grow with rows: the exponent of a power law, fitted within contenders.

    Args:
        fits: all fits.
        doubling: by family what twice the rows would gain, and its standard error.
        columns: by family the exponent of CPU seconds in columns, and whose.
        fewer: why the growth seen is not the growth to come, where that is so; then no side is called better.
    """
    found = {family: _exponent([fit for fit in fits if fit.family is family]) for family in Family}
    known = {family: each for family, each in found.items() if each is not None}
    if len(known) < 2:
        return unmeasured("scalability", "the fits of a side do not span a factor of four in rows")
    sides, told = {}, []
    for family, (power, se, _, span) in known.items():
        gain = doubling.get(str(family))
        detail = {"exponent": power, "from_rows": span[0], "to_rows": span[1]}
        detail |= {"doubling_gain": gain[0], "doubling_se": gain[1]} if gain else {}
        text = f"rows^{power:.2f}" + (f", twice the rows {gain[0]:+.2g}" if gain else "")
        sides[str(family)] = Side(
            value=power, interval=(power - 1.96 * se, power + 1.96 * se), text=text, detail=detail
        )
        told.append(f"{2**power:.1f} times ({family})")
        detail |= {"columns_exponent": columns[family][0]} if columns and family in columns else {}
    (a, se_a, least_a, _), (b, se_b, least_b, _) = known[Family.CLASSICAL], known[Family.DEEP]
    return Dimension(
        name="scalability",
        unit="exponent of rows",
        sides=sides,
        odds=None if fewer else normal(a - b, math.hypot(se_a, se_b), GROWTH, df=min(least_a, least_b)),
        words=" ".join(
            filter(None, [f"Twice the rows cost {' and '.join(told)} the CPU.", _by_columns(columns or {}), fewer])
        ),
        how="Power law of CPU seconds in rows within contenders; a fit that the clock cut counts as long as it would have taken, "
        "unless it did less than a quarter. Columns: one fit of a side's first contender on every other one, beside all of them.",
    )


def _by_columns(columns: Mapping[Family, tuple[float, str]]) -> str:
    """Say what twice the columns cost."""
    if not columns:
        return "Growth in columns was not measured."
    told = " and ".join(f"{2**power:.1f} times ({name})" for power, name in columns.values())
    return f"Twice the columns cost about {told}."


def _exponent(fits: Sequence[Fit]) -> tuple[float, float, int, tuple[int, int]] | None:
    """Return the common slope of log CPU over log rows within entries, its standard error and freedom, and the range of rows."""
    usable = [fit for fit in fits if fit.done >= LEAST_DONE and fit.cpu_s > STARTUP and fit.rows > 0]
    by_entry: dict[str, list[Fit]] = {}
    for fit in usable:
        by_entry.setdefault(fit.entry, []).append(fit)
    x, y, groups = [], [], 0
    for mine in by_entry.values():
        rows, cpu = np.log([fit.rows for fit in mine]), np.log([fit.cpu_s / fit.done for fit in mine])
        if np.ptp(rows) >= math.log(1.9):
            x.extend(rows - rows.mean())
            y.extend(cpu - cpu.mean())
            groups += 1
    power, least = float(np.sum(np.square(x))), len(x) - groups - 1
    span = (min((f.rows for f in usable), default=0), max((f.rows for f in usable), default=0))
    if least < 2 or power <= 0 or span[1] < 3.8 * span[0]:
        return None
    slope = float(np.dot(x, y)) / power
    error = float(np.sum((np.array(y) - slope * np.array(x)) ** 2)) / least
    return slope, math.sqrt(error / power), least, span
