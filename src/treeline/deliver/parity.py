"""Parity rows: a few raw rows with the predictions that they had when the bundle was written.

They travel with the model and are predicted again whenever it is loaded, so that another library version, processor or a
damaged conversion shows itself before the first real prediction (Breck et al. 2017, "The ML test score", Infra 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.data.column import Kind
from treeline.errors import IntegrityError

if TYPE_CHECKING:
    import polars as pl

    from treeline.problem.metric import Array

__all__ = ["difference", "parity_json", "parity_rows", "same_or_refuse", "veiled"]

PLAIN = 1e-6
FLOAT32 = 1e-4
"Nets sum in float32, in an order that differs between processors."


def parity_json(frame: pl.DataFrame, expected: Array, *, float32: bool) -> dict[str, Any]:
    """Return the rows of `frame` (canonical types) and their predictions (n,) or (n, C) as plain data."""
    rows = {name: [_plain(value) for value in frame[name].to_list()] for name in frame.columns}
    return {"rows": rows, "expected": expected.tolist(), "tolerance": FLOAT32 if float32 else PLAIN}


def veiled(frame: pl.DataFrame, columns: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return rows whose texts hold other letters and digits, drawn anew, so that no word of a text travels with the model."""
    rng = np.random.default_rng(0)
    texts = [c["name"] for c in columns if c["kind"] == Kind.TEXT and c["name"] in frame.columns]
    return frame.with_columns(
        [frame[name].map_elements(lambda text: _drawn(text, rng), return_dtype=frame[name].dtype) for name in texts]
    )


def _drawn(text: str, rng: np.random.Generator) -> str:
    letters = rng.integers(97, 123, len(text))
    return "".join(chr(new) if old.isalnum() else old for old, new in zip(text, letters.tolist(), strict=True))


def parity_rows(data: dict[str, Any], columns: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rebuild the raw rows of `columns`, with canonical types by their kinds; `KeyError` where one is not there."""
    import polars as pl

    made = []
    for column in columns:
        name, kind = column["name"], column["kind"]
        values = data["rows"][name]
        if kind == Kind.DATE:
            dates = [None if value is None else datetime.fromisoformat(value) for value in values]
            made.append(pl.Series(name, dates, dtype=pl.Datetime("us")))
        elif kind == Kind.NUMBER:
            whole = all(value is None or isinstance(value, int) for value in values)
            made.append(pl.Series(name, values, dtype=pl.Int64 if whole else pl.Float64, strict=False))
        else:
            made.append(pl.Series(name, values, dtype=pl.String))
    return pl.DataFrame(made)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def difference(given: Array, expected: Array) -> float:
    """Return the largest difference, relative to the largest expected value where that is above one."""
    if given.shape != expected.shape or not np.isfinite(given).all():
        return float("inf")
    if not expected.size:
        return 0.0
    return float(np.abs(given - expected).max() / max(1.0, float(np.abs(expected).max())))


def same_or_refuse(given: Array, data: dict[str, Any], *, where: str) -> float:
    """Compare predictions with the stored ones; return the largest difference.

    Raises:
        IntegrityError: it is above the tolerance.
    """
    found = difference(given, np.asarray(data["expected"], dtype=np.float64))
    if found > data["tolerance"]:
        raise IntegrityError(
            f"The bundle does not predict here as it did where it was written: the largest difference is {found:.2g}, "
            f"above {data['tolerance']:.0e}.",
            do="Install the library versions that the manifest lists.",
            where=where,
        )
    return found
