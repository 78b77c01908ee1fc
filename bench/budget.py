"""Is the time limit kept, and how soon is there a model worth having?

    python bench/budget.py --limits 30 60 300

Runs `treeline run` on whole tables (no test part), and writes down wall seconds against the promise (1.05 x limit + 5 s), and
after how many seconds the ledger held the first fit that was better than the baseline on the same rows.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from measure import TREELINE, append, markdown, measured
from tables import DATA, WORK, Table, names, table

from treeline.contest.ledger import Ledger
from treeline.problem.metric import metric_named
from treeline.problem.task import Task


def treeline_run(which: Table, *, source: Path, limit: float, out: Path, cores: int) -> tuple[float, float, int, str]:
    """Run the contest; return wall seconds, peak megabytes, exit code and the end of what it printed."""
    shutil.rmtree(out, ignore_errors=True)
    words = [
        str(TREELINE),
        "run",
        str(source),
        "--target",
        which.target,
        "--task",
        which.task,
        "--metric",
        which.metric,
    ]
    words += ["--time-limit", f"{limit:g}s", "--out", str(out), "--quiet", "--cores", str(cores)]
    words += ["--split", "random" if which.task == "regression" else "stratified"]
    cost = measured(words, limit_s=4 * limit + 120, cores=cores, log=out.with_suffix(".log"))
    return cost.wall_s, cost.peak_mb, cost.code, cost.tail


def first_usable_s(out: Path, which: Table) -> float | None:
    """Seconds from the start to the first finished fit that beats the baseline on the same rows; None where none does."""
    metric = metric_named(which.metric, Task(which.task))
    trials = [trial for trial in Ledger(out).trials if trial.score is not None]
    floors = [trial.score for trial in trials if trial.candidate == "baseline" and trial.score is not None]
    floor = floors[0] if floors else None
    ends = [
        trial.started_s + trial.wall_s
        for trial in trials
        if trial.candidate != "baseline"
        and trial.score is not None
        and (floor is None or metric.better(trial.score, floor))
    ]
    return min(ends, default=None)


def main() -> None:
    """Run, remember each fact as it comes, and append the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limits", type=float, nargs="+", default=[30, 60, 300])
    parser.add_argument("--tables", nargs="+", help="default: all of the manifest")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--keep", action="store_true", help="keep the runs (bench/overhead.py reads them)")
    args = parser.parse_args()
    rows, broken = [], 0
    for limit in args.limits:
        for name in args.tables or names(args.data):
            which = table(name, args.data)
            out = WORK / "runs" / f"{name}-{limit:g}"
            wall, peak, code, tail = treeline_run(which, source=which.full, limit=limit, out=out, cores=args.cores)
            kept = wall <= 1.05 * limit + 5 and code == 0
            broken += not kept
            usable = first_usable_s(out, which) if code == 0 else None
            call = json.loads((out / "verdict.json").read_text())["call"] if code == 0 else tail.strip()[-120:]
            shown = "" if usable is None else f"{usable:.1f}"
            rows.append(
                [name, which.rows, f"{limit:g}", f"{wall:.1f}", f"{wall / limit:.3f}", kept, shown, f"{peak:.0f}", call]
            )
            print(*rows[-1], sep="  ", flush=True)
            if not args.keep:
                shutil.rmtree(out, ignore_errors=True)
    head = ["table", "rows", "limit s", "wall s", "wall / limit", "kept", "first usable s", "peak MB", "call"]
    kept_all = f"Kept on {len(rows) - broken} of {len(rows)} runs (wall <= 1.05 x limit + 5 s, exit 0)."
    append("The time limit, and the first usable model", f"{kept_all}\n\n{markdown(head, rows)}")


if __name__ == "__main__":
    main()
