"""Who competes in a run, as the ledger's head has it: the one place that reads it, and that knows how older heads say it.

A verdict asks the head, never the cards that happen to be installed: the same ledger, the same verdict, on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from treeline.candidates.registry import cards
from treeline.contest.trial import Entry
from treeline.problem.task import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from treeline.candidates.card import Card
    from treeline.contest.ledger import Ledger
    from treeline.contest.trial import Trial

__all__ = [
    "baselines",
    "cards_of",
    "contending",
    "entries_of",
    "other_seeds",
    "probes_of",
    "references",
    "says",
    "written",
]

NEEDED = ("title", "glass_box", "memorises", "accepts", "media_net")
"What a verdict needs of a card."


def entries_of(ledger: Ledger) -> tuple[Entry, ...]:
    """Return the field as it was when the run began, in its order."""
    listed = ledger.head.get("entries", [])
    return tuple(_entry(plain, listed) for plain in listed)


def _entry(plain: dict[str, Any], listed: Sequence[dict[str, Any]]) -> Entry:
    """Return one entry; before 0023 the ends of names said whether it has another seed, and what a probe looks at."""
    name, candidate, family = plain["name"], plain["candidate"], plain["family"]
    again, probe, of = plain.get("again", False), plain.get("probe", ""), plain.get("of")
    if isinstance(probe, bool):
        probe = "" if not probe else "half" if name.endswith("-half") else "plain"
    if of is None and again:
        of = candidate
    elif of is None and probe:
        of = next(one["name"] for one in listed if one["family"] == family and not one["reference"])
    return Entry(
        name=name, candidate=candidate, family=Family(family), params=plain["params"], reference=plain["reference"],
        again=again, probe=probe, of=of or "",
    )  # fmt: skip


def says(ledger: Ledger, flag: str) -> bool:
    """Whether the head says of its entries if they are that: `again` or `probe`; ledgers from before these were known do not."""
    return any(flag in plain for plain in ledger.head.get("entries", []))


def references(ledger: Ledger) -> set[str]:
    """Return the names of entries that compete for comparison only."""
    return {entry.name for entry in entries_of(ledger) if entry.reference}


def baselines(ledger: Ledger) -> set[str]:
    """Return the references that are no probe: constant guesses."""
    return references(ledger) - set(probes_of(ledger))


def probes_of(ledger: Ledger) -> dict[str, Entry]:
    """Return by name the entries that look at less than the contender they are held against."""
    return {entry.name: entry for entry in entries_of(ledger) if entry.probe}


def other_seeds(ledger: Ledger) -> dict[str, str]:
    """Return by name of an entry with another seed that of the entry whose settings it has."""
    return {entry.name: entry.of for entry in entries_of(ledger) if entry.again}


def contending(ledger: Ledger, family: Family | None = None) -> list[Trial]:
    """Return the trials of contenders, however they ended: all, or those of one family; references are left out."""
    shown_only = references(ledger)
    return [t for t in ledger.trials if t.entry not in shown_only and family in (None, t.family)]


def written(card: Card) -> dict[str, Any]:
    """Return what the head keeps of a card."""
    return {name: getattr(card, name) for name in NEEDED}


def cards_of(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Return by candidate what a verdict needs of its card, as it was when the run began.

    Older heads hold less of it, or nothing: only for them the installed cards are asked.
    """
    known: dict[str, dict[str, Any]] = ledger.head.get("cards", {})
    names = {entry.candidate for entry in entries_of(ledger)}
    if all(set(NEEDED) <= set(known.get(name, ())) for name in names):
        return known
    installed = cards()
    return {name: written(installed[name]) | known.get(name, {}) for name in names if name in installed} | {
        name: told for name, told in known.items() if name not in installed
    }
