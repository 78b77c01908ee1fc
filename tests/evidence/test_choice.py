"""Choosing and blending, and that nothing judges its own choice."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.errors import DataError
from treeline.evidence.choice import blend, choose, procedure
from treeline.evidence.scores import Judged, Member, cleaned, crossfitted
from treeline.problem.metric import METRICS
from treeline.problem.task import Family
from treeline.testing.worlds import world

RNG = np.random.default_rng(5)


def noisy(y: np.ndarray, sizes: list[float]) -> list[np.ndarray]:
    return [(1 / (1 + np.exp(-(3 * y - 1.5 + RNG.normal(size=len(y)) * s)))).astype(np.float32) for s in sizes]


@pytest.mark.parametrize(
    "name", ["log_loss", "roc_auc", "brier_score_loss", "accuracy", "average_precision", "f1", "matthews_corrcoef"]
)
def test_a_blend_beats_its_best_member_on_new_rows(name: str) -> None:
    metric = METRICS[name]
    y = RNG.integers(0, 2, 4000)
    stack = noisy(y, [1.5, 1.6, 1.7, 6.0])
    weights = choose(stack, y, metric, rows=np.arange(2000))
    assert weights.sum() == pytest.approx(1)
    assert weights[3] < 0.2
    new = np.arange(2000, 4000)
    mixed = metric.loss(y[new], blend([p[new] for p in stack], weights))
    assert mixed < min(metric.loss(y[new], p[new]) for p in stack)


@pytest.mark.parametrize("name", ["root_mean_squared_error", "mean_absolute_error", "r2", "median_absolute_error"])
def test_regression_blends_too(name: str) -> None:
    y = RNG.normal(size=3000) * 10
    stack = [y + RNG.normal(size=3000) * s for s in (4.0, 4.0, 30.0)]
    weights = choose(stack, y, METRICS[name])
    assert weights[2] < 0.1
    assert 0.3 < weights[0] < 0.7


@pytest.mark.parametrize("name", ["log_loss", "accuracy", "roc_auc_ovr"])
def test_classes_many(name: str) -> None:
    y = RNG.integers(0, 4, 1500)
    stack = []
    for s in (0.5, 0.6, 5.0):
        z = np.eye(4)[y] * 2 + RNG.normal(size=(1500, 4)) * s
        stack.append(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
    weights = choose(stack, y, METRICS[name])
    assert weights[0] + weights[1] > 0.8


def test_one_member_or_no_rows() -> None:
    y = RNG.integers(0, 2, 50)
    assert choose(noisy(y, [1.0]), y, METRICS["log_loss"]).tolist() == [1.0]
    none = np.zeros(0, dtype=np.int64)
    assert choose(noisy(y, [1.0, 2.0]), y, METRICS["log_loss"], rows=none).tolist() == [0.5, 0.5]


def test_forty_rows_of_forty_faces_are_no_reason_to_blend_in_a_guess() -> None:
    # one contender knows the faces, three are at the level of a constant guess; 40 rows were judged, one a class
    rng = np.random.default_rng(0)
    y, guess = np.arange(40), np.full((40, 40), 1 / 40)
    good = 0.001 / 40 + 0.999 * np.eye(40)
    stack = [good, *(0.98 * guess + 0.02 * rng.dirichlet(np.ones(40), size=40) for _ in range(3))]
    for rows in (y, y[:20], y[::2]):
        assert choose(stack, y, METRICS["log_loss"], rows=rows).tolist() == [1.0, 0.0, 0.0, 0.0]
    done = procedure(judged_with(y, y % 2, stack), Family.DEEP)
    assert METRICS["log_loss"].score(y, done.prediction) == pytest.approx(METRICS["log_loss"].score(y, good))


def test_few_rows_still_blend_who_they_cannot_tell_apart() -> None:
    y = RNG.integers(0, 2, 60)
    weights = choose(noisy(y, [1.0, 1.0, 1.0, 30.0]), y, METRICS["log_loss"])
    assert (weights[:3] > 0.1).all()
    assert weights[3] == 0.0


def test_without_any_signal_nobody_is_left_out_for_being_a_guess() -> None:
    y = RNG.integers(0, 2, 60)
    stack = [np.full(60, 0.5) + 0.02 * RNG.normal(size=60) for _ in range(4)]
    assert (choose(stack, y, METRICS["log_loss"]) > 0.1).sum() >= 3


@pytest.mark.parametrize("name", ["roc_auc", "f1", "accuracy", "matthews_corrcoef"])
def test_a_guess_has_no_part_whatever_the_metric(name: str) -> None:
    y = RNG.integers(0, 2, 60)
    stack = [*noisy(y, [0.5, 0.6]), np.full(60, 0.5), 0.5 + 0.001 * RNG.normal(size=60)]
    assert choose(stack, y, METRICS[name])[2:].tolist() == [0.0, 0.0]


def judged_with(y: np.ndarray, half: np.ndarray, stack: list[np.ndarray]) -> Judged:
    members = tuple(
        Member(name=f"m{i}", family=Family.DEEP, predictions=np.stack([p, p, p])) for i, p in enumerate(stack)
    )
    return Judged(y=y, fold=np.arange(len(y)) % 5, half=half, metric=METRICS["log_loss"], members=members)


def test_no_row_judges_a_choice_that_it_helped_to_make() -> None:
    y = RNG.integers(0, 2, 400)
    half = np.arange(400) % 2
    stack = noisy(y, [1.0, 1.2, 1.4])
    before = procedure(judged_with(y, half, stack), None)
    flipped = y.copy()
    row = 7  # half 1
    flipped[row] = 1 - flipped[row]
    after = procedure(judged_with(flipped, half, stack), None)
    mine = half == 1
    # what is predicted for half 1 was chosen by half 0, so no label of half 1 can move it
    assert np.array_equal(before.prediction[mine], after.prediction[mine])
    assert np.array_equal(before.weights_by_half[0], after.weights_by_half[0])


def test_each_row_is_predicted_at_the_stop_that_the_other_half_chose() -> None:
    y = np.array([0.0, 1.0, 2.0, 3.0])
    half = np.array([0, 0, 1, 1])
    predictions = np.array([[10, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33]], dtype=np.float32)
    member = Member(name="a", family=Family.CLASSICAL, predictions=predictions)
    metric = METRICS["root_mean_squared_error"]
    judged = Judged(y=y, fold=np.zeros(4, dtype=int), half=half, metric=metric, members=(member,))
    assert crossfitted(judged, member).tolist() == [20, 21, 12, 13]
    assert procedure(judged, Family.CLASSICAL).prediction.tolist() == [20, 21, 12, 13]


def test_best_of_many_equal_contenders_does_not_look_better_than_it_is() -> None:
    bias = []
    for seed in range(60):
        drawn = world(seed, rows=250, members=(1, 10), metric="log_loss")
        deep = procedure(drawn.judged, Family.DEEP)
        j = drawn.judged
        bias.append(-j.metric.score(j.y, deep.prediction) - drawn.score(deep))
    assert abs(np.mean(bias)) < 3 * np.std(bias) / np.sqrt(60) + 0.005


def test_members_with_holes_are_left_out_and_named() -> None:
    y = RNG.integers(0, 2, 60)
    stack = noisy(y, [1.0, 1.0])
    stack[1][3] = np.nan
    found = cleaned(judged_with(y, np.arange(60) % 2, stack))
    assert [member.name for member in found.members] == ["m0"]
    assert "m1 was left out" in found.notes[0]


def test_arrays_that_do_not_fit_are_refused() -> None:
    y = RNG.integers(0, 2, 10)
    with pytest.raises(DataError, match="shape"):
        judged_with(y, np.zeros(10), [np.zeros(9, dtype=np.float32)])
    with pytest.raises(DataError, match="halves"):
        judged_with(y, np.zeros(9), [np.zeros(10, dtype=np.float32)])
    with pytest.raises(DataError, match="No member"):
        procedure(judged_with(y, np.arange(10) % 2, noisy(y, [1.0])), Family.CLASSICAL)
    twice = Member(name="a", family=Family.DEEP, predictions=np.zeros((3, 10), dtype=np.float32))
    with pytest.raises(DataError, match="named"):
        Judged(y=y, fold=y, half=y, metric=METRICS["log_loss"], members=(twice, twice))


def test_relative_errors_are_blended_by_relative_errors() -> None:
    rng = np.random.default_rng(3)
    y = np.exp(rng.normal(8, 2, 400))
    close = y * np.exp(0.1 * rng.normal(size=400))
    top = y * np.exp(0.5 * rng.normal(size=400))
    top[y > np.quantile(y, 0.9)] = y[y > np.quantile(y, 0.9)]
    weights = choose([close, top], y, METRICS["root_mean_squared_log_error"])
    assert weights[0] > 0.7
    assert choose([close, top], y, METRICS["root_mean_squared_error"])[1] > 0.7
