"""What many worlds of one kind say together: calls, coverage, and how wide the intervals should have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

__all__ = ["WIDTHS", "cell"]

FOLDS = 5
WIDTHS = ("as printed", "rows x choosing anew", "rows only")


def cell(key: Sequence[Any], found: list[dict[str, Any]], *, null: bool) -> dict[str, Any]:
    """Return one line about worlds of one kind. The true difference is zero by construction in null worlds, else their mean."""
    names = ("shuffled", "task", "metric", "rows", "deal", "size", "law")
    rows = int(key[3])
    estimate, se, unrest, real = (
        np.array([one[name] for one in found]) for name in ("estimate", "se", "unrest", "truth")
    )
    truth = 0.0 if null else float(real.mean())
    bare = np.sqrt([one["within"] / FOLDS for one in found])
    off = np.abs(estimate - truth)
    free, scale = (np.array([one[name] for one in found]) for name in ("df", "scale"))
    many = np.full(len(found), rows - 1.0)
    widths = dict(zip(WIDTHS, ((scale, free), (bare * unrest, many), (bare, many)), strict=True))
    calls = Counter(one["call"] for one in found)
    blend = [one for one in found if one["call"] == "BOTH"]
    return dict(zip(names, key, strict=True)) | {
        "worlds": len(found),
        "truth": truth,
        "truth_se": 0.0 if null else float(real.std(ddof=1) / np.sqrt(len(found))),
        "truth_sd": float(real.std(ddof=1)),
        "margin": float(np.mean([one["margin"] for one in found])),
        "calls": dict(calls),
        "choices": _choices(found, truth, null=null),
        "both_true": sum(one["gain_truth"] > one["margin"] for one in blend),
        "zero": dict(Counter(one["called_at_zero"] for one in found if one["called_at_zero"])),
        "bias": float(estimate.mean() - truth),
        "sd": float(np.sqrt(np.mean((estimate - truth) ** 2))),
        "se": float(np.sqrt(np.mean(se**2))),
        "z2": float(np.mean((off / se) ** 2)),
        "unrest": float(unrest.mean()),
        "held": {
            name: [int((off <= stats.t.ppf(level, df) * width).sum()) for level in (0.975, 0.95)]
            for name, (width, df) in widths.items()
        },
    }


def _choices(found: list[dict[str, Any]], truth: float, *, null: bool) -> dict[str, list[int]]:
    """Return by ground how often it was given, and how often the chosen side truly loses more than the margin.

    The true lead is that of the cell, as for the intervals; a blend's own where both were chosen.
    """
    told: dict[str, list[int]] = {}
    for one in found:
        if "choice" not in one:
            continue
        side = one["choice"]["side"]
        lead = one["choice_lead"] if side == "both" else truth * (1 if side == "deep" else -1)
        count = told.setdefault(one["choice"]["because"], [0, 0])
        count[0] += 1
        # Where there is no winner, whoever is said to have won is a false call, whatever it costs.
        count[1] += lead < -one["margin"] or (null and one["choice"]["because"] == "WON")
    return told
