"""Is a side at least what a practitioner gets from the plain libraries?

    python bench/floor.py plain [--tables …] [--models …]    two lines of each library, its own defaults
    python bench/floor.py cards [--tables …]                 our own settings, one by one
    python bench/floor.py treeline --seconds 60 [--tables …] what each side's procedure reaches on the same rows
    python bench/floor.py report                             the shares into bench/RESULTS.md, the page docs/floor.md

Of every table, text and image set a third of the rows (at most 12,000) is kept aside, at random and, where rows are dated,
the newest ones once more (`floor_sets.py`). Facts go to bench/results/floor.jsonl, case by case; what is known is not done
again. A case is named SET/random or SET/time; `--tables` takes sets or cases. The best plain model of a family is chosen on
one half of the rows kept aside and judged on the other, and the other way round, so that the best of many is not the luckiest
of many.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from floor_plain import BOUGHT, inputs, plain_of
from floor_sets import Case, cases, halves, one_case, score
from measure import ROOT, commit
from tables import DATA

FACTS = ROOT / "bench" / "results" / "floor.jsonl"
THREADS = 1


def facts() -> list[dict[str, Any]]:
    """Return what is known."""
    return [json.loads(line) for line in FACTS.read_text(encoding="utf-8").splitlines()] if FACTS.exists() else []


def keep(fact: dict[str, Any]) -> None:
    """Write a fact down."""
    FACTS.parent.mkdir(exist_ok=True)
    with FACTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(fact) + "\n")


def judged(case: Case, truth: Any, said: Any) -> dict[str, Any]:
    """Return the score on the rows kept aside and on their halves."""
    return {"score": score(case, truth, said), "halves": [score(case, truth[h], said[h]) for h in halves(len(truth))]}


def plain(asked: list[str], data: Path, models: list[str], seed: int = 0) -> None:
    """Fit every plain model of the cases asked for that has no fact yet."""
    done = {(one["case"], one["model"]) for one in facts() if one["what"] == "plain"}
    for key in asked:
        case = one_case(key, data)
        given = inputs(case)
        for name, (family, fit) in plain_of(case, len(given.y)).items():
            missing = find_spec(BOUGHT.get(name, "numpy")) is None
            if missing or (key, name) in done or (models and name not in models):
                continue
            wall, cpu = time.monotonic(), time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                said = np.asarray(fit(given, THREADS, seed))
            cost = {"wall_s": round(time.monotonic() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}
            told = {"what": "plain", "case": key, "model": name, "family": family, "metric": case.metric}
            keep(told | judged(case, given.truth, said) | cost | {"rows": len(given.y), "aside": len(given.truth)})
            print(key, name, cost, facts()[-1]["score"], flush=True)


def cards(asked: list[str], data: Path) -> None:
    """Fit our own settings, one by one, on the tables asked for."""
    from floor_cards import answers

    for key in asked:
        case = one_case(key, data)
        done = {one["model"] for one in facts() if one["what"] == "card" and one["case"] == key}
        for name, family, truth, said, cpu in answers(case, done) if case.kind == "table" else ():
            told = {"what": "card", "case": key, "model": name, "family": family, "metric": case.metric}
            keep(told | judged(case, truth, said) | {"cpu_s": round(cpu, 2)})
            print(key, name, round(cpu, 2), facts()[-1]["score"], flush=True)


def sides(asked: list[str], data: Path, seconds: float) -> None:
    """Let Treeline run on the cases asked for that have no fact for this limit yet."""
    from floor_treeline import ran

    done = {(one["case"], one["seconds"]) for one in facts() if one["what"] == "treeline"}
    for key in asked:
        if (key, seconds) not in done:
            load, began = os.getloadavg()[0], time.monotonic()
            fact = ran(one_case(key, data), seconds, judged)
            told = {
                "what": "treeline",
                "case": key,
                "seconds": seconds,
                "treeline": commit(),
                "load_before": round(load, 1),
            }
            keep(told | fact | {"wall_s": round(time.monotonic() - began, 1)})
            print(key, {side: one["score"] for side, one in fact["sides"].items()}, flush=True)


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["plain", "cards", "treeline", "report"])
    parser.add_argument("--tables", nargs="+", default=[])
    parser.add_argument("--models", nargs="+", default=[])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args()
    every = cases(args.data)
    asked = [key for key in every if not args.tables or {key, key.partition("/")[0]} & set(args.tables)]
    if args.what == "plain":
        plain(asked, args.data, args.models)
    elif args.what == "cards":
        cards(asked, args.data)
    elif args.what == "treeline":
        sides(asked, args.data, args.seconds)
    else:
        from floor_report import report

        report(facts())


if __name__ == "__main__":
    main()
