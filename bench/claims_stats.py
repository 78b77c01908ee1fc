"""Counts and effects over tables, and what of a run's facts the claims look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEAST = 6
"Tables below which nothing is said to hold or not."
DRAWS = 10_000
SURE = 0.95
Runs = list[dict]
Effect = tuple[float, float, float]
"Mean over tables and the ends of its 95% interval."


@dataclass(frozen=True, kw_only=True)
class Row:
    """One claim as it is told."""

    claim: str
    word: str
    number: str
    cost: str
    how: str
    text: str


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95% interval of a share (Wilson 1927)."""
    found = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def share(k: int, n: int) -> str:
    """Return `13 of 20 (43 to 82 %)`."""
    if not n:
        return "0 of 0"
    low, high = wilson(k, n)
    return f"{k} of {n} ({100 * low:.0f} to {100 * high:.0f} %)"


def effect(values: Iterable[float]) -> Effect:
    """Return the mean over tables and its 95% interval, tables drawn anew.

    The quantiles are those of Hesterberg (The American Statistician 2015), which keep 95% where tables are few.
    """
    x = np.asarray([v for v in values if np.isfinite(v)], dtype=float)
    if not len(x):
        return float("nan"), float("-inf"), float("inf")
    if len(x) == 1:
        return float(x[0]), float("-inf"), float("inf")
    n = len(x)
    means = x[np.random.default_rng(0).integers(0, n, (DRAWS, n))].mean(axis=1)
    tail = float(stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)))
    return float(x.mean()), float(np.quantile(means, tail)), float(np.quantile(means, 1 - tail))


def factor(values: Iterable[float]) -> Effect:
    """Return the geometric mean over tables and its 95% interval."""
    mean, low, high = effect(np.log([v for v in values if v > 0 and np.isfinite(v)]))
    return float(np.exp(mean)), float(np.exp(low)), float(np.exp(high))


def figure(x: float) -> str:
    """Return a number with two digits, or whole where it is large."""
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.2g}"


def ranged(found: Effect, unit: str = "") -> str:
    """Return `1.3 (0.4 to 2.2)`, the unit after the first number; one table has no interval."""
    ends = f" ({figure(found[1])} to {figure(found[2])})" if 0 < abs(found[2]) < np.inf else " (no interval)"
    return f"{figure(found[0])}{unit}{ends}"


def untold(n: int) -> str:
    """Return that n tables do not tell."""
    return f"not told by {n} table{'' if n == 1 else 's'}"


def word_of_share(k: int, n: int, above: float, *, split: bool = False) -> str:
    """Return whether "on more than `above` of tables" holds; `split`: clear wins stand on both sides."""
    low, high = wilson(k, n) if n else (0.0, 1.0)
    return _word(n, low > above, high < above, split)


def word_of_effect(found: Effect, n: int, *, split: bool = False) -> str:
    """Return whether "above zero" holds."""
    return _word(n, found[1] > 0, found[2] < 0, split)


def word_of_factor(found: Effect, n: int) -> str:
    """Return whether "more than once" holds."""
    return _word(n, found[1] > 1, found[2] < 1, split=False)


def _word(n: int, yes: bool, no: bool, split: bool) -> str:
    if n < LEAST:
        return untold(n)
    if yes or no:
        return "holds" if yes else "does not hold"
    return "depends on the table" if split else untold(n)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def chosen(facts: Mapping[str, dict]) -> tuple[Runs, Runs]:
    """Return one run an arm and table, the shortest limit first; and those without a comparison of both sides."""
    found: dict[tuple[str, str], dict] = {}
    for fact in facts.values():
        if "arm" in fact:
            place = (fact["arm"], fact["table"])
            if place not in found or fact["seconds"] < found[place]["seconds"]:
                found[place] = fact
    usable = [one for one in found.values() if not one["failed"] and one["difference"] and known(one["difference"])]
    return usable, [one for one in found.values() if one not in usable]


def known(gap: Mapping) -> bool:
    """Return whether a difference is a number."""
    return gap["estimate"] is not None and bool(np.isfinite(gap["estimate"]))


def pairs(runs: Runs, name: str) -> list[tuple[dict, dict]]:
    """Return (difference, run) where both were judged on the same rows: second - first, larger is better."""
    return [(run["pairs"][name], run) for run in runs if run["pairs"].get(name) and known(run["pairs"][name])]


def sides(runs: Runs) -> list[tuple[dict, dict]]:
    """Return (difference, run): deep - classical, both as procedures."""
    return [(run["difference"], run) for run in runs]


def spent(runs: Iterable[dict], candidates: Iterable[str] = ()) -> str:
    """Return CPU seconds: of some candidates, or of both sides as `classical + deep`."""
    runs, wanted = list(runs), set(candidates)
    if wanted:
        fits = [fit for run in runs for fit in run["fits"].values() if fit["candidate"] in wanted]
        return f"{sum(fit['cpu_s'] for fit in fits):,.0f}"
    used = [
        sum(run["families"][name]["cpu_s"] for run in runs if run["families"][name]) for name in ("classical", "deep")
    ]
    return f"{used[0]:,.0f} + {used[1]:,.0f}"


def duel(gaps: list[tuple[dict, dict]]) -> dict:
    """Count differences `second - first`: who leads, who leads clearly, and by how many margins."""
    leads = [-gap["estimate"] / run["margin"] for gap, run in gaps]
    clear = [sum(gap[name] >= SURE for gap, _ in gaps) for name in ("p_worse", "p_same", "p_better")]
    return {
        "n": len(gaps),
        "k": sum(lead > 0 for lead in leads),
        "clear": clear,
        "split": min(clear[0], clear[2]) >= 2,
        "lead": effect(leads),
        "middle": float(np.median(leads)) if leads else float("nan"),
    }


def told(found: dict, first: str, second: str) -> str:
    """Return a duel in words."""
    a, same, b = found["clear"]
    return (
        f"{first} led on {share(found['k'], found['n'])} tables. Clear (95 %, by more than the margin): {a} for "
        f"this side, {b} for {second}, {same} ties within the margin; the rest is open. The lead was "
        f"{ranged(found['lead'])} margins in the mean, {figure(found['middle'])} in the median."
    )


def turned(run: dict, score: float) -> float:
    """Return a score turned so that larger is better."""
    return score if run["greater_is_better"] else -score


def curve(run: dict, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a side's rows and turned scores, smallest rung first."""
    points = run["curves"].get(side, [])
    return np.array([p["rows"] for p in points], float), np.array([turned(run, p["score"]) for p in points], float)


def reached(x: np.ndarray, y: np.ndarray, level: float) -> float | None:
    """Return at how many rows the best so far first reaches a level, between rungs on a log scale; None if never."""
    best = np.maximum.accumulate(y)
    if best[-1] < level:
        return None
    j = int(np.argmax(best >= level))
    if j == 0:
        return float(x[0])
    return float(x[j - 1] * (x[j] / x[j - 1]) ** ((level - best[j - 1]) / (best[j] - best[j - 1])))


def sided(
    runs: Runs, name: str, read: Callable[[dict], float] = lambda side: side["value"]
) -> list[tuple[float, float, dict]]:
    """Return (classical, deep, run) of a dimension where both sides were measured."""
    found = [(run["dimensions"].get(name, {}).get("sides", {}), run) for run in runs]
    return [(float(read(two["classical"])), float(read(two["deep"])), run) for two, run in found if len(two) == 2]


def middles(both: list[tuple[float, float, dict]]) -> tuple[float, float]:
    """Return the medians of the classical and of the deep side."""
    return float(np.median([c for c, _, _ in both])), float(np.median([d for _, d, _ in both]))
