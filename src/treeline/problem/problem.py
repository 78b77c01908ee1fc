"""The problem: what is asked of the data, fixed before the first fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from treeline.problem.metric import Metric, metric_named
from treeline.problem.task import Policy, Repeats, Task

__all__ = ["Problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Task, target, metric, margin, split policy, seed: everything a verdict is relative to."""

    task: Task
    target: str
    classes: tuple[str, ...] = ()
    "Labels in the order of a prediction's columns; empty for regression. `classes[1]` is the positive one of two."
    metric: Metric
    margin: float
    "The smallest difference that matters, in the metric's unit."
    policy: Policy
    repeats: Repeats | None = Repeats.TOGETHER
    "Where rows with the same inputs may lie; None: time alone keeps rows apart."
    group: str | None = None
    "The column whose values must not be split over folds."
    time: str | None = None
    "The column that orders rows in time, or several from the largest part to the smallest, separated by commas."
    seed: int = 0
    why: dict[str, str] = field(default_factory=dict)
    "For each of task, metric, margin, policy, repeats: one sentence that says how it was chosen."

    @property
    def keeps_repeats(self) -> bool:
        """Whether rows with the same inputs stay in one fold."""
        return self.policy is not Policy.TIME and self.repeats is Repeats.TOGETHER

    def to_json(self) -> dict[str, Any]:
        """Return plain data; the metric by its name."""
        return {
            "task": str(self.task),
            "target": self.target,
            "classes": list(self.classes),
            "metric": self.metric.name,
            "margin": self.margin,
            "policy": str(self.policy),
            "repeats": str(self.repeats) if self.repeats else None,
            "group": self.group,
            "time": self.time,
            "seed": self.seed,
            "why": dict(self.why),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Problem:
        """Rebuild a problem from `to_json`."""
        task, repeats = Task(data["task"]), data.get("repeats", Repeats.TOGETHER)  # before it was asked they were
        return cls(
            task=task,
            target=data["target"],
            classes=tuple(data["classes"]),
            metric=metric_named(data["metric"], task),
            margin=data["margin"],
            policy=Policy(data["policy"]),
            repeats=Repeats(repeats) if repeats else None,
            group=data["group"],
            time=data["time"],
            seed=data["seed"],
            why=dict(data["why"]),
        )
