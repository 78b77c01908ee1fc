"""How much of a run is not spent in trials: wall - sum of trial seconds / parallelism.

    python bench/overhead.py --tables adult_income diamonds --seconds 60          runs, then reads the ledgers
    python bench/overhead.py runs/a runs/b                                        only reads them

Parallelism is how many trials ran side by side at most (from their starts and lengths), unless --parallel says otherwise.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from budget import treeline_run
from measure import append, markdown
from tables import DATA, WORK, table

from treeline.contest.ledger import Ledger
from treeline.contest.trial import Trial


def side_by_side(trials: list[Trial]) -> int:
    """The largest number of trials that ran at one moment; a tenth of a second of overlap is no company."""
    edges = [(trial.started_s, 1) for trial in trials if trial.wall_s > 0.2]
    edges += [(trial.started_s + trial.wall_s - 0.1, -1) for trial in trials if trial.wall_s > 0.2]
    most = now = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return max(most, 1)


def main() -> None:
    """Run where asked, read the ledgers, append the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--parallel", type=int, help="trials side by side")
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args()
    outs = {out: float(json.loads((out / "verdict.json").read_text())["budget"]["used_s"]) for out in args.runs}
    for name in args.tables:
        which = table(name, args.data)
        out = WORK / "runs" / f"{name}-{args.seconds:g}"
        outs[out], _, code, tail = treeline_run(which, source=which.full, limit=args.seconds, out=out, cores=args.cores)
        if code:
            raise SystemExit(tail)
    rows = []
    for out, wall in outs.items():
        trials = Ledger(out).trials
        busy = sum(trial.wall_s for trial in trials)
        parallel = args.parallel or side_by_side(trials)
        over = wall - busy / parallel
        cells = [
            out.parent.name if out.name == "run" else out.name,
            len(trials),
            f"{wall:.1f}",
            f"{busy:.1f}",
            parallel,
            f"{over:.1f}",
            f"{over / wall:.1%}",
        ]
        cells.append(f"{sum(trial.cpu_s for trial in trials) / (wall * args.cores):.0%}")
        rows.append(cells)
    head = [
        "run",
        "trials",
        "wall s",
        "sum of trials s",
        "side by side",
        "overhead s",
        "overhead",
        "CPU of the trials / cores x wall",
    ]
    append("The contest's overhead", markdown(head, rows))


if __name__ == "__main__":
    main()
