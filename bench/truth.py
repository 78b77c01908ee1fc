"""The proof that the evidence is true: worlds whose truth is known, and real tables whose truth was kept aside.

    python bench/truth.py worlds               no winner exists: how often is one named? (a few minutes)
    python bench/truth.py power                the gap is known: is it found, and do the intervals hold it?
    python bench/truth.py folds                how far does the luck of one, two, three, five judged folds reach?
    python bench/truth.py real --data DIR      decide on samples of real tables, compare with rows kept aside; stop and go on
    python bench/truth.py again                take the verdicts of those runs once more, after a change of the evidence
    python bench/truth.py report               writes docs/truth.md and docs/truth.svg from what is known so far

Design.
- Worlds (`truth_laws.py`, `truth_worlds.py`): samples of 300, 1,000 and 4,000 rows from drawn laws; four contenders a side, five
  folds, judged by `evidence.judge.judge` as a contest's ledger is. Only fresh rows of the law know the truth.
- False calls: 300 worlds with a law of their own each; one seed of every learner on each side, so no true winner exists. In 100
  more the labels are shuffled. CLASSICAL, DEEP and BOTH are counted, at the default margin and at a margin of zero.
- Power and coverage: few laws, many samples each. An interval speaks of the procedure at this number of rows: its expected score
  over samples. So the truth of a cell is the mean, over its samples, of what their models score on fresh rows: no extra fit.
- Real tables (`truth_real.py`): a third of the rows, at most 12,000, is kept aside. `treeline.run` decides on 1,000, 4,000,
  a quarter and on all of the rest. Each side's procedure then predicts the rows kept aside: what it scores there is the truth.
Facts go to bench/results/truth*.jsonl; `truth_report.py` and `truth_verdicts.py` tell them.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
SIZES = (300, 1000, 4000)
NULLS, SHUFFLED = 300, 100
LAWS, SAMPLES = 2, 20
GAPS = (0.4, 0.9)
"Sizes of the error that is added to one side."


def null_jobs() -> list[Any]:
    """Return the worlds without a winner: each has a law of its own."""
    from truth_laws import Law
    from truth_worlds import ASKED, Task

    jobs = []
    for number in range(NULLS + SHUFFLED):
        task, rows = list(Task)[number % 3], SIZES[number // 3 % 3]
        law = Law(task, 1000 + number, shuffled=number >= NULLS)
        jobs.append((law, 5000 + number, rows, [(metric, "same", 0.0) for metric in ASKED[task]]))
    return jobs


def power_jobs() -> list[Any]:
    """Return the worlds with a gap: unlike sides, and like sides of which one has an error added."""
    from truth_laws import Law
    from truth_worlds import ASKED, Task

    jobs = []
    for task in Task:
        for rows in SIZES:
            for number in range(LAWS * SAMPLES):
                law, gap = number % LAWS, GAPS[number // LAWS % len(GAPS)]
                asked = [(metric, *deal) for metric in ASKED[task] for deal in (("unlike", 0.0), ("same", gap))]
                jobs.append((Law(task, law), 10_000 * (1 + law) + 100 * rows + number, rows, asked))
    return jobs


def played(jobs: list[Any], workers: int, name: str) -> None:
    """Play all worlds, keep every verdict under .work, and write one line for each kind of world."""
    from multiprocessing import get_context

    from truth_worlds import cases

    kept = ROOT / ".work" / "bench" / "truth" / f"{name}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with get_context("spawn").Pool(workers) as pool, kept.open("w", encoding="utf-8") as raw:
        for number, found in enumerate(pool.imap(cases, jobs), start=1):
            raw.write("".join(json.dumps(one) + "\n" for one in found))
            if number % 20 == 0:
                print(f"{number} of {len(jobs)} worlds", flush=True)
    condense(kept, RESULTS / f"truth_{name}.jsonl", null=name == "null")


def folded(workers: int) -> None:
    """Judge worlds on 1, 2, 3 and 5 of their folds; a line is kept as soon as its world is done, so it may be stopped."""
    from multiprocessing import get_context

    from truth_folds import fold_cases, fold_jobs, told

    kept = ROOT / ".work" / "bench" / "truth" / "folds.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with get_context("spawn").Pool(workers) as pool, kept.open("w", encoding="utf-8") as file:
        for found in pool.imap_unordered(fold_cases, fold_jobs()):
            file.write("".join(json.dumps(one) + "\n" for one in found))
            file.flush()
    lines = told([json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()])
    (RESULTS / "truth_folds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def condense(kept: Path, out: Path, *, null: bool) -> None:
    """Write one line for each kind of world; worlds without a winner have a law of their own each, so their laws are one kind."""
    from truth_cells import cell

    kinds: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for one in map(json.loads, kept.read_text(encoding="utf-8").splitlines()):
        names = ("shuffled", "task", "metric", "rows", "deal", "size")
        kinds[(*(one[name] for name in names), -1 if null else one["law"])].append(one)
    out.parent.mkdir(exist_ok=True)
    lines = (json.dumps(cell(key, found, null=null)) + "\n" for key, found in sorted(kinds.items()))
    out.write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["worlds", "power", "folds", "real", "case", "again", "report"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tables", nargs="+", default=[], help="only these")
    parser.add_argument("--size", default="", help="for `case`: 1000, 4000, quarter or all")
    parser.add_argument("--before", default="", help="words to put before each run, such as 'nice -n 5'")
    args = parser.parse_args()
    if args.what == "worlds":
        played(null_jobs(), args.workers, "null")
    elif args.what == "power":
        played(power_jobs(), args.workers, "power")
    elif args.what == "folds":
        folded(args.workers)
    elif args.what == "real":
        from truth_real import everything

        everything(args.data, args.seconds, args.tables, before=args.before.split())
    elif args.what == "case":
        from truth_real import one_case

        one_case(args.data, args.seconds, args.tables[0], args.size)
    elif args.what == "again":
        from truth_real import again

        again()
    else:
        from truth_report import report

        report(RESULTS, ROOT / "docs")


if __name__ == "__main__":
    main()
