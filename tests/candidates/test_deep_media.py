"""Every net of texts, images and sounds keeps the promises of the conformance suite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from treeline.candidates.card import Card, Clock, Fold
from treeline.candidates.registry import cards
from treeline.problem.task import Family
from treeline.testing.conformance import CHECKS, Case, easy_rows

CARDS = [card for card in cards().values() if card.family is Family.DEEP and card.accepts and not card.pretrained]
TINY: dict[str, dict[str, Any]] = {
    "text_bag": {"width": 16, "lr": 0.02, "epochs": 4},
    "text_cnn": {"width": 16, "hidden": 16, "lr": 0.01, "epochs": 4},
    "text_lstm": {"width": 16, "hidden": 8, "lr": 0.02, "epochs": 4},
    "text_transformer": {"width": 32, "layers": 1, "lr": 0.005, "epochs": 4},
    "image_cnn": {"width": 8, "epochs": 6, "lr": 0.01},
    "image_resnet": {"width": 8, "epochs": 6, "lr": 0.01},
    "image_vit": {"width": 32, "layers": 1, "epochs": 8, "lr": 0.005},
    "image_mlp": {"width": 32, "layers": 1, "epochs": 8, "lr": 0.005},
    "sound_cnn": {"width": 8, "epochs": 4, "lr": 0.006},
    "sound_crnn": {"width": 8, "epochs": 4, "lr": 0.006},
    "sound_resnet": {"width": 8, "epochs": 4, "lr": 0.006},
    "sound_transformer": {"width": 32, "layers": 1, "epochs": 8, "lr": 0.005},
}
pytest.importorskip("torch", reason="the extra `deep` is not installed")


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_card_keeps_promise(card: Card, check: str) -> None:
    # One check asks how well a net learned; the others hold after few epochs as after many.
    few = {} if check == "beats a constant" else {"epochs": 1, "steps": 3}
    CHECKS[check](Case(card, {**TINY[card.name], **few}, seconds=60.0))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_setting_of_the_portfolio_is_taken(card: Card) -> None:
    assert card.portfolio[0] == {}, "the default comes first"
    rows = easy_rows(card.tasks[0], 40, media=card.accepts[0])
    for params in card.portfolio:
        model = card.candidate().fit([Fold(rows)], {**params, "steps": 1}, clock=Clock(1.0), seed=0)[0]
        assert np.isfinite(model.predict(rows)).all()
