"""The verdict on a terminal, in a pipe, and where only ASCII is known."""

from __future__ import annotations

import io
from dataclasses import replace

import polars as pl
import pytest
from report_studies import FINDINGS
from report_worlds import WORLDS
from rich.console import Console

from treeline.data.column import Column, Kind
from treeline.data.dataset import Dataset, Records
from treeline.report.terminal import as_lines, print_columns, print_findings, print_summary


def test_the_verdict_is_told_in_plain_lines() -> None:
    lines = as_lines(WORLDS["binary"]())
    text = "\n".join(lines)
    assert lines[1] == "churn.csv → Churn · 7,032 rows · ROC AUC"
    assert lines[2] == "Use classical models: deep learning is not better by what matters here, 99.6% sure"
    assert "classical better 36% · no difference above 0.005 64% · deep better <1%" in text
    assert next(line for line in lines if "CatBoost  " in line).split()[2] == "0.848"
    assert "Better features, or a form of model that uses them better, would help most: 0.8733 on training" in text
    assert "\x1b" not in text and max(map(len, lines)) <= 100
    assert len(lines) < 47


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert max(map(len, as_lines(WORLDS[name](), width))) <= width


def test_the_command_that_goes_on_is_told() -> None:
    told = WORLDS["binary"]()
    command = "treeline run churn.csv --target Churn --time-limit 10m"
    assert command not in as_lines(told)
    longer = replace(told, verdict=told.verdict | {"budget": told.verdict["budget"] | {"longer": command}})
    assert command in as_lines(longer)


def test_causes_are_told_where_all_failed() -> None:
    text = "\n".join(as_lines(WORLDS["all_failed"]()))
    assert "No model could be trained" in text
    assert "CatBoostError: all features are either constant or ignored" in text
    assert "1 out of memory" in text


def test_a_terminal_that_knows_ascii_only_is_served() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_summary(WORLDS["multiclass"](), Console(file=file, width=100))
    file.flush()
    file.seek(0)
    text = file.read()
    assert "o Classical models" in text and "# Deep learning" in text


def test_markup_and_escapes_in_names_stay_words() -> None:
    evil = "[bold red]x[/bold red] \x1b[31m \u202e [link=http://x]"
    column = Column(name=evil, kind=Kind.TEXT, distinct=2, examples=(evil,), note=evil)
    data = Dataset(
        frame=pl.DataFrame({evil: ["a", "b"]}), columns=(column,),
        records=Records(read=3, used=2, quarantined=1, reasons={evil: 1}), source=evil, fingerprint="",
    )  # fmt: skip
    file = io.StringIO()
    print_columns(data, Console(file=file, width=200))
    text = file.getvalue()
    assert "[bold red]x[/bold red]" in text and r"\u001b[31m" in text and "\x1b" not in text and "\u202e" not in text
    assert "3 records read = 2 used + 1 set aside" in text


def test_findings_come_gravest_first() -> None:
    file = io.StringIO()
    print_findings(FINDINGS, Console(file=file, width=120))
    text = file.getvalue()
    assert text.index("D009 block") < text.index("D014 warn") < text.index("D003 note")
    assert "→ Leave both out with --drop" in text and "Done already: the column was left out." in text
    none = io.StringIO()
    print_findings([], Console(file=none))
    assert "No finding" in none.getvalue()
