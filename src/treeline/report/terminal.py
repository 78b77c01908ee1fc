"""The verdict in a terminal: a few lines and one table, in colour where there is some."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from treeline.errors import shown
from treeline.problem.metric import title_of
from treeline.report import notes, numbers, seven, wording
from treeline.report.privacy import clean
from treeline.report.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from treeline.data.dataset import Dataset
    from treeline.data.findings import Finding

__all__ = ["as_lines", "print_columns", "print_findings", "print_summary"]

STYLE = {"classical": "green", "deep": "blue", "both": "magenta"}
MARK = {"classical": "●", "deep": "◆", "both": "■"}
SEVERITY = {"block": "bold red", "warn": "yellow", "note": "dim"}
PLAIN = str.maketrans("●◆■█░▓·→✓─–…", "o#*=.+->v--.")
"Stand-ins for terminals that know ASCII only."
MOST_COLUMNS = 100
"Columns that the audit lists on a terminal."
BAR = 44
"Cells of the bar that shows who is better, and how sure."


def _text(words: object, style: str = "") -> Text:
    """Plain text: no markup in it is read, no control character gets through."""
    from rich.text import Text

    return Text(clean(str(words)), style=style)


def _show(console: Console, part: RenderableType) -> None:
    """Print; where the terminal lacks our few signs, with stand-ins."""
    if console.encoding.lower().startswith("utf"):
        console.print(part)
        return
    with console.capture() as held:
        console.print(part)
    console.file.write(held.get().translate(PLAIN).encode(console.encoding, "replace").decode(console.encoding))


def print_summary(summary: Summary, console: Console) -> None:
    """Print the verdict, what each family reached and cost, and the leaderboard."""
    for part in _parts(summary):
        _show(console, part)


def as_lines(summary: Summary, width: int = 100) -> list[str]:
    """Return the same as plain lines without colour, for pipes and files."""
    from rich.console import Console

    console = Console(file=StringIO(), width=width, color_system=None, force_terminal=False, highlight=False)
    print_summary(summary, console)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().rstrip().splitlines()]


def _parts(s: Summary) -> list[RenderableType]:
    verdict, sides = s.verdict, wording.competed(s)
    rows = f" · {numbers.count(verdict['rows'])} rows" if verdict["rows"] else ""
    about = f"{s.data['source']} → {s.problem['target']}{rows} · {title_of(verdict['metric'])}"
    parts: list[RenderableType] = [
        "",
        _text(about, "dim"),
        _text(wording.headline(s), "bold"),
        *[_text(line, style) for line, style in ((verdict["beside"], "yellow"), (wording.sentence(s), "")) if line],
        "",
    ]
    if sides:
        parts += [_families(s), ""]
    told = wording.lead(s)
    if told and told.p_same is not None:
        parts += [*_odds(told, s), ""]
    outlook = notes.outlook(s) if verdict["treeline"] else ""
    mind = [line for line in verdict["mind"] if not (outlook and line.startswith("More training rows"))]
    plain = wording.plain_words(s)
    lines = [
        *([f"In plain words: {plain}."] if plain else []),
        *[words for _, words in wording.because(s)[:3]],
        *([outlook] if outlook else []),
        *mind,
        *([verdict["prior"]["words"]] if verdict["prior"].get("words") else []),
        *([verdict["diagnosis"]["sentence"]] if verdict["diagnosis"] else []),
        *_confusion(s),
    ]
    parts += [_line("·", line) for line in lines]
    parts += [_line("!", line, "yellow") for line in verdict["caveats"] if line != verdict["beside"]]
    if lines or verdict["caveats"]:
        parts.append("")
    if verdict["dimensions"]:
        parts += [_seven(s), ""]
    if verdict["leaderboard"]:
        parts += [_leaderboard(s), ""]
    if not sides:
        parts += [_causes(s), ""]
    parts += [_line("!", line, "yellow") for line in _warnings(s)]
    missing = s.run.get("unavailable") or []
    if missing:
        names = "; ".join(f"{one.get('title') or one['name']} ({one['reason']})" for one in missing)
        parts.append(_line("·", f"Did not compete: {names}."))
        ways = dict.fromkeys(one["install"] for one in missing if one.get("install"))
        parts += [_line("→", f"To have them: {way}") for way in ways]
    return [*parts, *_afterwards(s)]


def _confusion(s: Summary) -> list[str]:
    """Name what texts, images or sounds are most often taken for."""
    if not s.items or not s.items.get("confusions"):
        return []
    worst = s.items["confusions"][0]
    rows = f"{numbers.count(worst['rows'])} row{'' if worst['rows'] == 1 else 's'}"
    return [
        f"Most often {shown(worst['true'], 40)} is taken for {shown(worst['said'], 40)}: {rows}, shown in the report."
    ]


def _warnings(s: Summary) -> list[str]:
    """Name the findings that block or lower the verdict, with their columns."""
    told = []
    for one in s.findings:
        if one["code"] == "D019":
            told.append(f"{one['code']} {one['title']}. {one['found']}")
        elif one["severity"] in ("block", "warn") and not one["done"]:
            names = [shown(name, 40) for name in one["columns"][:4]]
            more = f" and {len(one['columns']) - 4} more" if len(one["columns"]) > 4 else ""
            told.append(f"{one['code']} {one['title']}{': ' if names else ''}{', '.join(names)}{more}. {one['do']}")
    return told


def _afterwards(s: Summary) -> list[RenderableType]:
    """Say what was handed over, and what to do next."""
    out, got = s.run.get("out"), s.run.get("delivered") or {}
    lines = []
    if (s.verdict["budget"] or {}).get("signal"):
        lines.append("Stopped early: the same command goes on from here.")
    lines += notes.handed_over(s)
    if out:
        lines += [f"treeline predict {shlex.quote(str(out))} new.csv -o predictions.csv"] if got.get("what") else []
        lines.append(f"The report: {out}/report.html")
    if (s.verdict["budget"] or {}).get("longer"):
        lines += ["More time may settle it; to go on from here:", str(s.verdict["budget"]["longer"])]
    return ["", *(_text(line, "" if line.startswith(("treeline", "The report")) else "dim") for line in lines), ""]


def _line(mark: str, words: str, style: str = "dim") -> RenderableType:
    from rich.table import Table

    grid = Table.grid(padding=(0, 1))
    grid.add_row(_text(mark, style), _text(words))
    return grid


def _families(s: Summary) -> Table:
    from rich.table import Table

    verdict = s.verdict
    grid = Table.grid(padding=(0, 2))
    sides = [(name, wording.FAMILY[name], verdict["families"][name]) for name in wording.competed(s)]
    both = wording.blend(s)
    if both:
        sides.append(("both", "Both, blended", both))
    for name, title, side in sides:
        interval = side.get("interval")
        places = numbers.decimals(side["score"], interval)
        cpu = side.get("cpu_s")
        grid.add_row(
            _text(f"{MARK[name]} {title}", STYLE[name]),
            _text(numbers.rounded(side["score"], places), "bold"),
            _text(numbers.between(interval, places) if interval else "", "dim"),
            _text(wording.shares(side.get("members") or []) or side.get("best") or ""),
            _text(f"{numbers.duration(cpu)} of CPU" if cpu is not None else "", "dim"),
        )
    return grid


def _odds(told: wording.Lead, s: Summary) -> list[RenderableType]:
    from rich.text import Text

    shares = (("classical", told.p_classical or 0.0), ("same", told.p_same or 0.0), ("deep", told.p_deep or 0.0))
    total = sum(p for _, p in shares) or 1.0
    bar, at = Text(), 0.0
    for (name, share), cell in zip(shares, "█░▓", strict=True):
        start, at = round(BAR * at), at + share / total
        bar.append(cell * (round(BAR * at) - start), STYLE.get(name, "dim"))
    words = Text()
    words.append(f"classical better {numbers.percent(told.p_classical)}", STYLE["classical"])
    words.append(
        f" · no difference above {numbers.exact(s.verdict['margin'])} {numbers.percent(told.p_same)} · ", "dim"
    )
    words.append(f"deep better {numbers.percent(told.p_deep)}", STYLE["deep"])
    ahead = wording.FAMILY[told.family].lower()
    metric = title_of(s.verdict["metric"])
    return [_text(f"{told.value} {metric} in favour of {ahead}, {told.interval}"), bar, words]


def _seven(s: Summary) -> Table:
    table = _table("dimension", "classical", "deep", "better")
    for one in seven.rows_of(s):
        table.add_row(
            _text(one["title"]), _text(one["classical"]["text"]), _text(one["deep"]["text"]),
            _text(one["who"], STYLE.get(one["side"], "dim")),
        )  # fmt: skip
    return table


def _table(*names: str, right: Sequence[str] = ()) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="dim", show_edge=False)
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def _leaderboard(s: Summary) -> Table:
    up, metric = bool(s.problem["greater_is_better"]), title_of(s.verdict["metric"])
    right = (metric, "weight", "rows", "CPU", "1,000 rows")
    table = _table("", "contender", metric, "95% interval", "weight", "rows", "CPU", "1,000 rows", right=right)
    rows = notes.ranked(s.verdict["leaderboard"], up=up)
    places = numbers.decimals(rows[0]["score"], rows[0]["interval"]) if rows else 3
    for row in rows:
        note = notes.row_note(row)
        table.add_row(
            _text(MARK.get(row["family"], " "), STYLE.get(row["family"], "")),
            _text(f"{row['title'] or row['name']}{f' ({note})' if note else ''}"),
            numbers.rounded(row["score"], places),
            _text(numbers.between(row["interval"], places) if row["interval"] else "", "dim"),
            numbers.percent(row["weight"]) if row["weight"] else "",
            numbers.count(row["rows"]),
            numbers.duration(row["cpu_s"]),
            numbers.duration(row["predict_s_per_1000"]),
        )
    return table


def _causes(s: Summary) -> Table:
    table = _table("", "contender", "what happened", "cause")
    for row in s.entries:
        bad = [f"{n} {state.replace('_', ' ')}" for state, n in row["states"].items() if n and state != "done"]
        mark = _text(MARK.get(row["family"], " "), STYLE.get(row["family"], ""))
        table.add_row(mark, _text(row["title"]), _text(", ".join(bad)), _text("; ".join(row["reasons"])[:300]))
    return table


def print_columns(dataset: Dataset, console: Console) -> None:
    """Print where the records went and what the columns are."""
    records = dataset.records
    told = f"{numbers.count(records.read)} records read = {numbers.count(records.used)} used"
    _show(console, _text(f"{dataset.source}: {told} + {numbers.count(records.quarantined)} set aside"))
    for reason, n in records.reasons.items():
        _show(console, _line("·", f"{reason}: {numbers.count(n)}"))
    table = _table("column", "kind", "missing", "distinct", "such as", "note", right=("missing", "distinct"))
    for column in dataset.columns[:MOST_COLUMNS]:
        such = ", ".join(one if len(one) <= 18 else one[:17] + "…" for one in column.examples[:3])
        row: list[Any] = [
            _text(column.name),
            str(column.kind),
            numbers.count(column.missing) if column.missing else "–",
        ]
        table.add_row(*row, numbers.count(column.distinct), _text(such, "dim"), _text(column.note, "dim"))
    _show(console, table)
    if len(dataset.columns) > MOST_COLUMNS:
        _show(
            console,
            _line("·", f"and {numbers.count(len(dataset.columns) - MOST_COLUMNS)} more columns: --json lists all."),
        )


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings, gravest first: what was found, what to do, what was done."""
    if not findings:
        _show(console, _text("No finding: no leak, no duplicate, no broken structure.", "green"))
        return
    order = list(SEVERITY)
    for one in sorted(findings, key=lambda f: (order.index(str(f.severity)), f.code)):
        style = SEVERITY[str(one.severity)]
        columns = ", ".join(one.columns[:6]) + (f" and {len(one.columns) - 6} more" if len(one.columns) > 6 else "")
        head = _text(f"{one.code} {one.severity}  ", style)
        head.append_text(_text(one.title, "bold"))
        if columns:
            head.append_text(_text(f"  {columns}", "cyan"))
        _show(console, head)
        for mark, words in (("", one.found), ("→", one.do), ("✓", f"Done already: {one.done}" if one.done else "")):
            if words:
                _show(console, _line(f"    {mark}", words))
