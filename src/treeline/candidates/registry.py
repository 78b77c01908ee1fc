"""All cards, ours and those that other packages register under the entry-point group `treeline.candidates`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from treeline.candidates.card import Card
from treeline.errors import UsageError, nearest, shown

__all__ = ["MODULES", "card_named", "cards"]

MODULES = (
    "treeline.candidates.classical.baseline",
    "treeline.candidates.classical.linear",
    "treeline.candidates.classical.neighbours",
    "treeline.candidates.classical.bayes",
    "treeline.candidates.classical.svm",
    "treeline.candidates.classical.forests",
    "treeline.candidates.classical.lightgbm",
    "treeline.candidates.classical.xgboost",
    "treeline.candidates.classical.catboost",
    "treeline.candidates.classical.glassbox",
    "treeline.candidates.classical.words",
    "treeline.candidates.classical.reduced",
    "treeline.candidates.classical.pixels",
    "treeline.candidates.classical.sounds",
    "treeline.candidates.deep.mlp",
    "treeline.candidates.deep.realmlp",
    "treeline.candidates.deep.tabm",
    "treeline.candidates.deep.transformer",
    "treeline.candidates.deep.texts",
    "treeline.candidates.deep.images",
    "treeline.candidates.deep.sounds",
    "treeline.candidates.deep.pretrained",
    "treeline.candidates.deep.frozen",
    "treeline.candidates.deep.tuned",
)
"Each module has a tuple `CARDS`."


@cache
def cards() -> dict[str, Card]:
    """Return every card by name, in the order of the modules; outsiders last, refused where a name is taken."""
    found: dict[str, Card] = {}
    for module in MODULES:
        for card in import_module(module).CARDS:
            found[card.name] = card
    for point in entry_points(group="treeline.candidates"):
        card = point.load()
        if card.name in found:
            raise UsageError(
                f"Two candidates are named {shown(card.name)}.", do="Rename or uninstall one of the plug-ins."
            )
        found[card.name] = card
    return found


def card_named(name: str) -> Card:
    """Return the card of that name, or raise `UsageError` with the nearest names."""
    known = cards()
    if name not in known:
        raise UsageError(f"The candidate {shown(name)} is unknown: {nearest(name, known)}", do="See `treeline doctor`.")
    return known[name]
