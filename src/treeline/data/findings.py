"""What the audit found: coded, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How far a finding reaches."""

    NOTE = "note"
    "Worth knowing."
    WARN = "warn"
    "Lowers the verdict: it is said with less certainty."
    BLOCK = "block"
    "Blocks the verdict until the user decides."


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the audit found. Codes are stable: `docs/codes/D001.md` explains D001."""

    code: str
    severity: Severity
    title: str
    "A few words, such as `Column gives the target away`."
    columns: tuple[str, ...] = ()
    rows: int = 0
    "How many rows it touches."
    examples: tuple[int, ...] = ()
    "Row numbers, from 0, of a few of them."
    found: str = ""
    "What was found, one sentence with numbers."
    do: str = ""
    "What the user can do."
    done: str = ""
    "What Treeline did on its own (such as: left the column out); empty for nothing."

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "title": self.title,
            "columns": list(self.columns),
            "rows": self.rows,
            "examples": list(self.examples),
            "found": self.found,
            "do": self.do,
            "done": self.done,
        }
