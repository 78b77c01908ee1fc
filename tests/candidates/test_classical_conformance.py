"""Every classical card keeps the promises of the conformance suite."""

from __future__ import annotations

import pytest

from treeline.candidates.card import Card
from treeline.candidates.registry import cards
from treeline.problem.problem import Family
from treeline.testing.conformance import CHECKS, Case

CLASSICAL = [card for card in cards().values() if card.family is Family.CLASSICAL and not card.pretrained]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("card", CLASSICAL, ids=lambda card: card.name)
def test_card_keeps_promise(card: Card, check: str) -> None:
    if card.missing():
        pytest.skip(f"{card.missing()} not installed")
    CHECKS[check](Case(card, seconds=1.0))
