"""What can go wrong, as a tree of exceptions; every message says what was found and what to do.

    TreelineError          exit 1
    ├── UsageError         exit 2   an argument, option or file name is wrong
    ├── DataError          exit 3   the data cannot be read, or cannot answer the question
    ├── BudgetError        exit 4   the time or memory allowed is too small
    ├── SetupError         exit 5   something is not installed, not writable, not supported here
    └── IntegrityError     exit 6   a ledger or bundle is damaged, or is not the one asked for

Nothing else leaves Treeline on purpose: any other exception is a defect of ours.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BudgetError",
    "DataError",
    "IntegrityError",
    "SetupError",
    "TreelineError",
    "UsageError",
    "nearest",
    "shortened",
    "shown",
]


class TreelineError(Exception):
    """The root: one line that says what was found (`what`), and one that says the way out (`do`)."""

    exit_code = 1

    def __init__(self, what: str, *, do: str = "", where: str = "") -> None:
        """`where` is `file`, `file:record` or `file:record:column`; `do` is a whole sentence."""
        self.what = what
        self.do = do
        self.where = where = "".join(c if c.isprintable() else repr(c)[1:-1] for c in where)
        head = f"{where}: {what}" if where else what
        super().__init__(f"{head} Do: {do}" if do else head)


class UsageError(TreelineError):
    """An argument, an option or a file name is wrong."""

    exit_code = 2


class DataError(TreelineError):
    """The data cannot be read, or cannot answer the question."""

    exit_code = 3


class BudgetError(TreelineError):
    """The time or memory allowed is too small for anything useful."""

    exit_code = 4


class SetupError(TreelineError):
    """Something is not installed, not writable or not supported on this machine."""

    exit_code = 5


class IntegrityError(TreelineError):
    """A ledger or a bundle is damaged, or is not the one that was asked for."""

    exit_code = 6


def nearest(word: str, among: Iterable[str]) -> str:
    """Return `"did you mean 'a', 'b'?"` for the names nearest to `word`, or the first few names."""
    names = list(among)
    near = get_close_matches(word, names, n=3, cutoff=0.5)
    if not near:
        folded = {name.casefold(): name for name in names}
        near = [folded[key] for key in get_close_matches(word.casefold(), list(folded), n=3, cutoff=0.5)]
    if near:
        return "did you mean " + ", ".join(shown(name) for name in near) + "?"
    more = ", …" if len(names) > 8 else ""
    return "there are " + ", ".join(shown(name) for name in names[:8]) + more


def shown(value: object, limit: int = 80) -> str:
    """Return `value` quoted, escaped and cut in the middle to `limit` characters, fit for one line of a message.

    The end is kept: long names that begin alike differ there.
    """
    return shortened(repr(str(value)), limit)


def shortened(text: str, limit: int) -> str:
    """Return `text` cut in the middle to `limit` characters."""
    tail = limit // 3
    return text if len(text) <= limit else text[: limit - tail - 1] + "…" + text[-tail:]
