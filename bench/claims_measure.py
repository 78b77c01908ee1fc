"""From one finished Treeline run to one fact of the claims ledger: the verdict's numbers and the pairs that claims speak of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from treeline.candidates.registry import cards
from treeline.contest.blend import gather, standings
from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude
from treeline.contest.trial import Trial
from treeline.evidence.choice import procedure
from treeline.evidence.influence import score_by_fold
from treeline.evidence.paired import compare, score_interval
from treeline.evidence.scores import Judged, crossfitted
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family

BOOSTED = ("lightgbm", "catboost", "xgboost")
FOUR = ("linear", "random_forest", "extra_trees", *BOOSTED)
NETS = ("mlp", "realmlp", "tabm", "transformer")
PAIRS = (
    ("catboost", "mlp"),
    ("catboost", "realmlp"),
    ("lightgbm", "ebm"),
    ("catboost", "ebm"),
    ("random_forest", "ebm"),
    ("boosted", "deep"),
    ("best", "boosted"),
    ("best", "four"),
    ("best", "glass"),
    ("own", "frozen"),
    ("classical", "own"),
    ("classical", "frozen"),
)
"Each gives `second - first` on the same rows, turned so that above zero the second is better."


MOSTLY = 0.35
"A fit that the clock ended tells what its whole plan would cost from this share of its steps on (docs/decisions/0007)."


def measured_run(out: Path, *, clean: list | None = None) -> dict:
    """Return the fact of a run; `clean` holds the true labels of the file's rows where some were turned before training."""
    ledger = Ledger(out)
    told = conclude(ledger).verdict
    problem = Problem.from_json(ledger.head["problem"])
    fact = {
        name: told[name]
        for name in (
            "call",
            "strong",
            "metric",
            "greater_is_better",
            "margin",
            "difference",
            "both",
            "treeline",
            "curves",
            "rows",
            "judged_rows",
            "task",
            "budget",
            "signal",
            "because",
        )
    }
    sides = ("score", "interval", "best", "contenders", "cpu_s", "fit_cpu_s", "cut", "members")
    fact["families"] = {
        family: {key: one[key] for key in sides} if one else None for family, one in told["families"].items()
    }
    fact["dimensions"] = {one["name"]: _short(one) for one in told["dimensions"]}
    fact["split"], fact["inputs"] = str(problem.policy), len(ledger.head["dataset"]["columns"]) - 1
    fact["audit"] = [finding["code"] for finding in told["findings"] if finding["severity"] != "info"]
    fact["fits"] = _fits(ledger)
    judged = gather(ledger, problem, equal=True)
    predictions = _predictions(ledger, judged)
    fact["pairs"] = _pairs(judged, predictions, problem)
    fact["spread"] = {
        name: float(np.nanstd(score_by_fold(judged.y, predictions[name], problem.metric, judged.fold), ddof=1))
        for name in ("classical", "deep")
        if name in predictions and len(np.unique(judged.fold)) > 1
    }
    if clean is not None:
        fact["clean"] = _against_the_truth(ledger, problem, judged, predictions, clean)
    return fact


def _short(one: dict) -> dict:
    sides = {
        name: {key: value for key, value in side.items() if key != "text"}
        | {"detail": {k: v for k, v in side["detail"].items() if k not in ("classes", "slices")}}
        for name, side in one["sides"].items()
    }
    return {"sides": sides, "winner": one["winner"], "clear": one["clear"], "odds": one["odds"], "words": one["words"]}


def _fits(ledger: Ledger) -> dict:
    """By entry: CPU seconds of all its fits, and of each fit on all training rows, scaled to its whole plan."""
    found: dict[str, list[Trial]] = {}
    for trial in ledger.done():
        found.setdefault(trial.entry, []).append(trial)
    return {
        name: {
            "candidate": trials[0].candidate,
            "family": str(trials[0].family),
            "cpu_s": sum(t.cpu_s for t in trials),
            "rows": max(t.rows for t in trials),
            "full_cpu_s": [round(t.cpu_s / t.done, 3) for t in trials if t.rung == 1.0 and t.done >= MOSTLY],
        }
        for name, trials in found.items()
    }


def _predictions(ledger: Ledger, judged: Judged) -> dict[str, Array]:
    """Cross-fitted predictions for the judged rows: each candidate's first setting, each side, and sides cut down to some."""
    candidate = {one.name: one.trials[0].candidate for one in standings(ledger)}
    found = {candidate[m.name]: crossfitted(judged, m) for m in judged.members if m.name == candidate[m.name]}
    glass = [name for name, card in cards().items() if card.glass_box]
    frozen = [name for name, card in cards().items() if card.pretrained and card.accepts]
    own = [name for name, card in cards().items() if card.media_net and not card.pretrained]
    groups = {"boosted": BOOSTED, "four": FOUR, "glass": glass, "own": own, "frozen": frozen}
    for family in Family:
        if judged.of(family):
            found[str(family)] = procedure(judged, family).prediction
    for name, wanted in groups.items():
        members = tuple(m for m in judged.members if candidate[m.name] in wanted)
        if members:
            found[name] = procedure(replace(judged, members=members), None).prediction
    return found


def _pairs(judged: Judged, predictions: dict[str, Array], problem: Problem) -> dict:
    found = {}
    best = None
    if "classical" in predictions and "deep" in predictions:
        gap = _gap(judged, predictions["classical"], predictions["deep"], problem)
        best = "deep" if gap["estimate"] > 0 else "classical"
    for first, second in PAIRS:
        a = predictions.get(best if first == "best" and best else first)
        b = predictions.get(second)
        if a is not None and b is not None:
            found[f"{first} {second}"] = _gap(judged, a, b, problem)
    return found


def _gap(judged: Judged, a: Array, b: Array, problem: Problem) -> dict:
    gap = compare(judged.y, a, b, problem.metric, fold=judged.fold, margin=problem.margin, group=judged.group)
    return {
        "estimate": gap.estimate,
        "interval": list(gap.interval),
        "p_better": gap.p_better,
        "p_same": gap.p_same,
        "p_worse": gap.p_worse,
    }


def _against_the_truth(
    ledger: Ledger, problem: Problem, judged: Judged, predictions: dict[str, Array], clean: list
) -> dict:
    """Score what was learnt from turned labels on the labels as they were."""
    rows = ledger.rows()
    index = np.concatenate([np.flatnonzero(rows["fold"] == number) for number in np.unique(judged.fold)])
    truth = np.unique(clean, return_inverse=True)[1][rows["row"][index]]
    found = {"turned": float(np.mean(truth != judged.y))}
    if found["turned"] > 0.5:
        raise ValueError(
            f"{found['turned']:.0%} of the labels differ from the true ones: rows or classes are out of order"
        )
    for name in ("classical", "deep", "boosted", *NETS, *FOUR):
        if name in predictions:
            one = score_interval(truth, predictions[name], problem.metric, fold=judged.fold)
            found[name] = {"score": one.score, "se": one.se}
    if "classical" in predictions and "deep" in predictions:
        found["pair"] = _gap(replace(judged, y=truth), predictions["classical"], predictions["deep"], problem)
    return found
