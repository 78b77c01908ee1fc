"""Encoded rows: fitted on training rows only, missing and unseen values harmless."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.candidates.card import Rows, Shape
from treeline.candidates.deep.embed import Layout, fit_inputs, layout_of
from treeline.problem.metric import default_metric
from treeline.problem.task import Task


def rows_of(num: object, cat: object, cards: tuple[int, ...]) -> Rows:
    num_array, cat_array = np.asarray(num, np.float32), np.asarray(cat, np.int32)
    shape = Shape(
        task=Task.BINARY,
        n_classes=2,
        metric=default_metric(Task.BINARY),
        num_names=tuple(f"n{j}" for j in range(num_array.shape[1])),
        cat_names=tuple(f"c{j}" for j in range(len(cards))),
        cards=cards,
    )
    return Rows(shape, num_array, cat_array)


def test_layout_has_indicators_one_hot_and_table() -> None:
    rows = rows_of([[1, np.nan], [2, 0], [3, 1]], [[2, 2, 3], [3, 4, 30], [2, 2, 0]], (4, 6, 40))
    layout = layout_of([rows])
    assert layout == Layout(numbers=2, indicators=(1,), one_hot=(0, 1), embedded=(2,), cards=(4, 6, 40))
    assert layout.blocks == (1, 1, 1, 1, 5)
    assert (layout.width, layout.table, layout.starts) == (9, 40, (0,))


@pytest.mark.parametrize("kind", ["robust", "quantile"])
def test_missing_is_the_centre_with_an_indicator(kind: str) -> None:
    rows = rows_of([[0.0], [10.0], [20.0], [np.nan]], np.zeros((4, 0)), ())
    layout = layout_of([rows])
    dense, _ = fit_inputs(rows, layout, kind).encode(rows)
    assert dense[3, 0] == 0.0
    assert dense[3, 1] > dense[0, 1]
    assert dense[0, 0] < dense[1, 0] < dense[2, 0]


def test_robust_is_smoothly_clipped() -> None:
    rows = rows_of(np.r_[np.linspace(-1, 1, 99), 1e9][:, None], np.zeros((100, 0)), ())
    dense, _ = fit_inputs(rows, layout_of([rows]), "robust").encode(rows)
    assert dense.max() == pytest.approx(3.0, abs=1e-3)
    assert np.abs(np.median(dense)) < 1e-6


def test_quantile_is_normal_and_ties_share_their_middle() -> None:
    rng = np.random.default_rng(0)
    rows = rows_of(np.c_[np.exp(rng.normal(size=5000)), np.repeat([0, 1], 2500)], np.zeros((5000, 0)), ())
    dense, _ = fit_inputs(rows, layout_of([rows]), "quantile").encode(rows)
    assert dense[:, 0].std() == pytest.approx(1.0, abs=0.03)
    assert np.unique(dense[:, 1]) == pytest.approx([-0.674, 0.674], abs=0.01)


def test_levels_not_seen_in_training_count_as_missing() -> None:
    train = rows_of(np.zeros((2, 0)), [[2, 5], [3, 6]], (6, 40))
    inputs = fit_inputs(train, layout_of([train]), "robust")
    dense, table = inputs.encode(rows_of(np.zeros((2, 0)), [[4, 20], [0, 0]], (6, 40)))
    assert np.array_equal(dense[0], dense[1])
    assert table.tolist() == [[0], [0]]


def test_an_empty_column_and_a_constant_one_are_zero() -> None:
    rows = rows_of([[np.nan, 7.0]] * 5, np.zeros((5, 0)), ())
    for kind in ("robust", "quantile"):
        dense, _ = fit_inputs(rows, layout_of([rows]), kind).encode(rows)
        assert np.all(dense[:, :2] == 0.0)


def test_many_columns_of_categories_are_embedded_instead() -> None:
    rows = rows_of(np.zeros((2, 0)), np.full((2, 100), 2), (11,) * 100)
    layout = layout_of([rows])
    assert layout.width <= 512
    assert len(layout.one_hot) + len(layout.embedded) == 100
