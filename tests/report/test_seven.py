"""The seven dimensions, the price list and the methods on the page: told from numbers, silent where nothing was measured."""

from __future__ import annotations

import dataclasses

import pytest
from report_worlds import binary

from treeline.evidence.dimensions import DIMENSIONS, Dimension, Side, normal, unmeasured
from treeline.report.html import render_html
from treeline.report.methods import methods
from treeline.report.seven import prices, rows_of, slices, tug, who
from treeline.report.summary import Summary
from treeline.report.terminal import as_lines

COST = {
    "fit_cpu_s": 2.0, "all_cpu_s": 30.0, "contenders": 4, "peak_mb": 120.0, "gpu_s": 0.0, "vram_mb": 0.0, "watt_hours": 0.1,
    "energy_is": "estimated", "money": 0.0003,
}  # fmt: skip
SLICE = {
    "column": "plan<b>", "slice": "2", "rows": 500, "difference": 0.1, "interval": [0.05, 0.15], "favours": "deep",
    "loss": "log_loss",
}  # fmt: skip


def measured(name: str, detail: dict | None = None) -> dict:
    sides = {
        family: Side(value=1.0, interval=(0.5, 1.5), text="1 s", detail=detail or {})
        for family in ("classical", "deep")
    }
    made = Dimension(name=name, unit="s", sides=sides, odds=normal(1.0, 0.5, 0.1), words="Said so.", how="Measured so.")
    return made.to_json()


@pytest.fixture
def summary() -> Summary:
    one = binary()
    known = {"compute": measured("compute", COST), "accuracy": measured("accuracy", {"slices": [SLICE]})}
    dimensions = [known.get(name) or unmeasured(name, "it was too short").to_json() for name in DIMENSIONS]
    return dataclasses.replace(one, verdict=one.verdict | {"dimensions": dimensions, "mind": ["More time: ask again."]})


def test_every_dimension_has_a_row_measured_or_not(summary) -> None:
    rows = rows_of(summary)
    assert [row["title"] for row in rows] == list(DIMENSIONS.values())
    assert [row["who"] for row in rows].count("not measured") == 5
    assert rows[1]["deep"] == {"text": "1 s", "interval": "0.5 to 1.5"}
    assert who(summary.verdict["dimensions"][1]) == "deep"


def test_the_figure_draws_what_was_measured(summary) -> None:
    drawn = str(tug(summary))
    assert drawn.count("bar deep") == 2
    assert "Accuracy" in drawn
    assert "Scalability" not in drawn
    assert tug(dataclasses.replace(summary, verdict=summary.verdict | {"dimensions": []})) is None


def test_the_price_list_says_what_is_an_estimate(summary) -> None:
    listed = {row["what"]: row for row in prices(summary)}
    assert "Energy (an estimate)" in listed
    assert listed["GPU time"]["deep"] == "none used"
    assert listed["CPU time of one fit"]["classical"] == "2 s"


def test_slices_are_told_where_the_order_is_sure(summary) -> None:
    (one,) = slices(summary)
    assert one["who"] == "Deep learning"
    page = render_html(summary)
    assert "plan&lt;b&gt;" in page
    assert "plan<b>" not in page


def test_page_and_terminal_tell_them(summary) -> None:
    page = render_html(summary)
    assert 'id="dimensions"' in page
    assert "What would change our mind" in page
    assert "More time: ask again." in page
    lines = "\n".join(as_lines(summary, width=140))
    assert "Feature engineering" in lines
    assert "not measured" in lines


def test_only_methods_that_were_used_are_named(summary) -> None:
    named = {one["what"] for one in methods(summary)}
    assert "Difference" in named
    assert "Classes" in named
    assert "Interpretability" not in named
    assert "A lost race" not in named
    assert "Split" not in named
    left = summary.verdict | {"caveats": ["The deep side was left behind 12 s before the end."]}
    assert "A lost race" in {one["what"] for one in methods(dataclasses.replace(summary, verdict=left))}
    timed = dataclasses.replace(summary, problem=summary.problem | {"policy": "time"})
    assert "Split" in {one["what"] for one in methods(timed)}
    assert all(one["source"] for one in methods(summary))
