"""What the classical candidates share: encoders, targets, rounds, and forests as arrays."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from treeline.candidates.card import Clock, Fold, Rows, Shape, Watch
from treeline.candidates.classical.rounds import faster, look_at, patience_at, run_rounds
from treeline.candidates.classical.target import Scale, sigmoid, softmax
from treeline.candidates.classical.trees import Grove
from treeline.candidates.prepare import Dense, Ordinal, Scaler, TargetMean, settings
from treeline.candidates.registry import card_named
from treeline.problem.metric import metric_named
from treeline.problem.task import Task
from treeline.testing.conformance import easy_rows


def with_metric(rows: Rows, name: str) -> Rows:
    shape = replace(rows.shape, metric=metric_named(name, rows.shape.task))
    return Rows(shape, rows.num, rows.cat, rows.y)


def test_scaler_centres_fills_and_marks_holes() -> None:
    num = np.array([[1, np.nan, 5], [2, 0, 5], [3, 1, 5], [4, 2, 5], [5, 3, 5]], np.float32)
    scaler = Scaler.fit(num)
    out = scaler(num)
    assert out.shape == (5, 4)
    assert out[2, 0] == 0
    assert (out[:, 2] == 0).all(), "a constant column says nothing"
    assert out[:, 3].tolist() == [1, 0, 0, 0, 0]
    assert out[0, 1] == 0, "a hole stands in the middle"
    assert abs(scaler(np.full((1, 3), 1e30, np.float32))).max() <= 3.001


def test_target_mean_of_a_rare_level_is_drawn_to_the_mean() -> None:
    rows = easy_rows(Task.REGRESSION, 400)
    encoder, encoded = TargetMean.fit(rows, [0, 1], seed=0)
    assert encoded.shape == (400, 2)
    level = rows.cat[:, 0] == 4
    wanted = (rows.target[level].sum() + 10 * rows.target.mean()) / (level.sum() + 10)
    assert encoder(rows.cat)[level, 0] == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(encoded[:, 0], encoder(rows.cat)[:, 0])
    assert not np.allclose(encoded[:, 1], encoder(rows.cat)[:, 1]), "many levels are encoded from other rows"


def test_target_mean_of_noise_does_not_leak() -> None:
    rng = np.random.default_rng(0)
    rows = easy_rows(Task.REGRESSION, 2000)
    noise = Rows(replace(rows.shape, cards=(7, 602)), rows.num, rows.cat, rng.normal(size=2000))
    noise.cat[:, 1] = rng.integers(2, 602, 2000)
    encoder, encoded = TargetMean.fit(noise, [1], seed=0)
    assert abs(np.corrcoef(encoded[:, 0], noise.target)[0, 1]) < 0.1
    assert np.corrcoef(encoder(noise.cat)[:, 0], noise.target)[0, 1] > 0.3, "in sample it would"


def test_target_mean_orders_levels_of_many_classes() -> None:
    rows = easy_rows(Task.MULTICLASS, 800)
    encoder, _ = TargetMean.fit(rows, [0], seed=0)
    means = [encoder(rows.cat)[rows.cat[:, 0] % 3 == k, 0].mean() for k in range(3)]
    assert means == sorted(means) or means == sorted(means, reverse=True)


@pytest.mark.parametrize("encoder", [Dense, Ordinal])
def test_encoders_survive_as_arrays(encoder: type[Dense] | type[Ordinal]) -> None:
    rows = easy_rows(Task.BINARY, 300)
    fitted, _ = encoder.fit(rows, seed=0)
    np.testing.assert_array_equal(encoder.restore(fitted.arrays())(rows), fitted(rows))


def test_dense_turns_unseen_levels_to_nothing_and_rare_ones_to_one_column() -> None:
    rows = easy_rows(Task.BINARY, 500)
    dense, matrix = Dense.fit(rows, seed=0, cap=3)
    assert matrix.shape[1] == dense(rows).shape[1]
    deep = rows.take(np.flatnonzero(rows.cat[:, 1] > 4))
    shared = dense(deep)[:, -4:]
    assert (shared == shared[0]).all(), "levels beyond the cap share a column"
    assert dense(deep)[:, -4:].sum(axis=1).tolist() == [1.0] * len(deep)


def test_unknown_settings_are_named() -> None:
    with pytest.raises(ValueError, match="deepness"):
        settings({"depth": 3}, {"deepness": 4})


@pytest.mark.parametrize("name", ["root_mean_squared_error", "mean_absolute_error"])
def test_target_scale_goes_there_and_back(name: str) -> None:
    rows = with_metric(easy_rows(Task.REGRESSION, 200), name)
    scale = Scale.fit(rows.target, rows.shape)
    z = scale(rows.target)
    assert abs(np.median(z)) < 0.5
    assert np.std(z) == pytest.approx(1)
    np.testing.assert_allclose(scale.back(z), rows.target, rtol=1e-9)


def test_links_do_not_overflow() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0, 0.5, 1]
    assert softmax(np.array([[1e4, 0.0], [0.0, 0.0]])).tolist() == [[1, 0], [0.5, 0.5]]


def test_looks_are_many_early_and_end_with_the_last_round() -> None:
    looks = list(look_at(1000))
    assert looks[:3] == [1, 6, 11]
    assert looks[-1] == 1000
    assert len(looks) < 80
    assert list(look_at(1)) == [1]


def watch_of(rows: Rows) -> Watch:
    return Watch(rows, np.arange(len(rows)) % 2)


def test_rounds_stop_for_want_of_progress_and_keep_the_best() -> None:
    rows = easy_rows(Task.REGRESSION, 50)
    watch = watch_of(rows)
    keep = run_rounds(
        lambda done: True,
        lambda done: rows.target + abs(done - 51),
        watch=watch,
        until=time.monotonic() + 60,
        rounds=1000,
        patience=300,
        rate=0.1,
    )
    assert keep == 51
    assert watch.last <= 51 + patience_at(51, 300, 0.1) + 10


def test_rounds_end_on_the_clock_but_not_without_a_watch() -> None:
    rows = easy_rows(Task.REGRESSION, 50)
    watch = watch_of(rows)
    past = time.monotonic() - 1
    see = {"until": past, "rounds": 30, "patience": 300, "rate": 0.1}
    assert run_rounds(lambda done: True, lambda done: rows.target, watch=watch, **see) == 1
    assert run_rounds(lambda done: True, lambda done: rows.target, watch=None, **see) == 30


def test_learning_rate_rises_when_few_rounds_fit() -> None:
    assert faster(0.001, time.monotonic() + 60) == 1
    assert faster(0.1, time.monotonic() + 12.5) == pytest.approx(2, rel=0.05)
    assert faster(1.0, time.monotonic() + 1) == 4


def test_grove_answers_as_scikit_learn_does() -> None:
    from sklearn.ensemble import ExtraTreesRegressor

    rows = easy_rows(Task.REGRESSION, 500)
    _, matrix = Ordinal.fit(rows, seed=0)
    forest = ExtraTreesRegressor(20, random_state=0).fit(matrix, rows.target)
    grove = Grove.of([tree.tree_ for tree in forest.estimators_], probabilities=False)
    np.testing.assert_allclose(grove.total(matrix)[:, 0] / 20, forest.predict(matrix), rtol=1e-6)
    assert sum(array.nbytes for array in grove.arrays().values()) < 15 * sum(
        tree.tree_.node_count for tree in forest.estimators_
    )


@pytest.mark.parametrize("name", ["mean_absolute_percentage_error", "median_absolute_error"])
@pytest.mark.parametrize("card", ["linear", "lightgbm", "catboost", "xgboost"])
def test_relative_and_absolute_errors_have_their_own_loss(card: str, name: str) -> None:
    rows = with_metric(easy_rows(Task.REGRESSION, 450), name)
    train, held = rows.take(np.arange(300)), rows.take(np.arange(300, 450))
    model = card_named(card).candidate().fit([Fold(train, watch_of(held))], {}, clock=Clock(3), seed=0)[0]
    metric = rows.shape.metric
    assert metric.loss(held.target, model.predict(held)) < 0.6 * metric.loss(
        held.target, np.full(len(held), np.median(train.target))
    )


def test_watch_chooses_the_depth_of_a_tree_and_the_count_of_neighbours() -> None:
    rows = easy_rows(Task.BINARY, 600)
    train, held = rows.take(np.arange(400)), rows.take(np.arange(400, 600))
    for name in ("decision_tree", "neighbours", "linear"):
        watch = watch_of(held)
        card_named(name).candidate().fit([Fold(train, watch)], {}, clock=Clock(30), seed=0)
        assert len(watch.history) >= 3, name


def test_a_round_that_finds_no_split_is_not_the_end() -> None:
    rows = easy_rows(Task.BINARY, 300)
    params = {"extra_trees": True, "lambda_l1": 5.0, "feature_fraction": 0.2, "min_data_in_leaf": 60, "steps": 100}
    model = card_named("lightgbm").candidate().fit([Fold(rows)], params, clock=Clock(30), seed=0)[0]
    assert bytes(model.state()[0]["model"]).count(b"Tree=") > 50


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_categories_that_the_library_splits_itself_come_back_from_disk(name: str) -> None:
    """An effect that alternates along the levels, which no order by frequency or number shows."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 40, (900, 1)).astype(np.int32)
    metric = metric_named("root_mean_squared_error", Task.REGRESSION)
    shape = Shape(task=Task.REGRESSION, n_classes=0, metric=metric, num_names=("x",), cat_names=("c",), cards=(42,))
    y = 3.0 * (codes[:, 0] % 2) + rng.normal(0, 0.1, 900)
    rows = Rows(shape, rng.normal(size=(900, 1)).astype(np.float32), codes, y)
    card = card_named(name)
    if card.missing():
        pytest.skip(f"{name} is not installed")
    own = {**card.portfolio[1], "steps": 60}
    (model,) = card.candidate().fit([Fold(rows)], own, clock=Clock(5.0), seed=0)
    said = model.predict(rows)
    assert np.abs(said - y).mean() < 0.5
    again = card.candidate().restore(*model.state())
    np.testing.assert_array_equal(again.predict(rows), said)
    strange = Rows(shape, rows.num[:3], np.array([[0], [41], [99]], np.int32))
    assert np.isfinite(again.predict(strange)).all(), "missing, unseen, out of range"


def test_a_linear_law_of_forty_rows_is_found_as_a_plain_ridge_finds_it() -> None:
    """Four rows a half choose no penalty, and 32 rows carry no dozen of hinges: the plain model is the strong one there."""
    lost, plain = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(40, 3)).astype(np.float32)
        y = (2 * x[:, 0] + 0.5 * rng.normal(size=40)).astype(np.float32)
        shape = Shape(
            task=Task.REGRESSION, n_classes=0, metric=metric_named("rmse", Task.REGRESSION), num_names=("a", "b", "c"),
            cat_names=(), cards=(),
        )  # fmt: skip
        rows = Rows(shape, x, np.zeros((40, 0), np.int32), y)
        fold, errors, ridge = np.arange(40) % 5, [], []
        for k in range(5):
            train, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            watch = Watch(rows.take(held), np.arange(len(held)) % 2)
            (fitted,) = (
                card_named("linear").candidate().fit([Fold(rows.take(train), watch)], {}, clock=Clock(5), seed=0)
            )
            assert fitted.predict(rows.take(held)).shape == held.shape
            kept = watch.kept()  # every row by the step that the other half chose
            errors.append(np.where(np.arange(len(held)) % 2 == 1, kept[0], kept[1]) - y[held])
            ridge.append(Ridge().fit(x[train], y[train]).predict(x[held]) - y[held])
        lost.append(np.sqrt(np.mean(np.square(np.concatenate(errors)))))
        plain.append(np.sqrt(np.mean(np.square(np.concatenate(ridge)))))
    assert np.mean(lost) < 1.15 * np.mean(plain)
