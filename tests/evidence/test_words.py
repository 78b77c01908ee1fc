"""What a person reads: the answer first, then what is known and what is not, about the data that was judged and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from treeline.evidence.advice import Share
from treeline.evidence.call import OPEN, Call, Reason
from treeline.evidence.judge import judge
from treeline.evidence.numbers import number, per_thousand, percent
from treeline.evidence.paired import compare
from treeline.evidence.recommend import Choice, Ground
from treeline.evidence.verdict import Verdict
from treeline.evidence.words import headline, sentence
from treeline.problem.metric import METRICS
from treeline.problem.task import Family
from treeline.testing.worlds import world

BASE = judge(world(0, rows=300).judged, margin=0.001, shares={family: Share(contenders=1) for family in Family})
ROWS = np.arange(200)
GAP = replace(
    compare(ROWS % 2, ROWS % 2 * 0.5, ROWS % 2 * 0.6, METRICS["accuracy"], fold=ROWS % 5, margin=0.001),
    estimate=0.0031, interval=(0.0012, 0.005), p_better=0.97, p_same=0.03, p_worse=0.0,
)  # fmt: skip
SAFE = Choice(
    side="classical", because=Ground.NOT_WORSE_CHEAPER, p_not_worse=0.996, p_loses_more_than_margin=0.004, regret=0.0,
    cost={"cheaper": "classical", "cpu_s": {"classical": 2.1, "deep": 40.0}, "gpu_s": {"classical": 0.0, "deep": 0.0}},
)  # fmt: skip


def told(call: Call, **more: Any) -> Verdict:
    facts: dict[str, Any] = {
        "call": call, "metric": "accuracy", "greater_is_better": True, "judged_rows": 3820, "difference": GAP, "both": None,
        "because": (Reason(OPEN, "neither"),), "choice": SAFE, "signal": None, "cheaper": Family.CLASSICAL,
    }  # fmt: skip
    return replace(BASE, **(facts | more))


def test_accuracy_is_counted_in_rows() -> None:
    assert sentence(told(Call.DEEP)) == (
        "On your data, judged on 3,820 rows held out, deep learning is better: about 3 more right per 1,000 rows "
        "(95% interval 1.2 to 5); the probability that the lead exceeds the margin of 0.001 is 97.0%."
    )
    assert per_thousand("accuracy", 0.0004) == "less than 1 more right per 1,000 rows"
    assert per_thousand("log_loss", 0.1) is None


def test_losses_are_lower_and_the_interval_turns_with_the_side() -> None:
    gap = replace(GAP, estimate=-12.0, interval=(-20.0, -4.0), p_better=0.0, p_same=0.02, p_worse=0.98)
    found = sentence(
        told(Call.CLASSICAL, metric="root_mean_squared_error", greater_is_better=False, margin=2.0, difference=gap)
    )
    assert "classical models are better: 12 lower RMSE (95% interval 4 to 20)" in found


def test_the_answer_comes_first_and_what_is_open_second() -> None:
    gap = replace(GAP, estimate=-0.001, p_better=0.004, p_same=0.6, p_worse=0.396)
    found = told(Call.UNDECIDED, difference=gap)
    assert headline(found) == "Use classical models: deep learning is not better by what matters here, 99.6% sure"
    assert sentence(found) == (
        "Whether classical models are better or the two are equal, 3,820 judged rows cannot tell. "
        "Classical models are cheaper to fit: 2.1 s of CPU against 40 s of CPU."
    )


def test_a_dearer_side_names_the_risk_of_the_cheaper_one() -> None:
    gap = replace(GAP, estimate=0.001, p_better=0.2, p_same=0.77, p_worse=0.03)
    dear = replace(SAFE, side="deep", because=Ground.NOT_WORSE_DEARER, p_not_worse=0.97)
    found = told(Call.UNDECIDED, difference=gap, choice=dear)
    assert headline(found).endswith(
        "classical models are not better by what matters here, 97.0% sure, but deep learning costs more"
    )
    assert "The risk that classical models lose more than 0.001 accuracy is 20.0%." in sentence(found)


def test_a_guess_between_the_two_says_its_risk() -> None:
    gap = replace(GAP, estimate=0.001, p_better=0.3, p_same=0.5, p_worse=0.2)
    risky = replace(SAFE, side="deep", because=Ground.BETTER_SCORE, p_not_worse=0.8, p_loses_more_than_margin=0.2)
    found = told(Call.UNDECIDED, difference=gap, choice=risky)
    assert (
        headline(found)
        == "Use deep learning for now: the better score so far, with a risk of 20.0% to lose more than what matters here"
    )
    assert "classical models are better 20.0%, the two are equal 50.0%, deep learning is better 30.0%" in sentence(
        found
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("BLOCKED", "No verdict until the data is sorted out"),
        ("DEEP_MISSING", "Only classical models have a result"),
        ("CLASSICAL_MISSING", "Only deep learning has a result"),
        ("TOO_FEW_ROWS", "No answer: 12 rows were judged, 30 are the least"),
    ],
)
def test_where_nothing_can_be_said_the_reason_is_the_headline(code: str, words: str) -> None:
    because = (Reason(code, "12 rows were judged, 30 are the least"),)
    found = told(Call.UNDECIDED, because=because, choice=None, difference=None)
    assert headline(found) == words
    assert "no " in sentence(found)


def test_without_a_signal_the_headline_says_so_and_no_side_is_recommended() -> None:
    found = told(Call.EQUIVALENT, signal={"gain": 0.0, "interval": [-1.0, 1.0], "p": 0.4})
    assert headline(found).startswith("Neither side is shown to beat a constant guess")
    assert sentence(found).endswith("so no side is recommended.")


@pytest.mark.parametrize("call", [Call.CLASSICAL, Call.DEEP, Call.EQUIVALENT, Call.BOTH, Call.UNDECIDED])
def test_every_call_speaks_of_the_judged_rows(call: Call) -> None:
    both = {"gain_over": "deep", "gain": 0.01, "gain_interval": [0.002, 0.018], "p_gain": 0.98}
    text = headline(told(call, both=both)) + " " + sentence(told(call, both=both))
    assert "3,820" in text
    for general in ("tabular data", "always", "usually", "in general"):
        assert general not in text


def test_where_both_are_equal_and_no_price_decides_either_will_do() -> None:
    free = replace(SAFE, because=Ground.NOT_WORSE, cost=None)
    assert headline(told(Call.EQUIVALENT, choice=free)).startswith(
        "Either will do: the two sides are equally good here"
    )
    cheap = headline(told(Call.EQUIVALENT, choice=SAFE))
    assert cheap.startswith("Use classical models") and cheap.endswith("classical models cost less")


def test_what_blocks_is_told_before_who_is_missing() -> None:
    because = (
        Reason("BLOCKED", "finding D004 (leak) forbids a verdict"),
        Reason("DEEP_MISSING", "PyTorch is not installed"),
    )
    found = sentence(told(Call.UNDECIDED, because=because, choice=None, difference=None))
    assert found.index("D004") < found.index("PyTorch")


def test_a_gpu_is_named_in_the_price() -> None:
    gap = replace(GAP, estimate=-0.001, p_better=0.004, p_same=0.6, p_worse=0.396)
    cost = {"cheaper": "classical", "cpu_s": {"classical": 2.1, "deep": 4.0}, "gpu_s": {"classical": 0.0, "deep": 8.0}}
    found = sentence(told(Call.UNDECIDED, difference=gap, choice=replace(SAFE, cost=cost)))
    assert found.endswith("2.1 s of CPU against 4 s of CPU and 8 s of GPU.")


def test_numbers_read_well() -> None:
    assert number(123456.7) == "123,457"
    assert number(0.01234) == "0.0123"
    assert number(0.0) == "0"
    assert "e" not in number(0.00001)
    assert [percent(p) for p in (1.0, 0.97, 0.0)] == ["above 99.9%", "97.0%", "below 0.1%"]
