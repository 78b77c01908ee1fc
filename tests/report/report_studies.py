"""The parts of made-up studies: problems, trials, verdicts, findings, columns."""

from __future__ import annotations

from typing import Any

from treeline.contest.trial import State, Trial
from treeline.data.findings import Finding, Severity
from treeline.problem.metric import metric_named
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy, Task

TITLES = {
    "catboost": ("CatBoost", "classical"),
    "lightgbm": ("LightGBM", "classical"),
    "extra_trees": ("Extra trees", "classical"),
    "ebm": ("Explainable boosting", "classical"),
    "realmlp": ("RealMLP", "deep"),
    "tabm": ("TabM", "deep"),
    "mlp": ("MLP with embeddings", "deep"),
    "transformer": ("Tabular transformer", "deep"),
    "baseline": ("Baseline", "classical"),
}
CPU = {
    "catboost": 41,
    "lightgbm": 12,
    "extra_trees": 9,
    "ebm": 55,
    "realmlp": 118,
    "tabm": 96,
    "mlp": 64,
    "transformer": 151,
    "baseline": 0.1,
}


def problem_of(
    task: Task, metric: str, *, target: str, classes: tuple[str, ...] = (), margin: float = 0.005
) -> Problem:
    policy = Policy.STRATIFIED if task.is_classification else Policy.RANDOM
    why = {
        "task": "The target has two labels." if task is Task.BINARY else "",
        "metric": "The default for this task.",
        "margin": "The default for this metric.",
        "policy": "No group and no time order was found.",
    }
    return Problem(
        task=task,
        target=target,
        classes=classes,
        metric=metric_named(metric, task),
        margin=margin,
        policy=policy,
        seed=0,
        why=why,
    )


def trials_of(scores: dict[str, float], rows: int, *, better: float, failed: tuple[str, ...] = ()) -> list[Trial]:
    made: list[Trial] = []
    for name, score in scores.items():
        for k, rung in enumerate((0.125, 0.25, 0.5, 1.0)):
            for fold in range(5 if rung == 1.0 else 1):
                lost = (0.055 if TITLES[name][1] == "classical" else 0.11) * (3 - k) ** 1.4 / 3
                state = State.FAILED if name in failed and k > 0 else State.DONE
                made.append(
                    Trial(
                        id=f"t{len(made):03}",
                        entry=name,
                        candidate=name,
                        family=Family(TITLES[name][1]),
                        params={},
                        rung=rung,
                        rows=int(rows * rung * 0.8),
                        fold=fold,
                        seed=0,
                        state=state,
                        score=None if state is State.FAILED else score * (1 - better * lost),
                        wall_s=CPU[name] * rung / 4,
                        cpu_s=CPU[name] * rung / 4,
                        peak_mb=380 + 40 * k,
                        reason="RuntimeError: loss became nan at epoch 3" if state is State.FAILED else "",
                    )
                )
    return made


def verdict_of(scores: dict[str, float], rows: int, *, better: float, half: float, **more: Any) -> dict[str, Any]:
    up = better > 0
    board = [
        {
            "name": name,
            "title": TITLES[name][0],
            "family": TITLES[name][1],
            "score": score,
            "interval": [score - half * (1.2 if TITLES[name][1] == "deep" else 1), score + half],
            "folds": 5,
            "rows": int(rows * 0.8),
            "cpu_s": CPU[name],
            "predict_s_per_1000": CPU[name] / 4000,
            "weight": {"catboost": 0.5, "lightgbm": 0.3, "ebm": 0.2}.get(name),
            "state": "done",
        }
        for name, score in scores.items()
    ]
    families: dict[str, Any] = {}
    curves: dict[str, Any] = {}
    for family in ("classical", "deep"):
        mine = [row for row in board if row["family"] == family and row["name"] != "baseline"]
        if not mine:
            families[family] = None
            continue
        best = (max if up else min)(mine, key=lambda row: row["score"])
        families[family] = {
            "score": best["score"] * (1 + better * 0.001),
            "interval": [best["score"] - half, best["score"] + half],
            "best": f"blend of {best['title']} and {mine[0]['title'] if mine[0] is not best else mine[1]['title']}",
            "members": [
                {"name": best["title"], "weight": 0.6},
                {"name": (mine[0] if mine[0] is not best else mine[1])["title"], "weight": 0.4},
            ],
            "contenders": 4,
            "cpu_s": sum(row["cpu_s"] for row in mine),
            "wall_s": sum(row["cpu_s"] for row in mine),
        }
        lost = 0.055 if family == "classical" else 0.11
        curves[family] = [
            {
                "rows": int(rows * share * 0.8),
                "score": best["score"] * (1 - better * lost * (3 - k) ** 1.4 / 3),
                "se": half * (0.9 - 0.15 * k),
            }
            for k, share in enumerate((0.125, 0.25, 0.5, 1.0))
        ]
    return {
        "families": families,
        "curves": curves,
        "leaderboard": board,
        "budget": {"limit_s": 300, "used_s": 287.4},
        "rows": rows,
        **more,
    }


FINDINGS = [
    Finding(
        code="D014",
        severity=Severity.WARN,
        title="Identifier left out",
        columns=("customerID",),
        rows=7043,
        found="customerID has 7,043 different values in 7,043 rows.",
        do="Nothing, unless it carries meaning; then say --kind customerID=category.",
        done="the column was left out.",
    ),
    Finding(
        code="D003",
        severity=Severity.NOTE,
        title="Duplicate rows",
        rows=22,
        found="22 rows have a twin with the same values and the same label.",
        do="Remove them if one customer was recorded twice.",
        done="twins are always kept in one fold.",
    ),
    Finding(
        code="D009",
        severity=Severity.BLOCK,
        title="Column gives the target away",
        columns=("ChurnReason", "ChurnDate"),
        rows=1869,
        found="ChurnReason alone predicts Churn with ROC AUC 0.998.",
        do="Leave both out with --drop, if they are only known afterwards.",
    ),
]
COLUMNS = [
    {
        "name": "customerID",
        "kind": "identifier",
        "missing": 0,
        "missing_tokens": {},
        "distinct": 7043,
        "examples": ["7590-VHVEG", "5575-GNVDE"],
        "note": "every value different",
    },
    {
        "name": "tenure",
        "kind": "number",
        "missing": 0,
        "missing_tokens": {},
        "distinct": 73,
        "examples": ["1", "34", "2"],
        "note": "",
    },
    {
        "name": "TotalCharges",
        "kind": "number",
        "missing": 11,
        "missing_tokens": {" ": 11},
        "distinct": 6530,
        "examples": ["29.85", "1889.5", "108.15"],
        "note": "numbers but for 11 blanks",
    },
    {
        "name": "Contract",
        "kind": "category",
        "missing": 0,
        "missing_tokens": {},
        "distinct": 3,
        "examples": ["Month-to-month", "One year", "Two year"],
        "note": "",
    },
    {
        "name": "Churn",
        "kind": "category",
        "missing": 0,
        "missing_tokens": {},
        "distinct": 2,
        "examples": ["No", "Yes"],
        "note": "",
    },
]


def data_of(source: str, rows: int) -> dict[str, Any]:
    records = {
        "read": rows + 11,
        "used": rows,
        "quarantined": 11,
        "reasons": {"more fields than the header": 9, "no target": 2},
    }
    how = {"format": "CSV", "encoding": "utf-8", "delimiter": ",", "decimal_mark": "."}
    return {"source": source, "rows": rows, "records": records, "columns": COLUMNS, "how": how}


def run_of(**more: Any) -> dict[str, Any]:
    return {
        "command": "treeline run churn.csv --target Churn --time-limit 5m --out runs/churn",
        "treeline_version": "0.1.0",
        "versions": {
            "numpy": "2.1.3",
            "scikit-learn": "1.7.0",
            "lightgbm": "4.6.0",
            "catboost": "1.2.8",
            "torch": "2.7.0",
        },
        "started": "2026-05-04T09:12:33+00:00",
        "machine": {"cores": 2, "memory_mb": 16000, "python": "3.12.4", "platform": "Linux x86_64"},
        "settings": {"time_limit": "5m", "families": "classical, deep", "seed": 0},
        "unavailable": [
            {
                "name": "TabICL",
                "family": "deep",
                "reason": "its weights are not on this machine",
                "install": "treeline run … --weights FOLDER",
            },
            {"name": "XGBoost", "family": "classical", "reason": "not installed", "install": "pip install xgboost-cpu"},
        ],
        "delivered": {
            "what": "classical",
            "members": [{"name": "CatBoost", "weight": 0.6}, {"name": "LightGBM", "weight": 0.4}],
            "size_mb": 3.4,
            "predict_ms_per_1000_rows": 14.2,
        },
        "out": "runs/churn",
        **more,
    }
