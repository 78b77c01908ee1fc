"""What is fixed before the first fit, and read back from the ledger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from treeline.contest.head import new_prices
from treeline.contest.ledger import Ledger
from treeline.contest.opening import encoder_of, excluded_columns, folds_of, prices_of
from treeline.data.condition import LEFT_OUT
from treeline.data.findings import Finding, Severity
from treeline.problem.settings import Settings
from treeline.problem.task import Policy

from .small import FOLDS, PROBLEM, ROWS, fit, ledger_of


def test_folds_are_read_back_as_they_were_written(tmp_path: Any) -> None:
    folds = folds_of(ledger_of(tmp_path, fit("one")))
    assert (folds.policy, folds.n_folds, len(folds.fold)) == (Policy.RANDOM, FOLDS, ROWS)
    assert not set(folds.test_rows(0)) & set(folds.train_rows(0))


def test_a_run_holds_its_encoder_prices_and_every_flag_of_its_entries(run: Any) -> None:
    ledger = Ledger(run)
    assert set(encoder_of(ledger).num_names) >= {"months", "fee"}
    assert prices_of(ledger) == {"price": 0.5, "gpu_price": 2.0}
    assert {"again", "probe", "of"} <= set(ledger.head["entries"][0])


def test_only_prices_that_are_given_change() -> None:
    assert new_prices({"price": 1.0, "gpu_price": 2.0}, Settings.of(price=3)) == {"price": 3.0, "gpu_price": 2.0}


@pytest.mark.parametrize(("kinds", "out"), [({}, {"id"}), ({"id": "category"}, set())])
def test_a_column_that_the_audit_left_out_comes_back_where_the_user_gave_it_a_kind(kinds: Any, out: set[str]) -> None:
    finding = Finding(
        code="D003", severity=Severity.NOTE, title="An identifier", columns=("id",), rows=1, found="f", do="", done=LEFT_OUT
    )  # fmt: skip
    assert excluded_columns([finding], Settings.of(kind=kinds, drop=["x"]), PROBLEM) == out | {"x"}


def test_rows_hold_target_fold_and_half(tmp_path: Any) -> None:
    rows = ledger_of(tmp_path, fit("one")).rows()
    assert set(np.unique(rows["half"])) == {0, 1}
    assert len(rows["y"]) == ROWS
