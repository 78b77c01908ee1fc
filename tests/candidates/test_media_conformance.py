"""Every classical card for texts, images and sounds keeps the promises of the conformance suite."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeline.candidates.card import Card, Clock, Fold, Rows, Watch
from treeline.candidates.media import Media, MediaColumn
from treeline.candidates.registry import cards
from treeline.problem.task import Family
from treeline.testing.conformance import CHECKS, Case, easy_rows

FEW = {"image_patches": {"patches": 60}}
MEDIA = [card for card in cards().values() if card.family is Family.CLASSICAL and not card.pretrained and card.accepts]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("card", MEDIA, ids=lambda card: card.name)
def test_card_keeps_promise(card: Card, check: str) -> None:
    # Features are on the clock too.
    CHECKS[check](Case(card, FEW.get(card.name, {}), seconds=4.0))


@pytest.mark.parametrize("card", MEDIA, ids=lambda card: card.name)
def test_every_setting_of_the_portfolio_is_taken(card: Card) -> None:
    assert card.portfolio[0] == {}, "the default comes first"
    rows = easy_rows(card.tasks[0], 60, media=card.accepts[0])
    for params in card.portfolio:
        model = card.candidate().fit([Fold(rows)], {**params, "steps": 3}, clock=Clock(1.0), seed=0)[0]
        assert len(model.predict(rows)) == 60


@pytest.mark.parametrize("card", MEDIA, ids=lambda card: card.name)
def test_two_columns_and_any_size_will_do(card: Card) -> None:
    """One pixel and three channels, a sound shorter than a window; the watch gets its own rows back."""
    plain = easy_rows(card.tasks[0], 80, media="")
    kind = card.accepts[0]
    sizes = ((1, 1, 3), (5, 9, 2)) if kind == "image" else ((60,), (2000,))
    dtype = np.uint8 if kind == "image" else np.int16
    rng = np.random.default_rng(0)
    made = {f"m{i}": rng.integers(0, 200, (80, *size)).astype(dtype) for i, size in enumerate(sizes)}
    shape = replace(plain.shape, media=tuple(MediaColumn(name, kind, made[name].shape[1:]) for name in made))
    rows = Rows(shape, plain.num, plain.cat, plain.y, Media.of(made, 80))
    train, held = rows.take(np.arange(60)), rows.take(np.arange(60, 80))
    watch = Watch(held, np.arange(20) % 2)
    params = {**FEW.get(card.name, {})}
    model = card.candidate().fit([Fold(train, watch)], params, clock=Clock(2.0), seed=0)[0]
    assert watch.rows is held
    np.testing.assert_allclose(model.predict(held), watch.kept()[2], rtol=1e-3, atol=1e-3)
