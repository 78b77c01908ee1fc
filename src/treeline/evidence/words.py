"""The verdict in one plain sentence for a person who decides and does not do statistics.

It speaks of the data that was judged and of nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["as_json", "per_thousand", "plain_lines", "sentence"]

NAMES = {
    "CLASSICAL": "classical models",
    "DEEP": "deep learning",
    "classical": "classical models",
    "deep": "deep learning",
}
COUNTED = {"accuracy": "right", "balanced_accuracy": "right, classes counting alike"}
TITLES = {
    "roc_auc": "AUC",
    "roc_auc_ovr": "AUC",
    "average_precision": "average precision",
    "log_loss": "log-loss",
    "brier_score_loss": "Brier score",
    "root_mean_squared_error": "RMSE",
    "mean_squared_error": "mean squared error",
    "mean_absolute_error": "mean absolute error",
    "median_absolute_error": "median absolute error",
    "root_mean_squared_log_error": "RMSLE",
    "mean_absolute_percentage_error": "mean percentage error",
    "r2": "R²",
    "f1": "F1",
    "f1_macro": "macro F1",
    "f1_weighted": "weighted F1",
    "matthews_corrcoef": "Matthews correlation",
    "balanced_accuracy": "balanced accuracy",
}


ALONE = {"CLASSICAL": "p_fold_worse", "DEEP": "p_fold_better", "EQUIVALENT": "p_fold_same"}
"What the folds alone say of a call."
OPEN_WORDS = "not enough to tell which side is better"


def sentence(verdict: Mapping[str, Any]) -> str:
    """Return one plain sentence for `Verdict.to_json()`."""
    told = _told(verdict)
    signal = verdict.get("signal")
    if signal and not signal["p"] >= 0.95 and verdict["call"] != "UNDECIDED":
        return told + " Yet neither is shown to beat a constant guess: these inputs may say nothing about the target."
    return told


def plain_lines(verdict: Mapping[str, Any]) -> list[str]:
    """Return what a reader without a report needs: the sentence, both sides, the odds, the reasons."""
    lines = [str(verdict["sentence"])]
    for family in ("classical", "deep"):
        side = verdict["families"][family]
        if side["score"] is not None:
            lines.append(f"{family:<10} {number(side['score'])} ({_range(side['interval'])})  best: {side['best']}")
    gap, call = verdict["difference"], verdict["call"]
    speaks = call != "UNDECIDED" or verdict["because"][0].startswith("NOT_ENOUGH_ROWS")
    if gap and gap["estimate"] is not None and speaks:
        lines.append(
            f"deep over classical: {number(gap['estimate'])} ({_range(gap['interval'])}), above zero for better"
        )
        odds = (
            f"classical {_percent(gap['p_worse'])}, neither {_percent(gap['p_same'])}, deep {_percent(gap['p_better'])}"
        )
        lines.append(f"better by more than {number(verdict['margin'])}: {odds}")
    if call in ALONE and not verdict["strong"] and gap and gap[ALONE[call]] is not None:
        lines.append(f"- not strong: by the scores of the folds alone it is {_percent(gap[ALONE[call]])} probable")
    return [*lines, *(f"- {line}" for line in (*verdict["because"], *verdict["caveats"]))]


def _told(verdict: Mapping[str, Any]) -> str:
    call, gap = verdict["call"], verdict["difference"]
    head = f"On your data, judged on {verdict['judged_rows']:,} rows held out, "
    if call in ("CLASSICAL", "DEEP"):
        return (
            head + f"{NAMES[call]} are better: {_amount(verdict, gap)}."
            if call == "CLASSICAL"
            else (head + f"{NAMES[call]} is better: {_amount(verdict, gap)}.")
        )
    if call == "EQUIVALENT":
        return head + (
            f"the two sides are within {number(verdict['margin'])} of each other ({title(verdict)}, "
            f"probability {_percent(gap['p_same'])}): take the cheaper, {_take(verdict)}."
        )
    if call == "BOTH":
        both = verdict["both"]
        better = NAMES[both["gain_over"]]
        return head + (
            f"a blend of the two sides beats {better} alone by {number(abs(both['gain']))} {title(verdict)} "
            f"(95% interval {_range(both['gain_interval'])})."
        )
    words = _undecided(verdict)
    short = f"On your data, {verdict['judged_rows']:,} judged rows are " if words.startswith(OPEN_WORDS) else head
    return short + words


def per_thousand(metric: str, gain: float) -> str | None:
    """Return `about 3 more right per 1,000 rows` for metrics that count rows, None for others."""
    if metric not in COUNTED:
        return None
    count = abs(gain) * 1000
    amount = f"about {count:.0f}" if count >= 1 else "less than 1"
    return f"{amount} more {COUNTED[metric]} per 1,000 rows"


def title(verdict: Mapping[str, Any]) -> str:
    """Return the metric as a person writes it."""
    name = str(verdict["metric"])
    return TITLES.get(name, name.replace("_", " "))


def number(value: float) -> str:
    """Return a number with three significant digits, thousands grouped."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.5f}"


def _amount(verdict: Mapping[str, Any], gap: Mapping[str, Any]) -> str:
    low, high = sorted(gap["interval"]) if gap["estimate"] >= 0 else sorted(-x for x in gap["interval"])
    sure = gap["p_better"] if gap["estimate"] >= 0 else gap["p_worse"]
    size = number(abs(gap["estimate"]))
    text = f"{size} {'higher' if verdict['greater_is_better'] else 'lower'} {title(verdict)} (95% interval {_range([low, high])})"
    counted = per_thousand(str(verdict["metric"]), gap["estimate"])
    if counted:
        text = f"{counted} (95% interval {_range([1000 * low, 1000 * high])})"
    return (
        f"{text}; the probability that the lead exceeds the margin of {number(verdict['margin'])} is {_percent(sure)}"
    )


def _undecided(verdict: Mapping[str, Any]) -> str:
    codes = [str(each) for each in verdict["because"]]
    blocked = [code for code in codes if code.startswith("BLOCKED")]
    if blocked:
        return "no verdict is given: " + "; ".join(code.partition(": ")[2] for code in blocked) + "."
    missing = [code for code in codes if "_MISSING" in code.partition(":")[0]]
    if missing:
        parts = []
        for code in missing:
            key, _, reason = code.partition(": ")
            parts.append(f"{NAMES[key.partition('_')[0]]} did not compete ({reason.rstrip('.')})")
        return "no comparison can be made: " + "; ".join(parts) + "."
    gap = verdict["difference"]
    if gap is None or gap["estimate"] is None or not codes[0].startswith("NOT_ENOUGH_ROWS"):
        return "no verdict is given: " + codes[0].partition(": ")[2] + "."
    signal = verdict.get("signal")
    if signal and not signal["p"] >= 0.95:
        return "neither side is shown to beat a constant guess: these inputs may say nothing about the target."
    possible = verdict.get("held_out_rows") or verdict["judged_rows"]
    short = verdict["judged_rows"] < 0.9 * possible
    text = OPEN_WORDS
    if verdict["leaning"]:
        leaning = str(verdict["leaning"])
        text += (
            ", though a tie is likely"
            if leaning == "EQUIVALENT"
            else f", though it leans to {NAMES.get(leaning, 'a blend of both')}"
        )
    if verdict["cheaper"] and verdict.get("take") in (None, verdict["cheaper"]):
        text += f"; taking the cheaper, {_take(verdict)}, is expected to cost {_small(verdict)} {title(verdict)}"
    elif verdict.get("take"):
        text += f"; as it stands {NAMES[str(verdict['take'])]} {'has' if verdict['take'] == 'deep' else 'have'} the better score"
    if verdict.get("decide"):
        pass  # what would decide is told beside, with its reasons
    elif short:
        text += f"; a longer run would judge up to {possible:,} rows"
        text += f", and about {verdict['needed']:,} would settle it" if verdict["needed"] else ""
    elif verdict["needed"]:
        text += f"; about {verdict['needed']:,} judged rows would settle it"
    return text + "."


def _take(verdict: Mapping[str, Any]) -> str:
    return NAMES.get(str(verdict["cheaper"]), "whichever costs less")


def _small(verdict: Mapping[str, Any]) -> str:
    """The regret; what is below a tenth of the margin is nothing that matters."""
    trifle = verdict["margin"] / 10
    return f"less than {number(trifle)}" if verdict["regret"] < trifle else number(verdict["regret"])


def _percent(p: float) -> str:
    return "above 99.9%" if p > 0.999 else f"{100 * p:.1f}%"


def _range(interval: list[float]) -> str:
    return f"{number(interval[0])} to {number(interval[1])}"


def as_json(value: Any) -> Any:
    """Return data that any JSON reader takes: no NaN, no infinity, no numpy scalar."""
    if isinstance(value, dict):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
