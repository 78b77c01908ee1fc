"""The claims ledger: what the field says about trees and nets, tested by Treeline on real tables.

    python bench/claims.py run --data DIR        one Treeline run a table and a few more arms; stop and go on as you like
    python bench/claims.py adopt --runs DIR      facts from runs that bench/peers.py kept (--keep), in place of new ones
    python bench/claims.py public --results DIR  what public result tables say of claims that are not tested here
    python bench/claims.py measure               the facts once more from the finished runs; nothing is run
    python bench/claims.py report                docs/claims.md from the facts, however many there are

Facts go to bench/results/claims.jsonl, one line each; runs lie in .work/claims. `--before "nice -n 5"` puts words before
each run.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from claims_measure import measured_run
from measure import ROOT, TREELINE, commit, machine
from media import OWN, TEXTS, prepared, texts
from tables import DATA, names, table

FACTS = ROOT / "bench" / "results" / "claims.jsonl"
WORK = ROOT / ".work" / "claims"
SAMPLES = ("breast_cancer", "diabetes", "digits", "fair")
"Of the samples those that neither repeat a table nor are solved by everybody."
SMALL = ("adult_income", "diamonds", "job_change", "loans_full", "online_shoppers")
DIRTY = ("adult_income", "telco_churn", "job_change")
FEW_ROWS, FLIPPED = 800, 0.2
RAW = (*OWN, *TEXTS)
FEW = tuple(f"{name}:{rows}" for name in TEXTS for rows in (600, 2000))
LIBRARIES = ("treeline", "scikit-learn", "lightgbm", "catboost", "interpret-core", "torch")


def plan(data: Path) -> list[tuple[str, str]]:
    """Return (arm, table) of all runs, in an order in which a part of them already touches every claim."""
    rest = [name for name in names(data) if name not in DIRTY]
    return [
        *(("whole", name) for name in DIRTY),
        *(("whole", f"sample:{name}") for name in SAMPLES),
        *(("small", name) for name in SMALL),
        *(("dirty", name) for name in DIRTY),
        *(("whole", name) for name in rest),
        *(("raw", name) for name in RAW),
        *(("few", name) for name in FEW),
    ]


def source(arm: str, name: str, data: Path) -> tuple[str, list[str]]:
    """Return what `treeline run` reads, and its options."""
    if name.startswith("sample:"):
        return name, []
    if arm == "raw":
        train, _, _, options = prepared(name, data)
        return str(train), [*options, "--metric", "accuracy", "--pretrained", "none"]
    if arm == "few":
        path, rows = WORK / "tables" / f"{name.replace(':', '-')}.csv", int(name.partition(":")[2])
        path.parent.mkdir(parents=True, exist_ok=True)
        texts(name.partition(":")[0], data).sample(rows, seed=0).write_csv(path)
        return str(path), ["--target", "label", "--text", "text", "--metric", "accuracy"]
    which = table(name, data, WORK / "tables")
    options = ["--target", which.target, "--task", which.task, "--metric", which.metric]
    if arm == "whole":
        return str(which.full), options
    path = WORK / "tables" / name / f"{arm}.csv"
    frame = pd.read_csv(which.full, low_memory=False)
    if arm == "small":
        frame = frame.sample(FEW_ROWS, random_state=0)
        if which.task != "regression":
            frame = frame[frame.groupby(which.target)[which.target].transform("size") >= 10]
    else:
        labels = sorted(frame[which.target].unique())
        wrong = np.random.default_rng(0).random(len(frame)) < FLIPPED
        turned = frame[which.target].map(dict(zip(labels, labels[::-1], strict=True)))
        frame[which.target] = frame[which.target].where(~wrong, turned)
    frame.to_csv(path, index=False)
    return str(path), options


def known(path: Path) -> dict[str, dict]:
    """Return the facts by their key; of two on the same thing the later one counts."""
    if not path.exists():
        return {}
    return {fact["key"]: fact for fact in map(json.loads, path.read_text().splitlines())}


def write(path: Path, fact: dict) -> None:
    """Append one fact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(fact, default=float) + "\n")


def run(args: argparse.Namespace) -> None:
    """Make every run that is still missing."""
    for arm, name in plan(args.data):
        if args.arms and arm not in args.arms:
            continue
        key = f"{arm} {name} {args.seconds:g}"
        if key in known(args.facts):
            continue
        out = WORK / "runs" / key.replace(" ", "-").replace(":", "-")
        if arm == "few" and not args.pretrained:
            continue
        where, options = source(arm, name, args.data)
        options += ["--pretrained", args.pretrained] if arm == "few" else []
        words = [*shlex.split(args.before), str(TREELINE), "run", where, *options, "--time-limit", f"{args.seconds:g}s"]
        load, start = os.getloadavg()[0], time.perf_counter()
        done = subprocess.run([*words, "--quiet", "--out", str(out)], capture_output=True, text=True, check=False)
        fact = {
            "key": key,
            "arm": arm,
            "table": name,
            "seconds": args.seconds,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "wall_s": round(time.perf_counter() - start, 1),
            "load": round(load, 1),
            "commit": commit(),
            "machine": machine(),
            "versions": {library: version(library) for library in LIBRARIES},
            "failed": "",
        }
        if done.returncode:
            fact["failed"] = (done.stderr.strip() or done.stdout.strip())[-300:].replace(str(out), "OUT")
        else:
            fact |= measured_run(out, clean=clean(arm, name, args.data))
        write(args.facts, fact)
        print(time.strftime("%H:%M:%S"), key, fact.get("call", ""), fact["failed"], flush=True)


def adopt(args: argparse.Namespace) -> None:
    """Take facts from Treeline's runs of bench/peers.py: DIR/TABLE-SECONDS-treeline/run, made on four fifths of a table."""
    for out in sorted(args.runs.glob(f"*-{args.seconds:g}-treeline/run")):
        name = out.parent.name.removesuffix(f"-{args.seconds:g}-treeline")
        key = f"whole {name} {args.seconds:g}"
        if key not in known(args.facts) and (out / "verdict.json").exists():
            head = json.loads((out / "ledger" / "facts.jsonl").open().readline())
            about = {
                "arm": "whole",
                "table": name,
                "seconds": args.seconds,
                "when": head["started"],
                "wall_s": None,
                "load": None,
            }
            made = {
                "commit": args.commit,
                "machine": machine(),
                "versions": head["versions"],
                "failed": "",
                "from": "peers.py",
            }
            write(args.facts, {"key": key, **about, **made, **measured_run(out)})


def clean(arm: str, name: str, data: Path) -> list | None:
    """Return the labels before some were turned; None for the other arms."""
    if arm != "dirty":
        return None
    which = table(name, data, WORK / "tables")
    return pd.read_csv(which.full, usecols=[which.target])[which.target].tolist()


def again(args: argparse.Namespace) -> None:
    """Take the facts once more from the finished runs."""
    facts = list(known(args.facts).values())
    for fact in facts:
        out = WORK / "runs" / fact["key"].replace(" ", "-").replace(":", "-")
        if fact.get("arm") and not fact["failed"] and (out / "verdict.json").exists():
            fact.update(measured_run(out, clean=clean(fact["arm"], fact["table"], args.data)))
    args.facts.write_text("".join(json.dumps(fact) + "\n" for fact in facts))


def main() -> None:
    """Read the arguments and do one of the five."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "adopt", "public", "measure", "report"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--results", type=Path, default=DATA.parent / "results")
    parser.add_argument("--runs", type=Path, help="for `adopt`")
    parser.add_argument("--commit", default="unknown", help="for `adopt`: what those runs were made with")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "claims.md", help="for `report`")
    parser.add_argument("--facts", type=Path, default=FACTS)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument(
        "--pretrained", default="", help="folder of a text encoder; without it the arm `few` is left out"
    )
    parser.add_argument("--arms", nargs="+", default=[], help="only these")
    parser.add_argument("--before", default="", help="words before each run, such as a lock or `nice -n 5`")
    args = parser.parse_args()
    if args.what == "run":
        run(args)
    elif args.what == "measure":
        again(args)
    elif args.what == "adopt":
        adopt(args)
    elif args.what == "public":
        from claims_public import said

        write(args.facts, {"key": "public", **said(args.results)})
    else:
        from claims_report import report

        report(known(args.facts), args.out)


if __name__ == "__main__":
    main()
