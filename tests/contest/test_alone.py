"""One model on all rows repeats a fit of the contest, and is fitted once."""

import pytest

from treeline.contest.alone import fitted_before, kept_of, refittable
from treeline.contest.blend import Standing, standings
from treeline.contest.refit import repeated
from treeline.contest.trial import State, Trial
from treeline.errors import SetupError
from treeline.problem.task import Family


def trial(fold, steps, candidate="lightgbm"):
    return Trial(
        id=f"{fold}", entry="one", candidate=candidate, family=Family.CLASSICAL, params={}, rung=1.0, rows=10, fold=fold,
        seed=fold, state=State.DONE, steps=steps,
    )  # fmt: skip


def test_the_fit_with_the_middle_steps_is_repeated():
    assert kept_of([trial(0, 90), trial(1, 10), trial(2, 40)]).steps == 40
    assert kept_of([trial(0, 90), trial(1, 10)]).steps == 10
    assert kept_of([trial(0, 0), trial(1, 0), trial(2, 0)]).fold == 1


def test_contenders_whose_library_is_gone_are_passed_over_and_named_where_nobody_is_left():
    there = Standing("one", Family.CLASSICAL, (trial(0, 1),))
    gone = Standing("two", Family.CLASSICAL, (trial(0, 1, "of_a_plug_in"),))
    assert refittable([there, gone]) == [there]
    with pytest.raises(SetupError, match="two needs of_a_plug_in"):
        refittable([gone])


def test_a_model_is_used_again_only_where_it_did_the_same(contest):
    one = contest(["steady"])
    one.run()
    kept = kept_of(standings(one.ledger)[0].trials)
    assert fitted_before(one.ledger, kept) is None
    params = repeated(kept, one.ledger, id="single-steady", seconds=0.0, threads=1).params
    done = kept.to_json() | {"id": "single-steady-all", "fold": -1, "params": params}
    one.ledger.append("single", **(done | {"params": {"steps": 7}}))
    one.ledger.append("single", **(done | {"state": "failed"}))
    assert fitted_before(one.ledger, kept) is None
    one.ledger.append("single", **done)
    assert fitted_before(one.ledger, kept).id == "single-steady-all"
