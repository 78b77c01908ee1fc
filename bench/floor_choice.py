"""What the runs of `floor.py` recommended, held against the rows that they never saw; and how much they judged."""

from __future__ import annotations

from typing import Any

from floor_sets import GREATER
from measure import markdown

from treeline.candidates.registry import cards
from treeline.evidence.recommend import BOTH, Ground
from treeline.problem.task import Family

__all__ = ["choices"]

Facts = list[dict[str, Any]]
SAFE = {str(ground) for ground in Ground if ground.safe}
FOLDS, CONTENDERS = 3, 2
"So many folds of so many contenders a side are what a minute on up to 10,000 rows should judge."


def choices(facts: Facts) -> tuple[str, str]:
    """Return the shares by limit, and the choice of every run with whether it held on the rows kept aside."""
    runs = [one for one in facts if one["what"] == "treeline"]
    metric = {one["case"]: one["metric"] for one in facts if one["what"] == "plain"}
    rows: list[list[object]] = []
    shares: list[list[object]] = []
    for seconds in sorted({one["seconds"] for one in runs}):
        mine = [one for one in runs if one["seconds"] == seconds]
        safe = [one for one in mine if (one["verdict"].get("choice") or {}).get("because") in SAFE]
        leads = {one["case"]: _lead(one, greater=metric.get(one["case"]) in GREATER) for one in safe}
        told = [lead for lead in leads.values() if lead is not None]
        right = sum(lead >= -1 for lead in told)
        judged = [one for one in mine if one["train"] <= (10_000 if seconds <= 60 else 50_000)]
        wide = sum(_judged_wide(one) for one in judged)
        shares.append([f"{seconds:g}", len(mine), f"{len(safe)} ({len(safe) / len(mine):.0%})", f"{right} of {len(told)}",
                       f"{wide} of {len(judged)}"])  # fmt: skip
        for one in sorted(mine, key=lambda one: one["case"]):
            said, lead = one["verdict"].get("choice"), _lead(one, greater=metric.get(one["case"]) in GREATER)
            rows.append([one["case"], f"{seconds:g}", one["verdict"]["call"], said["because"] if said else "none",
                         said["side"] if said else "", "" if lead is None else f"{lead:+.1f}",
                         (one["delivered"] or {}).get("side", ""), f"{one['wall_s']:.0f}"])  # fmt: skip
    head = ["limit s", "runs", "a choice with 95% certainty", "not worse by more than the margin on the rows kept aside",
            "three folds of two contenders on both sides"]  # fmt: skip
    each = ["set and split", "limit s", "call", "ground", "chosen", "ahead on the rows kept aside, in margins", "handed over",
            "wall s"]  # fmt: skip
    return markdown(head, shares), markdown(each, rows)


def _lead(run: dict[str, Any], *, greater: bool) -> float | None:
    """Return by how many margins the chosen side is ahead on the rows kept aside; None without a choice of one side."""
    said = run["verdict"].get("choice")
    if not said or said["side"] == BOTH or len(run["sides"]) < 2:
        return None
    side = Family(said["side"])
    gap = run["sides"][side]["score"] - run["sides"][side.other]["score"]
    return (1 if greater else -1) * gap / run["verdict"]["margin"]


def _judged_wide(run: dict[str, Any]) -> bool:
    known = cards()
    for family in Family:
        names = [name for name, card in known.items() if card.family is family]
        reached = [
            reach for entry, reach in run["reaches"].items() if entry in names or entry.rpartition("-")[0] in names
        ]
        if sorted(reached, reverse=True)[CONTENDERS - 1 : CONTENDERS] < [FOLDS]:
            return False
    return True
