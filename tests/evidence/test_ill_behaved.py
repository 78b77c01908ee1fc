"""What spoils a curve is named, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.ill_behaved import ill_behaved, peak
from treeline.evidence.outlook import Ladder
from treeline.problem.task import Family

GOOD = (0.5, 0.4, 0.33, 0.28, 0.25, 0.23)


def _flags(
    deep: tuple[float, ...], surprise: tuple[float, float] | None = None, cut: tuple[Family, ...] = ()
) -> dict[str, str]:
    n = len(deep)
    rows, se = 500 * 2.0 ** np.arange(n), np.full(n, 0.01)
    return ill_behaved(Ladder(rows, (np.array(GOOD[:n]), np.array(deep)), (se, se), 1.0), surprise, cut)


def test_two_good_curves_have_no_flags() -> None:
    assert _flags(GOOD, (0.5, -1.9)) == {}


@pytest.mark.parametrize(
    ("deep", "flags"),
    [
        ((0.5, 0.4, 0.5, 0.35, 0.3, 0.28), {"DEEP_NOT_MONOTONE", "DEEP_PEAK"}),
        ((0.5, 0.4, 0.35, 0.3, 0.28, 0.35), {"DEEP_NOT_MONOTONE"}),
        # up in small steps: no neighbours differ by more than chance, the bump does
        ((0.5, 0.4, 0.42, 0.44, 0.42, 0.40), {"DEEP_PEAK"}),
        ((0.3, 0.3, 0.295, 0.3, 0.3, 0.295), {"DEEP_FLAT"}),
        ((0.3, 0.2, 0.1, 0.05, 0.03, 0.015), {"DEEP_AT_CEILING"}),
        ((0.5, 0.4, 0.35), {"FEW_RUNGS"}),
        ((0.5, 0.4), {"FEW_RUNGS", "SHORT_LADDER"}),
    ],
)
def test_ailments_are_flagged(deep: tuple[float, ...], flags: set[str]) -> None:
    assert set(_flags(deep)) == flags


def test_a_break_says_which_way() -> None:
    more, less = _flags(GOOD, (0.0, -3.0)), _flags(GOOD, (3.0, 0.0))
    assert "gained more" in more["DEEP_BREAK"]
    assert "gained less" in less["CLASSICAL_BREAK"]
    assert len(more) == len(less) == 1


def test_the_clock_is_named() -> None:
    assert list(_flags(GOOD, cut=(Family.CLASSICAL,))) == ["CLASSICAL_CUT"]


def test_the_highest_bump_is_the_peak() -> None:
    se = np.full(7, 0.01)
    assert peak(np.array([0.4, 0.5, 0.4, 0.4, 0.6, 0.3, 0.2]), se) == 4
    assert peak(np.array([0.6, 0.5, 0.4, 0.4, 0.3, 0.3, 0.2]), se) is None
    assert peak(np.array([0.4, 0.42, 0.4, 0.4, 0.3, 0.3, 0.2]), se) is None
