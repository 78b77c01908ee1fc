"""The handover: the picked members of a finished contest, written as a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.registry import card_named
from treeline.contest.cache import transform_of
from treeline.contest.opening import encoder_of
from treeline.deliver.bundle import Contents, Member, write_bundle

if TYPE_CHECKING:
    from treeline.contest.ledger import Ledger
    from treeline.contest.result import Result
    from treeline.data.dataset import Dataset

__all__ = ["PARITY_ROWS", "hand_over"]

PARITY_ROWS = 32


def hand_over(ledger: Ledger, result: Result, dataset: Dataset) -> dict[str, Any]:
    """Write `OUT/bundle` from the ledger's models; return its sizes, see `write_bundle`."""
    import polars as pl

    spread = np.unique(np.linspace(0, len(dataset) - 1, PARITY_ROWS).astype(np.int64))
    frame: pl.DataFrame = dataset.frame[spread]
    members = [
        Member(
            name=pick.name,
            card=card_named(pick.candidate),
            weight=pick.weight,
            models=[ledger.model(trial) for trial in pick.trials],
        )
        for pick in result.picks
    ]
    contents = Contents(
        problem=result.problem,
        columns=ledger.head["dataset"]["columns"],
        encoder=encoder_of(ledger),
        members=members,
        verdict=result.verdict,
        parity_frame=frame,
        target_transform=transform_of(result.problem.metric.name),
        versions=ledger.head["versions"],
    )
    return write_bundle(ledger.out / "bundle", contents)
