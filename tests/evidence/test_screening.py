"""Sensitivity and specificity at two thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.screening import operating_points
from treeline.evidence.slices import wilson


def test_both_thresholds_are_counted_by_hand() -> None:
    y = np.array([1] * 20 + [0] * 10)
    p = np.concatenate([np.linspace(0.99, 0.61, 18), [0.3, 0.1], np.linspace(0.05, 0.55, 10)])
    half, reach = operating_points(y, p)
    assert half.threshold == 0.5 and not half.chosen_here
    assert half.sensitivity == 18 / 20 and half.sensitivity_interval == wilson(18, 20)
    assert half.specificity == 9 / 10 and half.specificity_interval == wilson(9, 10)
    assert reach.chosen_here and reach.threshold == 0.3  # the 19th of 20 positives
    assert reach.sensitivity == 19 / 20
    assert reach.specificity == (p[20:] < 0.3).mean() == 0.5
    assert (half.positives, half.negatives) == (20, 10)


@pytest.mark.parametrize("positives", [1, 7, 20, 40, 333])
def test_the_threshold_is_the_highest_that_reaches(positives: int) -> None:
    rng = np.random.default_rng(positives)
    y = np.array([1] * positives + [0] * 50)
    p = rng.uniform(size=len(y))
    point = operating_points(y, p)[1]
    assert point.sensitivity >= 0.95
    assert (p[y == 1] > point.threshold).mean() < 0.95


def test_one_class_alone_has_no_points() -> None:
    assert operating_points(np.ones(5), np.full(5, 0.7)) == []
    assert operating_points(np.zeros(5), np.full(5, 0.7)) == []
