"""The promises that every candidate keeps, ours and other people's.

    from treeline.testing.conformance import check_candidate
    check_candidate(MY_CARD)

Each check is a function of a `Case` that raises `AssertionError`; `CHECKS` names them, for parametrised tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from treeline.candidates.card import Card, Clock, Fitted, Fold, Rows, Watch
from treeline.candidates.media import NO_MEDIA, Media
from treeline.problem.metric import Array
from treeline.problem.task import Task
from treeline.testing.made import easy_rows

__all__ = ["CHECKS", "Case", "check_candidate", "easy_rows"]

LIBRARIES = ("sklearn", "lightgbm", "xgboost", "catboost", "interpret", "torch")


@dataclass(frozen=True)
class Case:
    """A card, the settings it is checked with, and the seconds that one fit may take."""

    card: Card
    params: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 20.0

    def fit(self, train: Rows, held: Rows | None, *, seed: int = 0, seconds: float | None = None) -> Fitted:
        """Fit one fold: 20 steps, or with held-out rows as long as their watch says; what it kept must be the model's."""
        watch = None if held is None else Watch(held, np.arange(len(held)) % 2)
        clock = Clock(self.seconds if seconds is None else seconds)
        params = self.params if watch is not None else {"steps": 20, **self.params}
        models = self.card.candidate().fit([Fold(train, watch)], params, clock=clock, seed=seed)
        assert len(models) == 1, "one model for each fold"
        if watch is not None and held is not None:
            assert watch.history, "the watch was shown nothing"
            np.testing.assert_allclose(
                models[0].predict(held),
                watch.kept()[2],
                rtol=2e-3,
                atol=2e-3 * _unit(held),
                err_msg="the model is not the one the watch kept",
            )
        return models[0]


def _unit(rows: Rows) -> float:
    return 50.0 if rows.shape.task is Task.REGRESSION else 1.0


def _sane(prediction: Array, rows: Rows) -> None:
    """Assert the shape, finite values, and probabilities where labels are asked for."""
    c = rows.shape.n_classes
    wanted = (len(rows), c) if rows.shape.task is Task.MULTICLASS else (len(rows),)
    assert prediction.shape == wanted, f"shape {prediction.shape} instead of {wanted}"
    assert np.isfinite(prediction).all(), "a prediction is not finite"
    if rows.shape.task is not Task.REGRESSION:
        assert ((prediction >= 0) & (prediction <= 1 + 1e-6)).all(), "a probability is outside 0..1"
    if rows.shape.task is Task.MULTICLASS:
        np.testing.assert_allclose(prediction.sum(axis=1), 1, atol=1e-4, err_msg="probabilities do not sum to 1")


def _halves(card: Card, task: Task, n: int = 600, **more: Any) -> tuple[Rows, Rows]:
    rows = easy_rows(task, n, media=card.accepts[0] if card.accepts else "", **more)
    return rows.take(np.arange(0, n * 2 // 3)), rows.take(np.arange(n * 2 // 3, n))


def _blank(rows: Rows) -> Media:
    """Empty texts, black images, silence."""
    if not rows.shape.media:
        return NO_MEDIA
    return Media.of({one.name: np.zeros_like(rows.media[one.name]) for one in rows.shape.media}, len(rows))


def _beats_a_constant(case: Case) -> None:
    for task in case.card.tasks:
        train, held = _halves(case.card, task)
        prediction = case.fit(train, held).predict(held)
        _sane(prediction, held)
        if case.card.reference:
            continue
        metric, y = held.shape.metric, train.target
        if task is Task.REGRESSION:
            constant = np.full(len(held), y.mean())
        else:
            shares = np.bincount(y, minlength=held.shape.n_classes) / len(y)
            constant = np.tile(shares, (len(held), 1))
            constant = constant[:, 1] if task is Task.BINARY else constant
        ours, theirs = metric.loss(held.target, prediction), metric.loss(held.target, constant)
        gain = 0.2 if metric.greater_is_better else 0.2 * theirs
        assert ours < theirs - gain, f"{task}: {metric.name} {ours:.4g} is hardly below a constant's {theirs:.4g}"


def _same_seed_same_model(case: Case) -> None:
    train, held = _halves(case.card, case.card.tasks[0], 300)
    # Seconds enough that the clock has no say.
    first, second = (case.fit(train, held, seed=7, seconds=600.0).predict(held) for _ in range(2))
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6, err_msg="the same seed gave two models")


def _any_row_can_be_predicted(case: Case) -> None:
    for task in case.card.tasks:
        train, held = _halves(case.card, task, 300)
        train = replace(train, cat=np.where(train.cat == 3, 2, train.cat))
        model = case.fit(train, None)
        alone = np.concatenate([np.atleast_1d(model.predict(held.take(np.array([i])))) for i in range(5)])
        together = model.predict(held)
        np.testing.assert_allclose(
            alone, together[:5], rtol=1e-4, atol=1e-5, err_msg="a row alone is predicted otherwise"
        )
        np.testing.assert_array_equal(together, model.predict(held), err_msg="predicting twice gives two answers")
        _sane(model.predict(held.take(np.zeros(0, np.int64))), held.take(np.zeros(0, np.int64)))
        for code in (0, 1, 3):
            odd = replace(held, num=np.full_like(held.num, np.nan), cat=np.full_like(held.cat, code), y=None)
            odd = replace(odd, media=_blank(odd))
            _sane(model.predict(odd), odd)
        huge = replace(held, num=np.full_like(held.num, 1e30), y=None)
        _sane(model.predict(huge), huge)


def _round_trip(case: Case) -> None:
    from safetensors.numpy import load, save

    for task in case.card.tasks:
        train, held = _halves(case.card, task, 300)
        model = case.fit(train, held)
        arrays, meta = model.state()
        back = case.card.candidate().restore(
            load(save({k: np.ascontiguousarray(v) for k, v in arrays.items()})),
            json.loads(json.dumps(meta, allow_nan=False)),
        )
        np.testing.assert_allclose(
            back.predict(held),
            model.predict(held),
            rtol=1e-6,
            atol=1e-6 * _unit(held),
            err_msg="the state lost something",
        )
        again, _ = back.state()
        assert set(again) == set(arrays), "a restored model saves other arrays"


CHILD = """
import json, sys
absent = set(json.loads(sys.argv[2]))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError("not to be imported here: " + name, name=name)
sys.meta_path.insert(0, Absent())
import numpy as np
from safetensors.numpy import load_file
from treeline.candidates.card import Rows, Shape
from treeline.candidates.media import Media, MediaColumn
from treeline.problem.metric import METRICS
from treeline.problem.task import Task
from importlib import import_module
folder = sys.argv[1]
about = json.load(open(folder + "/about.json"))
rows = load_file(folder + "/rows.safetensors")
media = tuple(MediaColumn(n, k, tuple(s)) for n, k, s in about["media"])
shape = Shape(task=Task(about["task"]), n_classes=about["n_classes"], metric=METRICS[about["metric"]], media=media,
              num_names=tuple(about["num_names"]), cat_names=tuple(about["cat_names"]), cards=tuple(about["cards"]))
module, _, name = about["build"].partition(":")
model = getattr(import_module(module), name)().restore(load_file(folder + "/model.safetensors"), about["meta"])
held = Media.of({m.name: rows["media." + m.name] for m in media}, len(rows["num"]))
found = model.predict(Rows(shape, rows["num"], rows["cat"], None, held))
assert np.allclose(found, rows["expected"], rtol=1e-4, atol=1e-4), np.abs(found - rows["expected"]).max()
"""


def _predicts_with_its_needs_only(case: Case) -> None:
    from safetensors.numpy import save_file

    card = case.card
    train, held = _halves(card, card.tasks[-1], 300)
    model, shape = case.fit(train, None), held.shape
    arrays, meta = model.state()
    known = {name: getattr(shape, name) for name in ("n_classes", "num_names", "cat_names", "cards")}
    known["media"] = [[one.name, one.kind, one.size] for one in shape.media]
    about = {**known, "task": str(shape.task), "metric": shape.metric.name, "build": card.build, "meta": meta}
    absent = sorted({*LIBRARIES, *card.requires} - {*card.needs})
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "about.json").write_text(json.dumps(about))
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / "model.safetensors")
        told = {"num": held.num, "cat": held.cat, "expected": model.predict(held).astype(np.float64)}
        told |= {f"media.{one.name}": held.media[one.name] for one in shape.media}
        save_file(told, folder / "rows.safetensors")
        done = subprocess.run(
            [sys.executable, "-c", CHILD, name, json.dumps(absent)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, f"predicting without {absent} failed: {done.stderr.strip()[-600:]}"


def _settings(case: Case) -> None:
    train, held = _halves(case.card, case.card.tasks[0], 200)
    candidate = case.card.candidate()
    try:
        candidate.fit([Fold(train)], {"no_such_setting": 1}, clock=Clock(case.seconds), seed=0)
    except ValueError as error:
        assert "no_such_setting" in str(error), "the unknown setting is not named"
    else:
        raise AssertionError("an unknown setting was taken")
    models = candidate.fit([Fold(train), Fold(held)], {**case.params, "steps": 3}, clock=Clock(case.seconds), seed=0)
    assert len(models) == 2, "two folds, two models"
    _sane(models[1].predict(held), held)


def _odd_columns(case: Case) -> None:
    kinds = ({"numbers": 0, "categories": 2}, {"numbers": 4, "categories": 0}, {"numbers": 150, "categories": 1})
    for kind in kinds:
        train, held = _halves(case.card, case.card.tasks[0], 150, **kind)
        _sane(case.fit(train, held).predict(held), held)
    train, held = _halves(case.card, case.card.tasks[0], 120)
    flat = replace(train, num=np.full_like(train.num, np.nan), cat=np.ones_like(train.cat), media=_blank(train))
    _sane(case.fit(flat, held).predict(held), held)


def _missing_classes(case: Case) -> None:
    for task in case.card.tasks:
        train, held = _halves(case.card, task, 240)
        if task is Task.MULTICLASS:
            train = train.take(np.flatnonzero(train.target != 1))
        else:
            train = replace(train, y=np.ones_like(train.target))
        _sane(case.fit(train, held).predict(held), held)


def _keeps_to_the_clock(case: Case) -> None:
    if not case.card.anytime:
        return
    many = {"": 15_000, "sound": 600}.get("".join(case.card.accepts[:1]), 3_000)
    train, held = _halves(case.card, case.card.tasks[0], many, numbers=30, categories=4)
    begun = time.monotonic()
    case.fit(train, held, seconds=2.0)
    assert time.monotonic() - begun < 12.0, "a fit of two seconds took more than twelve"


CHECKS: dict[str, Callable[[Case], None]] = {
    "beats a constant": _beats_a_constant,
    "same seed, same model": _same_seed_same_model,
    "any row can be predicted": _any_row_can_be_predicted,
    "state survives the round trip": _round_trip,
    "predicts with its needs only": _predicts_with_its_needs_only,
    "settings": _settings,
    "odd columns": _odd_columns,
    "missing classes": _missing_classes,
    "keeps to the clock": _keeps_to_the_clock,
}


def check_candidate(card: Card, *, params: Mapping[str, Any] | None = None, seconds: float = 20.0) -> None:
    """Run every check on a card, with `params` over its defaults and `seconds` for each fit.

    Raises:
        AssertionError: a promise is broken; the message names it.
    """
    case = Case(card, params or {}, seconds)
    for name, check in CHECKS.items():
        try:
            check(case)
        except AssertionError as error:
            raise AssertionError(f"{card.name}, {name}: {error}") from error
