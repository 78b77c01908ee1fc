"""The top: two contenders first, three folds before full steps, all folds of a few before one of many."""

import pytest

from tests.contest.plan_world import World
from tests.contest.test_plan import cards
from treeline.contest.record import Record
from treeline.contest.top import Top, refit_s
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.metric import metric_named
from treeline.problem.task import Family, Task

GOALS = [
    *((rows, 60.0, cost) for rows in (900, 3_669, 6_366, 10_000) for cost in (0.5, 1.0, 1.5)),
    *((rows, 300.0, cost) for rows in (16_206, 48_895) for cost in (0.5, 1.0, 1.5)),
]
"Rows, seconds and how dear the fits are; up to 10,000 rows at 60 s, up to 50,000 at 300 s."


def entry_of(name):
    return Entry(name=name, candidate=name, family=cards()[name].family, params={})


def top_of(costs, left_s, *, folds=(), boosts=()):
    """Return the top of 10,000 rows where a fold of each takes so many seconds, and `folds` (name, fold) were fitted."""
    known = cards()
    for name in boosts:
        object.__setattr__(known[name], "boosts", True)
    made = [
        Trial(
            id=f"0-{name}-f0", entry=name, candidate=name, family=known[name].family, params={}, rung=0.5, rows=4000, fold=0,
            seed=0, state=State.DONE, score=0.5, se=0.01, wall_s=cost / 2,
        )
        for name, cost in costs.items()
    ]  # fmt: skip
    made += [
        Trial(
            id=f"1-{name}-f{fold}", entry=name, candidate=name, family=known[name].family, params={}, rung=1.0, rows=8000,
            fold=fold, seed=0, state=State.DONE, score=0.5, se=0.01, wall_s=costs[name],
        )
        for name, fold in folds
    ]  # fmt: skip
    metric = metric_named("log_loss", Task.BINARY)
    return Top(Record(made, set(), rows=10_000, folds=5, cards=known, metric=metric), left_s)


def played(costs, left_s, **more):
    """Return the (name, fold) of the leading two in the order in which they are fitted."""
    order, done = [entry_of(name) for name in costs], []
    while (turn := top_of(costs, left_s, folds=done, **more).lead(order)) is not None:
        done += [(turn.entry.name, fold) for fold in turn.folds]
        left_s -= turn.seconds
    return done


def test_two_contenders_come_before_the_third_fold_of_anybody():
    done = played({"quick": 1.0, "good": 1.0, "loud": 1.0}, 60.0)
    assert {name for name, _ in done[:4]} == {"quick", "good"}
    assert sorted(fold for _, fold in done) == sorted([*range(5)] * 2)


def test_nets_are_fitted_together_and_keep_to_the_same_order():
    done = played({"net": 1.0, "small": 1.0}, 60.0)
    assert done[:4] == [("net", 0), ("net", 1), ("small", 0), ("small", 1)]


def test_fits_are_cut_for_the_third_fold_and_the_dear_ones_first():
    top = top_of({"quick": 1.0, "good": 20.0}, 50.0)
    first = top.lead([entry_of("quick"), entry_of("good")])
    assert (first.entry.name, first.seconds > 0.9) == ("quick", True)
    second = top_of({"quick": 1.0, "good": 20.0}, 49.0, folds=[("quick", 0)]).lead(
        [entry_of("quick"), entry_of("good")]
    )
    assert (second.entry.name, 10 < second.seconds < 14) == ("good", True)


def test_where_three_folds_of_two_are_out_of_reach_one_contender_gets_them():
    done = played({"quick": 10.0, "good": 40.0}, 50.0)
    assert done[:3] == [("quick", 0), ("quick", 1), ("quick", 2)]


def test_boosting_is_judged_on_all_rows_whatever_the_screens_said():
    done = played({"quick": 5.0, "good": 5.0, "loud": 5.0}, 100.0, boosts=("good",))
    assert "good" in {name for name, _ in done[:2]}
    dear = played({"quick": 10.0, "loud": 8.0}, 40.0, boosts=("loud",))
    assert ("loud", 0) in dear[:2]


def test_others_are_begun_only_where_they_can_be_judged_on_as_many_folds():
    order = [entry_of(name) for name in ("quick", "good", "net")]
    done = [(name, fold) for name in ("quick", "good") for fold in range(5)]
    costs = {"quick": 1.0, "good": 1.0, "net": 10.0}
    assert top_of(costs, 10.0, folds=done).follow(order, (), 5) is None
    turn = top_of(costs, 40.0, folds=done).follow(order, (), 5)
    assert (turn.entry.name, turn.folds) == ("net", (0, 1, 2, 3, 4))


def test_folds_are_taken_in_order():
    top = top_of({"quick": 1.0, "good": 1.0}, 60.0, folds=[("quick", 0), ("quick", 3)])
    assert top.record.reach(entry_of("quick")) == 1


def test_a_leader_of_one_fold_leaves_time_to_be_fitted_on_all_rows():
    order = [entry_of("quick"), entry_of("good")]
    costs = {"quick": 20.0, "good": 20.0}
    once, twice = [("quick", 0)], [("quick", 0), ("quick", 1)]
    assert top_of(costs, 50.0, folds=once).room(order) == pytest.approx(0.85 * 50 - 1.1 * 25 - 1.5, abs=1.0)
    assert top_of(costs, 50.0, folds=twice).room(order) == pytest.approx(0.85 * 50)


def test_the_time_kept_for_fitting_anew_is_what_that_costs_and_a_fifth_at_most():
    made = list(top_of({"quick": 2.0}, 50.0, folds=[("quick", 0)]).record.trials["quick"])
    assert 4.0 < refit_s(made, 50.0, 10_000) < 5.3
    assert refit_s(made, 5.0, 10_000) == pytest.approx(1.4, abs=0.2)
    assert refit_s([], 50.0, 10_000) == 10.0  # nothing is known yet


def test_three_folds_of_two_contenders_a_side_nearly_everywhere():
    played = [World(*goal, seed=seed).play() for goal in GOALS for seed in range(2)]
    reached = [min(one.second(side) for side in Family) >= 3 for one in played]
    assert sum(reached) >= 0.95 * len(reached)


def test_little_time_goes_into_fits_that_no_verdict_counts():
    played = [World(*goal, seed=7).play() for goal in GOALS]
    lost = [one.wasted(side) for one in played for side in Family]
    assert sum(lost) / len(lost) < 0.05
