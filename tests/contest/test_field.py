"""Who stands in the field: diverse first waves, the milder settings first where rows are dated, everybody once."""

from __future__ import annotations

from typing import Any

import pytest

from treeline.candidates.registry import cards
from treeline.contest.field import FIRST_WAVE, Field, Given, line_up
from treeline.contest.trial import Entry
from treeline.problem.task import Family, Task


def given(**more: Any) -> Given:
    return Given(**{"task": Task.REGRESSION, "classes": 0, "rows": 8000, **more})


def wave(field: Field, family: Family = Family.CLASSICAL) -> list[Entry]:
    return [entry for entry in field.entries[family] if not entry.reference][:FIRST_WAVE]


def test_a_librarys_own_defaults_stand_beside_the_tuned_ones_among_the_first() -> None:
    first = wave(line_up(cards(), given(), families=["classical", "deep"]))
    assert [entry.candidate for entry in first] == ["lightgbm", "catboost", "lightgbm", "linear"]
    assert first[1].params["depth"] == 6, "CatBoost's own defaults lead; the tuned ones come next"
    tuned, own = (entry for entry in first if entry.candidate == "lightgbm")
    assert (tuned.name, tuned.params, own.name) == ("lightgbm", {}, "lightgbm-2")
    assert own.params["categories"] == "native"
    assert (own.params["num_leaves"], own.params["min_data_in_leaf"]) == (31, 20)


def test_the_milder_settings_come_first_where_rows_are_dated() -> None:
    free, dated = (wave(line_up(cards(), given(ordered=dated), families=["classical"])) for dated in (False, True))
    assert dated[0].name == "lightgbm"
    assert dated[0].params == free[2].params
    assert dated[2].params == free[0].params == {}
    assert dated[1].params["depth"] < 7, "CatBoost's milder one"


def test_a_plain_net_stands_beside_those_that_embed_where_rows_are_dated_or_many() -> None:
    for more in ({"ordered": True}, {"rows": 500_000}):
        first = wave(line_up(cards(), given(**more), families=["deep"]), Family.DEEP)
        assert [entry.candidate for entry in first] == ["mlp", "realmlp", "tabm", "mlp"]
        assert first[3].params["periodic"] is False


def test_a_linear_model_is_among_the_first_where_rows_are_not_many() -> None:
    for rows, name in ((500, "linear"), (8000, "linear"), (12_000, "xgboost")):
        assert wave(line_up(cards(), given(rows=rows), families=["classical"]))[3].name == name


def test_who_gave_up_a_place_comes_later() -> None:
    for more, family, name in (
        ({"rows": 500}, Family.CLASSICAL, "xgboost"),
        ({"ordered": True}, Family.DEEP, "transformer"),
    ):
        listed = line_up(cards(), given(**more), families=[str(family)]).entries[family]
        assert name in [entry.name for entry in listed if not entry.reference][FIRST_WAVE:]


def test_a_dated_linear_model_has_no_hinges_and_products() -> None:
    """They reach far beyond the dates seen: on one table 22.4 instead of 8.4 RMSE."""
    for dated, hinges in ((False, {}), (True, {"knots": 0, "pairs": 0})):
        listed = line_up(cards(), given(rows=500, ordered=dated), families=["classical"]).entries[Family.CLASSICAL]
        assert [entry.params for entry in listed if entry.name == "linear"] == [hinges]


@pytest.mark.parametrize("rows", [500, 8000, 500_000])
@pytest.mark.parametrize("dated", [False, True])
def test_nobody_stands_in_the_field_twice(rows: int, dated: bool) -> None:
    field = line_up(cards(), given(rows=rows, ordered=dated), families=["classical", "deep"])
    for family in Family:
        listed = [entry for entry in field.entries[family] if not entry.again]
        assert len({entry.name for entry in listed}) == len(listed)
        asked = [(entry.candidate, sorted(entry.params.items())) for entry in listed]
        assert all(asked.count(one) == 1 for one in asked)


def test_exactly_those_compete_that_are_named() -> None:
    field = line_up(cards(), given(), families=["classical", "deep"], only=["lightgbm"])
    settings = cards()["lightgbm"].portfolio
    assert [entry.params for entry in field.entries[Family.CLASSICAL][1:]] == [dict(one) for one in settings]
