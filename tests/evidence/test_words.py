"""One plain sentence a call, about the data that was judged and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from treeline.evidence.words import number, per_thousand, sentence

GAP = {"estimate": 0.0031, "interval": [0.0012, 0.005], "p_better": 0.97, "p_same": 0.03, "p_worse": 0.0}


def facts(call: str, **more: Any) -> dict[str, Any]:
    return {
        "call": call,
        "metric": "accuracy",
        "greater_is_better": True,
        "margin": 0.001,
        "judged_rows": 7043,
        "difference": GAP,
        "both": None,
        "because": ["NOT_ENOUGH_ROWS: neither"],
        "leaning": None,
        "cheaper": "classical",
        "regret": 0.002,
        "needed": 20000,
        **more,
    }


def test_accuracy_is_counted_in_rows() -> None:
    text = sentence(facts("DEEP"))
    assert text == (
        "On your data, judged on 7,043 rows held out, deep learning is better: about 3 more right per 1,000 rows "
        "(95% interval 1.2 to 5); the probability that the lead exceeds the margin of 0.001 is 97.0%."
    )
    assert per_thousand("accuracy", 0.0004) == "less than 1 more right per 1,000 rows"
    assert per_thousand("log_loss", 0.1) is None


def test_losses_are_lower_and_the_interval_turns_with_the_side() -> None:
    gap = {"estimate": -12.0, "interval": [-20.0, -4.0], "p_better": 0.0, "p_same": 0.02, "p_worse": 0.98}
    found = sentence(
        facts("CLASSICAL", metric="root_mean_squared_error", greater_is_better=False, margin=2.0, difference=gap)
    )
    assert "classical models are better: 12 lower RMSE (95% interval 4 to 20)" in found


@pytest.mark.parametrize("call", ["CLASSICAL", "DEEP", "EQUIVALENT", "BOTH", "UNDECIDED"])
def test_every_call_is_one_sentence_about_your_data(call: str) -> None:
    both = {"gain_over": "deep", "gain": 0.01, "gain_interval": [0.002, 0.018]}
    text = sentence(facts(call, both=both))
    judged = "7,043 judged rows are" if call == "UNDECIDED" else "judged on 7,043 rows held out, "
    assert text.startswith(f"On your data, {judged}")
    assert text.endswith(".")
    assert ". " not in text
    for general in ("tabular data", "always", "usually", "in general"):
        assert general not in text


def test_undecided_says_the_price_of_waiting() -> None:
    text = sentence(facts("UNDECIDED", leaning="DEEP"))
    assert "leans to deep learning" in text
    assert "is expected to cost 0.002 accuracy" in text
    assert "about 20,000 judged rows would settle it" in text
    assert "less than 0.0001" in sentence(facts("UNDECIDED", regret=1e-7))


def test_a_gate_is_named() -> None:
    assert "finding D004" in sentence(facts("UNDECIDED", because=["BLOCKED: finding D004 forbids a verdict"]))
    missing = sentence(facts("UNDECIDED", because=["DEEP_MISSING: it was not asked for"], difference=None))
    assert "deep learning did not compete (it was not asked for)" in missing


def test_numbers_read_well() -> None:
    assert number(123456.7) == "123,457"
    assert number(0.01234) == "0.0123"
    assert number(0.0) == "0"
    assert "e" not in number(0.00001)
