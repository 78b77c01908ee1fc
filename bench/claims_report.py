"""docs/claims.md from the facts: the tested claims, what public results say, the open ones, and how to repeat it."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

import claims_costs
import claims_raw
import claims_scores
from claims_public import opened
from claims_stats import LEAST, Row, Runs, chosen, table

PRETRAINED = ("tabicl", "tabpfn")


def report(facts: dict[str, dict], path: Path) -> None:
    """Write the page from whatever facts there are."""
    runs, failed = chosen(facts)
    rows = [
        row for row in [*claims_scores.rows(runs), *claims_costs.rows(runs), *claims_raw.rows(runs)] if row is not None
    ]
    parts = [
        "# The claims ledger",
        "The field makes many claims about trees and nets. This page takes those that can be tested and shows what "
        "Treeline found. " + _sum(rows),
        _setting(runs)
        + " Read it all as the view of these tables, this clock and this machine. Another set of tables, or an hour in "
        "place of seconds, can turn a line.",
        "**How to read it.** *Holds* and *does not hold* are only said where a 95 % interval over the tables says "
        f"so and at least {LEAST} tables carry it. *Depends on the table*: the interval leaves it open, and at "
        "least two tables speak clearly (95 %) for each side. *Not told*: more tables are needed. Shares have "
        "Wilson intervals. Effects are means over tables, with tables drawn anew 10,000 times; a difference in "
        "scores is counted in margins (the smallest difference that matters on that table, fixed before the run). "
        "Claims are in our words. Many lines stand here, so about one in twenty could be wrong by chance alone.",
        "## Tested here",
        table(
            ["claim", "verdict", "number (95 %)", "cost, CPU s", "how tested"],
            [[r.claim, f"**{r.word}**", r.number, r.cost, r.how] for r in rows],
        ),
        *(f"**{r.claim}: {r.word}.** {r.text}" for r in rows),
        *opened(facts.get("public", {})),
        "## The tables",
        _tables(runs),
        *_failures(failed),
        "## How to repeat it",
        _again(runs),
    ]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(runs)} runs, {len(rows)} claims tested")


def _sum(rows: list[Row]) -> str:
    counts = {
        word: sum(row.word == word for row in rows) for word in ("holds", "does not hold", "depends on the table")
    }
    rest = len(rows) - sum(counts.values())
    return (
        f"Of {len(rows)} tested claims {counts['holds']} hold, {counts['does not hold']} do not, "
        f"{counts['depends on the table']} depend on the table, and {rest} are not told by so few tables."
    )


def _setting(runs: Runs) -> str:
    whole = [run for run in runs if run["arm"] == "whole"]
    limits = " or ".join(f"{limit:g} s" for limit in sorted({run["seconds"] for run in runs}))
    cores = re.findall(r"(\d+) cores", whole[-1]["machine"])
    fields = [median(run["families"][side]["contenders"] for run in whole) for side in ("classical", "deep")]
    classical, deep = (_contenders(runs, family) for family in ("classical", "deep"))
    trained = (
        "" if set(PRETRAINED) & set(deep) else " All nets were trained from scratch: no pretrained one was installed."
    )
    return (
        f"{len(whole)} real tables of {min(r['rows'] for r in whole):,} to {max(r['rows'] for r in whole):,} rows "
        f"were run, each with a time limit of {limits} on {''.join(cores)} CPU cores without a GPU: search, fits "
        f"and predictions of both sides. So the nets are those that fit into that time: {', '.join(deep)}. The "
        f"classical side had {', '.join(classical)}. Dear fits make a small field: on the median table "
        f"{fields[0]:g} classical and {fields[1]:g} deep contenders got through all judged folds, and how many a side "
        f"fields moves who wins.{trained}"
    )


def _contenders(runs: Runs, family: str) -> list[str]:
    found = [fit["candidate"] for run in runs for fit in run["fits"].values() if fit["family"] == family]
    return sorted({name for name in found if name != "baseline"}, key=lambda name: (-found.count(name), name))


def _tables(runs: Runs) -> str:
    rows = []
    for run in sorted(runs, key=lambda run: (run["arm"], run["rows"])):
        gap = run["difference"]
        told = f"{gap['estimate']:+.3g} ({gap['interval'][0]:.3g} to {gap['interval'][1]:.3g})" if gap else "-"
        rows.append(
            [
                run["table"].removeprefix("sample:") + ("" if run["arm"] == "whole" else f" ({run['arm']})"),
                f"{run['rows']:,}",
                str(run["inputs"]),
                run["metric"],
                run["split"],
                f"{run['margin']:.3g}",
                told,
                run["call"],
                f"{run['seconds']:g}",
                f"{sum(side['cpu_s'] for side in run['families'].values() if side):.0f}",
            ]
        )
    head = ["table", "rows", "inputs", "metric", "split", "margin", "deep - classical", "call", "limit, s", "CPU s"]
    return (
        table(head, rows)
        + "\n\nAbove zero deep learning is better, whatever the metric. Whole tables unless said otherwise."
    )


def _failures(failed: Runs) -> list[str]:
    if not failed:
        return []
    return [
        "Runs without a verdict: "
        + "; ".join(f"{one['key']} ({one['failed'].strip() or 'one side only'})" for one in failed)
        + "."
    ]


def _again(runs: Runs) -> str:
    last = max(runs, key=lambda run: run["when"])
    versions = ", ".join(f"{name} {number}" for name, number in last["versions"].items())
    days = sorted({run["when"][:10] for run in runs})
    commits = ", ".join(sorted({run["commit"] for run in runs}))
    busy = [run["load"] for run in runs if run["load"] is not None]
    lines = [
        "```",
        "python bench/claims.py run --data DIR --seconds 40     # DIR: a folder with MANIFEST.csv; stop and go on "
        "as you like",
        "python bench/claims.py public --results DIR            # counts from public result tables",
        "python bench/claims.py report                          # writes this page from bench/results/claims.jsonl",
        "```",
        "",
        f"Runs of {days[0]}{' to ' + days[-1] if len(days) > 1 else ''}. {last['machine']}. Commit {commits}; "
        f"{versions}.",
    ]
    taken = sum("from" in run for run in runs)
    if taken:
        lines.append(
            f"{taken} of the runs were made by `bench/peers.py`, with a random split, on four fifths of a table; "
            "`adopt` took their facts."
        )
    if busy:
        lines.append(
            f"Other work ran on the machine at times: the load before a run was {min(busy):.1f} to {max(busy):.1f} "
            "(2 cores). CPU seconds hardly feel that; how many fits the clock allowed does."
        )
    return "\n".join(lines)
