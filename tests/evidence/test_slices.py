"""By class, by slice, and whether probabilities hold."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.slices import by_class, by_slice, calibration_error, cut, cut_levels, wilson
from treeline.problem.metric import METRICS
from treeline.problem.task import Task

RNG = np.random.default_rng(1)


def test_recall_by_class() -> None:
    y = np.array([0, 0, 0, 1])
    found = by_class(y, np.array([0.1, 0.2, 0.9, 0.8]), 2)
    assert [one["rows"] for one in found] == [3, 1]
    assert [one["recall"] for one in found] == [pytest.approx(2 / 3), 1.0]
    assert found[1]["interval"][0] < 0.5  # one row proves little
    assert by_class(np.array([0, 0]), np.array([[0.6, 0.3, 0.1]] * 2), 3)[2]["recall"] is None


def test_wilson_holds_its_promise() -> None:
    inside = [low <= 0.1 <= high for low, high in (wilson(int(RNG.binomial(80, 0.1)), 80) for _ in range(2000))]
    assert 0.93 <= np.mean(inside) <= 0.98
    assert wilson(0, 0) == (0.0, 1.0)


def test_calibration() -> None:
    p = RNG.uniform(size=20_000)
    y = (RNG.uniform(size=20_000) < p).astype(int)
    assert calibration_error(y, p) < 0.02
    assert calibration_error(y, np.clip(p * 1.5, 0, 1)) > 0.1


def test_slices_show_where_the_order_is_another() -> None:
    n = 4000
    where = RNG.integers(0, 2, n).astype(float)
    y = RNG.normal(size=n)
    noise = RNG.normal(size=(2, n))
    classical = y + noise[0] * np.where(where == 1, 2.0, 0.5)
    deep = y + noise[1] * np.where(where == 1, 0.5, 2.0)
    metric = METRICS["root_mean_squared_error"]
    found = by_slice(y, (classical, deep), metric, task=Task.REGRESSION, slices={"where": cut(where)})
    assert {one["slice"]: one["favours"] for one in found} == {"0": "classical", "1": "deep"}


def test_slices_of_equal_sides_rarely_favour_anybody() -> None:
    metric, false = METRICS["log_loss"], 0
    for _ in range(100):
        y = RNG.integers(0, 2, 600)
        pair = [np.clip(0.5 + RNG.normal(size=600) * 0.1, 0.05, 0.95) for _ in range(2)]
        slices = {str(j): cut(RNG.normal(size=600)) for j in range(5)}
        found = by_slice(y, (pair[0], pair[1]), metric, task=Task.BINARY, slices=slices)
        false += any(one["favours"] for one in found)
    assert false <= 8


def test_cuts() -> None:
    code, names = cut(np.array([1.0, 2.0, np.nan, 1.0]))
    assert names == ["1", "2"]
    assert code.tolist() == [0, 1, -1, 0]
    code, names = cut(np.arange(300.0))
    assert len(names) == 3
    assert np.bincount(code).min() > 90


def test_categories_are_told_by_their_levels() -> None:
    code, names = cut_levels(np.array([2, 3, 4, 5, 6, 1, np.nan]), ["red", "blue", "green", "grey", "pink"])
    assert names == ["red", "blue", "green", "any other"]
    assert code.tolist() == [0, 1, 2, 3, 3, -1, -1]
    assert cut_levels(np.array([2.0, 3.0]), ["yes", "no"])[1] == ["yes", "no"]


def test_groups_widen_slices() -> None:
    who = np.repeat(np.arange(60), 20)
    y, shift = RNG.normal(size=1200), np.repeat(RNG.normal(size=60), 20)
    sides = (y + 1 + 0.5 * shift, y + 1 + 0.0 * shift)
    slices = {"all": (np.zeros(1200, dtype=int), ["all"])}
    metric = METRICS["mean_absolute_error"]
    wide = by_slice(y, sides, metric, task=Task.REGRESSION, slices=slices, group=who)[0]["interval"]
    narrow = by_slice(y, sides, metric, task=Task.REGRESSION, slices=slices)[0]["interval"]
    assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])
