"""The verdict in words: short sentences about this data set and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeline.problem.metric import title_of
from treeline.problem.task import Family
from treeline.report.numbers import between, decimals, exact, percent, rounded
from treeline.report.summary import FAMILIES, Summary

if TYPE_CHECKING:
    from treeline.problem.problem import Problem

__all__ = [
    "FAMILY",
    "KeyNumber",
    "Lead",
    "because",
    "blend",
    "competed",
    "headline",
    "key_number",
    "lead",
    "name_of",
    "plain_words",
    "run_of",
    "sentence",
    "shares",
    "silent",
    "terms_of",
]

FAMILY = {str(family): family.words.capitalize() for family in Family}


def terms_of(problem: Problem) -> list[str]:
    """Return what is asked, each with how it was chosen: task, metric, margin, split, repeats."""
    told = (
        ("task", "task", str(problem.task)),
        ("metric", "metric", problem.metric.name),
        ("margin", "margin", exact(problem.margin)),
        ("split", "policy", str(problem.policy)),
        ("repeats", "repeats", str(problem.repeats or "by time")),
    )
    return [
        f"  {name}: {value}" + (f" ({problem.why[key]})" if problem.why.get(key) else "") for name, key, value in told
    ]


def run_of(one: Any) -> dict[str, Any]:
    """Return a running job, told as a mapping or as (family, entry, seconds)."""
    return dict(one) if isinstance(one, dict) else dict(zip(("family", "entry", "seconds"), one, strict=True))


def name_of(facts: dict[str, Any]) -> str:
    """Return the name of the entry that facts speak of."""
    entry = facts.get("entry", "")
    return str(getattr(entry, "name", entry))


def competed(summary: Summary) -> list[str]:
    """Return the families that have a score."""
    families = summary.verdict["families"]
    return [name for name in FAMILIES if families[name] and families[name]["score"] is not None]


def headline(summary: Summary) -> str:
    """Return the answer in a few words; runs of earlier versions have the sentence only."""
    return str(summary.verdict["headline"] or summary.verdict["sentence"] or "No model could be trained")


def sentence(summary: Summary) -> str:
    """Return what is known and what is not, where the headline has not said it already."""
    return str(summary.verdict["sentence"]) if summary.verdict["headline"] else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The difference between the families, told from the side of the one that is ahead."""

    family: str
    value: str
    interval: str
    p_classical: float | None
    p_same: float | None
    p_deep: float | None


def lead(summary: Summary) -> Lead | None:
    """Return who is ahead and by how much, or None where the families were not compared."""
    told: dict[str, Any] | None = summary.verdict["difference"]
    if not told or told.get("estimate") is None or silent(summary):
        return None
    # the estimate is turned so that above zero deep learning is ahead, whichever way the metric runs
    deep_ahead = told["estimate"] > 0
    turn = 1.0 if deep_ahead else -1.0
    interval = sorted(turn * end for end in told["interval"]) if told.get("interval") else None
    places = decimals(told["estimate"], interval)
    return Lead(
        family="deep" if deep_ahead else "classical",
        value=rounded(abs(told["estimate"]), places),
        interval=f"95% interval {between(interval, places, signed=True)}" if interval else "no interval",
        p_classical=told.get("p_worse"),
        p_same=told.get("p_same"),
        p_deep=told.get("p_better"),
    )


def blend(summary: Summary) -> dict[str, Any] | None:
    """Return the blend of both families, or None where it has no score or holds members of one family only."""
    both: dict[str, Any] = summary.verdict["both"] or {}
    return both if both.get("score") is not None and both.get("mixed", True) else None


def plain_words(summary: Summary) -> str:
    """Return the difference in words that need no statistics, or nothing where the sentence counts rows itself."""
    return "" if " per 1,000 rows" in sentence(summary) else str((summary.verdict["plain"] or {}).get("words", ""))


def silent(summary: Summary) -> bool:
    """Whether the sides may not be compared: a finding blocks it, a side had too little time, or too little was judged."""
    return not summary.verdict["speaks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNumber:
    """The one number of a verdict: its value, what it is, its interval, and how to read it."""

    value: str
    what: str
    interval: str = ""
    note: str = ""


def key_number(summary: Summary) -> KeyNumber:
    """Return the number that a reader should remember."""
    verdict, sides = summary.verdict, competed(summary)
    metric = title_of(verdict["metric"])
    matters = f"Less than {exact(verdict['margin'])} would not matter." if verdict["margin"] else ""
    both = verdict["both"] or {}
    if verdict["call"] == "BOTH" and both.get("gain") is not None:
        places = decimals(both["gain"], both.get("gain_interval"))
        interval = (
            f"95% interval {between(both['gain_interval'], places, signed=True)}" if both.get("gain_interval") else ""
        )
        what = f"better {metric} than the better family alone"
        return KeyNumber(value=rounded(both["gain"], places), what=what, interval=interval, note=matters)
    told = lead(summary)
    if told and len(sides) == 2:
        even = not any(digit in told.value for digit in "123456789")
        what = f"{metric} in favour of {FAMILY[told.family].lower()}" if not even else f"difference in {metric}"
        return KeyNumber(value=told.value, what=what, interval=told.interval, note=matters)
    if not sides:
        return KeyNumber(value="–", what="no score")
    if silent(summary) and len(sides) == 2:
        return KeyNumber(value="–", what="the two sides are not compared", note="What each reached stands beside.")
    best = verdict["families"][sides[0]]
    places = decimals(best["score"], best["interval"])
    interval = f"95% interval {between(best['interval'], places)}" if best["interval"] else ""
    better = "Higher" if summary.problem["greater_is_better"] else "Lower"
    return KeyNumber(value=rounded(best["score"], places), what=metric, interval=interval, note=f"{better} is better.")


def because(summary: Summary) -> list[tuple[str, str]]:
    """Return the reasons of the verdict as (code, sentence), without those that its sentence has told already."""
    found = []
    for line in map(str, summary.verdict["because"]):
        code, colon, words = line.partition(": ")
        named = bool(colon) and code.isupper() and " " not in code
        words = words if named else line
        if words.rstrip(".") in summary.verdict["sentence"]:
            continue
        found.append((code if named else "", words[:1].upper() + words[1:]))
    return found


def shares(members: list[dict[str, Any]]) -> str:
    """Return the members of a blend with their weights, heaviest first."""
    known = sorted((one for one in members if one["weight"]), key=lambda one: -one["weight"])
    rest = f" and {len(known) - 4} more" if len(known) > 4 else ""
    return ", ".join(f"{one['name']} {percent(one['weight'])}" for one in known[:4]) + rest
