"""A run's source, read as its settings say: when the run begins, and whenever its rows are needed again."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from treeline.candidates.weights import sharpness
from treeline.data.given_test import apart
from treeline.data.read_table import read
from treeline.errors import IntegrityError, UsageError
from treeline.machine import check_supported
from treeline.problem.problem import Problem
from treeline.problem.settings import Settings

if TYPE_CHECKING:
    from treeline.contest.ledger import Ledger
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array

__all__ = ["read_again", "read_source", "rows_with_target"]


def read_source(source: Any, settings: Settings, rejects: Path | None) -> Dataset:
    """Read a source; records that cannot be read go to `rejects` where the settings say so."""
    check_supported()
    return read(
        source, query=settings.query, kinds=settings.kinds or None, bad_rows=settings.bad_rows, rejects=rejects,
        missing=settings.missing or None, date_format=settings.date_format, header=settings.header, sheet=settings.sheet,
        target=settings.target, sharpness=lambda: sharpness(settings.pretrained),
    )  # fmt: skip


def read_again(ledger: Ledger, source: Any = None) -> Dataset:
    """Read what a run was begun with once more, from `source` where it lies elsewhere now.

    Raises:
        UsageError: it is not there, or was never a file.
        IntegrityError: it holds something else now.
    """
    told = ledger.head["dataset"]
    if source is None and (told["source"] == "frame" or told["how"].get("format") == "SQL"):
        what = "a table in memory" if told["source"] == "frame" else "a database, whose address is not kept"
        raise UsageError(f"The run was begun with {what}.", do="Give the data once more: --source, or source=.")
    known = {item.name for item in fields(Settings)}
    settings = Settings.of(**{name: value for name, value in ledger.head["settings"].items() if name in known})
    with TemporaryDirectory() as aside:
        try:
            dataset = read_source(told["source"] if source is None else source, settings, Path(aside) / "rejects.csv")
        except UsageError as error:
            raise UsageError(error.what, where=error.where, do="Say with --source where the data lies now.") from None
    if dataset.fingerprint != told["fingerprint"]:
        raise IntegrityError(
            f"The data has changed since the run: its fingerprint was {told['fingerprint'][:12]} and is now "
            f"{dataset.fingerprint[:12]}.",
            where=dataset.source,
            do="Give the data that the run was begun with (--source), or run anew.",
        )
    return dataset


def rows_with_target(ledger: Ledger, dataset: Dataset) -> Array:
    """Return the row numbers (n,) of the data set that the ledger's rows are, in their order; older ledgers do not list them."""
    listed = ledger.rows().get("row")
    return apart(dataset, Problem.from_json(ledger.head["problem"]))[0][0] if listed is None else listed
