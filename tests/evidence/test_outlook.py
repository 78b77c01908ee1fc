"""The outlook: who leads with more rows, on rungs that both sides have."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.curves import Curve, Point
from treeline.evidence.outlook import Ladder, gain, ladder, look_ahead, stack
from treeline.problem.metric import METRICS
from treeline.problem.task import Family


def test_a_classical_lead_wears_off_and_that_of_a_net_does_not() -> None:
    assert float(stack(0.5, 0.5, 1)) == 0.5
    assert float(stack(0.1, 0.2, 0)) == pytest.approx(1 - float(stack(0.9, 0.8, 0)))
    assert float(stack(0.9, 0.8, 3)) == float(stack(0.9, 0.8, 0))
    assert float(stack(0.1, 0.2, 0)) < float(stack(0.1, 0.2, 3)) < 0.5


def test_nothing_is_ever_certain() -> None:
    assert 0.98 < float(stack(1.0, 1.0, 0)) < 1.0
    assert 0.0 < float(stack(0.0, 0.0, 3)) < 0.1


def test_only_rungs_of_both_sides_count() -> None:
    def curve(family: Family, rows: tuple[int, ...], score: float) -> Curve:
        return Curve(name="x", family=family, points=tuple(Point(rows=r, score=score, se=0.01) for r in rows))

    rungs = ladder(
        curve(Family.CLASSICAL, (100, 205, 400), 0.8), curve(Family.DEEP, (200, 400, 800), np.nan), METRICS["roc_auc"]
    )
    assert len(rungs.rows) == 0
    rungs = ladder(
        curve(Family.CLASSICAL, (100, 205, 400), 0.8), curve(Family.DEEP, (200, 400, 800), 0.6), METRICS["roc_auc"]
    )
    assert rungs.rows.tolist() == [202.5, 400.0]
    assert rungs.unit == pytest.approx(0.4)
    assert rungs.losses[0] == pytest.approx([0.5, 0.5])
    assert rungs.errors[1] == pytest.approx([0.025, 0.025])


def _ladder(classical: np.ndarray, deep: np.ndarray, se: float) -> Ladder:
    rows = 500 * 2.0 ** np.arange(len(classical))
    return Ladder(rows, (classical, deep), (np.full(len(rows), se), np.full(len(rows), se)), 1.0)


def test_half_the_ladder_is_the_ladder_without_its_last_octave() -> None:
    known = _ladder(np.linspace(1, 0.5, 5), np.linspace(1, 0.4, 5), 0.01).below(0.6)
    assert known.rows.tolist() == [500, 1000, 2000, 4000]
    assert len(known.losses[1]) == len(known.errors[0]) == 4


def test_noise_takes_the_certainty_away() -> None:
    losses = 0.2 + 0.3 * 2.0 ** (-0.4 * np.arange(6)), 0.25 + 0.3 * 2.0 ** (-0.4 * np.arange(6))
    sure, unsure = (look_ahead(_ladder(*losses, se), (1, 8)) for se in (0.001, 0.1))
    assert sure.p_deep[0] < 0.05 < unsure.p_deep[0] < 0.5
    assert sure.sides[0].shape == unsure.sides[1].shape
    assert gain(sure.sides[0])[1] < gain(unsure.sides[0])[1]
