"""The diagnosis in one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treeline.problem.metric import title_of

__all__ = ["remedy_words"]

LEAD = {
    "rows": "More rows",
    "features": "Better features, or a form of model that uses them better,",
    "labels": "Cleaner labels",
    "regularisation": "A simpler or more strongly regularised model",
    "time": "More time",
}
SHORT = {
    "rows": "more rows",
    "features": "better features",
    "labels": "cleaner labels",
    "regularisation": "a simpler model",
    "time": "more time",
}
CAUSE = {
    "rows": "too_little_data", "features": "bias", "labels": "noise", "regularisation": "variance", "time": "under_training",
}  # fmt: skip


def remedy_words(helps: str, also: Sequence[str], ailments: Sequence[dict[str, Any]], metric: str) -> str:
    """Return what would help most, with its numbers, as one sentence.

    Args:
        helps: the remedy, `nothing` or `unknown`.
        also: remedies that would buy nearly as much.
        ailments: the side's ailments as plain data.
        metric: the metric's name.
    """
    known = {one["name"]: one for one in ailments}
    if helps == "nothing":
        unit = title_of(metric)
        return f"Nothing of rows, features, labels, regularisation or time promises a gain in {unit} above the margin."
    if helps == "unknown":
        return f"It cannot be told what would help most: {known['bias']['evidence']}, {known['too_little_data']['evidence']}."
    one = known[CAUSE[helps]]
    words = f"{LEAD[helps]} would help most: {one['evidence'].split('; folds')[0]}."
    if helps == "features" and known["noise"]["word"] in ("none", "unknown"):
        words = words[:-1] + "; or what is left is chance, which looks the same."
    if known["bias"]["size"] is None:
        words = words[:-1] + "; how well training rows are explained is not known."
    if also:
        words = words[:-1] + f"; {' and '.join(SHORT[name] for name in also)} may help as much."
    if helps == "regularisation" and known["too_little_data"]["size"] is None:
        words = words[:-1] + "; more rows would narrow this too, by how much the learning curve is too short to tell."
    return words
