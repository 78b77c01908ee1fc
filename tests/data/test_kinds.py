"""Kinds are inferred over the whole column, and nothing is lost on the way."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeline.data.column import Column, Kind
from treeline.data.kinds import infer_column, infer_kinds
from treeline.data.text_values import Options
from treeline.errors import DataError, UsageError


def infer(values: list[object], name: str = "c", **options: object) -> tuple[list[object], Column]:
    series, column = infer_column(pl.Series(name, values), Options(**options))  # type: ignore[arg-type]
    return series.to_list(), column


def kind(values: list[object], name: str = "c", **options: object) -> Kind:
    return infer(values, name, **options)[1].kind


MANY = [str(i % 7) for i in range(200)]


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", "2", "-3", "+4"], [1, 2, -3, 4]),
        (["1.5", "2", ".5", "1e3"], [1.5, 2.0, 0.5, 1000.0]),
        ([" 1", "2 ", "3"], [1, 2, 3]),
        (["1,5", "2,25", "3"], [1.5, 2.25, 3.0]),
        (["1.234,5", "2", "10.000,25"], [1234.5, 2.0, 10000.25]),
        (["1,234.5", "2", "10,000,000"], [1234.5, 2.0, 1e7]),
        (["1,234", "22,000", "5"], [1234, 22000, 5]),
        (["1 234,5", "22", "1 000 000"], [1234.5, 22.0, 1e6]),
        (["1'234.5", "22.0", "3"], [1234.5, 22.0, 3.0]),
        (["1_000", "22", "3_000_000"], [1000, 22, 3000000]),
        (["$1,234.50", "$2.00", "-$3.25"], [1234.5, 2.0, -3.25]),
        (["12 €", "3,5 €", "1.200,75 €"], [12.0, 3.5, 1200.75]),
        (["5%", "12.5%", "100 %"], [5.0, 12.5, 100.0]),
        (["USD 5", "USD 7.5", "USD 1"], [5.0, 7.5, 1.0]),
        (["(5.25)", "3.00", "(1.50)"], [-5.25, 3.0, -1.5]),
    ],
)
def test_numbers_of_every_country_are_read(texts: list[str], values: list[float]):
    found, column = infer(texts)
    assert column.kind is Kind.NUMBER
    assert found == values


def test_commas_before_three_digits_follow_the_delimiter():
    assert infer(["1,234", "5,678"], semicolon=True)[0] == [1.234, 5.678]
    found, column = infer(["1,234", "5,678"])
    assert found == [1234, 5678]
    assert "might be decimal commas" in column.note


@pytest.mark.parametrize(
    "texts",
    [
        ["1,5", "1,234.5"] * 9,
        ["$5", "€5"] * 9,
        ["5%", "7"] * 9,
        ["0x1F", "0x2A"] * 9,
        ["1-2", "3-4"] * 9,
        ["١", "٢"] * 9,
    ],
)
def test_columns_that_disagree_stay_text_exactly(texts: list[str]):
    found, column = infer(texts)
    assert column.kind is Kind.CATEGORY
    assert found == texts


def test_the_first_conflicting_record_is_named():
    _, column = infer([*MANY, *["five"] * 20, *MANY])
    assert column.kind is Kind.CATEGORY
    assert "record 201 holds 'five'" in column.note


def test_a_few_odd_texts_are_missing_and_said():
    found, column = infer([*MANY, "$3", *MANY])
    assert column.kind is Kind.NUMBER
    assert found[200] is None
    assert column.missing_tokens == {"$3": 1}
    assert "'$3' in record 201" in column.note


def test_a_change_of_type_after_a_million_records_is_seen():
    texts = (
        pl.Series("c", ["5"])
        .new_from_index(0, 1_000_000)
        .append(pl.Series("c", ["7", "abc"]).extend_constant("x1", 30_000))
    )
    values, column = infer_column(texts, Options())
    assert column.kind is Kind.CATEGORY
    assert "record 1000002 holds 'abc'" in column.note
    assert values.equals(texts)


@pytest.mark.parametrize("codes", [["007", "012", "100"] * 10, ["00", "01"] * 10, [f"{i:05d}" for i in range(99)]])
def test_leading_zeros_are_kept(codes: list[str]):
    found, column = infer(codes)
    assert found == codes
    assert column.kind in (Kind.CATEGORY, Kind.IDENTIFIER)
    assert "leading zeros" in column.note


@settings(max_examples=60, deadline=None)
@given(ids=st.lists(st.integers(2**53 + 1, 10**30), min_size=25, max_size=40, unique=True))
def test_long_ids_equal_their_source_text(ids: list[int]):
    texts = [str(i) for i in ids]
    found, column = infer(texts, "order_id")
    assert found == texts
    assert column.kind is Kind.IDENTIFIER


def test_long_integers_of_a_typed_frame_stay_exact():
    big = [2**53 + 1, 2**53 + 3, 2**60 + 1] * 10
    assert infer(big)[0] == [str(i) for i in big]
    assert infer([2**53 - 1, 5, 5])[0] == [2**53 - 1, 5, 5]


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=30))
def test_floats_come_back_as_written(values: list[float]):
    found, column = infer([repr(value) for value in values])
    if column.kind is Kind.NUMBER:
        assert [float(v) for v in found] == values  # type: ignore[arg-type]
    else:
        assert column.kind is Kind.CONSTANT or any(abs(value) > 2**53 for value in values)


def test_tokens_for_missing_are_counted_by_column():
    texts = [*MANY, "NA", "n/a", "null", "-", "?", "None", " ", "nan", ""]
    found, column = infer(texts)
    assert column.kind is Kind.NUMBER
    assert found[200:] == [None] * 9
    assert column.missing == 9
    assert column.missing_tokens == {"NA": 1, "n/a": 1, "null": 1, "-": 1, "?": 1, "None": 1, " ": 1, "nan": 1}
    words, column = infer(["red", "NA", "blue", "None", "?"] * 5)
    assert column.missing_tokens == {"NA": 5, "?": 5}
    assert words[3] == "None"


def test_namibia_is_no_missing_value():
    codes = ["DE", "FR", "NA", "ZA", "BW", "AO", "ZM"] * 5
    found, column = infer(codes, "country")
    assert found == codes
    assert column.missing_tokens == {}


def test_the_users_own_tokens_replace_the_usual_ones():
    found, column = infer(["1", "-999", "2", "-999"], missing=("-999",))
    assert found == [1, None, 2, None]
    assert column.missing_tokens == {"-999": 2}
    assert infer(["a", "NA", "b"], missing=("b",))[0] == ["a", "NA", None]
    assert infer([1.5, -999.0, -999.0], missing=("-999",))[0] == [1.5, None, None]
    assert infer([7, -1, 8], missing=("-1",))[1].missing_tokens == {"-1": 1}


@pytest.mark.parametrize("texts", [["1.5", "inf", "2.5"], ["1.5", "1e400", "2.5"], ["1.5", "-Infinity", "2.5"]])
def test_infinite_features_are_missing_and_infinite_targets_refused(texts: list[str]):
    found, column = infer(texts)
    assert found == [1.5, None, 2.5]
    assert column.missing_tokens == {texts[1]: 1}
    with pytest.raises(DataError, match=r"target 'c' is infinite in 1 records: 2"):
        infer(texts, target="c")
    with pytest.raises(DataError, match=r"target 'c' is infinite"):
        infer([1.0, float("inf")], target="c")


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["2020-01-31", "2021-12-01"], datetime(2020, 1, 31)),
        (["2020-01-31 10:20:30", "2021-12-01 00:00:00"], datetime(2020, 1, 31, 10, 20, 30)),
        (["2020-01-31T10:20:30Z", "2021-12-01T00:00:00+02:00"], datetime(2020, 1, 31, 10, 20, 30)),
        (["2020-01-31T10:20:30.250", "2021-12-01T00:00:00"], datetime(2020, 1, 31, 10, 20, 30, 250000)),
        (["31/01/2020", "01/02/2021"], datetime(2020, 1, 31)),
        (["01/31/2020", "02/01/2021"], datetime(2020, 1, 31)),
        (["1/31/20", "2/1/21"], datetime(2020, 1, 31)),
        (["31.1.2020", "1.12.2021"], datetime(2020, 1, 31)),
        (["31-Jan-2020", "01-Dec-2021"], datetime(2020, 1, 31)),
        (["Jan 31, 2020", "Dec 1, 2021"], datetime(2020, 1, 31)),
        (["31 January 2020", "1 December 2021"], datetime(2020, 1, 31)),
        (["Mar-2018", "Apr-2019"], datetime(2018, 3, 1)),
        (["1/31/2020 3:05 PM", "2/1/2021 12:00 AM"], datetime(2020, 1, 31, 15, 5)),
        (["2020-01-31", "9999-12-31"], datetime(2020, 1, 31)),
    ],
)
def test_dates_are_read(texts: list[str], first: datetime):
    found, column = infer([*texts, "NA"])
    assert column.kind is Kind.DATE
    assert found[0] == first
    assert found[1] is not None
    assert column.missing_tokens == {"NA": 1}


def test_an_order_of_day_and_month_that_cannot_be_told_is_asked_for():
    texts = ["01/02/2020", "03/04/2021", "05/05/2021"]
    with pytest.raises(DataError, match=r"'01/02/2020' in record 1 and '03/04/2021' in record 2.*--date-format"):
        infer(texts)
    assert infer(texts, date_format="%d/%m/%Y")[0][0] == datetime(2020, 2, 1)
    assert infer(texts, date_format="%m/%d/%Y")[0][0] == datetime(2020, 1, 2)
    assert infer(texts, kinds={"c": "category"})[0] == texts


def test_mixed_orders_of_day_and_month_are_no_dates():
    texts = ["13/01/2020", "01/13/2020"] * 10
    found, column = infer(texts)
    assert found == texts
    assert column.kind is Kind.CATEGORY


@pytest.mark.parametrize("texts", [["2020", "2021"] * 9, ["1600000000", "1600000500"] * 9, ["1.5", "2.5"] * 9])
def test_plain_numbers_are_no_dates(texts: list[str]):
    assert kind(texts) is Kind.NUMBER


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        (list(range(100)), "anything", Kind.IDENTIFIER),
        (list(range(1900, 2000)), "year", Kind.NUMBER),
        ([5, 17, 900, 3], "customer_id", Kind.IDENTIFIER),
        ([5, 17, 900, 3], "CustomerID", Kind.IDENTIFIER),
        ([5, 17, 900, 3], "paid", Kind.NUMBER),
        ([5, 17, 900, 5], "customer_id", Kind.NUMBER),
        ([i * 7 for i in range(100)], "price", Kind.NUMBER),
        ([i + 0.5 for i in range(100)], "user_id", Kind.NUMBER),
        ([f"u{i:03d}" for i in range(100)], "user", Kind.IDENTIFIER),
        ([f"a nice long note about thing {i}" for i in range(100)], "note", Kind.TEXT),
        ([f"word{i % 9}" for i in range(100)], "word", Kind.CATEGORY),
        (["x", "y", "z"], "letter", Kind.CATEGORY),
        (["yes", "no"] * 9, "flag", Kind.CATEGORY),
        ([True, False] * 9, "flag", Kind.CATEGORY),
        ([5] * 9, "five", Kind.CONSTANT),
        (["a"] * 9, "a", Kind.CONSTANT),
        ([None] * 9, "none", Kind.CONSTANT),
        (["NA", "", "?"] * 3, "none", Kind.CONSTANT),
        (["a", None] * 9, "ticked", Kind.CATEGORY),
        ([0, 1] * 9, "flag", Kind.NUMBER),
    ],
)
def test_kinds(values: list[object], name: str, expected: Kind):
    assert kind(values, name) is expected


def test_a_random_number_and_a_target_are_never_identifiers():
    rng = np.random.default_rng(0)
    assert kind([str(v) for v in rng.normal(size=5000)], "measure_id") is Kind.NUMBER
    assert kind([str(v) for v in rng.permutation(10**6)[:5000]], "price") is Kind.NUMBER
    assert kind(list(range(100)), "id", target="id") is Kind.NUMBER


def test_kinds_can_be_overruled():
    assert infer(["1", "2", "2"], kinds={"c": "category"})[0] == ["1", "2", "2"]
    assert infer([1.0, 2.0, None], kinds={"c": "category"})[0] == ["1", "2", None]
    assert infer(["1", "x", "y"], kinds={"c": "number"})[0] == [1, None, None]
    assert infer(["007", "8"], kinds={"c": "number"})[0] == [7, 8]
    assert infer([1, 2, 3], "id", kinds={"id": "number"})[1].kind is Kind.NUMBER
    assert infer(["20200131", "20211201"], kinds={"c": "date"}, date_format="%Y%m%d")[0][0] == datetime(2020, 1, 31)
    assert kind([f"w{i}" for i in range(50)], kinds={"c": "text"}) is Kind.TEXT
    with pytest.raises(DataError, match=r"No value of 'c' is a number, such as 'x'"):
        infer(["x", "y"], kinds={"c": "number"})
    frame = pl.DataFrame({"size": [1, 2]})
    with pytest.raises(UsageError, match=r"no column 'siez': did you mean 'size'"):
        infer_kinds(frame, Options(kinds={"siez": "number"}))
    with pytest.raises(UsageError, match=r"kind 'float' of 'size' is unknown"):
        infer_kinds(frame, Options(kinds={"size": "float"}))


def test_blanks_around_categories_go_and_text_keeps_its_own():
    found, column = infer([" red", "red", "blue "] * 5)
    assert found[:3] == ["red", "red", "blue"]
    assert column.distinct == 2
    assert "blanks" in column.note


def test_many_columns_of_one_row_and_many_levels_take_bounded_time():
    frame = pl.DataFrame({f"c{i}": ["1", "b"] for i in range(500)})
    assert len(infer_kinds(frame, Options())[1]) == 500
    levels = pl.Series("l", [f"level {i // 2} of it" for i in range(400_000)])
    assert infer_column(levels, Options())[1].distinct == 200_000
