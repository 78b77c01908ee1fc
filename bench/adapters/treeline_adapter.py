"""Treeline through its command line: `treeline run`, then `treeline predict`, both timed from outside, start-up included."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path


def command(*words: str) -> float:
    """Run `treeline …` and return its wall seconds; leave with its message where it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "treeline"), *words], text=True, capture_output=True, check=False
    )
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
        sys.exit(done.returncode)
    return time.perf_counter() - start


def main() -> None:
    """Fit, predict, and leave `preds.csv` and `out.json` as the other adapters do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--preset", default="")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    spec = json.loads(args.spec.read_text())
    run = args.out / "run"
    split = "random" if spec["task"] == "regression" else "stratified"
    options = ["--target", spec["target"], "--task", spec["task"], "--metric", spec["metric"], "--split", split]
    options += [
        "--time-limit",
        f"{args.seconds:g}s",
        "--out",
        str(run),
        "--quiet",
        "--cores",
        str(args.cores),
        *args.preset.split(),
    ]
    fit_s = command("run", str(args.train), *options)
    predict_s = command("predict", str(run), str(args.test), "-o", str(args.out / "preds.csv"))
    verdict = json.loads((run / "verdict.json").read_text())
    facts = {
        "fit_s": fit_s,
        "predict_s": predict_s,
        "version": version("treeline"),
        "note": str(verdict.get("call", "")),
    }
    (args.out / "out.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
