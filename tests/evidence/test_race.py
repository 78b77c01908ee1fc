"""A lost race is left early, and hardly ever by mistake."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.luck import scatter
from treeline.evidence.paired import three_way
from treeline.evidence.race import ALPHA, LEAST_FOLDS, lost
from treeline.evidence.scores import Judged, Member
from treeline.problem.metric import METRICS
from treeline.problem.task import Family

FOLDS = 5


def judged(seed: int, gap: float, *, rows: int, look: int) -> Judged:
    """Two contenders a side whose squared errors differ by `gap` of the noise; the first `look` folds."""
    rng = np.random.default_rng(seed)
    fold = np.arange(rows) % FOLDS
    y, common = rng.normal(size=rows), rng.normal(size=rows)
    members = []
    for family in Family:
        for j in range(2):
            spread = 1.0 if family is Family.CLASSICAL else 1.0 - gap
            p = y + spread * (0.8 * common + 0.6 * rng.normal(size=rows))
            members.append(
                Member(name=f"{family}-{j}", family=family, predictions=np.stack([p] * 3).astype(np.float32))
            )
    seen = fold < look
    kept = tuple(Member(name=m.name, family=m.family, predictions=m.predictions[:, seen]) for m in members)
    return Judged(
        y=y[seen], fold=fold[seen], half=(np.arange(rows) // FOLDS % 2)[seen], metric=METRICS["root_mean_squared_error"],
        members=kept,
    )  # fmt: skip


def test_a_clear_race_is_lost_by_the_worse_side() -> None:
    found = lost(judged(0, 0.3, rows=3000, look=3), 0.02, folds=FOLDS)
    assert found is not None
    assert found.family is Family.CLASSICAL
    assert (found.look, found.looks) == (1, 3)
    assert found.p >= found.bound == 1 - ALPHA / 3
    assert found.to_json()["family"] == "classical"


def test_nobody_is_dropped_before_luck_can_be_seen() -> None:
    assert all(lost(judged(0, 0.9, rows=3000, look=k), 0.0, folds=FOLDS) is None for k in range(1, LEAST_FOLDS))


def test_equal_sides_are_hardly_ever_dropped_over_all_looks() -> None:
    dropped = 0
    for seed in range(30):
        dropped += any(lost(judged(seed, 0.0, rows=1000, look=k), 0.0, folds=FOLDS) for k in range(1, FOLDS + 1))
    assert dropped <= 4  # at most 5% are expected at a margin of zero


@pytest.mark.parametrize("luck", [0.0, 0.005, 0.01, 0.02])
def test_lucky_folds_do_not_drop_a_side_that_lies_on_the_margin(luck: float) -> None:
    # what a difference says that truly is the margin, after three, four and five folds of 10,000 rows of 0.5
    worlds, margin, rows, dropped = 2000, 0.02, 10_000, 0
    looks = range(LEAST_FOLDS, FOLDS + 1)
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        folds = margin + luck * rng.normal(size=FOLDS) + 0.5 / np.sqrt(rows) * rng.normal(size=FOLDS)
        for k in looks:
            spread = 0.5 / np.sqrt(k * rows)
            told = scatter(spread, spread, folds[:k], one_row=0.25, units=k * rows)
            if three_way(folds[:k].mean(), told.scale, margin, told.df)[0] >= 1 - ALPHA / len(looks):
                dropped += 1
                break
    assert dropped <= 0.07 * worlds


def test_few_rows_drop_nobody() -> None:
    assert lost(judged(0, 0.9, rows=800, look=3), 0.0, folds=FOLDS) is None
