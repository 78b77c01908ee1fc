"""The conclusion: all that a ledger says, put together once; verdict.json is this object as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeline.evidence.numbers import as_json, number
from treeline.problem.metric import title_of

if TYPE_CHECKING:
    from treeline.evidence.verdict import Verdict
    from treeline.problem.problem import Problem

__all__ = ["Conclusion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The verdict with what stands beside it."""

    problem: Problem
    verdict: Verdict
    dimensions: list[dict[str, Any]]
    plain: dict[str, Any] | None
    "The difference in words that need no statistics."
    prior: dict[str, Any] | None
    diagnosis: dict[str, Any] | None
    delivered: dict[str, Any]
    leaderboard: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    budget: dict[str, Any]
    split: dict[str, Any]
    "How rows were kept apart: policy, folds judged and planned, group and time columns."
    rows: int
    held_out_rows: int
    repeats: dict[str, Any] | None = None
    "Scores on rows that repeat others and on new ones; None where no row repeats another."
    given_test: dict[str, Any] | None = None
    "Rows, score and interval of the delivered model on a given test part."

    def to_json(self) -> dict[str, Any]:
        """Return plain data, see docs/verdict.md."""
        told = self.verdict.to_json()
        again = [self.repeats["words"]] if self.repeats else []
        told["caveats"] = [*self._tested(), *again, *told["caveats"]]
        plain: dict[str, Any] = as_json(
            told
            | {
                "target": self.problem.target,
                "task": str(self.problem.task),
                "dimensions": self.dimensions,
                "plain": self.plain,
                "prior": self.prior,
                "diagnosis": self.diagnosis,
                "delivered": self.delivered,
                "leaderboard": self.leaderboard,
                "findings": self.findings,
                "budget": self.budget,
                "split": self.split,
                "repeats": self.repeats,
                "rows": self.rows,
                "held_out_rows": self.held_out_rows,
            }
            | ({"given_test": self.given_test} if self.given_test else {})
        )
        return plain

    def _tested(self) -> list[str]:
        """Say what the delivered model reached on a given test part."""
        if not self.given_test:
            return []
        rows, score, (low, high) = (self.given_test[key] for key in ("rows", "score", "interval"))
        reached = f"{title_of(self.verdict.metric)} {number(score)} (95% interval {number(low)} to {number(high)})"
        return [
            f"On {rows:,} rows of the test folder, on which no model was trained, what is handed over has {reached}."
        ]
