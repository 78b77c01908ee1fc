"""The tables of `floor.py`: behind the best plain model of its family by how many margins is each side?"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from floor_choice import choices
from floor_sets import GREATER
from measure import ROOT, append, commit, machine, markdown

__all__ = ["behind", "report"]

PAGE = ROOT / "docs" / "floor.md"
Facts = list[dict[str, Any]]
ABOUT = """# A side is at least what the plain libraries give

Treeline compares what each family can do, so a side must never stand for its settings alone. This page holds every side
against two lines of each plain library of its family (its own defaults, categories as the library takes them) on rows that
nobody saw: a third of the rows at random and, where rows are dated, the newest ones. Plain models are fitted on all the other
rows; a side's model is what `treeline run` made of the same rows in the time given. The best plain model of a family is
chosen on one half of the rows kept aside and judged on the other, and the other way round. A margin is the smallest
difference that matters, as the run sets it.

The goal is that a side is within one margin of that floor, or ahead of it, on at least 95 % of the sets. Small tables judge
on a few hundred rows, so single lines of them are mostly luck.
"""


def behind(plain: Facts, side: dict[str, Any], margin: float, *, greater: bool) -> tuple[str, float]:
    """Return the best plain model and by how many margins the side is behind it; negative where it is ahead."""
    sign = -1.0 if greater else 1.0
    gaps = []
    for chooser, judge in ((0, 1), (1, 0)):
        best = min(plain, key=lambda one: sign * one["halves"][chooser])
        gaps.append(sign * (side["halves"][judge] - best["halves"][judge]) / margin)
    best = min(plain, key=lambda one: sign * one["score"])
    return best["model"], sum(gaps) / 2


def _compared(facts: Facts) -> list[dict[str, Any]]:
    plain: dict[tuple[str, str], Facts] = defaultdict(list)
    for one in facts:
        if one["what"] == "plain":
            plain[one["case"], one["family"]].append(one)
    found = []
    for run in (one for one in facts if one["what"] == "treeline"):
        for side, scored in run["sides"].items():
            floor = plain[run["case"], side]
            if floor:
                best, gap = behind(floor, scored, run["verdict"]["margin"], greater=floor[0]["metric"] in GREATER)
                found.append(
                    {"run": run, "side": side, "best": best, "gap": gap, "score": scored["score"], "floor": floor}
                )
    return found


def _plain(facts: Facts) -> str:
    """Return the scores of the plain libraries, a line a case and family, the best first."""
    cases: dict[tuple[str, str, str], Facts] = defaultdict(list)
    for one in facts:
        if one["what"] == "plain":
            cases[one["case"], one["family"], one["metric"]].append(one)
    rows: list[list[object]] = []
    for (case, family, metric), listed in sorted(cases.items()):
        listed.sort(key=lambda one: one["score"], reverse=metric in GREATER)
        told = ", ".join(f"{one['model']} {one['score']:.4g} ({one['cpu_s']:.1f} s)" for one in listed)
        rows.append([case, family, metric, f"{listed[0]['rows']:,}", told])
    return markdown(["set and split", "family", "metric", "rows", "plain models, the best first (CPU seconds)"], rows)


def report(facts: Facts, page: Path = PAGE) -> None:
    """Append the shares to bench/RESULTS.md and write the page."""
    found = _compared(facts)
    rows: list[list[object]] = []
    for one in sorted(found, key=lambda one: (one["run"]["seconds"], one["run"]["case"], one["side"])):
        run = one["run"]
        least = next(each["score"] for each in one["floor"] if each["model"] == one["best"])
        rows.append([run["case"], one["side"], f"{run['seconds']:g}", f"{one['score']:.4g}", f"{one['best']} {least:.4g}",
                     f"{one['gap']:+.2f}", run["folds"]])  # fmt: skip
    shares: list[list[object]] = []
    for seconds in sorted({one["run"]["seconds"] for one in found}):
        for side in ("classical", "deep"):
            for split in ("random", "time"):
                mine = [one for one in found if (one["run"]["seconds"], one["side"]) == (seconds, side)]
                mine = [one for one in mine if one["run"]["case"].endswith(split)]
                if mine:
                    within = sum(one["gap"] <= 1 for one in mine)
                    worst = max(mine, key=lambda one: one["gap"])
                    shares.append([f"{seconds:g}", side, split, f"{within} of {len(mine)} ({within / len(mine):.0%})",
                                   f"{worst['run']['case']} {worst['gap']:+.1f}"])  # fmt: skip
    short = markdown(
        ["limit s", "side", "split", "within a margin of the floor, or ahead", "furthest behind, in margins"], shares
    )
    head = ["set and split", "side", "limit s", "score", "best plain model", "behind by, in margins", "folds judged"]
    given, every = choices(facts)
    if shares:
        append("The floor: each side against the plain libraries, and what was recommended", f"{short}\n\n{given}")
    measured = f"Measured with Treeline at {commit()} on {machine()}. Made by `python bench/floor.py report`."
    if not rows:
        short = "No run has been measured yet: `python bench/floor.py treeline`, on a machine that does nothing else."
    told = ["## Every set\n", markdown(head, rows), ""] if rows else []
    chosen = ["## What the runs recommended\n", given, "", every, ""] if rows else []
    parts = [ABOUT, "## How often\n", short, "", *told, *chosen, "## The plain libraries\n", _plain(facts)]
    page.write_text("\n".join([*parts, "\n" + measured, ""]), encoding="utf-8")
