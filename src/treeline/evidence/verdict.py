"""The verdict: what is known, what to do, why, and what it would take to know better; made by `judge.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeline.evidence.advice import beats_a_guess
from treeline.evidence.call import OPEN, Call, Reason
from treeline.evidence.numbers import as_json
from treeline.evidence.recommend import Choice, said_of
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.evidence.crossing import Treeline
    from treeline.evidence.curves import Curve
    from treeline.evidence.mind import Decide
    from treeline.evidence.paired import Difference

__all__ = ["Verdict", "Words"]


@dataclass(frozen=True, slots=True)
class Words:
    """A verdict in words."""

    headline: str = ""
    sentence: str = ""
    lines: tuple[str, ...] = ()
    "What a reader without a report needs: the answer, both sides, the odds, the reasons."


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who won, how sure that is, what to do, why, and what it would take to know better."""

    call: Call
    choice: Choice | None
    "What to do; None where a finding forbids a verdict, a side is missing or unfinished, or neither learned anything."
    strong: bool
    "Rows and folds agree, and no finding lowers it."
    metric: str
    greater_is_better: bool
    margin: float
    judged_rows: int
    families: dict[str, dict[str, Any]]
    both: dict[str, Any] | None
    difference: Difference | None
    treeline: Treeline | None
    curves: tuple[Curve, ...]
    "The families' frontiers, named after them, and the contenders' curves."
    because: tuple[Reason, ...]
    leaning: Call | None
    "For UNDECIDED: the call that is at least 80% probable."
    decide: Decide | None
    "What would decide an open verdict."
    mind: tuple[str, ...]
    "What would change our mind, each with its number."
    signal: dict[str, Any] | None
    "How much the better side gains over a constant guess: `gain`, `interval`, `p`; None where the guess is not known."
    cheaper: Family | None
    beside: str
    "What must be read together with the headline, such as encoders that were not at hand; empty where nothing must."
    caveats: tuple[str, ...]
    selection: str
    "How the best of many was paid for."
    words: Words = Words()
    "The same in words (`evidence/words.py`)."

    @property
    def speaks(self) -> bool:
        """Whether the sides may be compared: nothing blocks it, nobody is missing, there are rows and a metric."""
        return self.call is not Call.UNDECIDED or self.because[0].code == OPEN

    @property
    def said(self) -> tuple[str, ...]:
        """What a later verdict on the same run need not be surer of (`evidence.again`): the call, and who is not worse."""
        return said_of(self.call, self.because, self.choice)

    @property
    def has_signal(self) -> bool:
        """Whether a side is shown to beat a constant guess, or there is none to hold against."""
        return beats_a_guess(self.signal)

    def to_json(self) -> dict[str, Any]:
        """Return plain data with its words; numbers that do not exist are None."""
        choice = self.choice.to_json() | {"words": self.words.headline} if self.choice else None
        found: dict[str, Any] = {
            "headline": self.words.headline,
            "sentence": self.words.sentence,
            "beside": self.beside,
            "call": str(self.call),
            "choice": choice,
            "speaks": self.speaks,
            "strong": self.strong,
            "metric": self.metric,
            "greater_is_better": self.greater_is_better,
            "margin": self.margin,
            "judged_rows": self.judged_rows,
            "families": self.families,
            "both": self.both,
            "difference": {"of": "deep - classical", **self.difference.to_json()} if self.difference else None,
            "treeline": self.treeline.to_json() if self.treeline else None,
            "curves": {str(family): [] for family in Family}
            | {curve.name: [p.to_json() for p in curve.points] for curve in self.curves if curve.name == curve.family},
            "member_curves": [curve.to_json() for curve in self.curves if curve.name != curve.family],
            "because": [str(reason) for reason in self.because],
            "leaning": str(self.leaning) if self.leaning else None,
            "needed": self.decide.rows if self.decide else None,
            "decide": self.decide.to_json() if self.decide else None,
            "mind": list(self.mind),
            "signal": self.signal,
            "cheaper": str(self.cheaper) if self.cheaper else None,
            "caveats": list(self.caveats),
            "selection": self.selection,
        }
        plain: dict[str, Any] = as_json(found)
        return plain

    def lines(self) -> list[str]:
        """Return the verdict as a few plain lines."""
        return list(self.words.lines)
