"""A Problem from a table: inference, reasons, and one clear line for what cannot be asked."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from treeline.data.ask import ask, rows_of
from treeline.data.column import Kind
from treeline.data.structure import keys_of
from treeline.errors import DataError, UsageError
from treeline.problem.problem import Problem
from treeline.problem.task import Policy, Task

from .data_worlds import churn, houses, table


def with_target(values: list[object], n: int = 100) -> pl.DataFrame:
    """A table whose target `t` repeats these values."""
    return pl.DataFrame({"x": np.arange(n) * 1.5, "t": [values[i % len(values)] for i in range(n)]}, strict=False)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["no", "yes"], Task.BINARY),
        ([0, 1], Task.BINARY),
        ([2.5, 7.5], Task.BINARY),
        (["a", "b", "c"], Task.MULTICLASS),
        ([1, 2, 3, 4], Task.MULTICLASS),
        ([3, 5, 9], Task.MULTICLASS),
        ([0.0, 0.5, 1.0], Task.REGRESSION),
        (list(range(0, 100, 3)), Task.REGRESSION),
    ],
)
def test_the_task_is_inferred_with_a_reason(values: list[object], task: Task) -> None:
    problem = ask(table(with_target(values)), "t")
    assert problem.task is task
    assert set(problem.why) == {"task", "metric", "margin", "policy", "repeats"}


def test_class_numbers_that_run_evenly_are_labels_and_grades_with_gaps_are_amounts() -> None:
    letters = ask(table(with_target(list(range(1, 27)), 26 * 20)), "t")
    grades = ask(table(with_target([0, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 400)), "t")
    assert letters.task is Task.MULTICLASS
    assert letters.classes[:3] == ("1", "2", "3")
    assert letters.classes[-1] == "26"
    assert grades.task is Task.REGRESSION
    assert "--task multiclass" in grades.why["task"]


def test_a_number_written_as_text_is_a_number() -> None:
    frame = pl.DataFrame({"x": range(1500), "t": [f"{i}.25" for i in range(1500)]})
    problem = ask(table(frame, t=Kind.IDENTIFIER), "t")
    assert problem.task is Task.REGRESSION
    assert rows_of(table(frame), problem)[1][1] == 1.25


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["Yes", "No"], "Yes"),
        (["TRUE", "TRUE", "TRUE", "FALSE"], "TRUE"),
        (["ham", "spam", "spam"], "spam"),
        (["churned", "not churned", "churned"], "churned"),
        ([1, 2], "2"),
        ([-1, 1, 1], "1"),
        (["red", "red", "blue"], "blue"),
        ([">50K", "<=50K", "<=50K"], ">50K"),
    ],
)
def test_the_positive_class_is_the_sensible_one(values: list[object], positive: str) -> None:
    assert ask(table(with_target(values)), "t").classes[1] == positive


def test_rows_without_a_target_are_counted_and_codes_follow_the_classes() -> None:
    frame = with_target(["b", "a", None, "c"])
    data = table(frame)
    problem = ask(data, "t")
    rows, y, dropped = rows_of(data, problem)
    assert dropped == 25
    assert [problem.classes[code] for code in y] == frame["t"].drop_nulls().to_list()
    assert frame["t"][rows.tolist()].null_count() == 0
    strange = table(with_target(["a", "zebra"]))
    with pytest.raises(DataError, match="zebra"):
        rows_of(strange, problem)


def test_a_problem_survives_json() -> None:
    problem = ask(table(houses()), "price", metric="mae")
    assert Problem.from_json(problem.to_json()) == problem


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        ([None], {}, "missing"),
        (["a"], {}, "one value"),
        ([3.5], {}, "one value"),
        (["a", "b", "c"], {"task": "regression"}, "such as 'a'"),
        (["a", "b", "c"], {"task": "binary"}, "3 different values"),
        ([f"c{i}" for i in range(1500)], {}, "has 1500"),
        (["2020-01-01"], {"task": "regression"}, "one value"),
    ],
)
def test_a_target_that_cannot_be_asked_is_refused(values: list[object], more: dict[str, str], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        ask(table(with_target(values, 3000)), "t", **more)  # type: ignore[arg-type]
    assert "world.csv::t" in str(caught.value)
    assert "Do: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_absent_target_offers_the_nearest_names() -> None:
    with pytest.raises(DataError, match="did you mean 'churn'"):
        ask(table(churn()), "Chrun")


def test_a_class_with_one_row_names_the_row_and_the_remedy() -> None:
    frame = (
        churn(200)
        .with_row_index()
        .with_columns(churn=pl.when(pl.col("index") == 41).then(pl.lit("maybe")).otherwise("churn"))
    )
    with pytest.raises(DataError, match=r"'maybe' has one row, number 42.*Merge"):
        ask(table(frame), "churn")


def test_a_date_target_and_too_few_rows_are_refused() -> None:
    days = [datetime(2024, 1, 1) + timedelta(days=i) for i in range(50)]
    with pytest.raises(DataError, match="date"):
        ask(table(pl.DataFrame({"x": range(50), "t": days})), "t")
    with pytest.raises(DataError, match="Only 6 rows"):
        ask(table(churn(6)), "churn")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"metric": "roc_aux"}, "roc_auc"),
        ({"metric": "rmse"}, "does not judge"),
        ({"task": "clustering"}, "unknown"),
        ({"split": "grupped"}, "grouped"),
        ({"split": "grouped"}, "--group"),
        ({"group": "agee"}, "'age'"),
        ({"time": "churn"}, "--time"),
        ({"split": "random", "group": "plan"}, "does not go"),
        ({"margin": -1.0}, "zero or more"),
    ],
)
def test_a_wrong_argument_is_a_usage_error(more: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ask(table(churn()), "churn", **more)  # type: ignore[arg-type]


def test_a_log_metric_refuses_negative_targets() -> None:
    frame = houses().with_columns(price=pl.col("price") - 1e6)
    with pytest.raises(UsageError, match="zero or more"):
        ask(table(frame), "price", metric="rmsle")


def test_the_margin_is_the_metrics_own_or_a_share_of_the_best_constant() -> None:
    assert ask(table(churn()), "churn").margin == 0.005
    assert ask(table(churn()), "churn", margin=0.02).margin == 0.02
    frame = houses()
    problem = ask(table(frame), "price")
    assert problem.margin == pytest.approx(0.01 * frame["price"].std(ddof=0), rel=0.01)
    assert "best constant" in problem.why["margin"]
    mae = ask(table(frame), "price", metric="mae")
    assert mae.margin == pytest.approx(0.01 * float((frame["price"] - frame["price"].median()).abs().mean()), rel=0.01)


def dated(n: int = 300) -> pl.DataFrame:
    """Churn with a day for each row."""
    return churn(n).with_columns(day=pl.Series([datetime(2024, 1, 1) + timedelta(days=i) for i in range(n)]))


def test_dated_rows_are_split_by_time_unless_the_user_says_otherwise() -> None:
    data = table(dated())
    problem = ask(data, "churn")
    assert (problem.policy, problem.time) == (Policy.TIME, "day")
    assert "--split stratified" in problem.why["policy"]
    assert ask(data, "churn", split="stratified").policy is Policy.STRATIFIED
    assert ask(data, "churn", split="random").policy is Policy.STRATIFIED
    assert ask(data, "churn", time="age").time == "age"


def test_birthdays_do_not_order_rows_and_two_orders_are_ambiguous() -> None:
    frame = dated().rename({"day": "date_of_birth"})
    assert ask(table(frame), "churn").policy is Policy.STRATIFIED
    rng = np.random.default_rng(1)
    shuffled = dated().with_columns(other=dated()["day"].gather(rng.permutation(300)))
    assert ask(table(shuffled), "churn").policy is Policy.STRATIFIED
    with pytest.raises(UsageError, match="'other'"):
        ask(table(shuffled), "churn", split="time")
    later = dated().with_columns(end=pl.col("day") + pl.duration(hours=3))
    assert ask(table(later.select("end", "day", "age", "churn")), "churn").time == "day"


def test_patients_who_share_the_target_are_kept_together() -> None:
    rng = np.random.default_rng(0)
    who = rng.integers(0, 60, 600)
    sick = rng.random(60) < 0.4
    frame = pl.DataFrame({"patient_id": who, "x": rng.normal(size=600), "t": np.where(sick[who], "yes", "no")})
    problem = ask(table(frame), "t")
    assert (problem.policy, problem.group) == (Policy.GROUPED, "patient_id")
    lottery = frame.with_columns(t=pl.Series(rng.choice(["yes", "no"], 600)))
    assert ask(table(lottery), "t").policy is Policy.STRATIFIED
    assert ask(table(frame.rename({"patient_id": "dose"})), "t").policy is Policy.STRATIFIED
    assert ask(table(lottery), "t", split="group").group == "patient_id"


def test_rows_in_file_order_can_stand_for_time() -> None:
    problem = ask(table(churn()), "churn", split="time")
    assert (problem.policy, problem.time) == (Policy.TIME, None)


def test_year_month_and_day_columns_date_the_rows() -> None:
    parts = dated(400).with_columns(
        Year=pl.col("day").dt.year(), Month=pl.col("day").dt.month(), DayofMonth=pl.col("day").dt.day()
    )
    mixed = parts.drop("day").sample(fraction=1.0, shuffle=True, seed=0)
    data = table(mixed)
    problem = ask(data, "churn")
    assert (problem.policy, problem.time) == (Policy.TIME, "Year,Month,DayofMonth")
    ranks = keys_of(data, problem, np.arange(400))["times"]
    order = np.argsort(ranks, kind="stable")
    told = [mixed.row(i, named=True) for i in order.tolist()]
    days = [(one["Year"], one["Month"], one["DayofMonth"]) for one in told]
    assert days == sorted(days)
    assert ask(data, "churn", split="random").policy is Policy.STRATIFIED
    assert ask(data, "churn", time="Year, Month").time == "Year, Month"
    with pytest.raises(UsageError, match="'Moth'"):
        ask(data, "churn", time="Year,Moth")
    born = data.frame.rename({"Year": "birth_year"})
    assert ask(table(born), "churn").policy is Policy.STRATIFIED
