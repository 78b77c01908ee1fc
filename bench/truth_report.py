"""What `truth.py` found, as docs/truth.md and docs/truth.svg; works on whatever is known so far."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import markdown
from truth_cells import WIDTHS
from truth_choice import choice_goals, choices_table
from truth_field import field_table
from truth_verdicts import (
    calls_table,
    cases_table,
    cost_lines,
    forecasts,
    forecasts_table,
    reliability,
    same_rows,
    truth_of,
)

from treeline.evidence.slices import wilson

Line = dict[str, Any]
BINS = ((0.0, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 2.0), (2.0, 3.0), (3.0, 5.0), (5.0, np.inf))
"Gap divided by the margin."
SIDES = ("CLASSICAL", "DEEP", "BOTH")
TABLES = 10
"Real tables that are needed to say anything."


def report(results: Path, docs: Path) -> None:
    """Write both files."""
    null, power, real = (_read(results / name) for name in ("truth_null.jsonl", "truth_power.jsonl", "truth.jsonl"))
    notes = results.parent / "truth_notes.md"
    words = notes.read_text(encoding="utf-8") if notes.exists() else ""
    first, _, last = words.partition("<!-- after -->")
    parts = [
        first.strip(),
        _goals(null, power, [one for one in real if one["truth"]]),
        _nulls(null),
        _power(power),
        _coverage([one for one in null if not one["shuffled"]], power),
        field_table(_read(results / "truth_field.jsonl")),
    ]
    parts += [_real(real, docs), last.strip()]
    (docs / "truth.md").write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    print(f"{docs / 'truth.md'} from {len(null)} + {len(power)} kinds of worlds and {len(real)} runs on real tables")


def _read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _goals(null: list[Line], power: list[Line], real: list[Line]) -> str:
    """What was to be shown, and what was found."""
    worlds = [one for one in null if not one["shuffled"]] + power
    rows = []
    for shuffled in (False, True):
        cells = [one for one in null if one["shuffled"] is shuffled]
        calls, of = _calls(cells), sum(one["worlds"] for one in cells)
        false = sum(calls[side] for side in SIDES)
        rows.append(
            _goal(f"a winner named where there is none ({_kind(shuffled)})", "<= 5%", false, of, lambda x: x <= 0.05)
        )
    for at, goal, low, high in ((1, "90 ± 3%", 0.87, 0.93), (0, "95 ± 3%", 0.92, 0.98)):
        hits, of = sum(one["held"][WIDTHS[0]][at] for one in worlds), sum(one["worlds"] for one in worlds)
        rows.append(
            _goal(
                f"the {goal[:2]}% interval holds the truth of a world",
                goal,
                hits,
                of,
                lambda x, a=low, b=high: a <= x <= b,
            )
        )
    for what, cells in (
        ("where there is no winner", [one for one in null if not one["shuffled"]]),
        ("where the gap is known", power),
    ):
        given, wrong = _safe(cells)
        if given:
            rows.append(_goal(f"a safe choice is false {what}", "<= 5%", wrong, given, lambda x: x <= 0.05))
    rows += _real_goals(real) if real else []
    return "## In short\n\n" + markdown(["what", "goal", "found", ""], rows)


def _safe(cells: list[Line]) -> tuple[int, int]:
    """Return how many safe choices were given in worlds, and how many of them are false."""
    told = [count for one in cells for ground, count in one.get("choices", {}).items() if ground != "BETTER_SCORE"]
    return sum(count[0] for count in told), sum(count[1] for count in told)


def _real_goals(real: list[Line]) -> list[list[str]]:
    """The same for real tables; with fewer than ten of them nothing is called met or missed."""
    rows = []
    for name, calls, least in (("CLASSICAL, DEEP and BOTH", SIDES, 0.95), ("EQUIVALENT", ("EQUIVALENT",), 0.8)):
        states = [truth_of(one, "judged", one["verdict"]["call"]) for one in real if one["verdict"]["call"] in calls]
        clear = [state for state in states if not state.startswith("unclear")]
        words = f"{name} true on real tables ({len(states) - len(clear)} more: truth unclear)"
        rows.append(_goal(words, f">= {least:.0%}", clear.count("true"), len(clear), lambda x, a=least: x >= a))
    for what, least, hits, of in choice_goals(real):
        rows.append(_goal(what, f">= {least:.0%}", hits, of, lambda x, a=least: x >= a))
    brier = [(one["p"] - one["won"]) ** 2 for one in forecasts(real) if (one["from"], one["to"]) == ("quarter", "all")]
    if brier:
        score = float(np.mean(brier))
        what = ["who wins at all rows, from a quarter: Brier", "<= 0.125", f"{score:.3f} ({len(brier)} tables)"]
        rows.append([*what, _met(score <= 0.125)])
    slow = [one["conclude_s"] / one["seconds"] <= 0.05 for one in real]
    words = "runs whose evidence takes at most 5% of the time"
    rows.append(_goal(words, "all", sum(slow), len(slow), lambda x: x == 1))
    few = len({one["table"] for one in real}) < TABLES
    return [[*row[:3], "too few tables yet"] if few else row for row in rows]


def _goal(what: str, goal: str, hits: int, of: int, good: Callable[[float], bool]) -> list[str]:
    return [what, goal, _rate(hits, of), _met(good(hits / of)) if of else "not measured"]


def _met(good: bool) -> str:
    return "met" if good else "**missed**"


def _rate(hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"{hits} of {of} = {hits / of:.1%} ({low:.1%} to {high:.1%})" if of else "none"


def _nulls(cells: list[Line]) -> str:
    """Where no winner exists: how often one is named."""
    if not cells:
        return ""
    rows = []
    for shuffled in (False, True):
        kind = [one for one in cells if one["shuffled"] is shuffled]
        for names, among in _grouped(kind, lambda one: (f"{one['rows']:,} rows",)) + _grouped(
            kind, lambda one: (one["metric"],)
        ):
            rows.append([_kind(shuffled), *names, *_false(among)])
        rows.append([f"**{_kind(shuffled)}**", "**all**", *_false(kind)])
    head = [
        "worlds",
        "of them",
        "verdicts",
        "CLASSICAL or DEEP",
        "BOTH",
        "EQUIVALENT",
        "false calls, default margin",
        "false calls, margin 0",
    ]
    return "## Where there is no winner\n\n" + markdown(head, rows)


def _kind(shuffled: bool) -> str:
    return "shuffled labels" if shuffled else "the same learners on both sides"


def _false(cells: list[Line]) -> list[str]:
    calls, zero = _calls(cells), Counter[str]()
    for one in cells:
        zero.update(one["zero"])
    of = sum(one["worlds"] for one in cells)
    sides = calls["CLASSICAL"] + calls["DEEP"]
    return [
        str(of), str(sides), str(calls["BOTH"]), str(calls["EQUIVALENT"]), _rate(sides + calls["BOTH"], of),
        _rate(zero["CLASSICAL"] + zero["DEEP"], of),
    ]  # fmt: skip


def _calls(cells: list[Line]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in cells:
        found.update(one["calls"])
    return found


def _grouped(cells: list[Line], by: Callable[[Line], tuple[Any, ...]]) -> list[tuple[tuple[Any, ...], list[Line]]]:
    keys = dict.fromkeys(by(one) for one in cells)
    return [(key, [one for one in cells if by(one) == key]) for key in keys]


def _power(cells: list[Line]) -> str:
    """How often a gap is found, by its size and by rows."""
    if not cells:
        return ""
    rows = []
    for low, high in BINS:
        inside = [one for one in cells if low <= abs(one["truth"]) / one["margin"] < high]
        for (n,), among in sorted(_grouped(inside, lambda one: (one["rows"],))):
            right, wrong, both, both_true, equal, of = _judged(among)
            name = f"{low:g} to {high:g}" if np.isfinite(high) else f"over {low:g}"
            said = [f"{100 * part / of:.0f}%" for part in (right, wrong, equal)]
            rows.append(
                [name, f"{n:,}", of, *said, f"{both} ({both_true})", f"{100 * (of - right - wrong - both) / of:.0f}%"]
            )
    head = ["gap / margin", "rows", "verdicts", "right", "wrong", "EQUIVALENT", "BOTH (true)", "UNDECIDED"]
    total = _judged(cells)
    decided = total[0] + total[1] + total[2]
    right = f"Of {decided} verdicts that decide, {_rate(total[0] + total[3], decided)} are true."
    return "## Where the gap is known\n\n" + markdown(head, rows) + "\n\n" + right


def _judged(cells: list[Line]) -> tuple[int, int, int, int, int, int]:
    """Return how many verdicts were right, wrong (both without BOTH), BOTH, BOTH and true, EQUIVALENT, and all."""
    right = wrong = 0
    for one in cells:
        true = "EQUIVALENT" if abs(one["truth"]) <= one["margin"] else "DEEP" if one["truth"] > 0 else "CLASSICAL"
        calls = Counter(one["calls"])
        right += calls[true]
        wrong += sum(count for call, count in calls.items() if call not in (true, "BOTH", "UNDECIDED"))
    calls = _calls(cells)
    both_true = sum(one["both_true"] for one in cells)
    return right, wrong, calls["BOTH"], both_true, calls["EQUIVALENT"], sum(one["worlds"] for one in cells)


def _coverage(null: list[Line], power: list[Line]) -> str:
    """How often intervals hold the truth, and how wide they are beside what they should be."""
    rows = []
    for name, cells in (
        ("no gap", null),
        ("unlike learners", _deal(power, "unlike")),
        ("error added", _deal(power, "same")),
    ):
        for (n,), among in sorted(_grouped(cells, lambda one: (one["rows"],))):
            rows.append([name, f"{n:,} rows", *_held(among)])
    for (metric,), among in _grouped(null + power, lambda one: (one["metric"],)):
        rows.append(["all", metric, *_held(among)])
    if not rows:
        return ""
    rows.append(["**all**", "", *_held(null + power)])
    head = [
        "worlds",
        "of them",
        "intervals",
        "95% interval holds",
        "90% interval holds",
        "SE / scatter",
        "choosing anew x",
    ]
    text = "## Do the intervals hold the truth?\n\n" + markdown(head, rows)
    other = []
    for width in WIDTHS:
        shares = [_share(null + power, width, at) for at in (0, 1)]
        other.append([width, *(f"{share:.1%}" for share in shares)])
    return text + "\n\nThe same intervals, made otherwise:\n\n" + markdown(["width", "95% holds", "90% holds"], other)


def _deal(cells: list[Line], deal: str) -> list[Line]:
    return [one for one in cells if one["deal"] == deal]


def _share(cells: list[Line], width: str, at: int) -> float:
    return sum(one["held"][width][at] for one in cells) / max(sum(one["worlds"] for one in cells), 1)


def _held(cells: list[Line]) -> list[str]:
    of = sum(one["worlds"] for one in cells)
    weights = [one["worlds"] for one in cells]
    ratio = float(1 / np.sqrt(np.average([one["z2"] for one in cells], weights=weights)))
    unrest = float(np.average([one["unrest"] for one in cells], weights=weights))
    low, high = wilson(sum(one["held"][WIDTHS[0]][1] for one in cells), of)
    return [
        str(of),
        f"{_share(cells, WIDTHS[0], 0):.1%}",
        f"{_share(cells, WIDTHS[0], 1):.1%} ({low:.1%} to {high:.1%})",
        f"{ratio:.2f}",
        f"{unrest:.2f}",
    ]


def _real(real: list[Line], docs: Path) -> str:
    """What the runs on real tables said, and what was true."""
    if not real:
        return ""
    seen = [one for one in real if one["truth"]]
    said = forecasts(seen)
    (docs / "truth.svg").write_text(reliability(said), encoding="utf-8")
    tables = len({one["table"] for one in real})
    parts = [
        f"## Real tables\n\n{len(real)} runs on {tables} tables, {same_rows(real)}.",
        calls_table(seen, _rate),
        "### The choice",
        "What a run recommends is right where the side that it names is not worse by more than the margin on the rows kept "
        "aside. "
        "Safe grounds promise that with 95% probability; BETTER_SCORE promises nothing, its risk stands in the headline.",
        choices_table(real, _rate),
        "### Who wins with more rows?",
        "![How likely it was said to be, and how often it was so](truth.svg)",
        forecasts_table(said),
        "### What the evidence costs",
        cost_lines(real),
        "### Every run",
        cases_table(seen),
    ]
    return "\n\n".join(parts)
