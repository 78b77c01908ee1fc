"""How fast does the delivered model predict 100,000 rows, beside AutoGluon best_quality's?

    python bench/predict_speed.py --tables adult_income diamonds --seconds 60

Both tools fit the same train part for the same seconds, then predict the same 100,000 rows (the test part, drawn again and
again). Treeline is timed twice: its whole command (`treeline predict`: start, read the CSV, load, predict, write), and only
the prediction of a frame in memory by a loaded model. The peer is timed in memory, without start, reading and writing, which
favours the peer in the first comparison.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import pandas as pd
from measure import append, markdown
from peers import attempt
from tables import DATA, WORK, Table, table


def enlarged(which: Table, rows: int) -> Table:
    """The same table with a test part of `rows` rows, drawn with replacement."""
    folder = WORK / "speed" / which.name
    folder.mkdir(parents=True, exist_ok=True)
    test, truth = pd.read_csv(which.test, low_memory=False), pd.read_csv(which.truth)
    drawn = test.sample(rows, replace=True, random_state=0).index
    test.loc[drawn].to_csv(folder / "test.csv", index=False)
    truth.loc[drawn].to_csv(folder / "truth.csv", index=False)
    return replace(which, test=folder / "test.csv", truth=folder / "truth.csv")


def in_memory_s(run: Path, test: Path, repeats: int = 3) -> float:
    """Median seconds that the delivered model needs for a frame that is in memory already."""
    import treeline

    model = treeline.load(run).model
    frame = pd.read_csv(test, low_memory=False)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        model.predict_frame(frame)
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def main() -> None:
    """Fit both, time both, append the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", default=["adult_income", "diamonds"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--peer", default="autogluon-best")
    parser.add_argument("--envs", type=Path, default=WORK.parent / "peers")
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args()
    rows = []
    for name in args.tables:
        which = enlarged(table(name, args.data), args.rows)
        facts = {}
        for tool in ("treeline", args.peer):
            out = WORK / "speed" / f"{name}-{tool}"
            facts[tool] = attempt(tool, which, seconds=args.seconds, cores=args.cores, envs=args.envs, out=out)
            if facts[tool]["failed"]:
                raise SystemExit(f"{tool} failed on {name}: {facts[tool]['failed']}")
        command = float(str(facts["treeline"]["predict_s"]))
        memory = in_memory_s(WORK / "speed" / f"{name}-treeline" / "run", which.test)
        theirs = float(str(facts[args.peer]["predict_s"]))
        scores = [f"{float(str(facts[tool]['score'])):.5g}" for tool in ("treeline", args.peer)]
        cells = [name, f"{args.rows:,}", f"{command:.2f}", f"{memory:.2f}", f"{theirs:.2f}"]
        rows.append([*cells, f"{theirs / command:.1f}", f"{theirs / memory:.1f}", *scores])
        print(*rows[-1], sep="  ", flush=True)
    head = ["table", "rows", "treeline command s", "treeline in memory s", f"{args.peer} in memory s"]
    head += ["times faster, command", "times faster, memory", "treeline score", f"{args.peer} score"]
    append(f"Predicting {args.rows:,} rows", markdown(head, rows))


if __name__ == "__main__":
    main()
