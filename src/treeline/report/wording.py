"""The verdict in words: short sentences about this data set and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from treeline.report.numbers import between, count, decimals, duration, exact, percent, rounded
from treeline.report.summary import FAMILIES, Summary

__all__ = [
    "FAMILY",
    "Lead",
    "competed",
    "cost_words",
    "gain_words",
    "headline",
    "lead",
    "metric_title",
    "outlook",
    "sentence",
]

FAMILY = {"classical": "Classical learning", "deep": "Deep learning"}
METRIC = {
    "roc_auc": "ROC AUC",
    "roc_auc_ovr": "ROC AUC (one against rest)",
    "f1": "F1",
    "f1_macro": "macro F1",
    "f1_weighted": "weighted F1",
    "log_loss": "log-loss",
    "brier_score_loss": "Brier score",
    "matthews_corrcoef": "Matthews correlation",
    "root_mean_squared_error": "RMSE",
    "mean_squared_error": "MSE",
    "mean_absolute_error": "MAE",
    "median_absolute_error": "median absolute error",
    "root_mean_squared_log_error": "RMSLE",
    "mean_absolute_percentage_error": "MAPE",
    "r2": "R²",
}


def metric_title(name: str) -> str:
    """Return the metric as people write it."""
    return METRIC.get(name, name.replace("_", " "))


def competed(summary: Summary) -> list[str]:
    """Return the families that have a score."""
    families = summary.verdict["families"]
    return [name for name in FAMILIES if families[name] and families[name]["score"] is not None]


def headline(summary: Summary) -> str:
    """Return the verdict in a few words."""
    verdict, sides = summary.verdict, competed(summary)
    call, strong = verdict["call"], bool(verdict["strong"])
    if not sides:
        return "No model could be trained"
    if len(sides) == 1:
        return f"Only {FAMILY[sides[0]].lower()} has a result"
    if call in ("CLASSICAL", "DEEP"):
        return f"{FAMILY[call.lower()]} {'wins' if strong else 'is ahead'} on your data"
    if call == "EQUIVALENT":
        return "On your data, both do equally well"
    if call == "BOTH":
        return "On your data, the two are better together"
    return "Too close to call"


def sentence(summary: Summary) -> str:
    """Return the verdict's own sentence, or one made from its numbers."""
    verdict, sides = summary.verdict, competed(summary)
    if verdict["sentence"]:
        return str(verdict["sentence"])
    if not sides:
        return "Every contender failed. The causes are listed below; no model was delivered."
    metric = metric_title(verdict["metric"])
    if len(sides) == 1:
        side = verdict["families"][sides[0]]
        score = rounded(side["score"], decimals(side["score"], side["interval"]))
        absent = FAMILY[FAMILIES[1 - FAMILIES.index(sides[0])]]
        return f"It reached a {metric} of {score}. {absent} did not compete, so there is nothing to compare it with."
    rows = f", trained on {count(verdict['rows'])} rows" if verdict["rows"] else ""
    told = lead(summary)
    if verdict["call"] == "EQUIVALENT":
        return f"On your data{rows}, the two families lie within {exact(verdict['margin'])} {metric}. Take the cheaper one."
    if verdict["call"] == "BOTH":
        gain = gain_words(summary)
        return f"On your data{rows}, a blend of both families beats either alone{' by ' + gain if gain else ''}."
    if told is None or verdict["call"] not in ("CLASSICAL", "DEEP"):
        return f"{count(verdict['rows'])} rows are not enough to tell the two families apart by more than the margin."
    return f"On your data{rows}, {FAMILY[told.family].lower()} is better by {told.value} {metric} ({told.interval})."


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
    if not told or told.get("estimate") is None:
        return None
    sign = 1.0 if summary.problem["greater_is_better"] else -1.0
    deep_ahead = sign * told["estimate"] > 0
    turn = sign if deep_ahead else -sign
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


def gain_words(summary: Summary) -> str:
    """Return what the blend of both families gains over the better one, or nothing."""
    both = summary.verdict["both"] or {}
    if both.get("gain") is None:
        return ""
    places = decimals(both["gain"], both.get("gain_interval"))
    words = f"{rounded(both['gain'], places)} {metric_title(summary.verdict['metric'])}"
    return f"{words} ({between(both['gain_interval'], places)})" if both.get("gain_interval") else words


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


def outlook(summary: Summary) -> str:
    """Return what more rows would change: the treeline in words."""
    told = summary.verdict["treeline"] or {}
    if told.get("words"):
        return str(told["words"])
    if told.get("rows"):
        span = f" ({between(told['interval'], 0)})" if told.get("interval") else ""
        return f"The other family would overtake at about {count(told['rows'])} rows{span}."
    chances = told.get("p_overtaken") or {}
    if chances:
        said = ", ".join(f"{percent(p)} at {times} times the rows" for times, p in chances.items())
        return f"The chance that the other family overtakes: {said}."
    return "The curves do not say at how many rows the order would change."


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
    metric = metric_title(verdict["metric"])
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
        what = f"{metric} in favour of {FAMILY[told.family].lower()}"
        return KeyNumber(value=told.value, what=what, interval=told.interval, note=matters)
    if not sides:
        return KeyNumber(value="–", what="no score")
    best = verdict["families"][sides[0]]
    places = decimals(best["score"], best["interval"])
    interval = f"95% interval {between(best['interval'], places)}" if best["interval"] else ""
    better = "Higher" if summary.problem["greater_is_better"] else "Lower"
    return KeyNumber(value=rounded(best["score"], places), what=metric, interval=interval, note=f"{better} is better.")


def what_would_settle(summary: Summary) -> list[str]:
    """Return what it would take to decide, and what is lost if the cheaper family is taken now."""
    found = []
    needed, regret = summary.verdict["needed"], summary.verdict["regret"]
    if isinstance(needed, dict):
        needed = needed.get("words") or needed.get("rows")
    if isinstance(needed, str) and needed:
        found.append(needed)
    elif isinstance(needed, int | float):
        found.append(f"About {count(needed)} rows would settle it.")
    if isinstance(regret, dict):
        regret = regret.get("words")
    if isinstance(regret, str) and regret:
        found.append(regret)
    elif isinstance(regret, int | float):
        metric = metric_title(summary.verdict["metric"])
        found.append(f"Whoever takes the cheaper family now gives up {exact(regret)} {metric} on average.")
    return found


def audit_words(summary: Summary) -> str:
    """Return how many findings there are, gravest first."""
    many = {level: sum(f["severity"] == level for f in summary.findings) for level in ("block", "warn", "note")}
    blocks = f"{many['block']} that {'blocks' if many['block'] == 1 else 'block'} the verdict"
    warns = f"{many['warn']} that {'lowers' if many['warn'] == 1 else 'lower'} it"
    said = [words for words, n in ((blocks, many["block"]), (warns, many["warn"])) if n]
    said += [f"{many['note']} worth knowing"] if many["note"] else []
    total = len(summary.findings)
    return f"{total} finding{'s' if total != 1 else ''}: {', '.join(said)}."


def ran_words(summary: Summary) -> str:
    """Return how many fits ran and how many did not end well."""
    states = [row["states"] for row in summary.entries]
    done = sum(state["done"] for state in states)
    bad = sum(state["failed"] + state["timeout"] + state["out_of_memory"] for state in states)
    skipped = sum(state["skipped"] for state in states)
    ended = f"{count(done)} fit{'s' if done != 1 else ''} of {len(states)} contenders ended well"
    words = f"{ended}, {count(bad) if bad else 'none'} did not"
    return words + (f", {count(skipped)} {'was' if skipped == 1 else 'were'} not tried." if skipped else ".")


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
        ("Metric", f"{metric_title(verdict['metric'])}. {why.get('metric', '')}".strip()),
        ("Margin", f"{exact(verdict['margin'])}. {why.get('margin', '')}".strip()),
        ("Folds", f"{max(folds)} folds" if folds else None),
        (
            "Split",
            split.get(problem["policy"], problem["policy"])
            + (f" (column {column})" if column else "")
            + f". {why.get('policy', '')}",
        ),
        ("Contenders", ", ".join(contenders)),
        ("Rows per fit", f"up to {count(max(rows))}" if rows else None),
        ("Seed", problem["seed"]),
    ]
