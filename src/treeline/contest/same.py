"""Whether a command is that of a run which was begun before: other data or settings are refused, another spelling is not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from treeline.errors import IntegrityError
from treeline.problem.settings import Settings

if TYPE_CHECKING:
    from treeline.contest.ledger import Ledger
    from treeline.problem.problem import Problem

__all__ = ["check_same"]

ASKED = {
    "task": "task",
    "metric": "metric",
    "margin": "margin",
    "split": "policy",
    "group": "group",
    "time": "time",
    "repeats": "repeats",
}
"Settings whose meaning is in the problem: given or inferred, `auc` or `roc_auc`."


def check_same(ledger: Ledger, fingerprint: str, settings: Settings, problem: Problem | None = None) -> None:
    """Refuse to go on with other data or settings than the ledger was begun with, naming the difference.

    The time limit is no such setting: a longer one goes on. `problem` is what the settings ask of the data, where it is known.

    Raises:
        IntegrityError: something differs.
    """
    if not ledger.head:
        return
    # A setting that is younger than the ledger was not given.
    before, now = Settings().identity() | ledger.head["settings"], settings.identity()
    differing = [f"{name} was {before[name]!r} and is {now[name]!r}" for name in now if not _alike(name, before, now)]
    if problem is not None:
        meant, means = ledger.head["problem"], problem.to_json()
        alike = {name for name, word in ASKED.items() if meant.get(word) == means[word]}
        differing = [line for line in differing if line.partition(" ")[0] not in alike]
    if ledger.head["dataset"]["fingerprint"] != fingerprint:
        was = ledger.head["dataset"]["fingerprint"]
        differing.insert(0, f"the data has changed (fingerprint {was[:12]}, now {fingerprint[:12]})")
    if differing:
        raise IntegrityError(
            f"The run in {ledger.out} was begun differently: " + "; ".join(differing) + ".",
            do="Choose another --out, or repeat the same command.",
        )


def _alike(name: str, before: dict[str, Any], now: dict[str, Any]) -> bool:
    return bool(before[name] == now[name] or _meaning(name, before[name]) == _meaning(name, now[name]))


def _meaning(name: str, value: Any) -> Any:
    """Return a setting without what says nothing in its spelling: an order, a path's detours."""
    if name in ("families", "drop", "missing", "text"):
        return sorted(set(value))
    if name == "pretrained" and value is not None:
        return os.path.normpath(value)
    return value
