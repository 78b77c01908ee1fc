"""What to do: the ground, the risk and the price of a choice, and that it is true in worlds whose winner is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeline.evidence.advice import Share
from treeline.evidence.again import Again, not_worse
from treeline.evidence.call import Call, call_of
from treeline.evidence.choice import procedure
from treeline.evidence.judge import judge
from treeline.evidence.paired import Difference, compare
from treeline.evidence.recommend import Choice, Ground, choose, said_of
from treeline.problem.metric import METRICS
from treeline.problem.task import Family
from treeline.testing.worlds import world

CHEAP = {Family.CLASSICAL: Share(contenders=2, fit_cpu_s=2.0), Family.DEEP: Share(contenders=2, fit_cpu_s=90.0)}
DEAR = {Family.CLASSICAL: Share(contenders=2, fit_cpu_s=90.0), Family.DEEP: Share(contenders=2, fit_cpu_s=2.0)}


def gap_of(p_better: float, p_same: float, estimate: float = 0.0) -> Difference:
    y = np.arange(200) % 2
    some = compare(y, y * 0.5, y * 0.6, METRICS["accuracy"], fold=np.arange(200) % 5, margin=0.01)
    odds = {"p_better": p_better, "p_same": p_same, "p_worse": 1 - p_better - p_same}
    return replace(some, estimate=estimate, se=0.01, **odds)


def chosen(gap: Difference, shares: dict[Family, Share]) -> Choice:
    return choose(call_of(gap, None)[0], gap, None, shares)


def test_the_winner_is_chosen_whatever_it_costs() -> None:
    found = chosen(gap_of(0.97, 0.03, 0.02), CHEAP)
    assert (found.side, found.because) == ("deep", Ground.WON)
    assert found.p_not_worse == pytest.approx(1.0)


def test_an_open_call_with_a_side_that_is_not_worse_and_cheaper_is_a_safe_choice() -> None:
    gap = gap_of(0.02, 0.60, -0.01)
    assert call_of(gap, None)[0] is Call.UNDECIDED
    found = chosen(gap, CHEAP)
    assert (found.side, found.because, found.because.safe) == ("classical", Ground.NOT_WORSE_CHEAPER, True)
    assert found.p_loses_more_than_margin == pytest.approx(0.02)
    assert found.cost is not None and found.cost["cheaper"] == "classical"
    assert found.cost["cpu_s"] == {"classical": 2.0, "deep": 90.0}


def test_a_side_that_is_not_worse_but_dearer_says_both_risks_and_prices() -> None:
    gap = gap_of(0.20, 0.77, 0.01)  # deep is not worse, classical loses more than the margin in one of five
    found = chosen(gap, CHEAP)
    assert (found.side, found.because) == ("deep", Ground.NOT_WORSE_DEARER)
    assert found.p_not_worse == pytest.approx(0.97)
    assert found.cost is not None and found.cost["cheaper"] == "classical"


def test_without_costs_the_ground_says_so() -> None:
    assert chosen(gap_of(0.2, 0.77, 0.01), {}).because is Ground.NOT_WORSE
    assert chosen(gap_of(0.2, 0.77, 0.01), {}).cost is None


def test_where_neither_is_safe_the_better_score_is_named_with_its_risk() -> None:
    found = chosen(gap_of(0.30, 0.50, 0.003), CHEAP)
    assert (found.side, found.because, found.because.safe) == ("deep", Ground.BETTER_SCORE, False)
    assert found.p_loses_more_than_margin == pytest.approx(0.20)
    assert found.regret is not None and found.regret > 0


def test_a_tie_goes_to_the_cheaper_side() -> None:
    assert chosen(gap_of(0.01, 0.97), CHEAP).side == "classical"
    assert chosen(gap_of(0.01, 0.97), DEAR).side == "deep"


def test_prices_that_are_about_the_same_decide_nothing() -> None:
    alike = {family: Share(contenders=2, fit_cpu_s=3.0 + 0.01 * (family is Family.DEEP)) for family in Family}
    found = chosen(gap_of(0.2, 0.77, 0.01), alike)
    assert (found.side, found.because) == ("deep", Ground.NOT_WORSE)
    assert found.cost is not None and found.cost["cheaper"] is None


def test_a_gpu_is_paid_for() -> None:
    graphics = {
        Family.CLASSICAL: Share(fit_cpu_s=32.0),
        Family.DEEP: Share(fit_cpu_s=10.0, fit_gpu_s=10.0, gpu_as_cpu=50.0),
    }
    assert chosen(gap_of(0.01, 0.97), graphics).side == "classical"
    assert chosen(gap_of(0.01, 0.97), {**graphics, Family.DEEP: Share(fit_cpu_s=10.0)}).side == "deep"


def test_a_tie_that_was_told_before_still_goes_to_the_cheaper_side() -> None:
    """At a second look a tie needs no more than it did, and makes both sides not worse; whoever costs less is taken."""
    again = Again(before=(("EQUIVALENT", not_worse(Family.CLASSICAL)),))
    gap = gap_of(0.004, 0.956)  # 1 - p_worse = .96: deep alone would need 97.5% now
    call, because = call_of(gap, None, again)
    found = choose(call, gap, None, DEAR, again=again)
    assert (call, found.side, found.because) == (Call.EQUIVALENT, "deep", Ground.NOT_WORSE_CHEAPER)
    assert set(said_of(call, because, found)) == {"EQUIVALENT", *(not_worse(family) for family in Family)}


def test_everybody_who_was_said_not_to_be_worse_is_remembered() -> None:
    gap = gap_of(0.03, 0.94)
    call, because = call_of(gap, None)
    assert call is Call.UNDECIDED
    assert set(said_of(call, because, choose(call, gap, None, CHEAP))) == {not_worse(family) for family in Family}


def test_the_headline_gives_the_answer_and_the_sentence_what_is_open() -> None:
    judged = world(3, rows=700, members=(1, 1)).judged
    margin = 0.02
    told = judge(judged, margin=margin, shares=CHEAP)
    assert told.call is Call.UNDECIDED and told.choice is not None and told.difference is not None
    words = told.to_json()
    assert told.choice.because is Ground.NOT_WORSE_CHEAPER
    assert "not better by what matters here" in words["headline"]
    assert words["choice"]["words"] == words["headline"]
    assert "700 judged rows cannot tell" in words["sentence"]


def test_safe_choices_hold_in_worlds_without_a_winner_and_with_a_gap() -> None:
    """A safe choice loses more than the margin in at most 5% of worlds; with a margin it is given far more often than a call."""
    wrong = given = decided = 0
    for seed in range(72):
        drawn = world(seed, rows=600, gap=0.25 * (seed % 3), metric="log_loss", members=(2, 2))
        told = judge(drawn.judged, margin=0.02, shares=CHEAP if seed % 2 else DEAR)
        decided += told.call is not Call.UNDECIDED
        if told.choice is None or not told.choice.because.safe:
            continue
        given += 1
        true = {family: drawn.score(procedure(drawn.judged, family)) for family in Family}
        side = told.choice.family
        if side is None:
            wrong += max(true.values()) - drawn.score(procedure(drawn.judged, None)) > 0.02
        else:
            wrong += true[side.other] - true[side] > 0.02
    assert given > decided
    assert wrong <= 0.05 * given
