"""Worlds built to have one ailment each, learned by small real learners, as a ledger.

python -m tests.evidence.ailing 24      measures the confusion matrix of docs/decisions/0013 on 24 worlds of each kind
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor

from treeline.candidates.card import Rows, Shape, Watch
from treeline.contest.fitting import late_gain
from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude
from treeline.contest.trial import State, Trial
from treeline.data.splits import plan_folds
from treeline.problem.metric import metric_named
from treeline.problem.problem import Problem
from treeline.problem.task import Family, Policy, Task

HELPS = {
    "bias": "features", "variance": "regularisation", "noise": "labels", "too_little_data": "rows", "under_training": "time",
    "healthy": "nothing",
}  # fmt: skip
FOLDS, ROUNDS, EPOCHS = 4, 120, 30
LEARNERS = {
    "linear": "classical",
    "boosting": "classical",
    "random_forest": "classical",
    "small": "deep",
    "wide": "deep",
}


def data_of(kind: str, seed: int) -> tuple[Any, Any, list[dict[str, Any]], dict[str, Any]]:
    """Inputs, target, findings, and how the contest is held: names of the learners, share of the steps allowed."""
    rng = np.random.default_rng([seed, len(kind)])
    other = seed % 2 == 1
    names, done, findings = list(LEARNERS), 1.0, []
    x = rng.normal(size=(1000, 6))
    if kind == "bias" and other:  # a rule that a straight line cannot draw
        names, y = ["linear"], x[:, 0] * x[:, 1] > 0
    elif kind == "bias":  # half of the cause is in no column
        y = x[:, 0] + 0.5 * x[:, 1] + 1.1 * rng.normal(size=1000) > 0
    elif kind == "variance":
        x = rng.normal(size=(160, 120))
        y = x[:, :4].sum(axis=1) + 0.5 * rng.normal(size=160) > 0
    elif kind == "noise" and other:  # a third of the rows has a twin with the other answer
        y = x[:, 0] + x[:, 1] > 0
        x[:170], y[:170] = x[170:340], ~y[170:340]
        findings = [{"code": "D002", "rows": 340}]
    elif kind == "noise":
        y = (x[:, 0] + x[:, 1] > 0) ^ (rng.random(1000) < 0.25)
    elif kind == "too_little_data":
        x = rng.uniform(-1, 1, size=(240, 4))
        smooth = np.sin(3 * x[:, 0]) + 2 * x[:, 1] * x[:, 2] + np.cos(4 * x[:, 3] * (x[:, 0] if other else 1))
        y = smooth + 0.02 * rng.normal(size=240)
    elif kind == "under_training":
        done, names = 0.05, ["boosting", "small", "wide"]
        y = (
            np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=1000)
            if other
            else x[:, 0] * x[:, 1] + x[:, 2] > 0
        )
    else:
        y = 3 * x[:, 0] - 2 * x[:, 1] + 0.02 * rng.normal(size=1000) > 0
    more = {"severity": "note", "done": "", "title": "", "columns": []}
    target = np.asarray(y, dtype=np.float64) if y.dtype.kind == "f" else y.astype(np.int64)
    return x.astype(np.float32), target, [more | one for one in findings], {"names": names, "done": done}


def learn(name: str, x: Any, y: Any, watch: Watch, *, done: float, seed: int) -> Any:
    """Fit a learner, showing the watch each step; return the kept model's prediction as a function."""
    number = y.dtype.kind == "f"

    def told(model: Any, rows: Any) -> Any:
        return model.predict(rows) if number else model.predict_proba(rows)[:, 1]

    test = watch.rows.num
    if name in ("small", "wide"):
        layers = (16,) if name == "small" else (32, 32)
        net = (MLPRegressor if number else MLPClassifier)(
            hidden_layer_sizes=layers, random_state=seed, batch_size=max(8, len(x) // 24), learning_rate_init=0.004
        )
        kept, steps = None, max(3, round(EPOCHS * done))
        for step in range(1, steps + 1):
            net.partial_fit(x, y) if number else net.partial_fit(x, y, classes=[0, 1])
            if watch.see(step, told(net, test)) or kept is None:
                kept = [w.copy() for w in (*net.coefs_, *net.intercepts_)]
        half = len(net.coefs_)
        net.coefs_, net.intercepts_ = kept[:half], kept[half:]
        watch.done = min(1.0, steps / EPOCHS)
        return lambda rows: told(net, rows)
    if name == "boosting":
        steps = max(3, round(ROUNDS * done))
        kind = GradientBoostingRegressor if number else GradientBoostingClassifier
        model = kind(
            n_estimators=steps, learning_rate=0.1, max_depth=3, subsample=0.7, max_features=0.5, random_state=seed
        )
        model.fit(x, y)
        staged = model.staged_predict if number else model.staged_predict_proba
        for step, p in enumerate(staged(test), start=1):
            watch.see(step, p if number else p[:, 1])
        watch.done, best = min(1.0, steps / ROUNDS), watch.steps[2] - 1

        def at_best(rows: Any) -> Any:
            p = list(staged(rows))[best]
            return p if number else p[:, 1]

        return at_best
    if name == "linear":
        model = Ridge(0.1) if number else LogisticRegression(C=10.0, max_iter=500)
    else:
        model = (RandomForestRegressor if number else RandomForestClassifier)(30, random_state=seed)
    model.fit(x, y)
    watch.see(1, told(model, test))
    return lambda rows: told(model, rows)


def ledger_of(kind: str, seed: int, out: Path) -> Ledger:
    """Play a small contest on a world of that kind and write it down."""
    x, y, findings, how = data_of(kind, seed)
    task = Task.REGRESSION if y.dtype.kind == "f" else Task.BINARY
    metric = metric_named("root_mean_squared_error" if task is Task.REGRESSION else "roc_auc", task)
    margin = metric.margin_at(float(np.std(y)))
    classes = () if task is Task.REGRESSION else ("no", "yes")
    policy = Policy.RANDOM if task is Task.REGRESSION else Policy.STRATIFIED
    problem = Problem(task=task, target="y", classes=classes, metric=metric, margin=margin, policy=policy)
    twins = np.unique(x, axis=0, return_inverse=True)[1]
    split = plan_folds(y, problem, duplicates=twins, folds=FOLDS)
    shape = Shape(task=task, n_classes=len(classes), metric=metric, num_names=(), cat_names=(), cards=())
    names = ["baseline", *how["names"]]
    ledger = Ledger(out, write=True)
    np.savez(ledger.path.parent / "rows.npz", y=y, fold=split.fold, half=split.half)
    ledger.append(
        "head", version=1, problem=problem.to_json(), findings=findings, absent=[], budget={"limit_s": 1},
        dataset={"with_target": len(y), "records": {"used": len(y)}}, settings={"families": ["classical", "deep"]},
        entries=[
            {"name": n, "candidate": n, "family": LEARNERS.get(n, "classical"), "params": {}, "reference": n == "baseline"}
            for n in names
        ],
    )  # fmt: skip
    (out / "ledger" / "preds").mkdir()
    for name in names:
        for rung, fold in [(0.5, 0), *((1.0, fold) for fold in range(FOLDS))]:
            at, test = split.train_rows(fold, rung), split.test_rows(fold)
            if name == "baseline" and rung < 1:
                continue
            watch = Watch(Rows(shape, x[test], np.zeros((len(test), 0)), y[test]), split.half[test])
            if name == "baseline":
                watch.see(1, np.full(len(test), y[at].mean()))
                train = None
            else:
                model = learn(name, x[at], y[at], watch, done=how["done"], seed=seed + fold)
                train = metric.score(y[at], model(x[at]))
            kept = watch.kept()
            id_ = f"{name}-{rung}-f{fold}"
            np.save(out / "ledger" / "preds" / f"{id_}.npy", kept)
            turned = np.where(split.half[test] == 0, kept[1], kept[0])
            trial = Trial(
                id=id_, entry=name, candidate=name, family=Family(LEARNERS.get(name, "classical")), params={}, rung=rung,
                rows=len(at), fold=fold, seed=seed, state=State.DONE, score=metric.score(y[test], turned), train_score=train,
                late_gain=late_gain(watch.history), done=watch.done, cpu_s=1.0,
            )  # fmt: skip
            ledger.record(trial)
    ledger.close()
    return Ledger(out)


def diagnosis_of(kind: str, seed: int) -> dict[str, Any]:
    """Return what is said of a world of that kind."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, Any] = conclude(ledger_of(kind, seed, Path(folder))).verdict["diagnosis"]
    return found


def main(count: int, kinds: list[str]) -> None:
    """Print how often each remedy was named for each kind."""
    for kind in kinds:
        said, named = Counter(), 0
        for seed in range(count):
            told = diagnosis_of(kind, seed)
            said[told["helps"]] += 1
            named += HELPS[kind] in (told["helps"], *told["also"])
            if "-v" in sys.argv or told["helps"] != HELPS[kind]:
                sizes = {a["name"]: (a["size"] and round(a["size"], 3), round(a["buys"], 3)) for a in told["ailments"]}
                print("   ", seed, told["winner"], told["helps"], told["also"], sizes, told["sentence"])
        print(kind, dict(said), "named:", named, "of", count, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), [kind for kind in sys.argv[2:] if kind in HELPS] or list(HELPS))
