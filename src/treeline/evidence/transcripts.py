"""Transcripts judged: word errors of every clip, and the error rate with its interval. Texts and numbers only."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from treeline.problem.scoring import Array

__all__ = ["Rate", "edits", "error_rate", "plain"]

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Errors per unit of truth (word error rate, character error rate)."""

    value: float
    low: float
    high: float
    clusters: int
    "Clips, or groups of clips, that were taken as drawn independently."

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            name: None if isinstance(one, float) and not np.isfinite(one) else one for name, one in asdict(self).items()
        }


def plain(text: str) -> str:
    """Return what is compared: lower case, NFKC, without punctuation (but apostrophes within words), single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    kept = (one if one == "'" or unicodedata.category(one)[0] not in "PSCZ" else " " for one in folded)
    return " ".join(word.strip("'") for word in "".join(kept).split() if word.strip("'"))


def edits(truth: Sequence[str], said: Sequence[str]) -> int:
    """Return the fewest substitutions, insertions and deletions that turn `said` into `truth` (Levenshtein 1966)."""
    codes = {unit: code for code, unit in enumerate(dict.fromkeys([*truth, *said]))}
    goal = np.array([codes[unit] for unit in truth], dtype=np.int64)
    steps = np.arange(len(goal) + 1)
    row = steps.copy()
    for done, unit in enumerate(said, start=1):
        # A deletion costs one per place, so after substitutions and insertions a running minimum of row - place is enough.
        best = np.minimum(row[1:] + 1, row[:-1] + (goal != codes[unit]))
        row = np.minimum.accumulate(np.concatenate([[done], best]) - steps) + steps
    return int(row[-1])


def error_rate(errors: Array, units: Array, group: Array | None = None) -> Rate:
    """Return errors over units with a 95 % interval.

    The rate is a ratio of two sums, so its variance is that of the sums of residuals (Cochran: Sampling Techniques, 1977, 6.3),
    taken by group where clips come in groups (speakers), by clip otherwise; Student's t with one degree less than there are.

    Args:
        errors: (n,) edits of each clip.
        units: (n,) words, or characters, of its true transcript.
        group: (n,) of whatever has `==`; None where each clip stands alone.
    """
    from scipy.special import stdtrit

    total = float(units.sum())
    rate = float(errors.sum()) / total if total else float("nan")
    _, place = np.unique(
        np.arange(len(errors)) if group is None else np.asarray(group).astype(str), return_inverse=True
    )
    clusters = int(place.max(initial=-1)) + 1
    if clusters < 2 or not total:
        return Rate(value=rate, low=0.0, high=float("inf"), clusters=clusters)
    residual = np.bincount(place, weights=errors - rate * units)
    half = (
        float(stdtrit(clusters - 1, 0.5 + LEVEL / 2)) * np.sqrt(clusters / (clusters - 1) * (residual**2).sum()) / total
    )
    return Rate(value=rate, low=max(0.0, rate - half), high=rate + half, clusters=clusters)
