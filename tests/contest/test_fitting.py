"""What a fit says of itself besides its held-out predictions."""

import numpy as np
import pytest

from treeline.candidates.card import Rows, Shape
from treeline.contest.fitting import LEAST_TRAIN, LOOK_S, MOST_TRAIN, late_gain, look_back, spread
from treeline.problem.metric import metric_named
from treeline.problem.task import Task


class Echo:
    """Predicts its first input; counts the rows it was asked for."""

    asked = 0

    def predict(self, rows):
        self.asked += len(rows)
        return rows.num[:, 0].astype(np.float64)


def rows_of(y, num, metric):
    shape = Shape(
        task=Task.REGRESSION,
        n_classes=0,
        metric=metric_named(metric, Task.REGRESSION),
        num_names=("a",),
        cat_names=(),
        cards=(),
    )
    return Rows(shape, num.astype(np.float32)[:, None], np.zeros((len(y), 0), dtype=np.int32), y)


def test_training_rows_are_looked_at_as_far_as_the_time_goes():
    y = np.random.default_rng(0).normal(size=10_000)
    train = rows_of(y, y + 0.5, "rmse")
    for per_row, expected in ((0.0, MOST_TRAIN), (LOOK_S / 500, 500), (LOOK_S / (LEAST_TRAIN - 1), 0)):
        model = Echo()
        found = look_back(model, train, 0, per_row)
        assert model.asked == pytest.approx(expected, abs=1)
        assert found.get("train_score") == (pytest.approx(0.5, abs=1e-3) if expected else None)
    few = Echo()
    assert look_back(few, train.take(np.arange(40)), 0, 1e-4) and few.asked == 40


def test_a_training_score_is_on_the_scale_of_the_user():
    y = np.random.default_rng(0).gamma(2.0, 50.0, size=300)
    assert look_back(Echo(), rows_of(y, np.log1p(y), "rmsle"), 0, 0.0)["train_score"] == pytest.approx(0, abs=1e-5)


def test_a_training_score_that_does_not_exist_is_none():
    assert look_back(Echo(), rows_of(np.ones(200), np.ones(200), "r2"), 0, 0.0)["train_score"] is None


def test_the_late_gain_is_what_the_second_half_of_the_steps_brought():
    assert late_gain([(1, 0.9), (5, 0.5), (10, 0.3)]) == pytest.approx(0.2)
    assert late_gain([(1, 0.9), (5, 0.5), (10, 0.7)]) == 0
    assert late_gain([(1, 0.9), (2, float("nan")), (5, 0.5), (10, 0.4)]) == pytest.approx(0.1)
    assert late_gain([(1, 0.5)]) is None
    assert late_gain([(8, 0.5), (9, 0.5), (10, 0.4)]) is None


def test_a_score_comes_with_its_standard_error_also_where_no_formula_gives_one():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 4000)
    said = np.clip(0.5 + 0.3 * (2 * y - 1) + 0.3 * rng.normal(size=4000), 0.01, 0.99)
    for name in ("log_loss", "roc_auc", "balanced_accuracy"):
        few, many = (spread(y[:n], said[:n], metric_named(name, Task.BINARY)) for n in (1000, 4000))
        assert 0 < many < few < 0.05, name
        assert abs(few / many - 2) < 0.8, name
