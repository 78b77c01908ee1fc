"""Short sentences beside the tables and figures: cost, outlook, audit, what ran, on what terms."""

from __future__ import annotations

import shlex
from typing import Any

from treeline.contest.delivery import CALLED
from treeline.problem.metric import title_of
from treeline.report.numbers import count, decimals, duration, exact, percent, rounded
from treeline.report.summary import FAMILIES, Summary
from treeline.report.wording import FAMILY, shares

__all__ = [
    "STATES",
    "audit_words",
    "cost_words",
    "doubling",
    "handed_over",
    "outlook",
    "ran_words",
    "ranked",
    "row_note",
    "terms",
]

CUT = 0.5
"A fit that the clock ended before this share of its steps is shown as such."
STATES = {
    "failed": "failed",
    "timeout": "stopped by the clock",
    "out_of_memory": "out of memory",
    "skipped": "not tried",
}


def handed_over(summary: Summary) -> list[str]:
    """Return whose models are handed over; where that is not the recommended side, why, and how to get that one."""
    got, told = summary.run.get("delivered") or {}, summary.verdict["delivered"]
    if not got.get("what"):
        return []
    lines = [f"Handed over: {CALLED.get(got['what'], got['what'])}, {shares(got.get('members') or [])}."]
    if told.get("why"):
        run = shlex.quote(str(summary.run.get("out") or "RUN"))
        lines += [f"{told['why']} This command writes the recommended one:", f"treeline deliver {run} --side choice"]
    return lines


def audit_words(summary: Summary) -> str:
    """Return how many findings there are, gravest first."""
    many = {level: sum(f["severity"] == level for f in summary.findings) for level in ("block", "warn", "note")}
    blocks = f"{many['block']} that {'blocks' if many['block'] == 1 else 'block'} the verdict"
    warns = f"{many['warn']} that {'lowers' if many['warn'] == 1 else 'lower'} it"
    said = [words for words, n in ((blocks, many["block"]), (warns, many["warn"])) if n]
    said += [f"{many['note']} worth knowing"] if many["note"] else []
    total = len(summary.findings)
    return f"{total} finding{'s' if total != 1 else ''}: {', '.join(said)}."


def cost_words(summary: Summary) -> str:
    """Return one sentence that compares what the families cost, or nothing."""
    families = summary.verdict["families"]
    spent = {name: families[name]["cpu_s"] for name in FAMILIES if families[name] and families[name]["cpu_s"]}
    if len(spent) < 2:
        return ""
    less, more = sorted(FAMILIES, key=lambda name: spent[name])
    ratio = spent[more] / spent[less]
    if ratio < 1.15:
        return f"Both sides used about the same computing time, {duration(spent[more])} of CPU."
    times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
    return (
        f"{FAMILY[more]} used {times} times the computing time of {FAMILY[less].lower()}: "
        f"{duration(spent[more])} against {duration(spent[less])} of CPU."
    )


def doubling(summary: Summary) -> str:
    """Return what twice the rows would gain each family, or nothing."""
    told = (summary.verdict["treeline"] or {}).get("doubling") or {}
    parts = []
    for name in FAMILIES:
        gain = (told.get(name) or {}).get("gain")
        if gain is not None:
            half = 1.96 * (told[name].get("se") or 0.0)
            places = decimals(gain, (gain - half, gain + half))
            parts.append(f"{FAMILY[name].lower()} {rounded(gain, places, signed=True)} ± {rounded(half, places)}")
    unit = title_of(summary.verdict["metric"])
    return " and ".join(parts) + (f" in {unit}, above zero for better, with 95% intervals" if parts else "")


def outlook(summary: Summary) -> str:
    """Return what more rows would change: the treeline in words."""
    told = summary.verdict["treeline"] or {}
    if told.get("words"):
        return " ".join([str(told["words"]), *(str(note) for note in told.get("notes") or () if note != told["words"])])
    chances = told.get("p_overtaken") or {}
    if chances:
        said = ", ".join(f"{percent(p)} at {times} times the rows" for times, p in chances.items())
        return f"The chance that the other family overtakes: {said}."
    return "The curves do not say at how many rows the order would change."


def ran_words(summary: Summary) -> str:
    """Return how many fits ran and how many did not end well."""
    states = [row["states"] for row in summary.entries]
    done = sum(state["done"] for state in states)
    bad = sum(state["failed"] + state["timeout"] + state["out_of_memory"] for state in states)
    skipped = sum(state["skipped"] for state in states)
    ended = f"{count(done)} fit{'s' if done != 1 else ''} of {len(states)} contenders ended well"
    words = f"{ended}, {count(bad) if bad else 'none'} did not"
    return words + (f", {count(skipped)} {'was' if skipped == 1 else 'were'} not tried." if skipped else ".")


def ranked(board: list[dict[str, Any]], *, up: bool) -> list[dict[str, Any]]:
    """Sort a leaderboard: by score who covers all judged folds, then who was seen on less, who hardly began, who has no score."""
    sign = -1 if up else 1
    return sorted(
        board, key=lambda row: (row["score"] is None, row["barely"], not row["whole"], sign * (row["score"] or 0.0))
    )


def row_note(row: dict[str, Any]) -> str:
    """Return what must be said of a row of the leaderboard that is no full contender."""
    if row["reference"]:
        return "for comparison"
    early = f"stopped after {percent(row['done'])} of its steps" if (row["done"] or 1.0) < CUT else ""
    if row["score"] is not None and (row["barely"] or row["whole"]):
        return early
    if row["score"] is not None:
        seen = f"seen on {row['folds']} fold{'s' if row['folds'] != 1 else ''} of {count(row['rows'])} rows"
        return f"{seen}; {early}" if early else seen
    if row["score"] is None and row["state"] in ("", "done"):
        return f"left behind at {count(row['rows'])} rows" if row["rows"] else "left behind"
    return "" if row["state"] in ("", "done") else STATES.get(row["state"], str(row["state"]))


def terms(summary: Summary) -> list[tuple[str, Any]]:
    """Return what must stand beside a verdict: on what terms it was reached."""
    verdict, problem = summary.verdict, summary.problem
    families = verdict["families"]
    contenders = [
        f"{name} {families[name]['contenders']}"
        for name in FAMILIES
        if families[name] and families[name]["contenders"] is not None
    ]
    rows = [row["rows"] for row in verdict["leaderboard"] if row["rows"]]
    folds = [row["folds"] for row in verdict["leaderboard"] if row["folds"]]
    split = {
        "random": "random",
        "stratified": "random, same share of each class",
        "grouped": "whole groups",
        "time": "past against future",
    }
    why = problem.get("why") or {}
    column = problem.get("group") or problem.get("time")
    return [
        ("Task", f"{problem['task']}. {why.get('task', '')}".strip()),
        ("Metric", f"{title_of(verdict['metric'])}. {why.get('metric', '')}".strip()),
        ("Margin", f"{exact(verdict['margin'])}. {why.get('margin', '')}".strip()),
        ("Folds", f"{max(folds)} fold{'s' if max(folds) != 1 else ''}" if folds else None),
        (
            "Split",
            split.get(problem["policy"], problem["policy"])
            + (f" (column {column})" if column else "")
            + f". {why.get('policy', '')}",
        ),
        ("Repeated rows", f"{problem['repeats'] or 'by time'}. {why['repeats']}" if why.get("repeats") else None),
        ("Contenders", ", ".join(contenders)),
        ("Rows per fit", f"up to {count(max(rows))}" if rows else None),
        ("Seed", problem["seed"]),
    ]
