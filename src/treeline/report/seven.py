"""The seven dimensions as one table and one figure, the price list, and how the prior did."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from treeline.evidence.numbers import number
from treeline.report.figures import Figure, element
from treeline.report.numbers import count, duration, megabytes, percent
from treeline.report.summary import FAMILIES, Summary
from treeline.report.wording import FAMILY

__all__ = ["prices", "rows_of", "slices", "tug", "who"]

WIDTH, ROW, LEFT, RIGHT = 1080, 36, 190, 850


def who(dimension: dict[str, Any]) -> str:
    """Return who is better on a dimension, in a word or two."""
    if not dimension["odds"]:
        return "not told apart" if dimension["sides"] else "not measured"
    if dimension["winner"] is None:
        return "not told apart"
    if dimension["winner"] == "same":
        return "no difference that matters"
    return f"{dimension['winner']}{'' if dimension['clear'] else ', leaning'}"


def rows_of(summary: Summary) -> list[dict[str, Any]]:
    """Return one row for each dimension: title, both values with intervals, who is better, words, how."""
    return [
        {
            "title": one["title"],
            "classical": _value(one, "classical"),
            "deep": _value(one, "deep"),
            "who": who(one),
            "side": one["winner"] if one["winner"] in FAMILIES else "",
            "words": one["words"],
            "how": one["how"],
        }
        for one in summary.verdict["dimensions"]
    ]


def _value(dimension: dict[str, Any], family: str) -> dict[str, str]:
    side = dimension["sides"].get(family)
    if side is None:
        return {"text": "–", "interval": ""}
    ends = side["interval"]
    return {"text": side["text"], "interval": f"{number(ends[0])} to {number(ends[1])}" if ends else ""}


def tug(summary: Summary) -> Markup | None:
    """Draw for each dimension the odds that classical is better, that it does not matter, that deep learning is better."""
    known = [one for one in summary.verdict["dimensions"] if one["odds"]]
    if not known:
        return None
    about = "; ".join(f"{one['title']}: {who(one)}" for one in known) + "."
    figure = Figure(
        "tug", title="Who is better, on each dimension", about=about, width=WIDTH, height=ROW * len(known) + 24
    )
    figure.text((LEFT, 12), "classical is better", "label classical")
    figure.text((RIGHT, 12), "deep learning is better", "label deep", "end")
    for i, one in enumerate(known):
        top, at = 24 + ROW * i, float(LEFT)
        figure.text((0, top + 19), one["title"], "strong")
        for name, style in (("classical", "classical"), ("same", "same"), ("deep", "deep")):
            width = (RIGHT - LEFT) * one["odds"][name]
            hint = element("title", f"{one['title']}: {name} {percent(one['odds'][name])}")
            figure.add("rect", hint, x=at, y=top + 5, width=max(width, 0.0), height=20, class_=f"bar {style}")
            at += width
        figure.text((RIGHT + 12, top + 19), who(one))
    return figure.svg("wide-figure")


def prices(summary: Summary) -> list[dict[str, Any]]:
    """Return the price list: for each cost what classical and what deep learning took, in all and for one fit."""
    found = next((one for one in summary.verdict["dimensions"] if one["name"] == "compute"), None)
    if not found or not found["sides"]:
        return []
    sides = {family: found["sides"][family]["detail"] for family in FAMILIES if family in found["sides"]}
    paid = next(iter(sides.values()))
    bill = f"{paid.get('price', 0.0):g} a core-hour"
    if any(side["gpu_s"] for side in sides.values()):
        bill += f" and {paid.get('gpu_price', 0.0):g} a GPU-hour"
    energy = {side["energy_is"] for side in sides.values()}
    table = (
        ("CPU time of one fit", "fit_cpu_s", duration), ("CPU time in all", "all_cpu_s", duration),
        ("GPU time", "gpu_s", lambda s: duration(s) if s else "none used"), ("Peak memory of a fit", "peak_mb", megabytes),
        ("Peak GPU memory", "vram_mb", lambda mb: megabytes(mb) if mb else "none used"),
        (f"Energy ({'measured' if energy == {'measured'} else 'an estimate'})", "watt_hours", lambda wh: f"{wh:.2g} Wh"),
        (f"Money, at {bill}", "money", lambda money: f"{money:.6f}".rstrip("0").rstrip(".") or "0"),
    )  # fmt: skip
    return [{"what": what, **{family: show(side[key]) for family, side in sides.items()}} for what, key, show in table]


def slices(summary: Summary) -> list[dict[str, Any]]:
    """Return slices in which one side is better for sure, all slices taken together."""
    found = next((one for one in summary.verdict["dimensions"] if one["name"] == "accuracy"), None)
    side = (found or {}).get("sides", {}).get("deep") or {}
    return [
        {
            "where": f"{one['column']} {one['slice']}",
            "rows": count(one["rows"]),
            "who": FAMILY[one["favours"]],
            "by": f"{abs(one['difference']):.2g} {one['loss']}",
        }
        for one in (side.get("detail") or {}).get("slices", [])
        if one["favours"]
    ]
