"""Looking again is paid for: how sure a verdict must be when earlier ones on the same run were told (docs/decisions/0022).

Who may go on until he likes the answer finds one too often. So the doubt that is left to a call halves with every verdict
that was told before: 5%, 2.5%, 1.25% … What an earlier verdict said has spent its doubt already, and needs no more than then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from treeline.evidence.advice import SURE
from treeline.problem.task import Family

__all__ = ["FIRST", "Again", "not_worse"]


def not_worse(family: Family) -> str:
    """Return how it is written down that a side was called not worse."""
    return f"{family} not worse"


@dataclass(frozen=True, slots=True)
class Again:
    """What earlier verdicts on the same run said."""

    before: tuple[tuple[str, ...], ...] = ()
    "For each that spoke, the first one first: its call, and whom it called not worse (`Verdict.said`)."

    def sure(self, what: str) -> float:
        """Return the probability from which on `what` is said."""
        if any(what in said for said in self.before):
            return SURE
        return 1 - math.ldexp(1 - SURE, -len(self.before))

    @property
    def later(self) -> float:
        """The probability that something new needs at the look after this one: what advice to go on must reckon with."""
        return 1 - math.ldexp(1 - SURE, -len(self.before) - 1)

    @property
    def asked(self) -> str:
        """What is asked of something new: `95% probable`, or `97.5% probable (this is the second look)`."""
        nth = len(self.before) + 1
        ordinal = {2: "second", 3: "third"}.get(nth, f"{nth}th")
        return (
            f"{SURE:.0%} probable"
            if nth == 1
            else (f"{100 * self.sure(''):.4g}% probable (this is the {ordinal} look at this run)")
        )


FIRST = Again()
"No verdict was told before."
