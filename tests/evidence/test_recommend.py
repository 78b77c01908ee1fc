"""What to do: the ground, the risk and the price of a choice, and that it is true in worlds whose winner is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeline.evidence.advice import Share
from treeline.evidence.call import Call, call_of
from treeline.evidence.choice import procedure
from treeline.evidence.paired import Difference, compare
from treeline.evidence.recommend import Choice, Ground, choose
from treeline.evidence.verdict import judge
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
    assert found.cost == {"cheaper": "classical", "cpu_s": {"classical": 2.0, "deep": 90.0}}


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


def test_the_headline_gives_the_answer_and_the_sentence_what_is_open() -> None:
    judged = world(3, rows=700, members=(1, 1)).judged
    margin = 0.02
    told = judge(judged, margin=margin, shares=CHEAP)
    assert told.call is Call.UNDECIDED and told.choice is not None and told.difference is not None
    words = told.to_json()
    if told.choice.because is Ground.BETTER_SCORE:
        assert "for now: the better score so far, with a risk of" in words["headline"]
    else:
        assert "not better by what matters here" in words["headline"]
    assert words["choice"]["words"] == words["headline"]
    assert "700 judged rows cannot tell" in words["sentence"]


def test_safe_choices_hold_in_worlds_without_a_winner_and_with_a_gap() -> None:
    """A safe choice loses more than the margin in at most 5% of worlds; with a margin it is given far more often than a call."""
    wrong = given = decided = 0
    for seed in range(120):
        drawn = world(seed, rows=600, gap=0.25 * (seed % 3), metric="log_loss", members=(2, 2))
        told = judge(drawn.judged, margin=0.02, shares=CHEAP if seed % 2 else DEAR)
        decided += told.call is not Call.UNDECIDED
        if told.choice is None or not told.choice.because.safe:
            continue
        given += 1
        true = {family: drawn.score(procedure(drawn.judged, family)) for family in Family}
        side = told.choice.family
        if side is not None:
            wrong += true[side.other] - true[side] > 0.02
    assert given > decided
    assert wrong <= 0.05 * given + 2
