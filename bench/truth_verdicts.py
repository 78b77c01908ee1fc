"""Runs on real tables held against their truth: calls, forecasts, cost; tables and the reliability diagram."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from measure import markdown

from treeline.evidence.slices import wilson

Line = dict[str, Any]
CLEAR = 2.0
"Standard errors that the truth must lie away from the margin's edge to be called known."
NEAR = 0.6
"Octaves by which the rows asked for may differ from 2, 4 or 8 times."
TRAINED = 0.8
"Share of the rows that a fold's models train on."
KINDS = {"judged": "single fold models", "delivered": "as handed over"}


def same_rows(real: list[Line]) -> str:
    """Say how long the runs were and how many rows were kept aside."""
    seconds = sorted({f"{one['seconds']:g} s" for one in real})
    aside = [one["truth"]["rows"] for one in real if one["truth"]]
    load = float(np.median([one["load_before"] for one in real if one["load_before"] is not None]))
    at = ", ".join(sorted({one["treeline"] for one in real}))
    return (
        f"Treeline at {at}, {' and '.join(seconds)} each; {min(aside):,} to {max(aside):,} rows kept aside; "
        f"median load before a run {load:.1f}"
    )


def truth_of(one: Line, kind: str, call: str) -> str:
    """Return whether a call is true on the rows kept aside: true, false, or unclear with which side it falls on."""
    known, margin = one["truth"][kind], one["verdict"]["margin"]
    value, se = (known["gain"], known["gain_se"]) if call == "BOTH" else (known["difference"], known["se"])
    right = {
        "BOTH": value > margin,
        "DEEP": value > margin,
        "CLASSICAL": value < -margin,
        "EQUIVALENT": abs(value) <= margin,
    }[call]
    room = abs(value - margin) if call == "BOTH" else min(abs(value - margin), abs(value + margin))
    return (
        ("true" if right else "false")
        if room >= CLEAR * se
        else ("unclear, rather true" if right else "unclear, rather false")
    )


def calls_table(real: list[Line], rate: Callable[[int, int], str]) -> str:
    """How many calls were made and how many are true."""
    rows = []
    states = ("true", "false", "unclear, rather true", "unclear, rather false")
    groups = {
        "CLASSICAL, DEEP or BOTH": ("CLASSICAL", "DEEP", "BOTH"),
        "CLASSICAL": ("CLASSICAL",),
        "DEEP": ("DEEP",),
        "BOTH": ("BOTH",),
        "EQUIVALENT": ("EQUIVALENT",),
    }
    for (name, calls), (kind, words) in product(groups.items(), KINDS.items()):
        made = [one for one in real if one["verdict"]["call"] in calls]
        found = [truth_of(one, kind, one["verdict"]["call"]) for one in made]
        counts = [found.count(state) for state in states]
        rows.append(
            [
                name,
                words,
                len(made),
                *counts,
                rate(counts[0], counts[0] + counts[1]),
                rate(counts[0] + counts[2], len(made)),
            ]
        )
    head = ["call", "truth", "runs", *states, "true where the truth is clear", "true by the best guess"]
    open_ = sum(one["verdict"]["call"] == "UNDECIDED" for one in real)
    return markdown(head, rows) + f"\n\nUNDECIDED: {open_} of {len(real)} runs. " + _side(real) + " " + _held(real)


def _side(real: list[Line]) -> str:
    """Whether the named side is at least the better one."""
    won = [one for one in real if one["verdict"]["call"] in ("CLASSICAL", "DEEP")]
    good = [(one["truth"]["judged"]["difference"] > 0) == (one["verdict"]["call"] == "DEEP") for one in won]
    return f"The side that was named is the better one, by whatever amount, in {sum(good)} of {len(won)}."


def _held(real: list[Line]) -> str:
    """Whether intervals hold the truth, whose own noise is added."""
    found = []
    for one in real:
        gap, known = one["verdict"]["difference"], one["truth"]["judged"]
        if gap and gap["se"]:
            found.append(abs(gap["estimate"] - known["difference"]) / np.hypot(gap["se"], known["se"]))
    z = np.array(found)
    return (
        f"The truth lies within the 95% interval in {(z <= 1.96).sum()} of {len(z)} runs, within the 90% interval in "
        f"{(z <= 1.645).sum()} (the noise of the truth added to the interval's)."
    )


def forecasts(real: list[Line]) -> list[Line]:
    """Return what every run said of a larger one of the same table, and who won there."""
    found = []
    for small, big in product(real, real):
        same = small["table"] == big["table"] and small["seconds"] == big["seconds"]
        said = small["verdict"]["treeline"] or {}
        if not same or big["verdict"]["rows"] <= small["verdict"]["rows"] or not said.get("leader"):
            continue
        octaves = float(np.log2(TRAINED * big["verdict"]["rows"] / said["last"]))
        times = min((2, 4, 8), key=lambda t: abs(np.log2(t) - octaves))
        if abs(np.log2(times) - octaves) > NEAR:
            continue
        over, known = said["p_overtaken"][str(times)], big["truth"]["judged"]
        found.append({
            "table": small["table"], "from": small["size"], "to": big["size"], "times": times,
            "p": over if said["leader"] == "classical" else 1 - over, "leader": float(said["leader"] == "deep"),
            "won": float(known["difference"] > 0), "won_delivered": float(big["truth"]["delivered"]["difference"] > 0),
            "clear": abs(known["difference"]) >= CLEAR * known["se"],
        })  # fmt: skip
    return found


def forecasts_table(said: list[Line]) -> str:
    """Brier scores, beside those of saying that the leader stays and of saying one half."""
    groups = {
        "all rows, from a quarter": [one for one in said if (one["from"], one["to"]) == ("quarter", "all")],
        "all pairs of samples": said,
        "all pairs, 2 times": [one for one in said if one["times"] == 2],
        "all pairs, 4 times": [one for one in said if one["times"] == 4],
        "all pairs, 8 times": [one for one in said if one["times"] == 8],
        "all pairs with a clear winner": [one for one in said if one["clear"]],
    }
    rows = []
    for name, among in groups.items():
        if among:
            p, stay, won, other = (
                np.array([one[key] for one in among]) for key in ("p", "leader", "won", "won_delivered")
            )
            briers = [np.mean((p - won) ** 2), np.mean((p - other) ** 2), np.mean((stay - won) ** 2)]
            right = ((p > 0.5) == won).sum()
            rows.append(
                [name, len(among), f"{won.mean():.0%}", *(f"{each:.3f}" for each in briers), f"{right} of {len(among)}"]
            )
    head = [
        "question",
        "cases",
        "deep won",
        "Brier",
        "Brier, as handed over",
        "Brier of 'the leader stays'",
        "winner said right",
    ]
    return markdown(head, rows)


def bins(said: list[Line], count: int = 5) -> list[tuple[float, float, int, int]]:
    """Return for each fifth of the scale: mean said, share seen, how often, cases."""
    found = []
    place = np.array([min(int(one["p"] * count), count - 1) for one in said], dtype=int)
    for b in range(count):
        inside = [one for one, at in zip(said, place, strict=True) if at == b]
        if inside:
            won = int(sum(one["won"] for one in inside))
            found.append((float(np.mean([one["p"] for one in inside])), won / len(inside), won, len(inside)))
    return found


def reliability(said: list[Line]) -> str:
    """Return the reliability diagram: what was said against what came, in fifths, with 95% intervals."""
    size, edge = 320, 52

    def at(x: float, y: float) -> tuple[float, float]:
        return edge + x * size, edge / 2 + (1 - y) * size

    whole = size + 1.6 * edge
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole:.0f} {whole:.0f}" width="440" role="img">',
        "<title>How likely it was said to be that deep learning wins with more rows, and how often it did</title>",
        "<style>text{font:12px sans-serif;fill:#222}.l{stroke:#222;fill:none}.g{stroke:#999;stroke-dasharray:4 4}"
        ".d{fill:#1f6fb2}.w{stroke:#1f6fb2}@media(prefers-color-scheme:dark){text{fill:#ddd}.l{stroke:#ddd}.d{fill:#7db8ea}.w{stroke:#7db8ea}}</style>",
    ]
    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    lines.append(f'<rect class="l" x="{x0}" y="{y1}" width="{size}" height="{size}"/>')
    lines.append(f'<line class="g" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>')
    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x, y = at(tick, tick)
        lines.append(f'<text x="{x:.0f}" y="{y0 + 16:.0f}" text-anchor="middle">{tick:.0%}</text>')
        lines.append(f'<text x="{x0 - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{tick:.0%}</text>')
    for mean, share, won, of in bins(said):
        low, high = wilson(won, of)
        (x, y), top, bottom = at(mean, share), at(0, high)[1], at(0, low)[1]
        lines.append(f'<line class="w" x1="{x:.1f}" y1="{bottom:.1f}" x2="{x:.1f}" y2="{top:.1f}" stroke-width="2"/>')
        lines.append(f'<circle class="d" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
        lines.append(f'<text x="{x + 8:.1f}" y="{y - 6:.1f}">{won}/{of}</text>')
    middle = x0 + size / 2
    lines.append(
        f'<text x="{middle:.0f}" y="{y0 + 36:.0f}" text-anchor="middle">said: chance that deep learning leads there</text>'
    )
    turn = f"rotate(-90 12 {y1 + size / 2:.0f})"
    lines.append(f'<text transform="{turn}" x="12" y="{y1 + size / 2:.0f}" text-anchor="middle">seen: it did</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def cost_lines(real: list[Line]) -> str:
    """The share of a run's limit that everything in `conclude` takes once the contest has ended."""
    shares = np.array([one["conclude_s"] / one["seconds"] for one in real])
    worst = real[int(shares.argmax())]
    return (
        f"Everything between the end of the last fit and the finished verdict (`conclude`) took {np.median(shares):.1%} of the "
        f"limit in the median run, {shares.max():.1%} at most ({worst['table']}, {worst['size']}: {worst['conclude_s']:.2f} s of "
        f"{worst['seconds']:g} s); at most 5% in {(shares <= 0.05).sum()} of {len(shares)} runs. It fits nothing."
    )


def cases_table(real: list[Line]) -> str:
    """One row for each run."""
    rows = []
    for one in sorted(real, key=lambda one: (one["table"], one["verdict"]["rows"])):
        told, known = one["verdict"], one["truth"]
        gap, call = told["difference"], told["call"]
        state = truth_of(one, "judged", call) if call != "UNDECIDED" else ""
        interval = f"{gap['estimate']:.4g} ({gap['interval'][0]:.4g} to {gap['interval'][1]:.4g})" if gap else ""
        truths = [f"{known[kind]['difference']:.4g} ± {known[kind]['se']:.2g}" for kind in KINDS]
        over = (told["treeline"] or {}).get("p_overtaken", {}).get("4")
        chance = "" if over is None else f"{over:.0%}"
        called = call.lower() if call == "UNDECIDED" else f"**{call}**"
        rows.append(
            [
                one["table"],
                f"{told['rows']:,}",
                told["metric"],
                f"{told['margin']:.3g}",
                called,
                interval,
                *truths,
                state,
                chance,
            ]
        )
    head = [
        "table",
        "rows",
        "metric",
        "margin",
        "call",
        "difference (95%)",
        "truth ± SE",
        "truth, as handed over",
        "call is",
        "overtaken at 4x",
    ]
    return markdown(head, rows)
