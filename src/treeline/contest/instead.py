"""What is handed over, told as data; and where that is not the side that the verdict recommends, why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from treeline.contest.blend import standings
from treeline.contest.delivery import CALLED, Delivered, of_side, seconds_per_1000
from treeline.evidence.numbers import number
from treeline.problem.metric import title_of

if TYPE_CHECKING:
    from treeline.contest.ledger import Ledger
    from treeline.evidence.recommend import Choice
    from treeline.problem.problem import Problem

__all__ = ["handed_over"]


def handed_over(
    ledger: Ledger, problem: Problem, made: Delivered | None, *, board: Sequence[dict[str, Any]], choice: Choice | None
) -> dict[str, Any]:
    """Return whose models are handed over, with what weights, how long 1,000 rows take, and how that goes with the choice.

    Args:
        ledger: of the run.
        problem: its problem.
        made: the model that the run hands over, None where there is none.
        board: its leaderboard.
        choice: which side to use, None where nothing can be said.
    """
    picks, advised = (made.picks if made else ()), choice.side if choice else None
    seconds = seconds_per_1000(board, picks)
    told: dict[str, Any] = {
        "what": made.what if made else "",
        "members": [{"name": pick.name, "weight": pick.weight, "models": len(pick.trials)} for pick in picks],
        "predict_s_per_1000": seconds,
        "side_recommended": advised, "gain": None, "times": None, "why": None,
    }  # fmt: skip
    if made is None or advised is None or advised == made.what or not {advised, made.side} <= set(made.losses):
        return told
    if advised == made.side:  # the blend that is advised, less its slow members
        why = f"Of {CALLED[advised]} only {CALLED[made.what]} are handed over: the others would take much time to predict "
        return told | {"why": why + "and win less than could be felt."}
    gain = made.losses[advised] - made.losses[made.side]
    other = seconds_per_1000(board, of_side(ledger, standings(ledger), problem, advised).picks)
    times = seconds / other if seconds and other else None
    words = _why(made.what, advised, size=f"{number(abs(gain))} {title_of(problem.metric.name)}", ahead=gain > 0)
    return told | {
        "gain": gain,
        "times": times,
        "why": words + (f", at {times:.2g} times the prediction time." if times else "."),
    }


def _why(what: str, advised: str, *, size: str, ahead: bool) -> str:
    """Say which side is recommended, and why another one is handed over."""
    words = f"Recommended: {CALLED[advised]}; handed over instead: {CALLED[what]}, "
    if ahead:
        return (
            words
            + f"{size} better on the same held-out rows, all contenders counted (the verdict compares equally many)"
        )
    return words + f"for {size} better on the same held-out rows is less than could be felt"
