"""Treeline beside its peers: same files, same split, same seconds, same cores, each tool in its own environment.

    bench/install_peers.sh                             once; makes .work/peers/{autogluon,flaml,mljar,lightautoml}
    python bench/peers.py --seconds 60                 runs what the results file lacks, so it may be stopped at any time
    python bench/peers.py --seconds 60 --report        ranks, wins and losses, appended to bench/RESULTS.md

A fifth of each table is cut off with a fixed seed (stratified for labels) before any tool sees it; one scorer judges all.
Tools take turns on a table, so that a slow hour of the machine hits them all. A tool that fails is scored as the constant
predictor and marked.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from measure import ROOT, commit, machine, measured
from tables import DATA, WORK, Table, constant, names, scored, table

TOOLS = {
    "treeline": ("treeline", "treeline_adapter.py", ""),
    "autogluon-best": ("autogluon", "autogluon_adapter.py", "best_quality"),
    "autogluon-medium": ("autogluon", "autogluon_adapter.py", "medium_quality"),
    "flaml": ("flaml", "flaml_adapter.py", ""),
    "lightautoml": ("lightautoml", "lightautoml_adapter.py", ""),
    "mljar": ("mljar", "mljar_adapter.py", "Compete"),
}
FACTS = ROOT / "bench" / "results" / "peers.jsonl"


def python_of(environment: str, envs: Path) -> Path:
    """The interpreter of a tool; Treeline's is the one that runs this script."""
    return Path(sys.executable) if environment == "treeline" else envs / environment / "bin" / "python"


def attempt(tool: str, which: Table, *, seconds: float, cores: int, envs: Path, out: Path) -> dict[str, object]:
    """Let one tool solve one table and return the fact to write down."""
    environment, script, preset = TOOLS[tool]
    shutil.rmtree(out, ignore_errors=True)
    words = [str(python_of(environment, envs)), str(ROOT / "bench" / "adapters" / script), "--train", str(which.train)]
    words += ["--test", str(which.test), "--spec", str(which.spec), "--seconds", f"{seconds:g}", "--cores", str(cores)]
    words += ["--preset", preset, "--out", str(out)]
    cost = measured(words, limit_s=4 * seconds + 300, cores=cores, log=out.with_suffix(".log"))
    fact: dict[str, object] = {
        "tool": tool,
        "table": which.name,
        "task": which.task,
        "metric": which.metric,
        "seconds": seconds,
        "cores": cores,
        "rows": which.rows,
        "columns": which.columns,
        "wall_s": round(cost.wall_s, 2),
        "peak_mb": round(cost.peak_mb),
        "failed": "",
        "commit": commit() if tool == "treeline" else "",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    floor = scored(which, constant(which))
    fact["constant"] = floor
    try:
        if cost.timed_out:
            raise ValueError(f"killed after {cost.wall_s:.0f} s")
        if cost.code:
            raise ValueError(_reason(cost.tail))
        fact |= json.loads((out / "out.json").read_text())
        fact["score"] = scored(which, pd.read_csv(out / "preds.csv"))
    except (ValueError, KeyError, OSError) as error:
        fact |= {"score": floor, "failed": str(error)[:300] or type(error).__name__}
    return fact


def _reason(tail: str) -> str:
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "Error" in line or "Do:" in line), lines[-1] if lines else "exit")


def done(path: Path) -> dict[tuple[str, str, float], dict[str, object]]:
    """What is known already; of two facts on the same thing the later one counts."""
    if not path.exists():
        return {}
    facts = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {(fact["tool"], fact["table"], float(fact["seconds"])): fact for fact in facts}


def run(args: argparse.Namespace) -> None:
    """Run every tool on every table that is still missing, table by table."""
    args.facts.parent.mkdir(parents=True, exist_ok=True)
    for name in args.tables:
        which = table(name, args.data)
        for tool in args.tools:
            known = done(args.facts).get((tool, name, float(args.seconds)))
            if known and tool not in args.again and not (known["failed"] and args.retry):
                continue
            out = WORK / "peers" / f"{name}-{args.seconds:g}-{tool}"
            fact = attempt(tool, which, seconds=args.seconds, cores=args.cores, envs=args.envs, out=out)
            with args.facts.open("a", encoding="utf-8") as file:
                file.write(json.dumps(fact) + "\n")
            if not args.keep:
                for folder in ("model", "run"):
                    shutil.rmtree(out / folder, ignore_errors=True)
            print(
                f"{time.strftime('%H:%M:%S')} {name:<24} {tool:<17} {fact['score']:.5f} fit {fact.get('fit_s', 0):6.1f} s "
                f"predict {fact.get('predict_s', 0):5.1f} s {fact['failed']}",
                flush=True,
            )


def main() -> None:
    """Read the arguments and run or report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--tables", nargs="+", help="default: all of the manifest, smallest first")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--again", nargs="*", choices=TOOLS, default=[], help="tools to run again though they are done")
    parser.add_argument("--retry", action="store_true", help="run again what failed")
    parser.add_argument("--envs", type=Path, default=ROOT / ".work" / "peers")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--facts", type=Path, default=FACTS)
    parser.add_argument("--keep", action="store_true", help="keep the fitted models")
    parser.add_argument("--report", action="store_true", help="only append the table to bench/RESULTS.md")
    args = parser.parse_args()
    args.tables = args.tables or names(args.data)
    if args.report:
        from peers_report import report

        report(list(done(args.facts).values()), seconds=args.seconds, tables=args.tables, tools=args.tools)
    else:
        run(args)


if __name__ == "__main__":
    main()
