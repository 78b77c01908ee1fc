"""Who competes: read from the head alone, from older ones too, and by flags and never by a name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from treeline.contest.ledger import Ledger
from treeline.contest.roster import baselines, cards_of, entries_of, other_seeds, probes_of, references, says
from treeline.contest.trial import Entry
from treeline.problem.task import Family


def headed(*entries: dict[str, Any], **more: Any) -> Any:
    return SimpleNamespace(head={"entries": list(entries), **more})


def plain(name: str, candidate: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "candidate": candidate, "family": "classical", "params": {}, "reference": False, **more}


def test_what_was_written_is_what_is_read() -> None:
    entry = Entry(
        name="odd", candidate="lightgbm", family=Family.CLASSICAL, params={"a": 1}, again=True, of="lightgbm", reference=False
    )  # fmt: skip
    assert entries_of(headed(entry.to_json())) == (entry,)


def test_no_name_says_what_an_entry_is() -> None:
    names = ("mine-again", "mine-plain", "mine-half")
    ledger = headed(*(Entry(name=n, candidate=n, family=Family.DEEP, params={}).to_json() for n in names))
    assert [entry.name for entry in entries_of(ledger)] == list(names)
    assert not (other_seeds(ledger) or probes_of(ledger) or references(ledger))


def test_older_heads_said_it_by_the_ends_of_names() -> None:
    ledger = headed(
        plain("baseline", "baseline", reference=True, probe=False, again=False),
        plain("words_logistic", "words_logistic", probe=False, again=False),
        plain("words_logistic-again", "words_logistic", probe=False, again=True),
        plain("words_counts-plain", "words_counts", probe=True, again=False, reference=True),
        plain("words_logistic-half", "words_logistic", probe=True, again=False, reference=True),
    )
    assert other_seeds(ledger) == {"words_logistic-again": "words_logistic"}
    found = [(entry.probe, entry.of) for entry in probes_of(ledger).values()]
    assert found == [("plain", "words_logistic"), ("half", "words_logistic")]
    assert baselines(ledger) == {"baseline"}
    assert says(ledger, "again")


def test_the_oldest_heads_know_neither_probes_nor_other_seeds() -> None:
    ledger = headed(plain("baseline", "baseline", reference=True), plain("lightgbm", "lightgbm"))
    assert not says(ledger, "probe")
    assert baselines(ledger) == {"baseline"}
    assert not (other_seeds(ledger) or probes_of(ledger))


def test_only_for_older_heads_are_the_installed_cards_asked(nobody_installed: None) -> None:
    told = {"title": "LightGBM", "glass_box": False, "memorises": False}
    assert cards_of(headed(plain("lightgbm", "lightgbm"), cards={"lightgbm": told})) == {"lightgbm": told}
    assert cards_of(headed(plain("lightgbm", "lightgbm"))) == {}


def test_older_heads_are_completed_by_the_installed_cards() -> None:
    told = {"title": "As it was called", "glass_box": False, "memorises": False}
    for cards in ({"text_cnn": told}, {}):
        found = cards_of(headed(plain("text_cnn", "text_cnn"), cards=cards))["text_cnn"]
        assert found["media_net"]
        assert found["title"] == cards.get("text_cnn", {}).get("title", "Convolutional net on words")


def test_the_head_of_a_run_holds_all_that_a_verdict_asks(run: Any) -> None:
    ledger = Ledger(run)
    assert {entry.candidate for entry in entries_of(ledger)} == set(cards_of(ledger))
    assert cards_of(ledger) is ledger.head["cards"]
