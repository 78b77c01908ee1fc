"""Predicting from a bundle: rows in any guise give the same predictions (row T24), and nothing heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from treeline.deliver import runtime
from treeline.deliver.bundle import write_bundle
from treeline.deliver.runtime import Model, load
from treeline.errors import DataError, IntegrityError, SetupError, UsageError
from treeline.problem.task import Task

SAME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def model(tmp_path: Path, contents: Callable[..., Any]) -> Model:
    write_bundle(tmp_path / "model", contents(Task.MULTICLASS))
    return load(tmp_path / "model")


@pytest.fixture
def frame(contents: Callable[..., Any]) -> pl.DataFrame:
    return contents().parity_frame


def test_labels_probabilities_and_frame_agree(model: Model, frame: pl.DataFrame) -> None:
    shares, said, table = model.predict_proba(frame), model.predict(frame), model.predict_frame(frame)
    assert shares.shape == (32, 3) and list(model.classes_) == ["a", "b", "c"]
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (said == model.classes_[shares.argmax(axis=1)]).all()
    assert table.columns == ["prediction", "proba_a", "proba_b", "proba_c"]
    assert table["prediction"].to_list() == said.tolist() and table["proba_b"].to_list() == shares[:, 1].tolist()


def test_two_classes_and_numbers(tmp_path: Path, contents: Callable[..., Any], frame: pl.DataFrame) -> None:
    write_bundle(tmp_path / "two", contents(Task.BINARY))
    two = load(tmp_path / "two")
    shares = two.predict_proba(frame)
    assert shares.shape == (32, 2) and two.predict_frame(frame).columns == ["prediction", "proba_no", "proba_yes"]
    assert ((shares[:, 1] > 0.5) == (two.predict(frame) == "yes")).all()
    write_bundle(tmp_path / "number", contents(Task.REGRESSION))
    number = load(tmp_path / "number")
    assert number.predict(frame).dtype == np.float64 and number.predict_frame(frame).columns == ["prediction"]
    with pytest.raises(UsageError, match="no probabilities"):
        number.predict_proba(frame)


@SAME
@given(order=st.permutations(["size", "age", "town", "seen", "extra", "y"]))
def test_order_and_extra_columns_change_nothing(model: Model, frame: pl.DataFrame, order: list[str]) -> None:
    more = frame.with_columns(extra=pl.lit("x"), y=pl.lit("b")).select(order)
    np.testing.assert_array_equal(model.scores(more), model.scores(frame))


@SAME
@given(st.data())
def test_rows_are_predicted_alone_as_together(model: Model, frame: pl.DataFrame, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, 31), min_size=1, max_size=20))
    np.testing.assert_allclose(model.scores(frame[rows]), model.scores(frame)[rows], rtol=0, atol=1e-12)


@SAME
@given(st.text(min_size=1, max_size=12))
def test_unseen_levels_are_counted_and_predicted(model: Model, frame: pl.DataFrame, level: str) -> None:
    new = frame.with_columns(town=pl.Series([f"new {level}", *frame["town"][1:]]))
    scores = model.scores(new)
    assert np.isfinite(scores).all() and model.problems["town: rare or unseen level"] == 1
    np.testing.assert_array_equal(scores[1:], model.scores(frame)[1:])
    assert not any("unseen" in key for key in model.problems)


def test_any_guise_of_the_same_rows_gives_the_same_predictions(
    model: Model, frame: pl.DataFrame, tmp_path: Path
) -> None:
    whole = model.scores(frame)
    frame.write_csv(tmp_path / "new.csv")
    frame.write_parquet(tmp_path / "new.parquet")
    guises: list[Any] = [
        frame.to_pandas(),
        frame.to_arrow(),
        frame.to_dict(as_series=False),
        frame.to_dicts(),
        frame.lazy(),
        tmp_path / "new.csv",
        str(tmp_path / "new.parquet"),
    ]
    for guise in guises:
        np.testing.assert_array_equal(model.scores(guise), whole, err_msg=type(guise).__name__)
        assert model.problems == {}


@SAME
@given(st.sets(st.sampled_from(["size", "age", "town", "seen"]), min_size=1), st.sampled_from(["", " ", "NA"]))
def test_retyped_columns_are_read_alike(model: Model, frame: pl.DataFrame, names: set[str], empty: str) -> None:
    texts = frame.with_columns(pl.col(sorted(names - {"town"})).cast(pl.String).fill_null(empty))
    floats = frame.with_columns(pl.col("age").cast(pl.Float32))
    np.testing.assert_array_equal(model.scores(texts), model.scores(frame))
    np.testing.assert_array_equal(model.scores(floats), model.scores(frame))


def test_what_is_odd_is_counted(model: Model, frame: pl.DataFrame) -> None:
    odd = frame.with_columns(
        age=pl.Series(["old", *map(str, frame["age"][1:].fill_null(3))]),
        town=pl.lit("Paris"),
        more=pl.lit(1),
        y=pl.lit("a"),
    )
    model.predict(odd)
    assert model.problems == {
        "age: could not be read, taken as missing": 1,
        "town: rare or unseen level": 32,
        "more: column not used": 32,
    }


@pytest.mark.parametrize("name", ["size", "age", "town", "seen"])
def test_a_missing_column_is_named(model: Model, frame: pl.DataFrame, name: str) -> None:
    with pytest.raises(DataError, match=name):
        model.predict(frame.drop(name))


def test_missing_values_everywhere_still_predict(model: Model, frame: pl.DataFrame) -> None:
    empty = pl.DataFrame({name: pl.Series([None, None], dtype=dtype) for name, dtype in frame.schema.items()})
    assert np.isfinite(model.scores(empty)).all()
    with pytest.raises(DataError, match="0 records"):
        model.predict(frame.head(0))


def test_chunks_change_nothing(model: Model, frame: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = model.scores(frame)
    monkeypatch.setattr(runtime, "CHUNK", 7)
    monkeypatch.setattr(runtime, "MANY", 5)
    np.testing.assert_allclose(model.scores(frame), whole, rtol=0, atol=1e-12)


def test_threads_may_share_a_model(model: Model, frame: pl.DataFrame) -> None:
    whole = model.scores(frame)
    with ThreadPoolExecutor(4) as pool:
        for given_back in pool.map(model.scores, [frame] * 20):
            np.testing.assert_array_equal(given_back, whole)


def test_another_result_here_is_refused_with_the_difference(
    tmp_path: Path, contents: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(tmp_path / "model", contents(Task.REGRESSION))
    import tiny_linear

    real = tiny_linear.Line.predict
    monkeypatch.setattr(tiny_linear.Line, "predict", lambda self, rows: real(self, rows) * 1.01)
    with pytest.raises(IntegrityError, match=r"largest difference is 0\.01, above 1e-06"):
        load(tmp_path / "model")
    assert np.isnan(load(tmp_path / "model", check=False).parity)


def test_a_library_that_is_not_there_is_named_with_the_command(tmp_path: Path, contents: Callable[..., Any]) -> None:
    with pytest.raises(SetupError, match=r'no_such_library to predict\. Do: pip install "treeline\[deep\]"'):
        write_bundle(tmp_path / "model", contents(card="tiny_far"))
    assert list(tmp_path.iterdir()) == []


def test_importing_the_runtime_imports_nothing_heavy() -> None:
    code = (
        "import sys, treeline.deliver.runtime, treeline.deliver.bundle, treeline.deliver.predictions\n"
        "heavy = set('torch sklearn pandas lightgbm xgboost catboost interpret matplotlib polars scipy'.split())\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
