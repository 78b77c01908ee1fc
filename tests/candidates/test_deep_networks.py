"""The networks learn, keep their time, and predict without torch what they predicted with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from treeline.candidates.card import Card, Clock, Fold, Rows, Shape, Watch
from treeline.candidates.deep import mlp, realmlp, tabm, transformer
from treeline.problem.metric import default_metric, metric_named
from treeline.problem.task import Task

CARDS: dict[str, Card] = {module.CARDS[0].name: module.CARDS[0] for module in (mlp, realmlp, tabm, transformer)}
NETS = ("realmlp", "mlp", "tabm", "transformer")
SMALL = {
    "realmlp": {"hidden": 48, "epochs": 24},
    "mlp": {"hidden": 64, "epochs": 24},
    "tabm": {"hidden": 48, "k": 4, "epochs": 24},
    "transformer": {"dim": 16, "epochs": 24},
}
pytest.importorskip("torch", reason="the extra `deep` is not installed")


def rows_of(task: Task, n: int = 600, seed: int = 0, metric: str | None = None) -> Rows:
    """Numbers with gaps, a small and a large category, a target that needs an interaction."""
    rng = np.random.default_rng(seed)
    num = rng.normal(size=(n, 4)).astype(np.float32)
    cat = np.stack([rng.integers(0, 5, n), rng.integers(0, 40, n)], axis=1).astype(np.int32)
    score = 2 * num[:, 0] * (cat[:, 0] > 2) + num[:, 1] + 0.2 * rng.normal(size=n)
    num[rng.random((n, 4)) < 0.05] = np.nan
    if task is Task.REGRESSION:
        y = (1000 + 50 * score).astype(np.float64)
    elif task is Task.BINARY:
        y = (score > 0).astype(np.int64)
    else:
        y = np.digitize(score, [-0.7, 0.7]).astype(np.int64)
    shape = Shape(
        task=task,
        n_classes={Task.REGRESSION: 0, Task.BINARY: 2, Task.MULTICLASS: 3}[task],
        metric=metric_named(metric, task) if metric else default_metric(task),
        num_names=("a", "b", "c", "d"),
        cat_names=("small", "large"),
        cards=(5, 40),
    )
    return Rows(shape, num, cat, y)


def folds_of(rows: Rows, count: int) -> list[Fold]:
    """Fold i holds out every row whose number is i modulo 4."""
    n = np.arange(len(rows))
    held = [n % 4 == i for i in range(count)]
    return [Fold(rows.take(n[~out]), Watch(rows.take(n[out]), np.arange(out.sum()) % 2)) for out in held]


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("name", NETS)
def test_learns_and_predicts_what_it_showed(name: str, task: Task) -> None:
    folds = folds_of(rows_of(task), 2)
    candidate = CARDS[name].candidate()
    fitted = candidate.fit(folds, SMALL[name], clock=Clock(60), seed=0)
    for fold, model in zip(folds, fitted, strict=True):
        assert fold.watch is not None
        held = fold.watch.rows
        constant = np.full(len(held), fold.train.target.mean())
        if task is Task.MULTICLASS:
            constant = np.tile(np.bincount(fold.train.target) / len(fold.train), (len(held), 1))
        prediction = model.predict(held)
        metric = held.shape.metric
        assert metric.better(metric.score(held.target, prediction), metric.score(held.target, constant))
        np.testing.assert_allclose(prediction, fold.watch.kept()[2], rtol=1e-4, atol=2e-5 * max(1, constant.max()))
        arrays, meta = model.state()
        again = candidate.restore(arrays, json.loads(json.dumps(meta)))
        assert np.array_equal(again.predict(held), prediction)


@pytest.mark.parametrize("name", NETS)
def test_same_seed_same_model(name: str) -> None:
    folds = [Fold(fold.train) for fold in folds_of(rows_of(Task.BINARY, 300), 2)]
    settings = {**SMALL[name], "steps": 2}
    runs = [CARDS[name].candidate().fit(folds, settings, clock=Clock(60), seed=s) for s in (1, 1, 2)]
    one, same, other = (run[1].predict(folds[0].train) for run in runs)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_steps_without_watch_run_exactly() -> None:
    rows = rows_of(Task.BINARY, 300)
    fitted = CARDS["mlp"].candidate().fit([Fold(rows)], {"steps": 3, "hidden": 16}, clock=Clock(0.0), seed=0)
    assert fitted[0].state()[1]["facts"]["epochs"] == 3


def test_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="unknown settings: colour"):
        CARDS["mlp"].candidate().fit(folds_of(rows_of(Task.BINARY), 1), {"colour": 1}, clock=Clock(1), seed=0)


@pytest.mark.parametrize("name", NETS)
def test_keeps_its_time_and_anneals(name: str) -> None:
    folds = folds_of(rows_of(Task.BINARY, 4000), 2)
    candidate = CARDS[name].candidate()
    candidate.fit(folds_of(rows_of(Task.BINARY, 200), 1), {"epochs": 1}, clock=Clock(60), seed=0)
    began = time.monotonic()
    endless = {"epochs": 2000} | ({"patience": 2000} if "patience" in candidate.defaults else {})
    fitted = candidate.fit(folds, {**SMALL[name], **endless}, clock=Clock(2), seed=0)
    assert time.monotonic() - began < 4
    facts = fitted[0].state()[1]["facts"]
    assert facts["ended_by"] == "clock"
    assert facts["under_trained"]
    assert 0 < folds[0].watch.done < 0.5


def test_folds_of_unlike_size_are_all_fitted() -> None:
    rows = rows_of(Task.REGRESSION, 800)
    parts = [rows.take(np.arange(end)) for end in (100, 300, 700)]
    held = rows.take(np.arange(700, 800))
    folds = [Fold(part, Watch(held, np.arange(100) % 2)) for part in parts]
    fitted = CARDS["mlp"].candidate().fit(folds, SMALL["mlp"], clock=Clock(60), seed=0)
    errors = [held.shape.metric.score(held.target, model.predict(held)) for model in fitted]
    assert errors[2] < errors[0]


def test_regression_stays_in_the_range_that_was_seen() -> None:
    rows = rows_of(Task.REGRESSION, 400)
    fitted = CARDS["realmlp"].candidate().fit(folds_of(rows, 1), SMALL["realmlp"], clock=Clock(60), seed=0)[0]
    wild = Rows(rows.shape, rows.num * 1e30, rows.cat)
    prediction = fitted.predict(wild)
    spread = rows.target.max() - rows.target.min()
    assert np.isfinite(prediction).all()
    assert prediction.max() <= rows.target.max() + 0.03 * spread


def test_unseen_levels_and_infinities_are_survived() -> None:
    rows = rows_of(Task.BINARY, 300)
    fitted = CARDS["tabm"].candidate().fit(folds_of(rows, 1), SMALL["tabm"], clock=Clock(60), seed=0)[0]
    odd = Rows(rows.shape, np.full((3, 4), np.inf, np.float32), np.array([[99, 99], [-1, 5], [0, 0]], np.int32))
    assert np.isfinite(fitted.predict(odd)).all()
    assert fitted.predict(rows.take(np.arange(0))).shape == (0,)


@pytest.mark.parametrize("name", NETS)
def test_predicts_without_torch(name: str, tmp_path: object) -> None:
    rows = rows_of(Task.MULTICLASS, 200)
    fitted = CARDS[name].candidate().fit([Fold(rows)], {**SMALL[name], "steps": 1}, clock=Clock(60), seed=0)[0]
    arrays, meta = fitted.state()
    folder = str(tmp_path)
    np.savez(f"{folder}/state.npz", **{key.replace("/", "|"): value for key, value in arrays.items()})
    np.savez(f"{folder}/rows.npz", num=rows.num, cat=rows.cat, out=fitted.predict(rows))
    with open(f"{folder}/meta.json", "w") as file:
        json.dump(meta, file)
    script = f"""
import json, sys
import numpy as np
sys.path.insert(0, {__file__.rsplit("/", 1)[0]!r})
from treeline.candidates.card import Rows, Shape
from treeline.candidates.deep.{name} import CARDS
from treeline.problem.metric import default_metric
from treeline.problem.task import Task
shape = Shape(task=Task.MULTICLASS, n_classes=3, metric=default_metric(Task.MULTICLASS), num_names=tuple("abcd"),
              cat_names=("small", "large"), cards=(5, 40))
state = {{key.replace("|", "/"): value for key, value in np.load({folder!r} + "/state.npz").items()}}
rows = np.load({folder!r} + "/rows.npz")
model = CARDS[0].candidate().restore(state, json.load(open({folder!r} + "/meta.json")))
assert np.array_equal(model.predict(Rows(shape, rows["num"], rows["cat"])), rows["out"])
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_metric_of_absolute_errors_trains_on_them() -> None:
    from treeline.candidates.deep.network import loss_of

    assert loss_of(rows_of(Task.REGRESSION, 50, metric="mae").shape) == "absolute"
    assert loss_of(rows_of(Task.REGRESSION, 50).shape) == "squared"


def test_a_diverging_member_does_not_take_the_others_along() -> None:
    rows = rows_of(Task.REGRESSION, 400)
    folds = folds_of(rows, 2)
    folds[0].train.target[:] = np.linspace(-3e38, 3e38, len(folds[0].train))
    fitted = CARDS["mlp"].candidate().fit(folds, SMALL["mlp"], clock=Clock(60), seed=0)
    watch = folds[1].watch
    assert watch is not None
    assert watch.rows.shape.metric.score(watch.rows.target, fitted[1].predict(watch.rows)) < watch.rows.target.std()
    assert fitted[0].predict(rows).shape == (400,)


def test_members_that_went_stale_leave_the_stack_with_their_best_weights() -> None:
    folds = folds_of(rows_of(Task.BINARY, 300), 3)
    settings = {**SMALL["mlp"], "lr": 0.05, "epochs": 400, "patience": 3}
    fitted = CARDS["mlp"].candidate().fit(folds, settings, clock=Clock(60), seed=0)
    assert {model.state()[1]["facts"]["ended_by"] for model in fitted} == {"patience"}
    for fold, model in zip(folds, fitted, strict=True):
        assert fold.watch is not None
        assert fold.watch.stale >= 3
        np.testing.assert_allclose(model.predict(fold.watch.rows), fold.watch.kept()[2], atol=1e-5)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("only", ["numbers", "small", "large"])
def test_tables_of_one_kind_of_column(name: str, only: str) -> None:
    rows = rows_of(Task.BINARY, 200)
    num = rows.num if only == "numbers" else rows.num[:, :0]
    cat = rows.cat[:, {"numbers": slice(0, 0), "small": slice(0, 1), "large": slice(1, 2)}[only]]
    shape = replace(
        rows.shape,
        num_names=rows.shape.num_names[: num.shape[1]],
        cat_names=("c",) * cat.shape[1],
        cards={"numbers": (), "small": (5,), "large": (40,)}[only],
    )
    part = Rows(shape, num, cat, rows.y)
    folds = folds_of(part, 2)
    fitted = CARDS[name].candidate().fit(folds, {**SMALL[name], "epochs": 2}, clock=Clock(60), seed=0)
    watch = folds[0].watch
    assert watch is not None
    np.testing.assert_allclose(fitted[0].predict(watch.rows), watch.kept()[2], atol=1e-5)


@pytest.mark.parametrize("name", ["realmlp", "mlp", "transformer"])
def test_trains_in_bfloat16_as_on_a_gpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from treeline.candidates.deep.device import Device, Stack

    def ready(self: Device, stack: Stack) -> object:
        def outputs(x: torch.Tensor, cat: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return stack(x, cat).float()

        return outputs

    monkeypatch.setattr(Device, "ready", ready)
    folds = folds_of(rows_of(Task.BINARY), 1)
    fitted = CARDS[name].candidate().fit(folds, SMALL[name], clock=Clock(60), seed=0)
    watch = folds[0].watch
    assert watch is not None
    assert watch.rows.shape.metric.score(watch.rows.target, fitted[0].predict(watch.rows)) > 0.75, "of ROC AUC"
