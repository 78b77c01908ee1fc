"""The watch: every half chooses for the other, and a half that cannot choose does not freeze it."""

import numpy as np
import pytest

from treeline.candidates.card import Rows, Shape, Watch
from treeline.problem.metric import metric_named
from treeline.problem.task import Task


def watch_of(y, half, metric="roc_auc"):
    task = Task.BINARY
    shape = Shape(task=task, n_classes=2, metric=metric_named(metric, task), num_names=("a",), cat_names=(), cards=())
    n = len(y)
    return Watch(Rows(shape, np.zeros((n, 1), np.float32), np.zeros((n, 0), np.int32), y), half)


def test_each_half_keeps_its_own_best_step():
    y, half = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    watch = watch_of(y, half)
    assert watch.see(1, np.array([0.1, 0.9, 0.9, 0.1]))
    assert not watch.see(2, np.array([0.9, 0.1, 0.1, 0.9]))
    assert watch.steps == [1, 2, 1]
    assert watch.kept()[1].tolist() == pytest.approx([0.9, 0.1, 0.1, 0.9])


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "average_precision"])
def test_a_half_of_one_class_goes_on_choosing(metric):
    rng = np.random.default_rng(0)
    y = np.r_[np.zeros(40, int), rng.integers(0, 2, 40)]
    watch = watch_of(y, np.repeat([0, 1], 40), metric)
    for step in range(1, 6):
        watch.see(step, np.where(y == 1, 0.5 + 0.08 * step, 0.5 - 0.08 * step))
    assert watch.steps[0] == 5


def test_an_empty_half_takes_the_latest_step():
    y = np.array([0, 1, 0, 1])
    watch = watch_of(y, np.ones(4, int))
    for step in (1, 2, 3):
        watch.see(step, np.full(4, 0.1 * step))
    assert watch.kept()[0].tolist() == pytest.approx([0.3] * 4)
    assert np.isfinite(watch.kept()).all()
