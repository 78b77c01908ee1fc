"""Pretrained nets: named as unavailable without package or weights; the state holds rows and the weights' name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from treeline.candidates.card import Clock, Fold, Rows, Shape
from treeline.candidates.deep.pretrained import CARDS, checkpoint, digest, table, weights_named
from treeline.errors import IntegrityError, SetupError
from treeline.problem.metric import default_metric
from treeline.problem.task import Task


def rows_of() -> Rows:
    shape = Shape(
        task=Task.BINARY,
        n_classes=2,
        metric=default_metric(Task.BINARY),
        num_names=("a",),
        cat_names=("c",),
        cards=(4,),
    )
    num = np.array([[1.0], [np.nan], [3.0]], np.float32)
    return Rows(shape, num, np.array([[0], [2], [3]], np.int32), np.array([0, 1, 1]))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_card_says_what_it_needs(card: object) -> None:
    assert card.pretrained and card.licence  # type: ignore[attr-defined]
    missing = card.missing()  # type: ignore[attr-defined]
    assert (missing == ()) == (find_spec(card.requires[0]) is not None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_without_weights_the_way_out_is_named(card: object, monkeypatch: pytest.MonkeyPatch) -> None:
    name = card.name  # type: ignore[attr-defined]
    monkeypatch.delenv(f"TREELINE_{name.upper()}_WEIGHTS", raising=False)
    with pytest.raises(SetupError, match=f"TREELINE_{name.upper()}_WEIGHTS"):
        card.candidate().fit([Fold(rows_of())], {}, clock=Clock(1), seed=0)  # type: ignore[attr-defined]


def test_weights_come_from_setting_then_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREELINE_TABICL_WEIGHTS", "from-variable.ckpt")
    assert weights_named("tabicl") == "from-variable.ckpt"
    assert weights_named("tabicl", "given.ckpt") == "given.ckpt"


def test_a_folder_stands_for_its_one_fitting_checkpoint(tmp_path: Path) -> None:
    for name in ("tabicl-classifier.ckpt", "tabicl-regressor.ckpt"):
        (tmp_path / name).write_bytes(name.encode())
    assert checkpoint("tabicl", str(tmp_path), "regressor").endswith("tabicl-regressor.ckpt")
    assert checkpoint("tabicl", "published-name.ckpt", "regressor") == "published-name.ckpt"
    (tmp_path / "other-regressor.ckpt").write_bytes(b"")
    with pytest.raises(SetupError, match="2 regressor checkpoints"):
        checkpoint("tabicl", str(tmp_path), "regressor")


def test_missing_values_are_nan_in_the_table() -> None:
    out = table(rows_of())
    assert np.array_equal(np.isnan(out), [[False, True], [True, False], [False, False]])


def test_state_is_data_and_other_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "tabicl-classifier.ckpt"
    file.write_bytes(b"weights")
    candidate = CARDS[0].candidate()
    fitted = candidate.fit([Fold(rows_of())], {"weights": str(file)}, clock=Clock(1), seed=0)[0]
    arrays, meta = fitted.state()
    assert meta["sha256"] == digest(str(file))
    again = candidate.restore(arrays, meta)
    assert np.array_equal(again.state()[0]["x"], arrays["x"], equal_nan=True)
    file.write_bytes(b"other weights")
    with pytest.raises(IntegrityError, match="not those of this model"):
        candidate.restore(arrays, meta)


@pytest.mark.skipif(find_spec("tabicl") is not None, reason="tabicl is installed")
def test_predicting_without_the_package_says_so(tmp_path: Path) -> None:
    file = tmp_path / "tabicl-classifier.ckpt"
    file.write_bytes(b"weights")
    fitted = CARDS[0].candidate().fit([Fold(rows_of())], {"weights": str(file)}, clock=Clock(1), seed=0)[0]
    with pytest.raises(SetupError, match="tabicl is not installed"):
        fitted.predict(rows_of())
