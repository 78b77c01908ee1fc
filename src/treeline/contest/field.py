"""The field: who competes by default. Equally many, equally strong contenders on both sides (research: which nets and how
many decides more than the number of rows)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from treeline.candidates.card import Card
from treeline.contest.trial import Entry
from treeline.errors import UsageError
from treeline.problem.task import Family, Task

__all__ = ["FEWER", "PLAIN", "Absent", "Field", "Given", "line_up", "narrowed", "probes"]

FIRST = {
    Family.CLASSICAL: ("lightgbm", "catboost", "lightgbm", "xgboost"),
    Family.DEEP: ("mlp", "realmlp", "tabm", "transformer"),
}
"""The contenders by default, the one with the largest gain per second first, by how much each adds to the best of the others
(docs/decisions/0020). A name that comes twice stands there with two settings: the tuned ones and the library's own."""
SMALL = {"xgboost": ("linear", 10_000)}
"Below so many rows another candidate takes the place."
DATED = {"xgboost": "xgboost", "transformer": "mlp"}
"Where rows are ordered in time another candidate takes the place, or the same one keeps it."
RESERVE = {
    Family.CLASSICAL: ("xgboost", "linear", "ebm", "random_forest", "extra_trees", "svm", "neighbours"),
    Family.DEEP: ("tabicl", "tabpfn"),
}
"Who comes next: in place of a contender that cannot start, and after the first four."
MEDIA = {
    "text": {
        Family.CLASSICAL: ("words_logistic", "words_svm", "words_boosting", "words_nbsvm"),
        Family.DEEP: ("text_bag", "text_cnn", "text_lstm", "text_transformer"),
    },
    "image": {
        Family.CLASSICAL: ("image_svm", "image_boosting", "image_patches", "image_neighbours"),
        Family.DEEP: ("image_resnet", "image_cnn", "image_vit", "image_mlp"),
    },
    "sound": {
        Family.CLASSICAL: ("sound_svm", "sound_forest", "sound_convolutions", "sound_boosting"),
        Family.DEEP: ("sound_cnn", "sound_crnn", "sound_resnet", "sound_transformer"),
    },
}
"The contenders where texts, images or sounds lead; all of them see the table beside."
PRETRAINED = {
    "text": ("text_frozen", "text_tuned"),
    "image": ("image_frozen", "image_tuned"),
    "sound": ("sound_frozen", "sound_tuned"),
}
"In the place of the last two own-data nets where weights are at hand."
FIRST_WAVE = 4
MOST = 16
"The most entries a family fields, other seeds apart."


PLAIN = "plain_inputs"
"The setting of a probe, which is fitted on a table of plain numbers."
FEWER = "half_the_columns"
"The setting of a probe that sees every other column."


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A candidate that cannot compete, and the way to change that."""

    name: str
    title: str
    family: Family
    reason: str
    install: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "title": self.title,
            "family": str(self.family),
            "reason": self.reason,
            "install": self.install,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the contestants are asked, and what they are given."""

    task: Task
    classes: int
    rows: int
    "For training."
    ordered: bool = False
    "Whether later rows are predicted from earlier ones: then the milder settings come first."
    kinds: tuple[str, ...] = ()
    "Kinds of media, the one that may lead first."
    leads: bool = False
    "Whether it leads: then only who sees it competes."
    table: bool = True
    "Whether there is a number or a category, media apart."
    weights: str = ""
    "The pretrained encoder: a folder or a name; empty for none."
    without: str = "no pretrained weights were named"
    "Why there are none."
    fetch: str = ""
    "The command that changes that."

    @property
    def leader(self) -> str:
        """The kind of media that leads, empty where the table does."""
        return self.kinds[0] if self.leads else ""


@dataclass(frozen=True, slots=True)
class Field:
    """Entries by family, in the order in which they start, and who is absent."""

    entries: dict[Family, tuple[Entry, ...]]
    absent: tuple[Absent, ...]


def line_up(
    cards: Mapping[str, Card],
    given: Given,
    *,
    families: Collection[str],
    only: Iterable[str] = (),
    first: Family = Family.CLASSICAL,
) -> Field:
    """Choose the entries.

    With `only`, exactly those candidates compete, each with its whole portfolio after the defaults. The family `first` starts
    first, which is all that a prior may decide: it has looked at rows that will judge.

    Raises:
        UsageError: a name is unknown, or nobody of the families asked for can compete.
    """
    chosen = list(only)
    absent: dict[str, Absent] = {}
    entries: dict[Family, tuple[Entry, ...]] = {}
    for family in (first, first.other):
        if str(family) not in families:
            continue
        names = [name for name in chosen if cards[name].family is family] if chosen else _wanted(family, given)
        able = []
        for name in names:
            why = _obstacle(cards[name], given)
            if why is None:
                able.append(name)
            else:
                absent[name] = why
        if chosen and not names:
            continue
        first_cards = [_in_order(cards[name], given) for name in able]
        made = _entries(first_cards, family, first=len(able) if chosen else FIRST_WAVE)
        entries[family] = tuple(_with_weights(entry, cards[entry.candidate], given) for entry in made)
    if not any(entries.values()):
        causes = "; ".join(f"{one.title}: {one.reason}" for one in absent.values()) or "none was asked for"
        raise UsageError(
            f"No candidate can compete ({causes}).",
            do="Ask for other --families or --candidates; see `treeline doctor`.",
        )
    if len(entries) == 2 and not chosen and all(entries.values()):
        least = max(min(map(len, entries.values())), FIRST_WAVE)
        entries = {family: listed[:least] + _again(listed, cards) for family, listed in entries.items()}
    reference = [card for card in cards.values() if card.reference and given.task in card.tasks]
    host = Family.CLASSICAL if Family.CLASSICAL in entries else next(iter(entries))
    for card in reference:
        entries[host] = (
            Entry(name=card.name, candidate=card.name, family=host, params={}, reference=True),
            *entries[host],
        )
    return Field(entries, tuple(absent.values()))


def probes(field: Field, cards: Mapping[str, Card], *, media: bool) -> Field:
    """Return the field with each family's first contender once more on plain numbers (docs/decisions/0014).

    Where `media` lead, its counterpart on what is raw in them, where it has one: nets take them as they are anyway.
    """
    entries = {}
    for family, listed in field.entries.items():
        first = next((entry for entry in listed if not entry.reference), None)
        more: tuple[Entry, ...] = ()
        if first is not None and not media:
            more = (_probe(first, first.candidate, "plain", {**first.params, PLAIN: True}),)
        elif first is not None and cards[first.candidate].plain:
            more = (_probe(first, cards[first.candidate].plain, "plain", {}),)
        entries[family] = (*listed, *more)
    return Field(entries, field.absent)


def narrowed(field: Field) -> Field:
    """Return the field with each family's first contender once more on half the columns: how its cost grows with them."""
    entries = {}
    for family, listed in field.entries.items():
        first = next((entry for entry in listed if not entry.reference), None)
        more = () if first is None else (_probe(first, first.candidate, "half", {**first.params, FEWER: True}),)
        entries[family] = (*listed, *more)
    return Field(entries, field.absent)


def _probe(first: Entry, candidate: str, kind: str, params: dict[str, Any]) -> Entry:
    """Return what is held against the first contender: `candidate` with less to look at."""
    return replace(
        first, name=f"{candidate}-{kind}", candidate=candidate, params=params, reference=True, probe=kind, of=first.name
    )


def _wanted(family: Family, given: Given) -> list[str]:
    table: list[str] = []
    if given.table:
        swapped = {name: other for name, (other, least) in SMALL.items() if given.rows < least}
        swapped |= DATED if given.ordered else {}
        table += [swapped.get(name, name) for name in FIRST[family]]
        table += [name for name in dict.fromkeys((*RESERVE[family], *FIRST[family])) if name not in table]
    if not given.kinds:
        return table
    kind = given.kinds[0]
    media = list(MEDIA[kind][family])
    if family is Family.DEEP:
        late = PRETRAINED[kind] if given.leads else ()
        media = [*PRETRAINED[kind], *media] if given.weights else [*media, *late]
    # Who cannot see what leads would be quick to the top and stand there for its side.
    return media if given.leads else table + media


def _with_weights(entry: Entry, card: Card, given: Given) -> Entry:
    """Tell a pretrained contestant of media which weights it starts from."""
    if not (card.pretrained and card.accepts):
        return entry
    return replace(entry, params={**entry.params, "weights": given.weights})


def _in_order(card: Card, given: Given) -> Card:
    """Return the card with its leading setting first: the mildest where rows are dated, for that drifts least."""
    at = card.mild if given.ordered and card.mild else card.lead
    settings = card.portfolio
    return replace(card, portfolio=(settings[at], *settings[:at], *settings[at + 1 :]))


def _entries(cards: list[Card], family: Family, *, first: int) -> tuple[Entry, ...]:
    """The defaults of the first cards, then settings and further cards in turn: each candidate's second one, then its third.

    A card that is among the first twice has its second setting there.
    """
    made: list[Entry] = []
    for card in cards[:first]:
        made.append(_entry(card, sum(entry.candidate == card.name for entry in made), family))
    longest = max((len(card.portfolio) for card in cards), default=0)
    wave = list(dict.fromkeys(entry.candidate for entry in made))
    known = {card.name: card for card in cards}
    later = [_entry(card, 0, family) for card in cards[first:]]
    varied = [
        _entry(known[name], turn, family)
        for turn in range(1, longest) for name in wave if turn < len(known[name].portfolio)
    ]  # fmt: skip
    varied = [entry for entry in varied if entry not in made]
    for position in range(max(len(later), len(varied))):
        made += varied[position : position + 1] + later[position : position + 1]
    return tuple(made[:MOST])


def _again(entries: tuple[Entry, ...], cards: Mapping[str, Card]) -> tuple[Entry, ...]:
    """Return the first entries once more, for another seed where that changes anything: what is done last, if there is time."""
    return tuple(
        replace(entry, name=f"{entry.name}-again", again=True, of=entry.name)
        for entry in [one for one in entries if one.name == one.candidate][:FIRST_WAVE]
        if not cards[entry.candidate].seedless
    )


def _entry(card: Card, turn: int, family: Family) -> Entry:
    name = card.name if turn == 0 else f"{card.name}-{turn + 1}"
    return Entry(name=name, candidate=card.name, family=family, params=dict(card.portfolio[turn]))


def _obstacle(card: Card, given: Given) -> Absent | None:
    install, reason = "", ""
    if card.missing():
        reason = "not installed: " + ", ".join(card.missing())
        install = f"pip install 'treeline[{card.extra}]'" if card.extra else "pip install " + " ".join(card.missing())
    elif given.task not in card.tasks:
        reason = f"does not do {given.task} tasks"
    elif card.accepts and not set(card.accepts) & set(given.kinds):
        reason = f"needs a column of {' or '.join(card.accepts)}s"
    elif not card.accepts and not given.table:
        reason = "needs a number or a category"
    elif card.pretrained and card.accepts and not given.weights:
        reason, install = given.without, given.fetch
    elif given.rows > card.max_rows:
        reason = f"takes at most {card.max_rows:,} training rows"
    elif given.classes > card.max_classes:
        reason = f"takes at most {card.max_classes} classes"
    return (
        Absent(name=card.name, title=card.title, family=card.family, reason=reason, install=install) if reason else None
    )
