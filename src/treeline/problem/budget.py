"""The budget: one clock for both families."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass

from treeline.errors import BudgetError, UsageError, shown

__all__ = ["Budget", "longer", "seconds_of", "spelled"]

UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may spend. Wall time stays below `1.05 * limit_s + 5`."""

    limit_s: float
    "Wall seconds for the whole run, reading and report included."
    memory_mb: int
    "Resident megabytes that all processes of the run may hold together."
    cores: int
    "CPU cores the contest may keep busy."


def seconds_of(text: str | float) -> float:
    """Read a duration such as `90`, `"90s"`, `"5m"` or `"1h30m"`.

    Raises:
        UsageError: the text is no duration.
        BudgetError: the duration is zero, negative or not finite.
    """
    if isinstance(text, int | float):
        total = float(text)
    else:
        parts = re.findall(r"([\d.]+)\s*([a-z]*)", text.strip().lower())
        if not parts or re.sub(r"[\d.]+\s*[a-z]*\s*", "", text.strip().lower()):
            try:
                total = float(text)
            except ValueError:
                raise UsageError(
                    f"The time limit {shown(text)} is no duration.", do="Write 90s, 5m or 1h30m."
                ) from None
        else:
            try:
                total = sum(float(number) * UNITS[unit] for number, unit in parts)
            except (KeyError, ValueError):
                raise UsageError(
                    f"The time limit {shown(text)} is no duration.", do="Write 90s, 5m or 1h30m."
                ) from None
    if not math.isfinite(total):
        raise UsageError(f"The time limit {shown(text)} is no duration.", do="Write 90s, 5m or 1h30m.")
    if total <= 0:
        raise BudgetError(
            f"The time limit is {shown(text)}; it must be above zero.", do="Give at least 5s, better 60s."
        )
    return total


def spelled(seconds: float) -> str:
    """Return seconds as a time limit is written, rounded up to whole minutes from two on: `90s`, `7m`, `1h30m`."""
    if seconds <= 120:
        return f"{math.ceil(seconds)}s"
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")


def longer(command: str, seconds: float) -> str:
    """Return a command line with another time limit; where there is none it was called from Python, and that is said."""
    if not command:
        return f"the same call with time_limit={spelled(seconds)!r}"
    try:
        words, kept = iter(shlex.split(command)), list[str]()
    except ValueError:  # not as our command line writes it
        return f"{command} --time-limit {spelled(seconds)}"
    for word in words:
        if word == "--time-limit":
            next(words, None)
        elif not word.startswith("--time-limit="):
            kept.append(word)
    return shlex.join([*kept, "--time-limit", spelled(seconds)])
