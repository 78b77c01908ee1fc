"""Made-up studies to tell: numbers that could be true, for every kind of verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
from report_studies import FINDINGS, TITLES, data_of, problem_of, run_of, trials_of, verdict_of

from treeline.contest.trial import State, Trial
from treeline.evidence.diagnosis import Contender, Side, diagnose
from treeline.evidence.noise import Noise
from treeline.evidence.scale import Scale
from treeline.problem.metric import METRICS
from treeline.problem.task import Family, Task
from treeline.report.summary import Summary, summarize


def diagnosis_of() -> dict[str, Any]:
    contender = Contender(
        weight=1.0, held=(0.84, 0.85, 0.85), train=(0.87, 0.87, 0.88), se=0.01, done=(1.0,) * 3, late_gain=(0.0,) * 3
    )
    sides = {family: Side(score=0.847, se=0.005, contenders=(contender,), doubling=(0.004, 0.001)) for family in Family}
    noise = Noise(0.004, 0.003, "0.6% of the rows share their inputs with a row of another answer", 0.98)
    return diagnose(sides, scale=Scale(METRICS["roc_auc"], 0.5), margin=0.005, noise=noise).to_json()


def binary() -> Summary:
    scores = {
        "catboost": 0.8476,
        "ebm": 0.8464,
        "lightgbm": 0.8441,
        "extra_trees": 0.8392,
        "realmlp": 0.8431,
        "tabm": 0.8440,
        "mlp": 0.8378,
        "transformer": 0.8311,
        "baseline": 0.5,
    }
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.27).astype(int)
    p = 1 / (1 + np.exp(-(1.46 * (rng.normal(0, 1.2, 2000) + 2.1 * y) - 2.53)))
    verdict = verdict_of(
        scores,
        7032,
        better=1,
        half=0.0095,
        call="CLASSICAL",
        headline="Use classical models: deep learning is not better by what matters here, 99.6% sure",
        strong=False,
        sentence="On your data, trained on 5,626 rows, classical models reach a ROC AUC that is higher by 0.0036 "
        "(95% interval -0.0021 to 0.0094); the probability that deep learning is better by more than 0.005 is below 1%.",
        difference={
            "of": "deep - classical",
            "estimate": -0.0036,
            "interval": [-0.0094, 0.0021],
            "p_better": 0.004,
            "p_same": 0.64,
            "p_worse": 0.356,
            "method": "normal three-way test on out-of-fold rows, selection paid for by a bootstrap",
        },
        treeline={
            "rows": None,
            "interval": None,
            "leader": "classical",
            "p_overtaken": {"2": 0.09, "4": 0.17, "8": 0.24},
            "words": "Classical models lead at every number of rows that was tried. An overtaking is not in sight.",
        },
        because=[
            "CLASSICAL_AHEAD: CatBoost leads on all five folds.",
            "Deep learning needed 3.7 times the computing time.",
            "Both curves have nearly stopped rising: more rows would add little.",
        ],
        caveats=["Two columns look as if they were only known afterwards; see D009."],
        regret=0.0004,
        diagnosis=diagnosis_of(),
    )
    problem = problem_of(Task.BINARY, "roc_auc", target="Churn", classes=("No", "Yes"))
    return summarize(
        problem=problem,
        dataset=data_of("churn.csv", 7032),
        findings=FINDINGS,
        trials=trials_of(scores, 7032, better=1),
        verdict=verdict,
        oof={"y": y, "prediction": p},
        run=run_of(),
    )


def multiclass() -> Summary:
    scores = {
        "catboost": 0.402,
        "lightgbm": 0.431,
        "extra_trees": 0.487,
        "ebm": 0.561,
        "realmlp": 0.338,
        "tabm": 0.329,
        "mlp": 0.389,
        "transformer": 0.441,
        "baseline": 2.48,
    }
    classes = (
        "apple",
        "apricot",
        "blackberry",
        "cherry",
        "cranberry",
        "elderflower",
        "fig",
        "gooseberry",
        "hawthorn",
        "juniper",
        "medlar",
        "quince",
    )
    rng = np.random.default_rng(1)
    y = rng.choice(12, 3000, p=np.linspace(2, 0.5, 12) / np.linspace(2, 0.5, 12).sum())
    z = rng.normal(0, 1.0, (3000, 12))
    z[np.arange(3000), y] += 2.9
    z[:, 3] += 0.8 * (y == 4)
    p = np.exp(2.9 * (z - z.max(axis=1, keepdims=True)))
    p /= p.sum(axis=1, keepdims=True)
    verdict = verdict_of(
        scores,
        20000,
        better=-1,
        half=0.011,
        call="BOTH",
        headline="Use a blend of both sides: better than either alone by more than what matters here, 99.0% sure",
        sentence="On your data, a blend of the two sides beats deep learning alone by 0.028 log-loss.",
        strong=True,
        both={
            "score": 0.301,
            "interval": [0.29, 0.312],
            "gain": 0.028,
            "gain_interval": [0.021, 0.035],
            "weights": {"deep": 0.63, "classical": 0.37},
        },
        difference={
            "of": "deep - classical",
            "estimate": 0.073,
            "interval": [0.061, 0.085],
            "p_better": 0.999,
            "p_same": 0.001,
            "p_worse": 0.0,
            "method": "normal three-way test",
        },
        treeline={
            "between": None,
            "crossed_at": 6400,
            "leader": "deep",
            "p_overtaken": {"2": 0.01, "4": 0.02, "8": 0.04},
            "words": "The families crossed at about 6,400 rows: below it classical models led, "
            "above it deep learning does.",
        },
        because=["The two err on different rows: their errors correlate at 0.41."],
    )
    problem = problem_of(Task.MULTICLASS, "log_loss", target="fruit", classes=classes, margin=0.01)
    return summarize(
        problem=problem,
        dataset=data_of("orchard.parquet", 20000),
        findings=FINDINGS[1:2],
        trials=trials_of(scores, 20000, better=-1),
        verdict=verdict,
        oof={"y": y, "prediction": p},
        run=run_of(
            delivered={
                "what": "both",
                "members": ["TabM", "CatBoost"],
                "size_mb": 41.8,
                "predict_ms_per_1000_rows": 210.0,
            }
        ),
    )


def regression() -> Summary:
    scores = {
        "catboost": 541.2,
        "lightgbm": 549.8,
        "extra_trees": 577.1,
        "ebm": 603.4,
        "realmlp": 544.9,
        "tabm": 546.3,
        "mlp": 561.0,
        "transformer": 612.4,
        "baseline": 3989.0,
    }
    rng = np.random.default_rng(2)
    y = np.exp(rng.normal(7.8, 1.0, 4000))
    p = y * np.exp(rng.normal(0, 0.1, 4000)) + rng.normal(0, 40, 4000)
    verdict = verdict_of(
        scores,
        53940,
        better=-1,
        half=9.0,
        call="EQUIVALENT",
        headline="Use classical models: the two sides are equally good here, 98.2% sure",
        sentence="On your data, the two sides are within 5.4 RMSE of each other.",
        strong=True,
        difference={
            "of": "deep - classical",
            "estimate": -1.1,
            "interval": [-6.2, 3.9],
            "p_better": 0.0,
            "p_same": 0.982,
            "p_worse": 0.018,
            "method": "normal three-way test",
        },
        because=[
            "The difference is smaller than one per cent of the error.",
            "Classical models are the cheaper side by a factor of 3.7.",
        ],
    )
    problem = problem_of(Task.REGRESSION, "rmse", target="price", margin=5.4)
    return summarize(
        problem=problem,
        dataset=data_of("diamonds.csv", 53940),
        findings=[],
        trials=trials_of(scores, 53940, better=-1, failed=("transformer",)),
        verdict=verdict,
        oof={"y": y, "prediction": p},
        run=run_of(),
    )


def one_family() -> Summary:
    scores = {"catboost": 0.8476, "ebm": 0.8464, "lightgbm": 0.8441}
    problem = problem_of(Task.BINARY, "roc_auc", target="Churn", classes=("No", "Yes"))
    verdict = verdict_of(
        scores,
        7032,
        better=1,
        half=0.0095,
        call="UNDECIDED",
        strong=False,
        speaks=False,
        headline="Only classical models have a result",
        sentence="No comparison can be made.",
    )
    away = [
        {
            "name": "TabM",
            "family": "deep",
            "reason": "torch is not installed",
            "install": "pip install 'treeline[deep]'",
        }
    ]
    return summarize(
        problem=problem,
        dataset=data_of("churn.csv", 7032),
        findings=FINDINGS[:2],
        trials=trials_of(scores, 7032, better=1),
        verdict=verdict,
        oof=None,
        run=run_of(unavailable=away),
    )


def all_failed() -> Summary:
    problem = problem_of(Task.REGRESSION, "mae", target="price", margin=5.4)
    trials = [
        Trial(
            id=f"t{i}",
            entry=name,
            candidate=name,
            family=Family(TITLES[name][1]),
            params={},
            rung=0.125,
            rows=6000,
            fold=0,
            seed=0,
            state=state,
            wall_s=3.0,
            cpu_s=2.0,
            reason=reason,
        )
        for i, (name, state, reason) in enumerate(
            [
                ("catboost", State.FAILED, "CatBoostError: all features are either constant or ignored"),
                ("lightgbm", State.TIMEOUT, "stopped after 30 s"),
                ("realmlp", State.OUT_OF_MEMORY, "needed more than 3,000 MB"),
                ("tabm", State.SKIPPED, "no time was left"),
            ]
        )
    ]
    return summarize(
        problem=problem,
        dataset=data_of("prices.csv", 7500),
        findings=FINDINGS[2:],
        trials=trials,
        verdict={"call": "UNDECIDED", "speaks": False, "budget": {"limit_s": 30, "used_s": 12.1}},
        oof=None,
        run=run_of(delivered=None),
    )


WORLDS = {
    "binary": binary,
    "multiclass": multiclass,
    "regression": regression,
    "one_family": one_family,
    "all_failed": all_failed,
}
