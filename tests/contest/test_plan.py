"""The plan, played against a made-up clock: costs are what they are, every family keeps to its time."""

from dataclasses import replace

import numpy as np
import pytest

from treeline.candidates.card import Card
from treeline.contest.ladder import rungs_of
from treeline.contest.plan import Plan
from treeline.contest.record import Record
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.metric import metric_named
from treeline.problem.task import Family, Task

COSTS = {"base": 0.001, "quick": 1.0, "good": 2.5, "slow": 8.0, "net": 20.0, "small": 8.0, "loud": 1.0}
"Seconds per 10,000 rows and fold."


def cards():
    def card(name, family, **more):
        return Card(name=name, title=name, family=family, build="x:X", paper="", **more)

    deep = {"anytime": True, "batched": True}
    return {
        "base": card("base", Family.CLASSICAL, reference=True),
        "quick": card("quick", Family.CLASSICAL, anytime=True),
        "good": card("good", Family.CLASSICAL, anytime=True),
        "slow": card("slow", Family.CLASSICAL),
        "loud": card("loud", Family.CLASSICAL),
        "net": card("net", Family.DEEP, **deep),
        "small": card("small", Family.DEEP, **deep),
    }


def plan_of(names, rows, seconds):
    known = cards()
    entries: dict[Family, tuple[Entry, ...]] = {}
    for name in names:
        family = known[name.split("-")[0]].family
        entry = Entry(name=name, candidate=name.split("-")[0], family=family, params={}, reference=name == "base")
        entries[family] = (*entries.get(family, ()), entry)
    return Plan(
        entries=entries, cards=known, rungs=rungs_of(rows, seconds=seconds), rows=rows, folds=5,
        metric=metric_named("roc_auc", Task.BINARY), seed=0, first_wave=3,
    )  # fmt: skip


def play(plan, family, seconds, fails=()):
    """Return the trials and the seconds used."""
    clock, trials = 0.0, []
    for job in range(1000):
        wish = plan.next(family, trials, [], seconds - clock)
        if wish is None:
            return trials, clock
        card = plan.cards[wish.entry.candidate]
        rows = plan.rows * wish.rung * 0.8
        natural = COSTS[card.name] * rows / 1e4 * len(wish.folds)
        spent = min(natural, wish.seconds) if card.anytime else natural
        assert wish.patience <= seconds - clock + 1e-9
        assert clock + wish.seconds <= seconds
        state = State.FAILED if card.name in fails else State.DONE if spent <= wish.patience else State.TIMEOUT
        clock += min(spent, wish.patience)
        for fold in wish.folds:
            score = 0.9 - 0.1 / np.sqrt(rows / 100) + 0.01 * (card.name == "good")
            trials.append(
                Trial(
                    id=f"{job:04d}-{wish.entry.name}-f{fold}", entry=wish.entry.name, candidate=card.name, family=family,
                    params={}, rung=wish.rung, rows=int(rows), fold=fold, seed=wish.seed, state=state,
                    score=score if state is State.DONE else None, wall_s=spent / len(wish.folds),
                    reason="stopped by the clock" if spent < natural else "",
                )
            )  # fmt: skip
    raise AssertionError("the plan never ends")


def tops(trials, entry):
    return sorted(
        trial.fold for trial in trials if trial.entry == entry and trial.rung == 1.0 and trial.state is State.DONE
    )


def test_with_time_everybody_fits_every_fold_and_the_plan_ends():
    plan = plan_of(["base", "quick", "good", "slow", "quick-2"], rows=4000, seconds=300)
    trials, used = play(plan, Family.CLASSICAL, 280)
    for entry in ("base", "quick", "good", "slow", "quick-2"):
        assert tops(trials, entry) == [0, 1, 2, 3, 4]
    assert used < 280


def test_the_baseline_comes_first_and_the_best_climbs_first():
    plan = plan_of(["base", "quick", "good", "slow"], rows=20_000, seconds=60)
    trials, _ = play(plan, Family.CLASSICAL, 50)
    assert trials[0].entry == "base"
    assert next(trial.entry for trial in trials if trial.rung == 1.0 and trial.entry != "base") == "good"


def test_another_seed_of_the_best_follows_its_settings_and_that_of_others_comes_last():
    plan = plan_of(["base", "quick", "good", "slow", "quick-2", "good-2"], rows=4000, seconds=900)
    again = tuple(
        replace(entry, name=f"{entry.name}-again", again=True, of=entry.name)
        for entry in plan.entries[Family.CLASSICAL]
        if entry.name in ("quick", "good", "slow")
    )
    plan.entries[Family.CLASSICAL] += again
    trials, _ = play(plan, Family.CLASSICAL, 880)
    order = list(dict.fromkeys(trial.entry for trial in trials if trial.rung == 1.0))
    assert order[-5:] == ["good-2", "good-again", "quick-2", "quick-again", "slow-again"]
    assert all(tops(trials, entry.name) == [0, 1, 2, 3, 4] for entry in again)
    seeds = {trial.entry: trial.seed for trial in trials if trial.rung == 1.0 and trial.fold == 0}
    assert seeds["good"] != seeds["good-again"]


@pytest.mark.parametrize(
    ("rows", "seconds"), [(900, 30), (7000, 30), (7000, 60), (30_000, 60), (200_000, 60), (200_000, 300)]
)
def test_no_family_idles_for_long_and_none_is_without_a_model(rows, seconds):
    plan = plan_of(["base", "quick", "good", "slow", "net", "small"], rows=rows, seconds=seconds)
    for family in Family:
        trials, used = play(plan, family, 0.9 * seconds)
        assert any(trial.state is State.DONE and trial.fold == 0 for trial in trials)
        # Whoever is left out could not have been judged on as many folds as the others.
        missing = [one.candidate for one in plan.entries[family] if len(tops(trials, one.name)) < 5]
        least = min((COSTS[name] * 0.8 * rows / 1e4 * 5 for name in missing), default=np.inf)
        assert used > 0.55 * seconds or used + least > 0.8 * seconds


def test_entries_share_their_folds():
    plan = plan_of(["net", "small"], rows=20_000, seconds=60)
    trials, _ = play(plan, Family.DEEP, 50)
    reached = [tops(trials, name) for name in ("net", "small") if tops(trials, name)]
    assert reached
    assert all(folds[0] == 0 for folds in reached)


def test_what_failed_is_not_tried_again_nor_varied():
    plan = plan_of(["base", "quick", "loud", "good", "loud-2"], rows=4000, seconds=60)
    trials, _ = play(plan, Family.CLASSICAL, 50, fails=("loud",))
    assert [trial.rung for trial in trials if trial.entry == "loud"] == [plan.rungs[0]]
    assert not [trial for trial in trials if trial.entry == "loud-2"]


def test_a_job_cut_off_by_the_user_is_tried_again():
    plan = plan_of(["net"], rows=4000, seconds=60)
    entry = plan.entries[Family.DEEP][0]
    lost = Trial(
        id="0000-net-f0", entry="net", candidate="net", family=Family.DEEP, params={}, rung=plan.rungs[0], rows=1, fold=0, seed=0,
        state=State.TIMEOUT, reason="cut off: stopped by the user",
    )  # fmt: skip
    wish = plan.next(Family.DEEP, [lost], [], 50.0)
    assert wish is not None
    assert (wish.entry, wish.rung) == (entry, plan.rungs[0])


@pytest.mark.parametrize("rows", [100, 600, 5000, 40_000, 2_000_000])
def test_rungs_grow_to_the_top_and_are_neither_tiny_nor_many(rows):
    rungs = rungs_of(rows, classes=2, seconds=60)
    assert rungs[-1] == 1.0
    assert list(rungs) == sorted(rungs)
    assert len(rungs) <= 7
    assert rows * rungs[0] >= 250 or rungs == (1.0,)


def trial_of(name, *, rung=1.0, state=State.DONE, wall_s=2.0, done=1.0, job=0, fold=0, start_s=0.0):
    return Trial(
        id=f"{job:04d}-{name}-f{fold}", entry=name, candidate=name, family=Family.DEEP, params={}, rung=rung, rows=800, fold=fold,
        seed=0, state=state, score=0.8 if state is State.DONE else None, wall_s=wall_s, done=done,
        start_s=start_s,
    )  # fmt: skip


def test_a_fit_that_the_clock_cut_short_is_not_taken_for_a_cheap_one():
    plan = plan_of(["net", "small"], rows=1000, seconds=60)
    low = plan.rungs[0]
    whole = [trial_of("net", rung=low, wall_s=3.0), trial_of("small", rung=low, wall_s=3.0)]
    cut = [trial_of("net", rung=low, wall_s=3.0, done=0.05), trial_of("small", rung=low, wall_s=3.0)]
    assert plan.next(Family.DEEP, whole, [], 14.0).entry.name == "net"
    fresh = plan_of(["net", "small"], rows=1000, seconds=60)
    assert fresh.next(Family.DEEP, cut, [], 14.0).entry.name == "small"


def test_opening_a_gpu_is_not_taken_for_training():
    plan = plan_of(["net"], rows=16_000, seconds=60)
    opened = trial_of("net", rung=plan.rungs[0], wall_s=4.5, done=0.5, start_s=3.0)
    told, untold = (
        Record([one], set(), rows=16_000, folds=5, cards=plan.cards, metric=plan.metric)
        for one in (opened, replace(opened, start_s=0.0))
    )
    entry = plan.entries[Family.DEEP][0]
    assert told.seconds(entry, 1.0) < 0.5 * untold.seconds(entry, 1.0)
    wish = plan.next(Family.DEEP, [opened], [], 50.0)
    assert wish is not None
    assert wish.patience == pytest.approx(min(2 * wish.seconds + 5.0, 47.0) + 3.0)


def test_a_top_fold_that_ran_out_of_time_is_tried_once_more():
    plan = plan_of(["net"], rows=1000, seconds=60)
    seen = [trial_of("net", rung=rung) for rung in plan.rungs[:-1]]
    late = [trial_of("net", state=State.TIMEOUT, job=7, fold=fold) for fold in range(5)]
    wish = plan.next(Family.DEEP, [*seen, *late], [], 100.0)
    assert wish is not None
    assert (wish.rung, wish.folds[0]) == (1.0, 0)


def test_large_tables_are_held_by_few_folds_at_a_time():
    plan = plan_of(["base"], rows=2_000_000, seconds=600)
    wish = plan.next(Family.CLASSICAL, [], [], 500.0)
    assert wish.folds == (0,)


def test_without_lower_rungs_everybody_gets_a_fold_first():
    plan = plan_of(["quick", "good", "slow"], rows=200, seconds=30)
    assert plan.rungs == (1.0,)
    trials, _ = play(plan, Family.CLASSICAL, 30)
    assert [trial.entry for trial in trials[:3]] == ["quick", "good", "slow"]


def test_a_probe_is_fitted_once_below_the_top_and_never_counted():
    plan = plan_of(["base", "quick", "good", "slow"], 20_000, 60)
    probe = Entry(
        name="quick-plain",
        candidate="quick",
        family=Family.CLASSICAL,
        params={"plain_inputs": True},
        reference=True,
        probe="plain",
        of="quick",
    )
    plan.entries[Family.CLASSICAL] = (*plan.entries[Family.CLASSICAL], probe)
    trials, _ = play(plan, Family.CLASSICAL, 60)
    mine = [trial for trial in trials if trial.entry == "quick-plain"]
    assert len(mine) == 1
    assert mine[0].rung < 1.0
    assert any(trial.entry == "quick" and trial.rung == mine[0].rung and trial.fold == 0 for trial in trials)


def test_nets_of_media_get_time_on_their_first_fold_where_no_rung_screens_them():
    plan = plan_of(["net"], 300, 100)
    assert len(plan.rungs) == 1
    tables = plan.next(Family.DEEP, [], [], 100.0)
    plan.cards["net"] = Card(
        name="net", title="net", family=Family.DEEP, build="x:X", paper="", anytime=True, accepts=("sound",)
    )
    sounds = plan.next(Family.DEEP, [], [], 100.0)
    assert tables.seconds < 5
    assert 30 < sounds.seconds <= 50


def test_the_best_net_of_media_is_known_well_before_others_are_begun_in_vain():
    plan = plan_of(["net", "small"], 8000, 600)
    costs = {"net": 250.0, "small": 300.0}
    for name in costs:
        plan.cards[name] = Card(
            name=name, title=name, family=Family.DEEP, build="x:X", paper="", anytime=True, accepts=("image",)
        )
    clock, trials = 0.0, []
    while (wish := plan.next(Family.DEEP, trials, [], 540 - clock)) is not None:
        name, rows = wish.entry.name, int(8000 * wish.rung * 0.8)
        natural = costs[name] * rows / 8000
        spent = min(natural, wish.seconds)
        score = 0.9 - 8 / rows - 0.05 * (1 - spent / natural) - 0.06 * (name == "small")
        trials.append(
            Trial(
                id=f"{len(trials)}-{name}-f{wish.folds[0]}", entry=name, candidate=name, family=Family.DEEP, params={},
                rung=wish.rung, rows=rows, fold=wish.folds[0], seed=0, state=State.DONE, score=score, wall_s=spent,
                done=spent / natural, reason="",
            )
        )  # fmt: skip
        clock += spent
    assert tops(trials, "net")[:2] == [0, 1]
    assert {trial.rung for trial in trials if trial.entry == "net"} & set(plan.rungs[1:-1])
    assert all(trial.done > 0.35 for trial in trials if trial.rung == 1.0)


def test_a_net_of_media_that_was_hardly_begun_on_few_rows_gets_its_fold_at_the_top():
    plan = plan_of(["net", "small"], 600, 50)
    for name in ("net", "small"):
        plan.cards[name] = Card(
            name=name, title=name, family=Family.DEEP, build="x:X", paper="", anytime=True, accepts=("image",)
        )
    trials = [
        replace(trial_of(name, rung=plan.rungs[0], wall_s=2.5, done=0.05), score=0.6) for name in ("net", "small")
    ]
    wish = plan.next(Family.DEEP, trials, [], 45.0)
    assert wish is not None and wish.rung == 1.0
    assert wish.seconds > 8
