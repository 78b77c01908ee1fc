"""Texts reduced to the leading directions of their TF-IDF, learned on a fold's training rows, for boosted trees.

Latent semantic analysis: Deerwester et al., JASIS 1990.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.blocks import numbers_only
from treeline.candidates.card import Card, Rows
from treeline.candidates.classical.lightgbm import LightGBM
from treeline.candidates.classical.through import Made, Through
from treeline.candidates.classical.words import Vocabulary
from treeline.candidates.grams import Grams, counts_of
from treeline.candidates.prepare import with_prefix, without_prefix
from treeline.candidates.texts import leading
from treeline.problem.metric import Array
from treeline.problem.task import Family

__all__ = ["CARDS", "Directions", "Reduced", "boosting"]

MOST = 60_000
"Grams that the directions are learned on."
GRAMS = Grams(words=2, chars=(3, 4))


@dataclass(frozen=True, slots=True)
class Directions:
    """A learned reduction."""

    vocabulary: Vocabulary
    components: Array
    "(d, k) float32"

    def __call__(self, rows: Rows) -> Rows:
        """Return rows of k directions and the table's numbers."""
        return self.of(rows, self.vocabulary(rows))

    def of(self, rows: Rows, features: Any) -> Rows:
        """Return the rows for the sparse features (n, d) of their texts."""
        # Rounded, because the last digits of a sum differ between processors and a tree could split there.
        return numbers_only(rows, np.hstack([np.round(features @ self.components, 4), rows.num]), rows.cat)

    def arrays(self) -> dict[str, Array]:
        """Return the state."""
        told = np.array([self.vocabulary.words], np.int64)
        return {**with_prefix("grams", self.vocabulary.arrays()), "words": told, "components": self.components}


class Reduced:
    """How directions are learned."""

    @property
    def defaults(self) -> Mapping[str, Any]:
        """How many directions are kept."""
        return {"components": 96}

    def learn(self, rows: Rows, chosen: Mapping[str, Any], *, seed: int) -> tuple[Made, Rows]:
        """Learn grams, their weights and directions from training rows."""
        vocabulary, features = Vocabulary.fit(counts_of(rows, GRAMS), GRAMS, most=MOST, presence=False)
        most = min(int(chosen["components"]), max(1, min(features.shape) // 4))
        components = leading(features, most) if features.nnz else np.zeros((features.shape[1], 1), np.float32)
        made = Directions(vocabulary, components)
        return made, made.of(rows, features)

    def restore(self, arrays: Mapping[str, Array]) -> Made:
        """Rebuild a reduction."""
        meta = {"words": int(arrays["words"][0]), "presence": False, "grams": [GRAMS.words, list(GRAMS.chars)]}
        return Directions(Vocabulary.restore(without_prefix("grams", arrays), meta), arrays["components"])


def boosting() -> Through:
    """Return LightGBM on directions and the table; each tree sees a part of them."""
    return Through(LightGBM(), Reduced(), {"learning_rate": 0.1, "steps": 500, "patience": 60, "feature_fraction": 0.4})


CARDS = (
    Card(
        name="words_boosting",
        title="Reduced TF-IDF, boosted trees",
        family=Family.CLASSICAL,
        build=f"{__name__}:boosting",
        paper="Deerwester et al., Indexing by latent semantic analysis, JASIS 1990; Ke et al., LightGBM, NeurIPS 2017",
        licence="MIT",
        accepts=("text",),
        requires=("lightgbm", "scipy"),
        needs=("lightgbm", "scipy"),
        anytime=True,
        portfolio=({}, {"components": 200}),
        space={"components": (32, 300, "log"), "learning_rate": (0.02, 0.2, "log")},
    ),
)
