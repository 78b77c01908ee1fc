"""The handover: the picked members of a finished contest, written as a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.registry import card_named
from treeline.contest.cache import transform_of
from treeline.contest.opening import encoder_of
from treeline.data.splits import ALL
from treeline.deliver.bundle import Contents, Member, write_bundle

if TYPE_CHECKING:
    from treeline.contest.ledger import Ledger
    from treeline.contest.result import Result
    from treeline.contest.trial import Trial
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array

__all__ = ["PARITY_ROWS", "hand_over"]

PARITY_ROWS = 32


def hand_over(ledger: Ledger, result: Result, dataset: Dataset, rows: Array) -> dict[str, Any]:
    """Write `OUT/bundle` from the ledger's models; return its sizes, see `write_bundle`.

    `rows` (n,) are the row numbers of the data set that have a target: the order of the ledger's rows.
    """
    spread = np.unique(np.linspace(0, len(rows) - 1, PARITY_ROWS).astype(np.int64))
    fold = ledger.rows()["fold"]
    members = [
        Member(
            name=pick.name,
            card=card_named(pick.candidate),
            weight=pick.weight,
            models=[ledger.model(trial) for trial in pick.trials],
            proof=[_proof(ledger, trial, fold, spread) for trial in pick.trials],
        )
        for pick in result.picks
    ]
    encoder = encoder_of(ledger)
    contents = Contents(
        problem=result.problem,
        columns=ledger.head["dataset"]["columns"],
        encoder=encoder,
        members=members,
        verdict=result.verdict,
        parity_frame=dataset.frame[rows[spread]],
        parity_media={
            part.name: dataset.media[part.name][rows[spread]] for part in encoder.media if part.name in dataset.media
        },
        target_transform=transform_of(result.problem.metric.name),
        versions=ledger.head["versions"],
    )
    return write_bundle(ledger.out / "bundle", contents)


def _proof(ledger: Ledger, trial: Trial, fold: Array, spread: Array) -> Array:
    """Return what a model predicted out of fold for the parity rows, NaN for rows that it was trained on."""
    if trial.fold == ALL:
        return np.full(len(spread), np.nan)
    held = np.flatnonzero(fold == trial.fold)
    said = ledger.predictions(trial)[2]
    known = np.isin(spread, held)
    proof = np.full((len(spread), *said.shape[1:]), np.nan)
    proof[known] = said[np.searchsorted(held, spread[known])]
    return proof
