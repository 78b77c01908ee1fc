"""The treeline: said where it is in sight, not said where it is not."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from treeline.evidence.crossing import treeline
from treeline.evidence.curves import Curve, Point
from treeline.problem.metric import METRICS
from treeline.problem.task import Family

AUC = METRICS["roc_auc"]
ROWS = (500, 1000, 2000, 4000, 8000, 16000)


def curve(family: Family, loss: tuple[float, float, float], se: float = 0.001, rows: tuple[int, ...] = ROWS) -> Curve:
    floor, height, power = loss
    points = tuple(Point(rows=r, score=1 - floor - height * (r / 500) ** -power, se=se) for r in rows)
    return Curve(name=str(family), family=family, points=points)


def test_a_net_that_catches_up_is_likelier_to_overtake_than_one_that_does_not() -> None:
    catching = treeline(curve(Family.CLASSICAL, (0.1, 0.1, 0.5)), curve(Family.DEEP, (0.03, 0.4, 0.4)), AUC)
    apart = treeline(curve(Family.CLASSICAL, (0.05, 0.1, 0.4)), curve(Family.DEEP, (0.1, 0.1, 0.4)), AUC)
    assert catching.leader is apart.leader is Family.CLASSICAL
    assert catching.p_overtaken["8"] > 3 * apart.p_overtaken["8"]


def test_a_crossing_in_sight_is_given_with_its_range() -> None:
    # neck and neck today, and only the net still learns
    found = treeline(
        curve(Family.CLASSICAL, (0.12, 0.0, 1.0), 0.004), curve(Family.DEEP, (0.0, 0.37, 0.32), 0.004), AUC
    )
    assert found.leader is Family.CLASSICAL
    assert found.p_overtaken["8"] >= 0.5
    assert found.between == (16000, 64000)
    assert "as likely as not" in found.words
    assert "If it does, then between 16,000 and 64,000 rows, as on public data" in found.words
    assert "rows" not in found.to_json()


def test_parallel_curves_never_cross_and_no_number_is_given() -> None:
    found = treeline(curve(Family.CLASSICAL, (0.05, 0.1, 0.4)), curve(Family.DEEP, (0.1, 0.1, 0.4)), AUC)
    assert found.leader is Family.CLASSICAL
    assert max(found.p_overtaken.values()) < 0.3
    assert found.between is None
    assert "not in sight up to 128,000 rows" in found.words


def test_where_it_would_come_is_said_only_where_a_crossing_is_likely() -> None:
    rng = np.random.default_rng(0)
    for _ in range(25):
        a, b = rng.uniform(0.02, 0.1, 2)
        c, d = rng.uniform(0.05, 0.3, 2)
        found = treeline(
            curve(Family.CLASSICAL, (a, c, 0.4), 0.004), curve(Family.DEEP, (b, d, rng.uniform(0.2, 0.7)), 0.004), AUC
        )
        assert (found.between is not None) == (found.p_overtaken["8"] >= 0.5)
        assert all(0 <= p <= 1 for p in found.p_overtaken.values())


def test_a_lead_taken_on_the_ladder_is_placed() -> None:
    found = treeline(curve(Family.CLASSICAL, (0.1, 0.1, 0.5)), curve(Family.DEEP, (0.02, 0.25, 0.6)), AUC)
    assert found.leader is Family.DEEP
    assert 1000 < found.crossed_at < 8000
    assert "since about" in found.words


def test_doubling_the_rows_gains_what_the_curve_says() -> None:
    found = treeline(curve(Family.CLASSICAL, (0.1, 0.2, 0.5)), curve(Family.DEEP, (0.1, 0.2, 0.5)), AUC)
    truth = 0.2 * (32**-0.5 - 64**-0.5)
    gain, se = found.doubling["deep"]
    assert gain == pytest.approx(truth, abs=2 * se)
    assert found.to_json()["doubling"]["classical"]["se"] > 0


@pytest.mark.parametrize("rows", [(500,), (500, 2000)])
def test_too_few_rungs_for_curves_go_by_who_leads(rows: tuple[int, ...]) -> None:
    sides = [curve(family, (floor, 0.1, 0.4), rows=rows) for family, floor in zip(Family, (0.1, 0.05), strict=True)]
    found = treeline(sides[0], sides[1], AUC)
    assert found.flags == ("FEW_RUNGS",)
    assert found.leader is Family.DEEP
    assert (found.between, found.last) == (None, rows[-1])
    assert 0 < found.p_overtaken["2"] == found.p_overtaken["8"] < 0.1, "a clear lead of nets is kept"
    back = treeline(replace(sides[1], family=Family.CLASSICAL), replace(sides[0], family=Family.DEEP), AUC)
    assert back.p_overtaken["2"] < back.p_overtaken["8"] < 0.3, "one of classical models wears off"
    assert "Going by who leads there alone, the chance of classical models leading at" in found.words
    assert ("as well" in found.words) == (len(rows) == 2)


def test_without_a_common_rung_there_is_no_treeline() -> None:
    empty = Curve(name="deep", family=Family.DEEP, points=())
    found = treeline(curve(Family.CLASSICAL, (0.1, 0.1, 0.5)), empty, AUC)
    assert (found.leader, found.between, found.p_overtaken) == (None, None, {})


def test_losses_without_a_floor_at_zero_are_taken() -> None:
    metric = METRICS["log_loss"]
    sides = []
    for family, height in ((Family.CLASSICAL, 3.0), (Family.DEEP, 5.0)):
        points = tuple(Point(rows=r, score=0.4 + height * r**-0.5, se=0.001) for r in ROWS)
        sides.append(Curve(name=str(family), family=family, points=points))
    found = treeline(sides[0], sides[1], metric)
    assert found.leader is Family.CLASSICAL


def test_the_chances_do_not_depend_on_the_unit_of_the_target() -> None:
    metric, told = METRICS["root_mean_squared_error"], []
    for unit in (1.0, 1e4):
        sides = []
        for family, height in ((Family.CLASSICAL, 3.0), (Family.DEEP, 5.0)):
            points = tuple(Point(rows=r, score=unit * (0.4 + height * r**-0.4), se=0.01 * unit) for r in ROWS)
            sides.append(Curve(name=str(family), family=family, points=points))
        told.append(treeline(sides[0], sides[1], metric))
    assert told[0].p_overtaken == pytest.approx(told[1].p_overtaken, rel=1e-6)
    assert told[1].doubling["deep"][0] == pytest.approx(1e4 * told[0].doubling["deep"][0], rel=1e-6)
    assert told[1].self_check["error"]["deep"] == pytest.approx(1e4 * told[0].self_check["error"]["deep"], rel=1e-6)


def test_the_self_check_says_what_would_have_been_said_without_the_last_rung() -> None:
    check = treeline(curve(Family.CLASSICAL, (0.1, 0.1, 0.5)), curve(Family.DEEP, (0.03, 0.4, 0.4)), AUC).self_check
    assert check["rows"] == 16000
    assert check["leader"] == "classical"
    assert check["leader_right"]
    assert check["p_leader_said"] > 0.8
    assert abs(check["error"]["classical"]) < check["se"]["classical"]


@pytest.mark.parametrize(("name", "up"), [("roc_auc", 1), ("root_mean_squared_error", -1)])
def test_a_last_rung_that_nobody_could_foresee_fails_the_self_check(name: str, up: int) -> None:
    sides = []
    for family, losses in (
        (Family.CLASSICAL, (0.5, 0.45, 0.42, 0.4, 0.39, 0.38)),
        (Family.DEEP, (0.55, 0.5, 0.47, 0.45, 0.44, 0.1)),
    ):
        scores = [1 - loss if up > 0 else loss for loss in losses]
        points = tuple(Point(rows=r, score=score, se=0.002) for r, score in zip(ROWS, scores, strict=True))
        sides.append(Curve(name=str(family), family=family, points=points))
    found = treeline(sides[0], sides[1], METRICS[name])
    assert found.self_check["leader"] == "classical"
    assert found.self_check["leader_right"] is False
    assert up * found.self_check["error"]["deep"] < -0.3
    assert "DEEP_BREAK" in found.flags
    assert "CLASSICAL_BREAK" not in found.flags


def test_three_rungs_are_not_checked_against_themselves() -> None:
    few = [curve(family, (0.1, 0.1, 0.5), rows=ROWS[:3]) for family in Family]
    found = treeline(few[0], few[1], AUC)
    assert found.self_check is None
    assert "FEW_RUNGS" in found.flags


def test_the_treeline_and_its_self_check_cost_less_than_50_ms() -> None:
    sides = curve(Family.CLASSICAL, (0.1, 0.1, 0.5)), curve(Family.DEEP, (0.03, 0.4, 0.4))
    spent = []
    for _ in range(5):
        start = time.process_time()
        treeline(*sides, AUC)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.05


def test_every_flag_has_its_sentence() -> None:
    found = treeline(
        curve(Family.CLASSICAL, (0.1, 0.0, 1.0), 0.01), curve(Family.DEEP, (0.0, 0.001, 0.1)), AUC, cut=[Family.DEEP]
    )
    assert {"CLASSICAL_FLAT", "DEEP_AT_CEILING", "DEEP_CUT"} <= set(found.flags)
    assert len(found.notes) == len(found.flags)
    assert found.to_json()["notes"] == list(found.notes)


def test_same_curves_same_treeline() -> None:
    args = (curve(Family.CLASSICAL, (0.1, 0.1, 0.5)), curve(Family.DEEP, (0.03, 0.4, 0.4)), AUC)
    assert treeline(*args) == treeline(*args)
