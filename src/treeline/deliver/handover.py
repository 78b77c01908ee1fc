"""The handover: the picked members of a finished contest, written as a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.registry import card_named
from treeline.contest.cache import transform_of
from treeline.contest.opening import encoder_of
from treeline.data.column import Kind
from treeline.data.splits import ALL
from treeline.deliver.bundle import Contents, Member, write_bundle
from treeline.deliver.runtime import parity_inputs
from treeline.problem.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl

    from treeline.contest.delivery import Pick
    from treeline.contest.ledger import Ledger
    from treeline.contest.result import Result
    from treeline.contest.trial import Trial
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array

__all__ = ["PARITY_ROWS", "Raw", "hand_over", "raw_of", "raw_of_bundle", "write_picks"]

PARITY_ROWS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """The raw rows that prove that a bundle predicts as it did: `PARITY_ROWS` of the ledger's rows, spread evenly."""

    frame: pl.DataFrame
    media: dict[str, Array]
    veiled: bool = False
    "Whether their texts hold other letters than those that the models were judged on."


def hand_over(ledger: Ledger, result: Result, dataset: Dataset, rows: Array) -> dict[str, Any]:
    """Write `OUT/bundle`, the run's own model; return its sizes, see `write_bundle`.

    `rows` (n,) are the row numbers of the data set that have a target: the order of the ledger's rows.
    """
    raw = raw_of(ledger, dataset, rows)
    return write_picks(ledger, result.picks, raw, verdict=result.verdict, folder=ledger.out / "bundle")


def raw_of(ledger: Ledger, dataset: Dataset, rows: Array) -> Raw:
    """Take the raw rows from the data; `rows` as `hand_over` has them."""
    index = rows[_spread(len(rows))]
    media = [part.name for part in encoder_of(ledger).media if part.name in dataset.media]
    return Raw(frame=dataset.frame[index], media={name: dataset.media[name][index] for name in media})


def raw_of_bundle(ledger: Ledger, bundle: Path) -> Raw:
    """Take the raw rows from a bundle of the same run, whose texts are veiled; raises as `parity_inputs`."""
    frame, media = parity_inputs(bundle)
    texts = {column["name"] for column in ledger.head["dataset"]["columns"] if column["kind"] == Kind.TEXT}
    return Raw(frame=frame, media=media, veiled=bool(texts & set(frame.columns)))


def write_picks(
    ledger: Ledger, picks: Sequence[Pick], raw: Raw, *, verdict: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """Write the picked models of a ledger as a bundle; return its sizes. Raises as `write_bundle`."""
    spread, fold = _spread(len(ledger.rows()["y"])), ledger.rows()["fold"]
    problem = Problem.from_json(ledger.head["problem"])
    members = [
        Member(
            name=pick.name,
            card=card_named(pick.candidate),
            weight=pick.weight,
            models=[ledger.model(trial) for trial in pick.trials],
            proof=[] if raw.veiled else [_proof(ledger, trial, fold, spread) for trial in pick.trials],
        )
        for pick in picks
    ]
    contents = Contents(
        problem=problem,
        columns=ledger.head["dataset"]["columns"],
        encoder=encoder_of(ledger),
        members=members,
        verdict=verdict,
        parity_frame=raw.frame,
        parity_media=raw.media,
        target_transform=transform_of(problem.metric.name),
        versions=ledger.head["versions"],
    )
    return write_bundle(folder, contents)


def _spread(count: int) -> Array:
    return np.unique(np.linspace(0, count - 1, PARITY_ROWS).astype(np.int64))


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
