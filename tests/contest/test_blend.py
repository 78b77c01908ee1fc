"""Who is judged, on which folds: by counts that were fixed or made without a look at any score."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import treeline
from treeline.contest.blend import Standing, _at_the_top, _width, _without_the_cut, gather
from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude
from treeline.contest.trial import State, Trial
from treeline.problem.task import Family, Task

from .conftest import problem_of


def standing(reach, rung=1.0):
    trials = [
        Trial(
            id=f"{i}", entry="e", candidate="c", family=Family.DEEP, params={}, rung=rung, rows=10, fold=i, seed=0,
            state=State.DONE,
        )
        for i in range(reach)
    ]  # fmt: skip
    return Standing("e", Family.DEEP, tuple(trials))


@pytest.mark.parametrize(
    ("reaches", "width"), [([5], 5), ([5, 1], 5), ([5, 1, 1, 1], 5), ([5, 2, 2], 2), ([5, 5, 2, 2], 5), ([3, 3, 3], 3)]
)
def test_as_many_folds_are_judged_as_serve_most_members(reaches, width):
    assert _width([standing(reach) for reach in reaches]) == width


def test_who_saw_fewer_rows_is_not_judged_beside_who_saw_all():
    whole, part = standing(5), standing(1, rung=0.25)
    assert _at_the_top([part, whole]) == [whole]
    assert _at_the_top([part]) == [part]


def test_a_fold_that_the_clock_cut_far_shorter_than_the_others_does_not_count():
    folds = {trial.fold: trial for trial in standing(4).trials}
    folds[3] = replace(folds[3], done=0.02)
    _without_the_cut(folds)
    assert sorted(folds) == [0, 1, 2]
    alike = {fold: replace(trial, done=0.3) for fold, trial in folds.items()}
    _without_the_cut(alike)
    assert sorted(alike) == [0, 1, 2]


def test_an_equal_field_holds_as_many_of_each_side_and_never_fewer_than_the_first_wave(contest, monkeypatch):
    one = contest(["steady", "noisy", "patient"])
    one.run()
    problem = problem_of(Task.BINARY, "roc_auc")
    assert len(gather(one.ledger, problem).members) == 3
    assert len(gather(one.ledger, problem, equal=True).members) == 3
    monkeypatch.setattr("treeline.contest.blend.FIRST_WAVE", 1)
    fielded = [member.name for member in gather(one.ledger, problem, equal=True).members]
    assert fielded == ["steady", "patient"]


def test_groups_are_counted_the_verdict_repeats_itself_and_noise_is_named(tmp_path):
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(40), 15)
    level = rng.normal(size=40)[who]
    frame = pl.DataFrame({"site": who, "x": rng.normal(size=600), "z": rng.normal(size=600), "y": level})
    out = tmp_path / "run"
    study = treeline.run(frame, target="y", group="site", time_limit=14, out=out, candidates="lightgbm,mlp")
    verdict = study.verdict
    told = verdict["difference"]["corrected_for"]
    assert any("groups" in line for line in told), told
    assert len(np.unique(Ledger(out).rows()["group"])) == 40
    again = conclude(Ledger(out)).verdict
    assert {key: again[key] for key in ("call", "strong", "because")} == {
        key: verdict[key] for key in ("call", "strong", "because")
    }
    # a new group's level cannot be known
    assert verdict["signal"]["p"] < 0.95
    assert "constant guess" in verdict["sentence"]
