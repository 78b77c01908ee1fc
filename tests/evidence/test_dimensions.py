"""The seven dimensions: what is measured, who is better, and what is said where nothing was measured."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.bill import Spent, compute
from treeline.evidence.curves import Curve, Point
from treeline.evidence.dimensions import DIMENSIONS, Gain, Odds, drawn, engineering, normal, unmeasured
from treeline.evidence.effort import Fit, data_needed, scalability, training_time
from treeline.problem.metric import METRICS
from treeline.problem.task import Family

AUC = METRICS["roc_auc"]


def curve(family: Family, scores: list[float], se: float = 0.001) -> Curve:
    points = tuple(Point(rows=1000 * 2**i, score=score, se=se) for i, score in enumerate(scores))
    return Curve(name=str(family), family=family, points=points)


def fits(family: Family, power: float, *, unit: float = 1.0, score: float = 0.8) -> list[Fit]:
    made, ended = [], 0.0
    for i, rows in enumerate((1000, 2000, 4000, 8000)):
        cpu = unit * (rows / 1000) ** power * (1.02 if i % 2 else 1.0)
        ended += cpu
        made.append(
            Fit(family=family, entry="one", rows=rows, fold=0, score=score + 0.01 * i, se=0.0, cpu_s=cpu, ended_s=ended)
        )
    return made


def test_the_side_that_learns_from_fewer_rows_needs_less_data() -> None:
    curves = {
        Family.CLASSICAL: curve(Family.CLASSICAL, [0.80, 0.80, 0.80, 0.80]),
        Family.DEEP: curve(Family.DEEP, [0.60, 0.70, 0.75, 0.80]),
    }
    found = data_needed(curves, 0.5, AUC)
    assert found.odds is not None
    assert found.odds.winner == "classical"
    assert found.odds.clear
    assert found.sides["classical"].detail["at_most"]
    # 95% of the gain of 0.30 is 0.785, between 4,000 rows (0.75) and 8,000 rows (0.80)
    assert 4000 < found.sides["deep"].value < 8000
    assert found.sides["deep"].interval[0] < found.sides["deep"].value < found.sides["deep"].interval[1]


def test_noise_that_hides_the_order_names_nobody() -> None:
    curves = {
        Family.CLASSICAL: curve(Family.CLASSICAL, [0.70, 0.74, 0.77, 0.80], se=0.02),
        Family.DEEP: curve(Family.DEEP, [0.69, 0.74, 0.78, 0.80], se=0.02),
    }
    found = data_needed(curves, 0.5, AUC)
    assert found.odds is not None
    assert not found.odds.clear


def test_a_side_without_gain_is_not_measured() -> None:
    curves = {family: curve(family, [0.5, 0.5, 0.5, 0.5]) for family in Family}
    assert "Not measured" in data_needed(curves, 0.5, AUC).words
    assert "Not measured" in data_needed(curves, None, AUC).words


def test_training_time_counts_what_was_spent_until_the_common_level() -> None:
    slow, quick = fits(Family.DEEP, 1.0, unit=10.0), fits(Family.CLASSICAL, 1.0)
    found = training_time([*slow, *quick], 0.5, AUC)
    assert found.odds is not None
    assert found.odds.winner == "classical"
    assert found.sides["deep"].value == pytest.approx(10 * found.sides["classical"].value)


def spending(gpu_s: float = 0.0, gpu_joules: float | None = None) -> dict[Family, Spent]:
    sides = (
        (Family.CLASSICAL, {"a": [1.0, 1.1, 0.9], "b": [2.0, 2.1, 1.9]}, 0.0),
        (Family.DEEP, {"c": [30.0, 31.0, 29.0]}, gpu_s),
    )
    return {
        family: Spent(
            cpu_s=100.0, fit_cpu_s=members, peak_mb=50.0, gpu_s=held, vram_mb=0.0, joules=None,
            gpu_joules=gpu_joules if held else 0.0, price=0.36, gpu_price=3.6, contenders=4,
        )
        for family, members, held in sides
    }  # fmt: skip


def test_compute_compares_one_fit_of_everything_that_is_used() -> None:
    found = compute(spending())
    assert found.odds is not None
    assert found.odds.winner == "classical"
    assert found.odds.clear
    assert found.sides["classical"].value == pytest.approx(3.0)
    assert found.sides["deep"].detail["money"] == pytest.approx(0.01)
    assert found.sides["deep"].detail["energy_is"] == "estimated"
    assert "estimate" in found.how
    assert "GPU" not in found.how


def test_a_gpu_is_on_the_bill() -> None:
    found = compute(spending(gpu_s=50.0))
    assert found.odds is None, "seconds of a GPU do not compare with those of a CPU"
    deep = found.sides["deep"].detail
    assert deep["money"] == pytest.approx(0.01 + 0.05)
    assert deep["watt_hours"] == pytest.approx((100 * 12 + 50 * 250) / 3600)
    assert "250 W for each GPU" in found.how
    metered = compute(spending(gpu_s=50.0, gpu_joules=7200.0))
    assert metered.sides["deep"].detail["watt_hours"] == pytest.approx(100 * 12 / 3600 + 2.0)
    assert "NVML" in metered.how


def test_the_exponent_of_rows_is_found_again() -> None:
    found = scalability([*fits(Family.CLASSICAL, 1.0), *fits(Family.DEEP, 2.0)], {"deep": (0.01, 0.002)})
    assert found.sides["classical"].value == pytest.approx(1.0, abs=0.05)
    assert found.sides["deep"].value == pytest.approx(2.0, abs=0.05)
    assert found.odds is not None
    assert found.odds.winner == "classical"


def test_growth_in_columns_is_told_or_said_to_be_unknown() -> None:
    both = [*fits(Family.CLASSICAL, 1.0), *fits(Family.DEEP, 2.0)]
    found = scalability(both, {}, columns={Family.CLASSICAL: (1.0, "LightGBM")})
    assert found.words.endswith("Twice the columns cost about 2.0 times (LightGBM).")
    assert found.sides["classical"].detail["columns_exponent"] == 1.0
    assert "columns_exponent" not in found.sides["deep"].detail
    assert scalability(both, {}).words.endswith("Growth in columns was not measured.")


def test_two_points_tell_no_exponent() -> None:
    two = [fit for family in Family for fit in fits(family, 1.0)[:2]]
    assert "Not measured" in scalability(two, {}).words


def test_nets_of_media_have_no_engineering_to_lose() -> None:
    gains = {Family.CLASSICAL: Gain(0.05, 0.004, 1e6, "Gradients and a kernel machine")}
    found = engineering(gains, 0.005, rows=1000, media="image")
    assert found.odds is not None
    assert found.odds.winner == "deep"
    assert found.sides["deep"].value == 0.0
    assert "bare pixels gained: Gradients and a kernel machine +0.05 (± 0.0078). Nets make their own." in found.words
    assert "Not measured" in engineering({}, 0.005, rows=0, media="text").words


def test_engineering_is_won_by_the_side_that_loses_less_without_it() -> None:
    gains = {Family.CLASSICAL: Gain(0.001, 0.001, 1e6, "LightGBM"), Family.DEEP: Gain(0.05, 0.002, 1e6, "MLP")}
    found = engineering(gains, 0.005, rows=1000)
    assert found.odds is not None
    assert found.odds.winner == "classical"
    assert "Not measured" in engineering({Family.DEEP: Gain(0.05, 0.002, 1e6, "MLP")}, 0.005, rows=1000).words


def test_odds_name_a_winner_from_four_in_five_and_are_clear_from_nineteen_in_twenty() -> None:
    assert Odds(classical=0.79, same=0.21, deep=0.0).winner is None
    assert Odds(classical=0.81, same=0.19, deep=0.0).winner == "classical"
    assert not Odds(classical=0.81, same=0.19, deep=0.0).clear
    assert Odds(classical=0.01, same=0.97, deep=0.02).winner == "same"
    sums = normal(0.3, 0.2, 0.1)
    assert sums.classical + sums.same + sums.deep == pytest.approx(1.0)
    assert drawn(np.array([-1.0, 0.0, 1.0, 1.0]), 0.5).deep == 0.5


def test_what_was_not_measured_says_so() -> None:
    for name in DIMENSIONS:
        plain = unmeasured(name, "there was no time").to_json()
        assert plain["winner"] is None
        assert "there was no time" in plain["words"]
