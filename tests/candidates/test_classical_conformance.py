"""Every classical card keeps the promises of the conformance suite."""

from __future__ import annotations

import pytest

from treeline.candidates.card import Card, Clock, Fold
from treeline.candidates.registry import cards
from treeline.problem.task import Family
from treeline.testing.conformance import CHECKS, Case, easy_rows

CLASSICAL = [
    card for card in cards().values() if card.family is Family.CLASSICAL and not card.pretrained and not card.accepts
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("card", CLASSICAL, ids=lambda card: card.name)
def test_card_keeps_promise(card: Card, check: str) -> None:
    if card.missing():
        pytest.skip(f"{card.missing()} not installed")
    CHECKS[check](Case(card, seconds=1.0))


@pytest.mark.parametrize("card", CLASSICAL, ids=lambda card: card.name)
def test_every_setting_of_the_portfolio_is_taken(card: Card) -> None:
    assert card.portfolio[0] == {}, "the default comes first"
    rows = easy_rows(card.tasks[0], 120)
    for params in card.portfolio:
        model = card.candidate().fit([Fold(rows)], {**params, "steps": 3}, clock=Clock(1.0), seed=0)[0]
        assert len(model.predict(rows)) == 120
