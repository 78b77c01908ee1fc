"""The summary: everything the report tells, as plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from treeline.contest.trial import State, Trial
from treeline.data.findings import Finding
from treeline.problem.problem import Problem
from treeline.report.diagnostics import diagnose
from treeline.report.items import items_of
from treeline.report.privacy import redacted

__all__ = ["FAMILIES", "Summary", "summarize"]

FAMILIES = ("classical", "deep")
VERDICT: dict[str, Any] = {
    "call": None,
    "strong": False,
    "headline": "",
    "sentence": "",
    "beside": "",
    "choice": None,
    "speaks": True,
    "split": {},
    "metric": "",
    "margin": None,
    "families": {},
    "both": None,
    "difference": None,
    "treeline": None,
    "curves": {},
    "because": [],
    "needed": None,
    "caveats": [],
    "leaderboard": [],
    "budget": {},
    "rows": None,
    "findings": [],
    "leaning": None,
    "selection": "",
    "signal": None,
    "delivered": {},
    "dimensions": [],
    "prior": {},
    "decide": None,
    "mind": [],
    "plain": None,
    "diagnosis": None,
}
"Every field a renderer may look at, as it stands when the verdict says nothing about it."
MEMBER: dict[str, Any] = {
    "score": None,
    "interval": None,
    "best": "",
    "members": [],
    "contenders": None,
    "cpu_s": None,
    "wall_s": None,
    "missing": None,
}
ROW: dict[str, Any] = {
    "name": "",
    "title": "",
    "family": "",
    "score": None,
    "interval": None,
    "folds": None,
    "rows": None,
    "cpu_s": None,
    "predict_s_per_1000": None,
    "weight": None,
    "state": "",
    "reference": False,
    "whole": True,
    "done": None,
    "barely": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Plain data, fit for JSON: no NaN, no secrets, no objects."""

    problem: dict[str, Any]
    "`Problem.to_json` with `metric_words` and `greater_is_better`."
    data: dict[str, Any]
    "source, rows, records, columns, how."
    findings: list[dict[str, Any]]
    verdict: dict[str, Any]
    "The verdict with every field present, empty where nothing is known."
    entries: list[dict[str, Any]]
    "One for each contender that ran: its fits by state, rows, cost, reasons."
    points: list[dict[str, Any]]
    "Mean score of each contender at each number of training rows."
    errors: dict[str, Any] | None
    "How the delivered model errs (see `diagnose`)."
    run: dict[str, Any]
    items: dict[str, Any] | None = None
    "Examples, confusions and suspects where texts, images or sounds lead (see `items_of`)."

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Summary:
        """Rebuild a summary from `to_json`."""
        return cls(**data)


def summarize(
    *,
    problem: Problem,
    dataset: dict[str, Any],
    findings: Sequence[Finding],
    trials: Sequence[Trial],
    verdict: dict[str, Any],
    oof: dict[str, Any] | None,
    run: dict[str, Any],
) -> Summary:
    """Gather what the report tells.

    `dataset` holds source, rows, records, columns and how; `oof` the delivered model's cross-fitted out-of-fold predictions:
    `{"y": (m,), "prediction": (m,) or (m, C)}`, with `index` (m,) where there is `kept` (`Ledger.items`); `run` command,
    versions, machine, settings, unavailable, delivered, out.
    """
    full = _verdict(verdict, problem)
    titles = {row["name"]: row["title"] or row["name"] for row in full["leaderboard"]}
    delivered = run.get("delivered")
    if delivered:
        run = run | {"delivered": delivered | {"members": _titled(delivered.get("members"), titles)}}
    about = {
        **problem.to_json(),
        "metric_words": problem.metric.words,
        "greater_is_better": problem.metric.greater_is_better,
    }
    parts = {
        "problem": about,
        "data": {"source": "", "rows": None, "records": None, "columns": [], "how": {}} | dataset,
        "findings": [finding.to_json() for finding in findings],
        "verdict": full,
        "entries": _entries(trials, titles),
        "points": _points(trials),
        "errors": diagnose(problem, oof["y"], oof["prediction"]) if oof else None,
        "run": run,
        "items": items_of(problem, oof, oof.get("kept") or {}) if oof else None,
    }
    return Summary(**redacted(_plain(parts)))


def _verdict(raw: dict[str, Any], problem: Problem) -> dict[str, Any]:
    full = {key: raw[key] if raw.get(key) is not None else empty for key, empty in VERDICT.items()}
    full["metric"] = full["metric"] or problem.metric.name
    full["margin"] = problem.margin if full["margin"] is None else full["margin"]
    known = full["families"]
    full["families"] = {name: {**MEMBER, **known[name]} if known.get(name) else None for name in FAMILIES}
    full["curves"] = {name: list(full["curves"].get(name) or []) for name in FAMILIES}
    full["leaderboard"] = [{**ROW, **row} for row in full["leaderboard"]]
    titles = {row["name"]: row["title"] or row["name"] for row in full["leaderboard"]}
    for side in filter(None, full["families"].values()):
        side["best"] = titles.get(side["best"], side["best"] or "")
        side["members"] = _titled(side["members"], titles)
    if full["both"]:
        weights = full["both"].get("weights") or {}
        full["both"] = full["both"] | {"weights": {titles.get(name, name): weight for name, weight in weights.items()}}
    return full


def _titled(members: Any, titles: dict[str, str]) -> list[dict[str, Any]]:
    """Return members as name and weight, the name as people write it, heaviest first."""
    plain = [one if isinstance(one, dict) else {"name": one, "weight": None} for one in members or []]
    named = [{"name": titles.get(one["name"], one["name"]), "weight": one.get("weight")} for one in plain]
    return sorted((one for one in named if one["weight"] != 0), key=lambda one: -(one["weight"] or 0.0))


def _entries(trials: Sequence[Trial], titles: dict[str, str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for trial in trials:
        row = found.setdefault(
            trial.entry,
            {
                "name": trial.entry,
                "title": titles.get(trial.entry, trial.entry),
                "family": str(trial.family),
                "states": dict.fromkeys((str(state) for state in State), 0),
                "rows": 0,
                "cpu_s": 0.0,
                "wall_s": 0.0,
                "peak_mb": 0.0,
                "reasons": {},
            },
        )
        row["states"][str(trial.state)] += 1
        row["cpu_s"] += trial.cpu_s
        row["wall_s"] += trial.wall_s
        row["peak_mb"] = max(row["peak_mb"], trial.peak_mb)
        if trial.state is State.DONE:
            row["rows"] = max(row["rows"], trial.rows)
        if trial.reason:
            row["reasons"][trial.reason] = row["reasons"].get(trial.reason, 0) + 1
    return sorted(found.values(), key=lambda row: (row["family"], row["name"]))


def _points(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, float], list[Trial]] = {}
    for trial in trials:
        if trial.state is State.DONE and trial.score is not None and math.isfinite(trial.score):
            groups.setdefault((trial.entry, str(trial.family), trial.rung), []).append(trial)
    return [
        {
            "name": name,
            "family": family,
            "rows": float(np.mean([trial.rows for trial in group])),
            "score": float(np.mean([trial.score for trial in group if trial.score is not None])),
        }
        for (name, family, _), group in sorted(groups.items(), key=lambda item: item[0])
    ]


def _plain(data: Any) -> Any:
    """Turn tuples, numpy values and enums into JSON's own kinds, and numbers that are not finite into None."""
    if isinstance(data, dict):
        plain = {str(key): _plain(value) for key, value in data.items()}
        for key in ("interval", "gain_interval"):
            if isinstance(plain.get(key), list) and None in plain[key]:
                plain[key] = None
        return plain
    if isinstance(data, list | tuple | set | np.ndarray):
        return [_plain(value) for value in data]
    if isinstance(data, np.generic):
        data = data.item()
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    return data if data is None or isinstance(data, bool | int) else str(data)
