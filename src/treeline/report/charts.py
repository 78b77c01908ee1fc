"""The large figures: learning curves, cost against score, calibration, confusion, errors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from treeline.report.figures import Figure, Point, Scale, element, span
from treeline.report.numbers import count, duration, percent, rounded, size
from treeline.report.privacy import clean

__all__ = ["calibration", "confusion", "cost_against_score", "learning_curves", "residuals", "true_against_predicted"]

NAMES = {"classical": "Classical", "deep": "Deep"}
Rows = Sequence[dict[str, Any]]
Box = tuple[float, float, float, float]
TIMES = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1200, 3600, 7200, 18000, 36000, 86400]
"Seconds that people know by name."


def learning_curves(
    curves: dict[str, list[dict[str, Any]]],
    points: Rows,
    *,
    margin: float | None,
    treeline: dict[str, Any] | None,
    names: tuple[str, bool],
) -> Markup | None:
    """Score against training rows for both families; `names` is the metric's title and whether greater is better."""
    lines = {f: [p for p in curve if p.get("score") is not None and p.get("rows")] for f, curve in curves.items()}
    lines = {family: curve for family, curve in lines.items() if curve}
    known = [point for curve in lines.values() for point in curve]
    if len({point["rows"] for point in known}) < 2:
        return None
    metric, up = names
    low, high = span(
        end for p in known for end in (p["score"] - 2 * (p.get("se") or 0), p["score"] + 2 * (p.get("se") or 0))
    )
    last = {family: curve[-1]["score"] for family, curve in lines.items()}
    best = (max if up else min)(last.values())
    most = max(p["rows"] for p in known)
    before, ahead = (treeline or {}).get("crossed_at"), (treeline or {}).get("between")
    right = ahead[1] if ahead and most < ahead[1] <= 8 * most else most
    told = "; ".join(
        f"{NAMES[f]}: {rounded(c[0]['score'])} at {count(c[0]['rows'])} rows, {rounded(c[-1]['score'])} at {count(c[-1]['rows'])}"
        for f, c in lines.items()
    )
    figure = Figure(
        "curves", title=f"Learning curves: {metric} against training rows", about=told, width=540, height=340
    )
    x = Scale(min(p["rows"] for p in known), right, 58, 458, log=True)
    y = Scale(low, high, 292, 28)
    figure.axes(x, y, names=("training rows", f"{metric} ({'higher' if up else 'lower'} is better)"), at=_rungs(known))
    if margin and 2 * margin < high - low:
        top, bottom = y(best + margin), y(best - margin)
        figure.add("rect", x=58, y=top, width=400, height=bottom - top, class_="margin")
    for point in points:
        if low <= point["score"] <= high and x.low <= point["rows"] <= x.high:
            style = f"speck {point['family']}"
            figure.add("circle", cx=x(point["rows"]), cy=y(point["score"]), r=2, class_=style)
    if ahead and ahead[0] < x.high:
        _ahead(figure, x, ahead, y)
    elif before and x.low <= before <= x.high:
        _crossed(figure, x, before, y)
    for family, curve in lines.items():
        _curve(figure, (x, y), family, curve)
    _ends(figure, x, y, last)
    return figure.svg("wide")


def _rungs(known: Rows) -> list[tuple[float, str]]:
    """The rungs of the ladder as ticks; both families' rungs may differ by a few rows."""
    rungs: list[float] = []
    for rows in sorted({point["rows"] for point in known}):
        if not rungs or rows > 1.3 * rungs[-1]:
            rungs.append(rows)
    return [(rows, size(rows)) for rows in rungs[:: -(-len(rungs) // 8)]]


def _curve(figure: Figure, scales: tuple[Scale, Scale], family: str, curve: list[dict[str, Any]]) -> None:
    x, y = scales
    upper = [(x(p["rows"]), y(p["score"] + 1.96 * (p.get("se") or 0))) for p in curve]
    lower = [(x(p["rows"]), y(p["score"] - 1.96 * (p.get("se") or 0))) for p in curve]
    figure.path([*upper, *reversed(lower)], f"band {family}", closed=True)
    figure.path([(x(p["rows"]), y(p["score"])) for p in curve], f"curve {family}")
    for p in curve:
        figure.mark((x(p["rows"]), y(p["score"])), family, f"{count(p['rows'])} rows: {rounded(p['score'])}", 3.6)


def _ahead(figure: Figure, x: Scale, ends: Sequence[float], y: Scale) -> None:
    """Shade where a change of lead would come, if it comes: a range of public data, no number of these rows."""
    left, right = (x(min(max(end, x.low), x.high)) for end in ends)
    figure.add("rect", x=left, y=y.end, width=max(right - left, 1), height=y.start - y.end, class_="treeline-band")
    figure.text((left + 6, y.end + 11), "may change here", "strong")


def _crossed(figure: Figure, x: Scale, rows: float, y: Scale) -> None:
    """Mark where the leader took the lead."""
    figure.line((x(rows), y.start), (x(rows), y.end), "treeline")
    near_right = x(rows) > 380
    at = (x(rows) - 6 if near_right else x(rows) + 6, y.end + 11)
    figure.text(at, f"treeline {size(rows)}", "strong", "end" if near_right else "start")


def _ends(figure: Figure, x: Scale, y: Scale, last: dict[str, float]) -> None:
    at = {family: y(score) + 4 for family, score in last.items()}
    if len(at) == 2:
        upper, lower = sorted(at, key=lambda family: at[family])
        short = 16 - (at[lower] - at[upper])
        if short > 0:
            at[upper], at[lower] = at[upper] - short / 2, at[lower] + short / 2
    for family, height in at.items():
        figure.text((x.end + 9, height), NAMES.get(family, family), f"label {family}")


def cost_against_score(rows: Rows, *, metric: str, up: bool) -> Markup | None:
    """Every contender's CPU seconds against its score."""
    known = [row for row in rows if row["score"] is not None and row["cpu_s"]]
    if len(known) < 2:
        return None
    told = "; ".join(f"{r['title'] or r['name']}: {rounded(r['score'])} for {duration(r['cpu_s'])}" for r in known)
    figure = Figure("cost", title=f"CPU time against {metric}", about=told, width=540, height=340)
    cheap, dear = min(r["cpu_s"] for r in known), max(r["cpu_s"] for r in known)
    x = Scale(cheap / 1.4, dear * 1.8, 58, 528, log=True)
    y = Scale(*span([r["score"] for r in known], 0.12), 292, 28)
    times = [t for t in TIMES if x.low <= t <= x.high]
    ticks = [(t, duration(t)) for t in times[:: max(1, -(-len(times) // 6))]]
    better = "higher" if up else "lower"
    figure.axes(x, y, names=("CPU time of all its fits", f"{metric} ({better} is better)"), at=ticks)
    front = _front(known, x, y, up=up)
    figure.path(front, "front")
    taken = [(min(a[0], b[0]), min(a[1], b[1]) - 1, max(a[0], b[0]), max(a[1], b[1]) + 1) for a, b in pairwise(front)]
    taken += [(x(r["cpu_s"]) - 6, y(r["score"]) - 6, x(r["cpu_s"]) + 6, y(r["score"]) + 6) for r in known]
    for row in known:
        px, py = x(row["cpu_s"]), y(row["score"])
        label = str(row["title"] or row["name"])
        figure.mark((px, py), row["family"], f"{label}: {rounded(row['score'])}, {duration(row['cpu_s'])} of CPU", 4.5)
        _label(figure, (px, py), label if len(label) <= 24 else label[:23] + "…", taken)
    return figure.svg("wide")


def _front(rows: Rows, x: Scale, y: Scale, *, up: bool) -> list[Point]:
    """The steps of the best score that so much time buys."""
    front: list[Point] = []
    best: float | None = None
    for row in sorted(rows, key=lambda r: (r["cpu_s"], -r["score"] if up else r["score"])):
        if best is None or (row["score"] > best if up else row["score"] < best):
            if best is not None:
                front.append((x(row["cpu_s"]), y(best)))
            best = row["score"]
            front.append((x(row["cpu_s"]), y(best)))
    return front


def _label(figure: Figure, at: Point, words: str, taken: list[Box]) -> None:
    """Write a label beside its mark where it hides nothing; the hint on the mark stays where there is no room."""
    x, y = at
    wide = 6.6 * len(words)
    spots = (
        ("start", x + 10, y + 4, x + 10),
        ("end", x - 10, y + 4, x - 10 - wide),
        ("start", x + 4, y - 9, x + 4),
        ("start", x + 4, y + 18, x + 4),
        ("end", x - 4, y - 9, x - 4 - wide),
        ("end", x - 4, y + 18, x - 4 - wide),
    )
    for anchor, tx, ty, left in spots:
        box = (left, ty - 11, left + wide, ty + 3)
        inside = box[0] >= 60 and box[2] <= 536 and box[1] >= 14 and box[3] <= 290
        if inside and not any(a < box[2] and box[0] < c and b < box[3] and box[1] < d for a, b, c, d in taken):
            figure.text((tx, ty), words, anchor=anchor)
            taken.append(box)
            return


def calibration(bins: Rows, *, of: str) -> Markup:
    """What the model said against what was seen; on the diagonal it can be taken at its word."""
    told = "; ".join(f"said {percent(b['said'])}, seen {percent(b['seen'])} ({count(b['rows'])} rows)" for b in bins)
    figure = Figure("calibration", title=f"Calibration of {of}", about=told, width=400, height=380)
    x, y = Scale(0, 1, 52, 390), Scale(0, 1, 332, 28)
    figure.axes(x, y, names=("probability the model gave", "share that came true"))
    figure.line((x(0), y(0)), (x(1), y(1)), "front")
    most = max((b["rows"] for b in bins), default=1)
    for b in bins:
        px = x(b["said"])
        tall = 40 * b["rows"] / most
        figure.add("rect", x=px - 8, y=y.start - tall, width=16, height=tall, class_="bar faint")
        if b.get("interval"):
            figure.line((px, y(b["interval"][0])), (px, y(b["interval"][1])), "whisker ink")
    figure.path([(x(b["said"]), y(b["seen"])) for b in bins], "curve ink")
    for b in bins:
        hint = f"said {percent(b['said'])}, came true {percent(b['seen'])}, {count(b['rows'])} rows"
        figure.mark((x(b["said"]), y(b["seen"])), "ink", hint, 3.2)
    return figure.svg("square")


def confusion(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Markup:
    """True classes down, predicted across; the shares of each true class shade its cells."""
    n = len(names)
    right = sum(matrix[i][i] for i in range(n))
    about = f"{n} classes; {count(right)} of {count(sum(map(sum, matrix)))} rows on the diagonal."
    left = 14 + 6.6 * min(max((len(str(name)) for name in names), default=1), 14)
    cell = min((470 - left) / n, 84)
    foot = 84 if cell < 52 else 56
    size_ = {"width": left + n * cell + (10 if n > 2 else 180), "height": n * cell + foot}
    figure = Figure("confusion", title="Confusion: true class against predicted class", about=about, **size_)
    figure.text((2, 12), "true class ↓   predicted →", "name")
    for i, name in enumerate(names):
        short = str(name) if len(str(name)) <= 14 else str(name)[:13] + "…"
        at, below = left + (i + 0.5) * cell, 24 + n * cell
        if cell >= 52:
            figure.text((at, below + 18), short, anchor="middle")
        elif cell >= 11:
            turn = f"rotate(-45 {at + 4:.1f} {below + 14:.1f})"
            figure.add("text", clean(short), x=at + 4, y=below + 14, text_anchor="end", transform=turn)
        if cell >= 11:
            figure.text((left - 7, 24 + (i + 0.5) * cell + 4), short, anchor="end")
        _shares(figure, [list(matrix[i]), i], names, (left, 24 + i * cell, cell))
    return figure.svg("square")


def _shares(figure: Figure, row: list[Any], names: Sequence[str], place: tuple[float, float, float]) -> None:
    """One row of the confusion figure: its counts, its number, and where it starts."""
    counts, i = row
    x, y, cell = place
    total = sum(counts) or 1
    for j, rows in enumerate(counts):
        share = rows / total
        box = {"x": x + j * cell, "y": y, "width": cell - 1.5, "height": cell - 1.5, "rx": 2}
        figure.add("rect", class_="cell", **box)
        if not rows:
            continue
        hint = element(
            "title", clean(f"{names[i]} taken for {names[j]}: {count(rows)} rows, {percent(share)} of the class")
        )
        style = "cell right" if i == j else "cell wrong"
        figure.add("rect", hint, class_=style, fill_opacity=f"{0.12 + 0.88 * share:.2f}", **box)
        if cell >= 27:
            middle = (x + (j + 0.5) * cell, y + cell / 2 + 4)
            figure.text(
                middle, percent(share) if len(names) > 3 else count(rows), "on" if share > 0.55 else "off", "middle"
            )


def true_against_predicted(sample: Sequence[Sequence[float]], *, target: str) -> Markup:
    """A sample of rows: what the model said against what came."""
    values = sorted(value for pair in sample for value in pair)
    log = (
        values[0] > 0 and values[-1] > 15 * values[len(values) // 2]
    )  # prices, populations: most rows would lie in one corner
    low, high = (values[0] / 1.1, values[-1] * 1.1) if log else span(values, 0.03)
    about = f"{count(len(sample))} rows; on the dashed line a prediction is exact."
    figure = Figure("fit", title=f"{target}: true against predicted", about=about, width=400, height=380)
    x, y = Scale(low, high, 58, 390, log), Scale(low, high, 332, 28, log)
    figure.axes(x, y, names=("predicted", "true"))
    figure.line((x(low), y(low)), (x(high), y(high)), "front")
    for said, true in sample:
        figure.add("circle", cx=x(said), cy=y(true), r=2.4, class_="speck ink")
    return figure.svg("square")


def residuals(errors: dict[str, Any]) -> Markup:
    """How large the errors are: a histogram, with the middle half marked."""
    counts, edges = errors["histogram"]["counts"], errors["histogram"]["edges"]
    low, high = errors["quantiles"]["0.25"], errors["quantiles"]["0.75"]
    about = f"Half of all errors lie between {rounded(low)} and {rounded(high)}."
    figure = Figure("residuals", title="Errors: predicted minus true", about=about, width=400, height=380)
    x, y = Scale(edges[0], edges[-1], 58, 390), Scale(0, max(counts) * 1.06 or 1, 332, 28)
    figure.axes(x, y, names=("predicted minus true", "rows"))
    figure.add("rect", x=x(low), y=y.end, width=max(x(high) - x(low), 1), height=y.start - y.end, class_="margin")
    for tall, left, right in zip(counts, edges, edges[1:], strict=False):
        if tall:
            figure.add(
                "rect",
                x=x(left) + 0.5,
                y=y(tall),
                width=max(x(right) - x(left) - 1, 0.5),
                height=y.start - y(tall),
                class_="bar ink",
            )
    figure.line((x(0), y.start), (x(0), y.end), "front")
    return figure.svg("square")
