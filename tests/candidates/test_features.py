"""The encoder: what each kind becomes, that nothing is lost or invented, and that its state is complete."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeline.candidates import features
from treeline.candidates.features import Encoder
from treeline.data.column import Column, Kind
from treeline.data.dataset import Dataset, Records


def dataset(kinds: dict[str, Kind], **values: Any) -> Dataset:
    frame = pl.DataFrame(values)
    columns = tuple(Column(name=name, kind=kinds[name], distinct=frame[name].n_unique()) for name in frame.columns)
    n = frame.height
    return Dataset(frame=frame, columns=columns, records=Records(read=n, used=n), source="test", fingerprint="")


def fitted(kind: Kind, values: Any) -> tuple[Encoder, np.ndarray, np.ndarray]:
    data = dataset({"x": kind}, x=values)
    encoder = Encoder.fit(data, exclude=(), target="y")
    return encoder, *encoder.transform(data.frame)


def mixed(n: int = 600) -> Dataset:
    rng = np.random.default_rng(1)
    words = np.array([f"word{i}" for i in range(300)])
    start = datetime(2020, 1, 1)
    day = [start + timedelta(minutes=int(m)) for m in rng.integers(0, 500_000, n)]
    kinds = {
        "a": Kind.NUMBER,
        "b": Kind.CATEGORY,
        "c": Kind.DATE,
        "d": Kind.DATE,
        "e": Kind.TEXT,
        "id": Kind.IDENTIFIER,
        "y": Kind.NUMBER,
    }
    return dataset(
        kinds,
        a=[None if i % 7 == 0 else float(v) for i, v in enumerate(rng.normal(size=n))],
        b=[None if i % 5 == 0 else f"level {v}" for i, v in enumerate(rng.integers(0, 9, n))],
        c=day,
        d=[None if i % 11 == 0 else d + timedelta(hours=i) for i, d in enumerate(day)],
        e=[" ".join(words[rng.integers(0, 300, 6)]) if i % 13 else None for i in range(n)],
        id=[str(i) for i in range(n)],
        y=rng.normal(size=n),
    )


def test_numbers_stay_themselves() -> None:
    _, num, cat = fitted(Kind.NUMBER, [1.5, None, -2.0, 7.0])
    assert num.dtype == np.float32 and cat.dtype == np.int32 and cat.shape == (4, 0)
    np.testing.assert_array_equal(num[:, 0], np.array([1.5, np.nan, -2.0, 7.0], np.float32))


@pytest.mark.parametrize(
    "values",
    [
        [1_700_000_000 + i for i in range(100)],
        [2**53 - 200 + i for i in range(100)],
        [20_000_001.25 + i / 8 for i in range(100)],
        [1e-30 * (i + 1) for i in range(100)],
        [1e200 * (i + 1) for i in range(100)],
        [5.0] * 90 + [1e300] + [5.0 + i for i in range(9)],
    ],
)
def test_differences_survive_float32(values: list[float]) -> None:
    _, num, _ = fitted(Kind.NUMBER, values)
    assert np.isfinite(num).all()
    if max(values) / 1e30 < 1 or min(values) > 1e30:
        assert len(np.unique(num)) == len(set(values))
        assert (np.argsort(num[:, 0], kind="stable") == np.argsort(values, kind="stable")).all()


def test_values_that_are_not_finite_are_missing() -> None:
    encoder, _, _ = fitted(Kind.NUMBER, [1.0, 2.0, 3.0])
    num, _ = encoder.transform(pl.DataFrame({"x": [float("inf"), float("nan"), 1e308]}))
    assert np.isnan(num[:2, 0]).all() and np.isfinite(num[2, 0])


def test_levels_are_coded_by_falling_frequency() -> None:
    encoder, num, cat = fitted(Kind.CATEGORY, ["b", "a", "a", None, "c", "b", "a"])
    assert cat[:, 0].tolist() == [3, 2, 2, 0, 4, 3, 2] and num.shape == (7, 0)
    assert encoder.cards == (5,)
    _, new = encoder.transform(pl.DataFrame({"x": ["zzz", None, "c"]}))
    assert new[:, 0].tolist() == [1, 0, 4]


def test_levels_seen_once_are_rare_in_long_tables() -> None:
    encoder, _, cat = fitted(Kind.CATEGORY, ["a"] * 1000 + ["b"] * 2 + ["once"])
    assert encoder.cards == (4,) and cat[-1, 0] == 1 and cat[-2, 0] == 3


def test_levels_beyond_the_cap_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MAX_LEVELS", 2)
    encoder, _, cat = fitted(Kind.CATEGORY, ["a", "a", "a", "b", "b", "c"])
    assert encoder.cards == (4,) and cat[-1, 0] == 1


def test_a_category_without_known_levels_still_encodes() -> None:
    encoder, _, _ = fitted(Kind.CATEGORY, [f"v{i}" for i in range(1500)])
    _, cat = encoder.transform(pl.DataFrame({"x": ["v1", None]}))
    assert encoder.cards == (2,) and cat[:, 0].tolist() == [1, 0]


def test_levels_that_begin_with_a_number_give_a_number() -> None:
    encoder, num, _ = fitted(Kind.CATEGORY, ["<1", "1", "2", "10/49", ">20", "$25,000 - $49,999", None, "never"])
    assert encoder.num_names == ("x: as a number",)
    np.testing.assert_array_equal(num[:, 0], np.array([0.5, 1, 2, 10, 20.5, 25000, np.nan, np.nan], np.float32))
    plain, _, _ = fitted(Kind.CATEGORY, ["city_1", "city_2", "city_3", "city_4"])
    assert plain.num_names == ()


def test_dates_give_the_parts_that_vary() -> None:
    days = [datetime(2020, 1, 30) + timedelta(days=i) for i in range(5)]
    encoder, num, _ = fitted(Kind.DATE, [*days, None])
    assert encoder.num_names == ("x: days", "x: month", "x: day", "x: weekday")
    assert num[2].tolist() == [2.0, 2.0, 1.0, 6.0] and np.isnan(num[5]).all()
    old, _ = encoder.transform(pl.DataFrame({"x": [datetime(1969, 2, 28)]}))
    assert old[0].tolist() == [-18598.0, 2.0, 28.0, 5.0]


def test_two_dates_give_their_difference() -> None:
    start = [datetime(2019, 3, 1, 12, 0)] * 3
    end = [datetime(2019, 3, 1, 12, 30), datetime(2019, 3, 1, 14, 0), None]
    encoder = Encoder.fit(dataset({"p": Kind.DATE, "d": Kind.DATE}, p=start, d=end), exclude=(), target="y")
    num, _ = encoder.transform(pl.DataFrame({"p": start, "d": end}))
    hours = num[:, encoder.num_names.index("p minus d: hours")]
    np.testing.assert_array_equal(hours, np.array([-0.5, -2.0, np.nan], np.float32))


def test_texts_of_two_topics_are_told_apart_without_the_target() -> None:
    rng = np.random.default_rng(0)
    sea, hill = ["ship", "wave", "harbour", "sail", "tide"], ["ridge", "summit", "slope", "valley", "cliff"]
    texts = [" ".join(rng.choice(sea if i % 2 else hill, 7)) for i in range(400)]
    encoder, num, _ = fitted(Kind.TEXT, texts)
    topics = num[:, [i for i, name in enumerate(encoder.num_names) if "topic" in name]]
    odd = np.arange(400) % 2 == 1
    gap = np.abs(topics[odd].mean(axis=0) - topics[~odd].mean(axis=0)) / (topics.std(axis=0) + 1e-9)
    assert gap.max() > 1.8
    unseen, _ = encoder.transform(pl.DataFrame({"x": ["", None, "Ünïcode 東京 \U0001f600 \u202e 12", "x" * 100_000]}))
    assert np.isnan(unseen[1]).all() and np.isfinite(unseen[[0, 2, 3]]).all() and unseen[3, 1] == 100_000


def test_few_texts_give_lengths_only() -> None:
    encoder, num, _ = fitted(Kind.TEXT, ["One 2", "b", None])
    assert len(encoder.num_names) == 4
    np.testing.assert_allclose(num[0], [2, 5, 0.2, 0.2], rtol=1e-6)


def test_what_is_left_out_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MAX_INPUTS", 2)
    kinds = dict.fromkeys("abcdy", Kind.NUMBER) | {"id": Kind.IDENTIFIER, "k": Kind.CONSTANT, "n": Kind.NUMBER}
    data = dataset(
        kinds,
        a=[1, 2, 3],
        b=[1, 1, 2],
        c=[1, None, 2],
        d=[4, 5, 6],
        y=[0, 1, 0],
        id=["p", "q", "r"],
        k=[1, 1, 1],
        n=pl.Series([None] * 3, dtype=pl.Float64),
    )
    encoder = Encoder.fit(data, exclude={"d"}, target="y")
    assert encoder.inputs == ("a", "b")
    assert set(encoder.left_out) == {"c", "d", "y", "id", "k", "n"} and "wider" in encoder.left_out["c"]


def test_the_target_changes_nothing() -> None:
    data = mixed()
    other = Dataset(
        frame=data.frame.with_columns(y=pl.lit(3.0)),
        columns=data.columns,
        records=data.records,
        source="",
        fingerprint="",
    )
    a, b = (Encoder.fit(d, exclude=(), target="y") for d in (data, other))
    assert a.inputs == ("a", "b", "e", "c", "d") and "y" not in a.num_names
    for left, right in zip(a.transform(data.frame), b.transform(data.frame), strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_state_is_complete_and_plain() -> None:
    data = mixed()
    encoder = Encoder.fit(data, exclude=(), target="y")
    arrays, meta = encoder.state()
    assert all(array.dtype.kind in "uif" for array in arrays.values())
    copied = {name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in arrays.items()}
    again = Encoder.restore(copied, json.loads(json.dumps(meta, allow_nan=False)))
    assert (again.num_names, again.cat_names, again.cards, again.inputs, again.sources) == (
        encoder.num_names,
        encoder.cat_names,
        encoder.cards,
        encoder.inputs,
        encoder.sources,
    )
    assert len(encoder.sources) == len(encoder.num_names) + len(encoder.cat_names)
    for left, right in zip(encoder.transform(data.frame), again.transform(data.frame), strict=True):
        np.testing.assert_array_equal(left, right)


@settings(max_examples=25, deadline=None)
@given(st.permutations(["a", "b", "c", "d", "e"]), st.lists(st.integers(0, 599), min_size=1, max_size=40))
def test_rows_and_columns_in_any_order_encode_the_same(order: list[str], rows: list[int]) -> None:
    num, cat = WHOLE
    some_num, some_cat = ENCODER.transform(DATA.frame.select(order)[rows].with_columns(extra=pl.lit(1)))
    np.testing.assert_array_equal(some_num, num[rows])
    np.testing.assert_array_equal(some_cat, cat[rows])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=8)), min_size=1, max_size=60))
def test_any_text_is_a_level(values: list[str | None]) -> None:
    values = [*values, "one"]
    encoder, _, cat = fitted(Kind.CATEGORY, pl.Series(values, dtype=pl.String))
    levels = encoder.categories[0].levels
    assert [None if code == 0 else levels[code - 2] for code in cat[:, 0]] == values
    again = Encoder.restore(*encoder.state())
    assert again.categories[0].levels == levels


def test_wide_and_long_tables_stay_fast() -> None:
    rng = np.random.default_rng(0)
    wide = dataset(
        {f"c{i}": Kind.NUMBER for i in range(8000)}, **{f"c{i}": v for i, v in enumerate(rng.normal(size=(8000, 50)))}
    )
    long = dataset(
        {f"c{i}": Kind.NUMBER if i < 12 else Kind.CATEGORY for i in range(20)},
        **{f"c{i}": rng.normal(size=100_000) for i in range(12)},
        **{f"c{i}": [f"l{v}" for v in rng.integers(0, 100, 100_000)] for i in range(12, 20)},
    )
    start = time.perf_counter()
    assert len(Encoder.fit(wide, exclude=(), target="y").inputs) == 5000
    assert Encoder.fit(long, exclude=(), target="y").transform(long.frame)[0].shape == (100_000, 12)
    assert time.perf_counter() - start < 20, "about one second on a quiet core"


DATA = mixed()
ENCODER = Encoder.fit(DATA, exclude=(), target="y")
WHOLE = ENCODER.transform(DATA.frame)
