"""The words that everything else is said in: tasks, the two families, and how rows are kept apart."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["TRANSCRIPTION", "Family", "Policy", "Repeats", "Task"]

TRANSCRIPTION = "transcription"
"What may be asked besides the tasks of a contest: no classical method at hand does it."


class Task(StrEnum):
    """What kind of value the target is."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def is_classification(self) -> bool:
        """Whether the target is a label."""
        return self is not Task.REGRESSION


class Family(StrEnum):
    """The two sides."""

    CLASSICAL = "classical"
    DEEP = "deep"

    @property
    def other(self) -> Family:
        """The other side."""
        return Family.DEEP if self is Family.CLASSICAL else Family.CLASSICAL

    @property
    def words(self) -> str:
        """What every page calls it."""
        return "classical models" if self is Family.CLASSICAL else "deep learning"

    def verb(self, plural: str, singular: str) -> str:
        """Return the form of a verb that goes with `words`."""
        return plural if self is Family.CLASSICAL else singular


class Policy(StrEnum):
    """How rows are kept apart for judging."""

    RANDOM = "random"
    STRATIFIED = "stratified"
    GROUPED = "grouped"
    TIME = "time"


class Repeats(StrEnum):
    """Whether rows with the same inputs stay in one fold."""

    TOGETHER = "together"
    "New rows are new: no row is judged by a model that saw its twin."
    APART = "apart"
    "New rows may repeat old ones, as judged rows then do: who remembers is rightly better."
