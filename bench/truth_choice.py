"""The choice of runs on real tables held against the rows kept aside: how often it is given, and how often it is right."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from types import SimpleNamespace
from typing import Any

from measure import markdown

from treeline.evidence.advice import Share
from treeline.evidence.call import OPEN, Call
from treeline.evidence.recommend import BOTH, Ground, choose
from treeline.problem.task import Family

Line = dict[str, Any]
CLEAR = 2.0
"Standard errors that the truth must lie away from the margin to be called known."
SAFE = tuple(str(ground) for ground in Ground if ground.safe)
KINDS = {"judged": "single fold models", "delivered": "as handed over"}


def choice_of(one: Line) -> Line | None:
    """Return what a run recommends; runs of before there were choices are asked what they would have said."""
    told = one["verdict"]
    if "choice" in told:
        chosen: Line | None = told["choice"]
        return chosen
    gap, call = told["difference"], Call(told["call"])
    if gap is None or (call is Call.UNDECIDED and not told["because"][0].startswith(OPEN)):
        return None
    sides = {
        Family(name): Share(cpu_s=side["cpu_s"], fit_cpu_s=side["fit_cpu_s"]) for name, side in told["families"].items()
    }
    gain = SimpleNamespace(p_worse=0.0, estimate=0.0, se=0.0) if call is Call.BOTH else None
    return choose(call, SimpleNamespace(**gap), gain, sides).to_json()  # type: ignore[arg-type]


def right(one: Line, kind: str, side: str) -> str:
    """Return whether the chosen side really loses no more than the margin on the rows kept aside."""
    known, margin = one["truth"][kind], one["verdict"]["margin"]
    if side == BOTH:
        lead, se = known["gain"], known["gain_se"]
    else:
        lead = known["difference"] * (1 if side == "deep" else -1)
        se = known["se"]
    state = "right" if lead >= -margin else "wrong"
    return state if abs(lead + margin) >= CLEAR * se else f"unclear, rather {state}"


def choices_table(real: list[Line], rate: Callable[[int, int], str]) -> str:
    """How often each ground is given and holds, by time limit."""
    rows = []
    states = ("right", "wrong", "unclear, rather right", "unclear, rather wrong")
    for seconds in sorted({one["seconds"] for one in real}):
        runs = [one for one in real if one["seconds"] == seconds]
        chosen = [(one, choice_of(one)) for one in runs]
        groups = {"**safe, all grounds**": SAFE} | {str(ground): (str(ground),) for ground in Ground}
        for (name, grounds), (kind, words) in product(groups.items(), KINDS.items()):
            given = [(one, said) for one, said in chosen if said and said["because"] in grounds]
            seen = [right(one, kind, said["side"]) for one, said in given if one["truth"]]
            counts = [seen.count(state) for state in states]
            good = counts[0] + counts[2]
            rows.append([f"{seconds:g} s", name, words, rate(len(given), len(runs)), *counts, rate(good, sum(counts))])
        none = sum(said is None for _, said in chosen)
        rows.append([f"{seconds:g} s", "no choice", "", rate(none, len(runs)), "", "", "", "", ""])
    head = ["limit", "ground", "truth", "given", *states, "right by the best guess"]
    return markdown(head, rows)


def choice_goals(real: list[Line]) -> list[tuple[str, float, int, int]]:
    """Return goals as (what, least share, hits, of): how often a safe choice is given, and holds."""
    found = []
    for seconds, least in ((60.0, 0.85), (300.0, 0.95)):
        runs = [one for one in real if one["seconds"] == seconds]
        given = [(one, said) for one in runs if (said := choice_of(one)) and said["because"] in SAFE]
        seen = [right(one, "judged", said["side"]) for one, said in given if one["truth"]]
        clear = [state for state in seen if not state.startswith("unclear")]
        if runs:
            found.append((f"a choice with 95% certainty is given at {seconds:g} s", least, len(given), len(runs)))
            words = f"such a choice is right at {seconds:g} s ({len(seen) - len(clear)} more: truth unclear)"
            found.append((words, 0.95, clear.count("right"), len(clear)))
    return found
