"""What the probes say: who is held against whom, and what the clock spoils is not told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from treeline.candidates.card import Rows, Shape
from treeline.candidates.registry import cards
from treeline.contest import probes
from treeline.contest.ailments import _seeds
from treeline.contest.cache import Cache
from treeline.contest.field import FEWER, Field, Given, line_up, narrowed
from treeline.contest.field import probes as probes_of
from treeline.contest.trial import Entry, State, Trial
from treeline.problem.metric import METRICS
from treeline.problem.task import Family, Task


def fit(entry: str, cpu_s: float, *, rung: float = 0.5, done: float = 1.0) -> Trial:
    return Trial(
        id=f"0001-{entry}-f0", entry=entry, candidate="lightgbm", family=Family.CLASSICAL, params={}, rung=rung, rows=400, fold=0,
        seed=0, state=State.DONE, score=0.8, cpu_s=cpu_s, done=done,
    )  # fmt: skip


def ledger(*trials: Trial) -> Any:
    first = Entry(name="lightgbm", candidate="lightgbm", family=Family.CLASSICAL, params={})
    half = replace(first, name="lightgbm-half", reference=True, probe="half", of="lightgbm")
    head = {"entries": [first.to_json(), half.to_json()]}
    return SimpleNamespace(head=head, done=lambda: list(trials))


@pytest.fixture(autouse=True)
def ten_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SimpleNamespace(num_names=tuple("abcdef"), cat_names=tuple("ghij"))
    monkeypatch.setattr(probes, "encoder_of", lambda _: encoder)


def test_cost_in_columns_is_read_off_the_same_rung() -> None:
    kept = [fit("lightgbm", 9.0, rung=1.0), fit("lightgbm", 0.8), fit("lightgbm-half", 0.4)]
    assert probes.growth_in_columns(ledger(*kept)) == {Family.CLASSICAL: (pytest.approx(1.0), "LightGBM")}
    assert probes.growth_in_columns(ledger(*kept[:2])) == {}


def test_what_the_clock_or_the_start_spoiled_is_not_told() -> None:
    cut = [fit("lightgbm", 0.8), fit("lightgbm-half", 0.4, done=0.3)]
    assert probes.growth_in_columns(ledger(*cut)) == {}
    assert probes.growth_in_columns(ledger(*(replace(one, cpu_s=one.cpu_s / 100) for one in cut))) == {}


def test_half_the_columns_are_every_other_one() -> None:
    shape = Shape(
        task=Task.BINARY,
        n_classes=2,
        metric=METRICS["roc_auc"],
        num_names=("a", "b", "c"),
        cat_names=("d", "e"),
        cards=(4, 9),
    )
    rows = Rows(
        shape, np.arange(6, dtype=np.float32).reshape(2, 3), np.array([[1, 2], [3, 4]], np.int32), np.array([0, 1])
    )
    found = Cache.narrow(rows)
    assert (found.shape.num_names, found.shape.cat_names, found.shape.cards) == (("a", "c"), ("d",), (4,))
    assert found.num.tolist() == [[0, 2], [3, 5]]
    assert found.cat.tolist() == [[1], [3]]
    assert found.y is rows.y


def given(**more: Any) -> Given:
    return Given(task=Task.BINARY, classes=2, rows=5000, **more)


def names(field: Field, family: Family) -> list[str]:
    return [entry.name for entry in field.entries[family]]


def repeated(field: Field, family: Family) -> list[str]:
    return [entry.of for entry in field.entries[family] if entry.again]


def test_first_contenders_stand_in_the_field_once_more_where_a_seed_changes_them() -> None:
    field = line_up(cards(), given(), families=["classical", "deep"])
    assert repeated(field, Family.CLASSICAL) == ["lightgbm", "catboost", "xgboost"], "a seed changes no linear model"
    text = line_up(cards(), given(kinds=("text",), leads=True, table=False), families=["classical", "deep"])
    assert repeated(text, Family.CLASSICAL) == ["words_boosting"]
    assert len(repeated(text, Family.DEEP)) == 4
    alone = line_up(cards(), given(), families=["deep"], only=["mlp"])
    assert not repeated(alone, Family.DEEP)


def test_probes_of_media_are_the_counterparts_on_what_is_raw() -> None:
    for kind, bare in (("text", "words_counts"), ("image", "image_pixels"), ("sound", "sound_spectrogram")):
        asked = given(kinds=(kind,), leads=True, table=False)
        field = probes_of(line_up(cards(), asked, families=["classical", "deep"]), cards(), media=True)
        (probe,) = [entry for entry in field.entries[Family.CLASSICAL] if entry.probe]
        assert (probe.candidate, probe.reference, probe.probe) == (bare, True, "plain")
        assert probe.of == names(field, Family.CLASSICAL)[1]
        assert cards()[probe.of].plain == bare
        assert not any(entry.probe for entry in field.entries[Family.DEEP])
    table = narrowed(line_up(cards(), given(), families=["classical", "deep"]))
    assert [entry.params for family in Family for entry in table.entries[family] if entry.probe] == [{FEWER: True}] * 2


def test_the_spread_over_seeds_is_that_of_whole_fits_on_the_same_rows() -> None:
    def scored(entry: str, fold: int, score: float, done: float = 1.0) -> Trial:
        return replace(fit(entry, 1.0, rung=1.0, done=done), fold=fold, score=score)

    trials = {
        "lightgbm": tuple(scored("lightgbm", fold, 0.80) for fold in range(3)),
        "lightgbm-again": (scored("lightgbm-again", 0, 0.82), scored("lightgbm-again", 1, 0.78)),
    }
    seeds = {"lightgbm-again": "lightgbm"}
    assert _seeds(trials, Family.CLASSICAL, seeds) == pytest.approx(0.02 / np.sqrt(2))
    assert _seeds(trials, Family.DEEP, seeds) is None
    cut = {**trials, "lightgbm-again": tuple(replace(one, done=0.5) for one in trials["lightgbm-again"])}
    assert _seeds(cut, Family.CLASSICAL, seeds) is None
