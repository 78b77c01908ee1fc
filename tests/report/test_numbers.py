"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from treeline.report import numbers


@pytest.mark.parametrize(
    ("value", "interval", "told"),
    [
        (0.847612, (0.838, 0.857), "0.848"),
        (0.847612, (0.8455, 0.8497), "0.8476"),
        (541.23, (532.2, 550.1), "541"),
        (1234567.8, (1.2e6, 1.3e6), "1,234,568"),
        (0.5, None, "0.5000"),
        (0.0, None, "0.000"),
        (12.3456, None, "12.35"),
        (float("nan"), None, "–"),
        (None, None, "–"),
        (1e-9, None, "1e-09"),
        (0.9, (0.9, 0.9), "0.9000"),
    ],
)
def test_a_score_is_rounded_to_what_its_interval_supports(
    value: float | None, interval: tuple[float, float] | None, told: str
) -> None:
    assert numbers.rounded(value, numbers.decimals(value, interval)) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "–"), (0, "0 s"), (0.0142, "14 ms"), (0.21, "0.21 s"), (3.04, "3 s"), (42.4, "42 s"),
     (250, "4 min 10 s"), (300, "5 min"), (4321, "1 h 12 min"), (math.inf, "–")],
)  # fmt: skip
def test_durations(seconds: float | None, told: str) -> None:
    assert numbers.duration(seconds) == told


@pytest.mark.parametrize(
    ("share", "told"), [(0, "0%"), (0.004, "<1%"), (0.356, "36%"), (0.996, ">99%"), (1, "100%"), (None, "–")]
)
def test_a_probability_is_never_rounded_to_certainty(share: float | None, told: str) -> None:
    assert numbers.percent(share) == told


def test_small_words() -> None:
    assert [numbers.size(n) for n in (250, 1000, 2500, 53940, 1e6)] == ["250", "1k", "2.5k", "54k", "1M"]
    assert numbers.between((-0.0021, 0.0094), signed=True) == "-0.0021 to +0.0094"
    assert numbers.exact(0.005) == "0.005" and numbers.exact(12345.6) == "12,346"
    assert numbers.megabytes(3.4) == "3.4 MB" and numbers.megabytes(2048) == "2.0 GB"
    assert numbers.count(7043) == "7,043"
