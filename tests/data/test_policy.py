"""Where rows with the same inputs may lie: together unless the user says that new rows may repeat old ones."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from treeline.data.ask import ask
from treeline.data.audit import audit, gate
from treeline.data.splits import plan_folds
from treeline.data.structure import keys_of
from treeline.errors import UsageError
from treeline.problem.problem import Problem
from treeline.problem.task import Policy, Repeats

from .data_worlds import churn, table


def test_repeats_stay_together_by_default_and_it_is_said_why() -> None:
    data = table(pl.concat([churn(), churn()[:200]]))
    problem = ask(data, "churn", split="random")
    assert problem.repeats is Repeats.TOGETHER
    assert problem.why["repeats"].startswith("200 rows repeat")
    assert "--repeats apart" in problem.why["repeats"]
    assert Problem.from_json(problem.to_json()) == problem
    assert "no row repeats" in ask(table(churn()), "churn").why["repeats"]


def test_repeats_may_lie_apart_where_the_user_says_so_and_the_audit_agrees() -> None:
    data = table(pl.concat([churn(), churn()[:600]]))
    problem = ask(data, "churn", repeats="apart")
    keys = keys_of(data, problem, np.arange(1600))
    assert keys["duplicates"] is None
    y = (data.frame["churn"] == "yes").to_numpy().astype(np.int64)
    fold = plan_folds(y, problem, **keys).fold
    assert 0.5 < (fold[:600] != fold[1000:]).mean() < 0.95
    found = [one for one in audit(data, problem) if one.code == "D001"]
    assert gate(found) == ([], [])
    assert "--repeats apart" in found[0].done


def test_time_alone_keeps_dated_rows_apart() -> None:
    frame = churn().with_columns(day=pl.date_range(pl.date(2020, 1, 1), pl.date(2022, 9, 26), eager=True)[:1000])
    data = table(pl.concat([frame, frame[:100]]))
    problem = ask(data, "churn", split="time", time="day")
    assert (problem.policy, problem.repeats, problem.keeps_repeats) == (Policy.TIME, None, False)
    assert Problem.from_json(problem.to_json()) == problem
    assert ask(data, "churn", split="time", time="day", repeats="apart").repeats is Repeats.APART
    with pytest.raises(UsageError, match="time splits") as caught:
        ask(data, "churn", split="time", time="day", repeats="together")
    assert "--split random" in (caught.value.do or "")


def test_runs_from_before_it_was_asked_kept_them_together() -> None:
    told = ask(table(churn()), "churn").to_json()
    del told["repeats"]
    assert Problem.from_json(told).keeps_repeats
