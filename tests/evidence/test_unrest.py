"""What another sample would have chosen is part of the doubt."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.choice import procedure
from treeline.evidence.losses import judge_losses, judged_of
from treeline.evidence.unrest import unrest
from treeline.problem.task import Family
from treeline.testing.worlds import world


def table(seed: int, *, contenders: int = 2, best: float = 0.0, n: int = 300) -> dict[str, np.ndarray]:
    """Equal contenders, but for the first of each side, which is better by `best`."""
    rng = np.random.default_rng(seed)
    made = {"fold": np.arange(n) % 5}
    for side in Family:
        for i in range(contenders):
            made[f"{side}:{i}"] = 1 + 0.2 * rng.normal(size=n) - (best if i == 0 else 0.0)
    return made


def factor(losses: dict[str, np.ndarray]) -> float:
    judged = judged_of(losses)
    sides = (Family.CLASSICAL, Family.DEEP)
    return unrest(judged, (procedure(judged, sides[0]), procedure(judged, sides[1])), sides)


def test_equal_contenders_are_restless_and_a_clear_champion_is_not() -> None:
    assert factor(table(0)) > 1.07
    assert factor(table(0, best=0.5)) == pytest.approx(1.0, abs=0.02)
    assert factor(table(0, contenders=1)) == 1.0


def test_the_standard_error_is_that_of_the_whole_procedure() -> None:
    found = [judge_losses(table(seed), margin=0.0).difference for seed in range(150)]
    scatter = np.std([one.estimate for one in found])
    told = np.mean([np.sqrt(one.se**2 - one.field**2) for one in found])  # one field was drawn once
    assert 0.95 * scatter < told < 1.25 * scatter
    # at a margin of zero a side that is 95% likely to be better is called in one of ten equal worlds, by construction
    assert np.mean([max(one.p_better, one.p_worse) >= 0.95 for one in found]) <= 0.1 + 2 * np.sqrt(0.09 / 150)
    held = np.mean([abs(one.estimate) <= 1.96 * np.sqrt(one.se**2 - one.field**2) for one in found])
    assert 0.91 <= held <= 0.98


def test_it_is_the_same_each_time_and_said_in_the_verdict() -> None:
    first, again = judge_losses(table(1), margin=0.0), judge_losses(table(1), margin=0.0)
    assert first.difference == again.difference
    assert any("choosing anew" in line for line in first.difference.corrected_for)


def test_blends_are_chosen_anew_too_and_groups_are_drawn_whole() -> None:
    drawn = world(3, rows=400, groups=40).judged
    sides = (Family.CLASSICAL, Family.DEEP)
    chosen = (procedure(drawn, sides[0]), procedure(drawn, sides[1]))
    assert 1.0 <= unrest(drawn, chosen, sides) < 2.0
    assert unrest(drawn, (chosen[0], procedure(drawn, None)), (Family.CLASSICAL, None)) >= 1.0
