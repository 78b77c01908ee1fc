"""How long is the start, how long are reading and audit of a large table, and how much memory does a run on flights hold?

    python bench/reading.py                    all three
    python bench/reading.py --only help audit  some of them

The large table is made here from a seed: 1,000,000 rows x 20 columns of numbers, labels, dates, identifiers, short texts and
gaps. Memory is the highest sum over the command and all its children of their proportional share, read twice a second.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from budget import treeline_run
from measure import TREELINE, append, markdown, measured
from tables import DATA, WORK, table


def large(rows: int) -> Path:
    """Write the large table once and return its path."""
    path = WORK / f"large-{rows}.csv"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    columns: dict[str, object] = {f"number_{i}": draw.normal(size=rows).round(4) for i in range(7)}
    columns |= {f"count_{i}": draw.poisson(3 + i, size=rows) for i in range(3)}
    columns |= {f"label_{i}": draw.choice([f"{i}-{k}" for k in range(4 * 5**i)], size=rows) for i in range(4)}
    days = np.datetime64("2015-01-01") + draw.integers(0, 3650, size=rows).astype("timedelta64[D]")
    columns |= {"day": days, "customer": np.char.mod("C%08d", draw.permutation(rows))}
    words = draw.choice(["red", "fast", "old", "blue", "round", "cheap", "new", "dry"], size=(rows, 3))
    columns["words"] = [" ".join(row) for row in words]
    gaps = draw.normal(size=rows).round(3)
    gaps[draw.random(rows) < 0.3] = np.nan
    columns |= {"gaps": gaps, "flag": draw.random(rows) < 0.2}
    signal = columns["number_0"] + 0.5 * columns["count_0"]  # type: ignore[operator]
    columns["target"] = np.where(signal + draw.normal(size=rows) > 1.5, "yes", "no")
    frame = pl.DataFrame(columns).with_columns(pl.col("gaps").fill_nan(None))
    assert frame.width == 20, frame.width
    frame.write_csv(path)
    return path


def help_s(repeats: int = 11) -> list[object]:
    """Median wall seconds of `treeline --help`; the first start, which fills the disk cache, is not counted."""
    walls = [measured([str(TREELINE), "--help"], limit_s=60, memory=False).wall_s for _ in range(repeats)][1:]
    return ["`treeline --help`", f"{median(walls):.3f} s (highest of {len(walls)}: {max(walls):.3f})", "", "< 0.3 s"]


def audit_s(rows: int) -> list[object]:
    """Wall seconds and memory of reading and audit of the large table."""
    path = large(rows)
    cost = measured([str(TREELINE), "audit", str(path), "--target", "target"], limit_s=600)
    if cost.code:
        raise SystemExit(cost.tail)
    size = path.stat().st_size / 1e6
    return [
        f"reading + audit, {rows:,} rows x 20, {size:.0f} MB",
        f"{cost.wall_s:.1f} s",
        f"{cost.peak_mb:.0f} MB",
        "<= 20 s",
    ]


def flights_mb(data: Path, seconds: float, cores: int) -> list[object]:
    """Peak memory of a whole run on hflights_2011."""
    which = table("hflights_2011", data)
    wall, peak, code, tail = treeline_run(
        which, source=which.full, limit=seconds, out=WORK / "runs" / "flights", cores=cores
    )
    if code:
        raise SystemExit(tail)
    return [
        f"run on hflights_2011, {which.rows:,} rows, {seconds:g} s",
        f"{wall:.1f} s",
        f"{peak:.0f} MB",
        "<= 3,000 MB",
    ]


def main() -> None:
    """Measure what was asked for and append the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=["help", "audit", "memory"], default=["help", "audit", "memory"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args()
    rows = []
    if "help" in args.only:
        rows.append(help_s())
    if "audit" in args.only:
        rows.append(audit_s(args.rows))
    if "memory" in args.only:
        rows.append(flights_mb(args.data, args.seconds, args.cores))
    append("Start, reading and memory", markdown(["what", "wall", "peak memory", "aim"], rows))


if __name__ == "__main__":
    main()
