"""What is told of a bundle that was written from a finished run: its score beside that of the run's own model, size and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.contest.delivery import BOTH, CALLED, seconds_per_1000
from treeline.evidence.numbers import number, percent
from treeline.evidence.paired import compare, score_interval
from treeline.problem.metric import title_of
from treeline.problem.problem import Problem

if TYPE_CHECKING:
    from treeline.contest.delivery import Delivered
    from treeline.contest.ledger import Ledger
    from treeline.deliver.runtime import Model
    from treeline.problem.metric import Array

__all__ = ["Handed", "facts_of"]


def facts_of(
    ledger: Ledger, verdict: Mapping[str, Any], own: Delivered, made: Delivered, *, side: str | None, single: bool
) -> dict[str, Any]:
    """Compare what is written with the run's `own` model, on the held-out rows that both cover; `side` was asked for."""
    problem, board = Problem.from_json(ledger.head["problem"]), verdict["leaderboard"]
    titles = {row["name"]: row["title"] for row in board}
    count = min(len(own.judged.y), len(made.judged.y))  # both go fold by fold
    y, fold = own.judged.y[:count], own.judged.fold[:count]
    group = None if own.judged.group is None else own.judged.group[:count]

    def judged(prediction: Array) -> dict[str, Any]:
        found = score_interval(y, prediction[:count], problem.metric, fold=fold, group=group)
        return {"score": found.score, "interval": [found.low, found.high]}

    def content(one: Delivered) -> dict[str, Any]:
        members = [
            {"name": pick.name, "title": titles[pick.name], "weight": pick.weight, "models": len(pick.trials)}
            for pick in one.picks
        ]
        return {"what": one.what, "members": members, "predict_s_per_1000": seconds_per_1000(board, one.picks)}

    gap = compare(
        y,
        own.prediction[:count],
        made.prediction[:count],
        problem.metric,
        fold=fold,
        margin=problem.margin,
        group=group,
    )
    bundle, most = ledger.out / "bundle", max((t for pick in made.picks for t in pick.trials), key=lambda t: t.rows)
    return {
        "delivered": content(made), **judged(made.prediction), "rows": count, "single": single,
        "metric": problem.metric.name, "margin": problem.margin,
        "fitted_rows": most.rows, "of_rows": round(most.rows / most.rung), "side": side,
        "own": content(own) | judged(own.prediction) | {
            "bytes": sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
        },
        "gain": None if np.array_equal(own.prediction[:count], made.prediction[:count])
        else {"estimate": gap.estimate, "interval": list(gap.interval), "p_worse": gap.p_worse},
    }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A bundle that was written, and what is known of it."""

    folder: Path
    facts: dict[str, Any]
    "Plain data: `delivered`, `score`, `interval`, `rows`, `own` (the same of the run's own model), `gain`, `bytes`."

    @property
    def model(self) -> Model:
        """The model, verified and ready to use."""
        from treeline.deliver.runtime import load

        return load(self.folder)

    def lines(self) -> list[str]:
        """Return what a reader needs, in plain words."""
        told, own = self.facts, self.facts["own"]
        same = f"{told['rows']:,} held-out rows"
        lines = [
            f"{self.folder}: {_content(told['delivered'])}",
            f"  {_worth(told, told['delivered'], told['metric'])}",
        ]
        if told["side"] == BOTH != told["delivered"]["what"]:
            lines.append(
                "A blend of both sides was asked for; this is the best one, and takes nothing from the other side."
            )
        if told["gain"] is None:
            lines.append(f"The run's own model is made of the same contenders: the same score on {same}.")
        else:
            size, (low, high) = told["gain"]["estimate"], told["gain"]["interval"]
            word, ends = ("better", (low, high)) if size >= 0 else ("worse", (-high, -low))
            lines += [
                f"The run's own model: {_content(own)}",
                f"  {_worth(own, own, told['metric'])}",
                f"On the same {same} this one is {number(abs(size))} {word} (95% {number(ends[0])} to {number(ends[1])}); worse "
                f"by more than what matters ({number(told['margin'])}) with a probability of {percent(told['gain']['p_worse'])}.",
            ]
        if told["single"]:
            lines.append(
                f"It is one model, fitted on all {told['fitted_rows']:,} rows, so no row is left to judge it: the score is "
                "that of the same contender's fold models, fitted on fewer rows; where the best contender was looked for, it was "
                "chosen on one half of the rows and judged on the other."
            )
        elif told["fitted_rows"] < told["of_rows"]:
            lines.append(f"Its models were fitted on {told['fitted_rows']:,} of {told['of_rows']:,} rows only.")
        return lines


def _content(told: Mapping[str, Any]) -> str:
    """Return `classical models (CatBoost 60%, LightGBM 40%)`, or the title of a single contender."""
    members = sorted(told["members"], key=lambda one: -one["weight"])
    if len(members) == 1:
        return str(members[0]["title"])
    named = [f"{one['title']} {one['weight']:.0%}" for one in members[:4]]
    rest = f" and {len(members) - 4} more" if len(members) > 4 else ""
    return f"{CALLED[told['what']]} ({', '.join(named)}{rest})"


def _worth(judged: Mapping[str, Any], content: Mapping[str, Any], metric: str) -> str:
    """Return score, size and time in one line."""
    low, high = judged["interval"]
    seconds = content["predict_s_per_1000"]
    parts = [f"{title_of(metric)} {number(judged['score'])} (95% {number(low)} to {number(high)})"]
    parts.append(f"{judged['bytes'] / 2**20:.3g} MB")
    if seconds is not None:
        ms = 1000 * seconds
        parts.append(
            f"{seconds:.2g} s for 1,000 rows"
            if ms >= 995
            else f"{ms:.0f} ms for 1,000 rows"
            if ms >= 9.5
            else f"{ms:.2g} ms for 1,000 rows"
        )
    return ", ".join(parts)
