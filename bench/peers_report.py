"""The table that `peers.py --report` appends: scores, ranks, wins and losses against each peer, time kept."""

from __future__ import annotations

from statistics import mean, median

from measure import append, markdown
from tables import GREATER_IS_BETTER

from treeline.problem.metric import metric_named
from treeline.problem.task import Task

Fact = dict[str, object]


def report(facts: list[Fact], *, seconds: float, tables: list[str], tools: list[str]) -> None:
    """Append the comparison at `seconds` on the tables that every tool has been run on."""
    at = {(fact["tool"], fact["table"]): fact for fact in facts if fact["seconds"] == seconds}
    tools = [tool for tool in tools if any((tool, name) in at for name in tables)]
    whole = [name for name in tables if all((tool, name) in at for tool in tools)]
    if not whole:
        raise SystemExit(f"No table has been run with all of {', '.join(tools)} at {seconds:g} s yet.")
    rows = [[at[tool, name] for tool in tools] for name in whole]
    given = f"{len(whole)} tables, {rows[0][0]['cores']} cores, {seconds:g} s each."
    body = [f"{given} Bold: best score. †: failed, scored as the constant predictor.", ""]
    body += [markdown(["table", "rows", "metric", *tools], [_scores(row) for row in rows]), ""]
    body += ["Rank on each table (1 = best, shared ranks averaged):", ""]
    ranks = [_ranks(row) for row in rows]
    body += [
        markdown(["table", *tools], [[name, *rank] for name, rank in zip(whole, ranks, strict=True)] + [_means(ranks)]),
        "",
    ]
    if "treeline" in tools:
        body += ["Treeline against each. A tie is a difference within half of Treeline's margin for the metric.", ""]
        body += [_against(rows, tools), ""]
        last = [name for name, rank in zip(whole, ranks, strict=True) if rank[tools.index("treeline")] == max(rank)]
        body += [f"Treeline is last on: {', '.join(last) or 'none'}.", ""]
    body += ["Seconds of fit and predict, memory:", "", _costs(rows, tools)]
    versions = ", ".join(
        f"{tool} {next((str(row[i]['version']) for row in rows if row[i].get('version')), '?')}"
        for i, tool in enumerate(tools)
    )
    append(f"Treeline beside its peers, {seconds:g} s", "\n".join(body), versions=versions)


def _loss(fact: Fact) -> float:
    score = float(str(fact["score"]))
    return -score if fact["metric"] in GREATER_IS_BETTER else score


def _scores(row: list[Fact]) -> list[object]:
    best = min(_loss(fact) for fact in row)
    cells = []
    for fact in row:
        text = f"{float(str(fact['score'])):.5g}" + ("†" if fact["failed"] else "")
        cells.append(f"**{text}**" if _loss(fact) == best else text)
    return [row[0]["table"], row[0]["rows"], row[0]["metric"], *cells]


def _ranks(row: list[Fact]) -> list[float]:
    losses = [_loss(fact) for fact in row]
    return [
        1 + sum(other < loss for other in losses) + (sum(other == loss for other in losses) - 1) / 2 for loss in losses
    ]


def _means(ranks: list[list[float]]) -> list[object]:
    return ["**mean**", *(f"**{mean(column):.2f}**" for column in zip(*ranks, strict=True))]


def _against(rows: list[list[Fact]], tools: list[str]) -> str:
    lines = []
    ours = tools.index("treeline")
    for theirs, tool in enumerate(tools):
        if tool == "treeline":
            continue
        gains = [(_loss(row[theirs]) - _loss(row[ours]), _tie(row[ours], row[theirs])) for row in rows]
        exact = [
            sum(gain > 0 for gain, _ in gains),
            sum(gain == 0 for gain, _ in gains),
            sum(gain < 0 for gain, _ in gains),
        ]
        loose = [
            sum(gain > tie for gain, tie in gains),
            sum(abs(gain) <= tie for gain, tie in gains),
            sum(gain < -tie for gain, tie in gains),
        ]
        lost = [str(row[0]["table"]) for row, (gain, tie) in zip(rows, gains, strict=True) if gain < -tie]
        lines.append([tool, "-".join(map(str, exact)), "-".join(map(str, loose)), ", ".join(lost) or "none"])
    return markdown(["against", "exact: wins-ties-losses", "within half a margin: wins-ties-losses", "loses on"], lines)


def _tie(one: Fact, other: Fact) -> float:
    metric = metric_named(str(one["metric"]), Task(str(one["task"])))
    best = min(abs(float(str(one["score"]))), abs(float(str(other["score"]))))
    return metric.margin_at(best) / 2


def _costs(rows: list[list[Fact]], tools: list[str]) -> str:
    lines = []
    for i, tool in enumerate(tools):
        good = [row[i] for row in rows if not row[i]["failed"]]
        if not good:
            lines.append([tool, "", "", "", "", "", len(rows)])
            continue
        fits = [float(str(fact["fit_s"])) for fact in good]
        limit = float(str(good[0]["seconds"]))
        over = sum(fit > 1.05 * limit + 5 for fit in fits)
        lines.append(
            [
                tool,
                f"{median(fits):.1f}",
                f"{max(fits):.1f}",
                over,
                f"{median(float(str(fact['predict_s'])) for fact in good):.2f}",
                f"{max(float(str(fact['peak_mb'])) for fact in good):.0f}",
                len(rows) - len(good),
            ]
        )
    return markdown(
        [
            "tool",
            "fit, median s",
            "fit, longest s",
            "over 1.05 x limit + 5 s",
            "predict, median s",
            "peak MB",
            "failed",
        ],
        lines,
    )
