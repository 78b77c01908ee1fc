"""Doubt about the field: a side that is behind may be behind because of what it fielded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeline.evidence.field import OF_BEST, OF_LOSS, most_said, unseen_doubts
from treeline.evidence.paired import Difference
from treeline.evidence.scores import Judged, Member
from treeline.evidence.sides import between, measured
from treeline.problem.metric import METRICS
from treeline.problem.task import Family

RMSE = METRICS["root_mean_squared_error"]


def judged_of(
    classical: list[float], deep: list[float], *, rows: int = 3000, folds: int = 5, groups: int = 0
) -> Judged:
    """Contenders whose errors are that large, mostly the same errors for all."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=rows)
    members = []
    for family, sizes in zip(Family, (classical, deep), strict=True):
        for k, size in enumerate(sizes):
            p = size * (0.9 * common + np.sqrt(0.19) * rng.normal(size=rows))
            members.append(
                Member(name=f"{family}-{k}", family=family, predictions=np.stack([p] * 3).astype(np.float32))
            )
    fold = np.arange(rows) % folds
    group = np.arange(rows) % groups if groups else None
    return Judged(
        y=np.zeros(rows), fold=fold, half=np.arange(rows) // folds % 2, metric=RMSE, members=tuple(members), group=group
    )


def gap_of(judged: Judged, margin: float = 0.0) -> Difference:
    return between(judged, measured(judged), Family.CLASSICAL, Family.DEEP, margin)


def test_one_setting_for_a_whole_family_on_one_fold_and_few_groups_makes_no_call() -> None:
    # the hotel prices: LightGBM 34.7, CatBoost 41.3, forest 51.1, EBM 33.2; deep 24.3; one fold, 11 groups
    gap = gap_of(judged_of([34.7, 41.3, 51.1, 33.2], [24.3], folds=1, groups=11), margin=0.5)
    assert gap.estimate > 7
    assert 0.8 < gap.p_better < 0.95
    assert "No side is given more than 94%" in " ".join(gap.caveats)
    assert "differ by more than the lead" in " ".join(gap.caveats)


def test_the_same_lead_over_contenders_that_agree_on_many_folds_is_sure() -> None:
    gap = gap_of(judged_of([34.7, 34.0, 33.5, 33.2], [24.3, 24.5, 25.0]), margin=0.5)
    assert gap.p_better > 0.99
    assert not gap.caveats


@pytest.mark.parametrize("kind", [{"folds": 1}, {"groups": 15}])
def test_what_cannot_be_seen_caps_what_is_said(kind: dict[str, int]) -> None:
    gap = gap_of(judged_of([34.0, 33.5], [10.0, 10.1], **kind))
    assert 0.95 < gap.p_better <= most_said(1) < 0.99
    assert gap.p_better + gap.p_same + gap.p_worse == pytest.approx(1.0)


def test_three_doubts_that_cannot_be_seen_make_no_call() -> None:
    assert most_said(0) == 1.0
    assert most_said(2) > 0.95 > most_said(3)


def test_more_contenders_leave_less_doubt_and_who_hangs_on_one_more() -> None:
    few, many = (gap_of(judged_of([30.0] * k, [25.0] * 3)).field for k in (1, 6))
    assert few == pytest.approx(np.sqrt(5 / 3) * OF_LOSS * 30, rel=0.05)
    assert many < 0.5 * few
    level, hangs = (gap_of(judged_of([30.0, other], [25.0] * 3)).field for other in (30.0, 60.0))
    assert hangs > 1.5 * level
    assert hangs == pytest.approx(np.sqrt(5 / 3) * np.hypot(OF_LOSS * 30 / np.sqrt(2), OF_BEST * 30), rel=0.1)


def test_a_side_that_is_ahead_keeps_what_it_has_shown() -> None:
    # one weak contender more on the side ahead leaves the doubt as it was: the side behind has the same field
    alone, with_weak = (gap_of(judged_of([30.0, 30.5], deep)) for deep in ([25.0, 25.2], [25.0, 25.2, 80.0]))
    assert with_weak.field == pytest.approx(alone.field, rel=0.01)


def test_the_doubt_is_told_and_part_of_the_standard_error() -> None:
    gap = gap_of(judged_of([30.0, 31.0], [25.0, 26.0]))
    told = next(line for line in gap.corrected_for if line.startswith("other contenders"))
    assert f"widened by {gap.se / np.sqrt(gap.se**2 - gap.field**2):.2f}" in told
    assert gap.to_json()["field"] == gap.field > 0


def test_both_sides_are_given_the_doubt_about_the_other_one() -> None:
    # nobody leads: that either is better has the other's field in it
    judged = judged_of([25.0, 50.0], [25.0, 25.0])
    gap = gap_of(judged)
    turned = gap_of(replace(judged, members=tuple(
        replace(one, family=Family.DEEP if one.family is Family.CLASSICAL else Family.CLASSICAL) for one in judged.members
    )))  # fmt: skip
    assert gap.p_better == pytest.approx(turned.p_worse, abs=1e-6)
    assert gap.p_same == pytest.approx(turned.p_same, abs=1e-6)


def test_a_gain_of_the_blend_has_no_doubt_about_the_field() -> None:
    judged = judged_of([25.0, 50.0], [25.0, 26.0])
    assert between(judged, measured(judged), Family.DEEP, None, 0.0).field == 0.0


def test_contenders_that_differ_are_no_doubt_about_a_tie() -> None:
    gap = gap_of(judged_of([25.0, 30.0], [25.0, 30.0]), margin=2.5)
    assert gap.p_same > 0.98
    assert not gap.caveats


def test_no_group_is_no_small_number_of_groups() -> None:
    gap = gap_of(judged_of([30.0, 30.0], [25.0, 25.0]))
    assert gap.estimate > 0
    assert unseen_doubts(np.ones(5), None, spread=0.0, estimate=1.0) == []
    assert len(unseen_doubts(np.ones(1), 19, spread=2.0, estimate=-1.0)) == 3
