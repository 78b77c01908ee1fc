"""Claims on raw data: texts, images and sounds as they are, features made by hand, and encoders that learned elsewhere."""

from __future__ import annotations

import numpy as np
from claims_stats import (
    Row,
    Runs,
    duel,
    effect,
    pairs,
    ranged,
    share,
    sided,
    sides,
    spent,
    told,
    word_of_effect,
    word_of_share,
)

KINDS = {"image": "images", "sound": "sounds", "words": "texts"}


def rows(runs: Runs) -> list[Row | None]:
    """Return what these runs tell; None where no run speaks of a claim."""
    raw = [run for run in runs if run["arm"] == "raw"]
    whole = [run for run in raw if not any(why.startswith("UNFINISHED") for why in run["because"])]
    few = [run for run in runs if run["arm"] == "few"]
    return [_wins(whole, len(raw)), _hands(raw), _transfer(few)]


def _kind(run: dict) -> str:
    candidates = {fit["candidate"].split("_")[0] for fit in run["fits"].values()}
    return next(plural for name, plural in KINDS.items() if name in candidates)


def _wins(raw: Runs, tried: int) -> Row | None:
    gaps = [({**gap, "estimate": -gap["estimate"], "p_better": gap["p_worse"], "p_worse": gap["p_better"]}, run)
            for gap, run in sides(raw)]  # fmt: skip
    if not gaps:
        return None
    found = duel(gaps)
    by = []
    for kind in KINDS.values():
        some = duel([(gap, run) for gap, run in gaps if _kind(run) == kind])
        by.append(f"{kind} {some['k']} of {some['n']}")
    return Row(
        claim="Deep learning wins on raw data",
        word=word_of_share(found["k"], found["n"], 0.5, split=found["split"]),
        number=share(found["k"], found["n"]),
        cost=spent(raw),
        how="texts, images and sounds; nets from nothing against features made by hand, both sides as procedures",
        text=f"{told(found, 'Deep learning', 'the classical side').replace('tables', 'sets')} Lead of deep learning by "
        f"kind: {', '.join(by)}. In {tried - len(raw)} more runs no net came to all rows in time. Without pretrained weights, on "
        "two cores: minutes and weights turn this line.",
    )


def _hands(raw: Runs) -> Row | None:
    both = sided(raw, "engineering")
    if not both:
        return None
    gains = [classical / run["margin"] for classical, _, run in both]
    found = effect(gains)
    each = ", ".join(f"{run['table']} {gain:.1f}" for gain, (_, _, run) in zip(gains, both, strict=True))
    return Row(
        claim="On raw data classical models live on features made by hand",
        word=word_of_effect(found, len(gains)),
        number=ranged(found, " margins"),
        cost=spent(run for _, _, run in both),
        how="the first classical contender with its features, and on bare pixels, spectrograms, counts of words",
        text=f"Features made by hand gained {ranged(found)} margins in the mean, {float(np.median(gains)):.2g} in the "
        f"median, more than a margin on {sum(gain > 1 for gain in gains)} of {len(gains)} sets "
        f"({each}). Nets take "
        "pixels and words as they are.",
    )


def _transfer(few: Runs) -> Row | None:
    gaps = pairs(few, "own frozen")
    if not gaps:
        return None
    gains = [gap["estimate"] / run["margin"] for gap, run in gaps]
    found = effect(gains)
    against = pairs([run for _, run in gaps], "classical frozen")
    own = pairs([run for _, run in gaps], "classical own")
    ahead = [share(sum(gap["estimate"] > 0 for gap, _ in one), len(one)) for one in (against, own)]
    return Row(
        claim="Transfer closes the data gap",
        word=word_of_effect(found, len(gains)),
        number=ranged(found, " margins"),
        cost=spent(run for _, run in gaps),
        how="texts cut to 600 and to 2,000 rows: a frozen MiniLM encoder against nets trained on these rows alone",
        text=f"The encoder was ahead of the nets from nothing by {ranged(found)} margins in the mean. It was ahead of the "
        f"whole classical side in {ahead[0]} runs, the nets from nothing in {ahead[1]}.",
    )
