"""The worlds are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.choice import procedure
from treeline.problem.task import Family
from treeline.testing.worlds import world


def gap_of(seed: int, **kind: object) -> float:
    drawn = world(seed, **kind)  # type: ignore[arg-type]
    classical, deep = (procedure(drawn.judged, family) for family in Family)
    return drawn.difference(classical, deep)


def test_the_null_world_has_no_winner_and_the_gap_has_one() -> None:
    null = [gap_of(seed, rows=300) for seed in range(30)]
    assert abs(np.mean(null)) < 3 * np.std(null) / np.sqrt(30)
    assert np.mean([gap_of(seed, rows=300, gap=0.8) > 0 for seed in range(20)]) == 1.0


@pytest.mark.parametrize(("classes", "shape"), [(2, (3, 200)), (0, (3, 200)), (4, (3, 200, 4))])
def test_shapes(classes: int, shape: tuple[int, ...]) -> None:
    drawn = world(0, rows=200, classes=classes)
    assert all(member.predictions.shape == shape for member in drawn.judged.members)
    assert len(np.unique(drawn.judged.fold)) == 5
    assert np.isfinite(drawn.judged.members[0].predictions).all()


def test_groups_do_not_cross_folds_and_a_seed_is_a_world() -> None:
    drawn, again = world(5, rows=300, groups=25), world(5, rows=300, groups=25)
    judged = drawn.judged
    for group in np.unique(judged.group):
        assert len(np.unique(judged.fold[judged.group == group])) == 1
    assert np.array_equal(judged.members[0].predictions, again.judged.members[0].predictions)
