"""The section on the items: plain data, pictures that hold nothing but pixels, words that stay words."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from report_studies import problem_of
from report_worlds import WORLDS
from test_html import XSS, Page

from treeline.contest.items import select_numbers
from treeline.problem.task import Task
from treeline.report.html import render_html
from treeline.report.items import items_of, png
from treeline.report.terminal import as_lines

RNG = np.random.default_rng(0)


def told(kind: str = "image", evil: str = "ill") -> dict[str, Any]:
    problem = problem_of(Task.BINARY, "roc_auc", target="y", classes=("well", evil))
    y = np.repeat([0, 1], 30)
    p = np.where(y == 1, 0.9, 0.1) + np.linspace(-0.05, 0.05, 60)
    p[[3, 40]] = 0.8, 0.3
    kept: dict[str, Any] = {
        "index": np.arange(60) + 7,
        "row": np.arange(60) + 107,
        "kind": np.array(kind),
        "column": np.array(evil),
    }
    if kind == "text":
        kept["text"] = np.array([evil + "x" * 161] * 60)
    else:
        kept |= {"name": np.array([evil] * 60), "picture": RNG.integers(0, 255, (60, 9, 8, 3)).astype(np.uint8)}
    found = items_of(problem, {"y": y, "prediction": p, "index": np.arange(60) + 7}, kept)
    assert found is not None
    return found


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_pixels_and_nothing_else(channels: int) -> None:
    image = pytest.importorskip("PIL.Image")
    picture = RNG.integers(0, 255, (5, 7, channels)).astype(np.uint8)
    made = image.open(io.BytesIO(png(picture)))
    made.load()
    assert np.array_equal(np.asarray(made).reshape(picture.shape), picture)
    assert not made.info and not made.getexif()


def test_the_very_items_are_told_with_what_was_said() -> None:
    found = told()
    assert [(pair["true"], pair["said"], pair["rows"]) for pair in found["confusions"]] == [
        ("well", "ill", 1),
        ("ill", "well", 1),
    ]
    item = found["confusions"][0]["items"][0]
    assert item["record"] == 111 and item["p"] == pytest.approx(0.8) and item["picture"]
    ill, well = found["screening"]
    assert (ill["label"], well["label"]) == ("ill", "well")
    assert ill["points"][0]["sensitivity"] == well["points"][0]["specificity"] == 29 / 30
    assert told("text")["examples"][0]["items"][0]["text"].endswith("x…")


def test_runs_without_items_say_nothing() -> None:
    problem = problem_of(Task.BINARY, "roc_auc", target="y", classes=("a", "b"))
    assert items_of(problem, {"y": [0], "prediction": [0.1], "index": [0]}, {}) is None
    page = render_html(WORLDS["binary"]())
    assert 'id="items"' not in page and "img-src" not in page
    assert items_of(problem, {"y": [0], "prediction": [0.1], "index": [5]}, {"index": np.zeros(0), "kind": np.array("text"),
        "column": np.array("t")})["examples"][0]["items"] == []  # type: ignore[index]  # fmt: skip


@pytest.mark.parametrize("kind", ["image", "sound", "text"])
def test_the_page_shows_them_and_loads_nothing(kind: str) -> None:
    page = Page(render_html(dataclasses.replace(WORLDS["binary"](), items=told(kind))))
    assert page.open == []
    pictures = [a["src"] or "" for tag, a in page.tags if tag == "img"]
    assert all(src.startswith("data:image/png;base64,") for src in pictures) and bool(pictures) is (kind != "text")
    assert "taken for" in page.text and "Called positive from" in page.text and "chosen on these rows" in page.text


@pytest.mark.parametrize("evil", XSS)
@pytest.mark.parametrize("kind", ["image", "text"])
def test_names_and_texts_stay_words(evil: str, kind: str) -> None:
    evil = evil.replace("\x00", "").replace("\ud800", "")
    pages = [
        Page(render_html(dataclasses.replace(WORLDS["binary"](), items=told(kind, one)))) for one in (evil, "calm")
    ]
    tags = [[(tag, sorted(key for key in a)) for tag, a in page.tags] for page in pages]
    assert tags[0] == tags[1]


def test_the_terminal_names_the_most_frequent_confusion() -> None:
    lines = as_lines(dataclasses.replace(WORLDS["binary"](), items=told()))
    assert any("Most often 'well' is taken for 'ill': 1 row, shown in the report." in line for line in lines)


def test_numbers_are_told_with_the_largest_errors_first() -> None:
    problem = problem_of(Task.REGRESSION, "root_mean_squared_error", target="y", classes=())
    y = np.linspace(0, 50, 30)
    said = y + np.where(np.arange(30) == 4, 9.0, 0.1)
    said[7] = np.nan
    assert select_numbers(y, said).errors[0] == 4
    assert 7 not in select_numbers(y, said).positions
    kept = {"index": np.arange(30), "row": np.arange(30), "kind": np.array("text"), "column": np.array("t"),
            "text": np.array(["<b>words</b>"] * 30)}  # fmt: skip
    found = items_of(problem, {"y": y, "prediction": said, "index": np.arange(30)}, kept)
    assert found is not None
    assert [one["true"] for one in found["across"]] == ["0", "10.34", "20.69", "31.03", "39.66", "50"]
    assert (found["errors"][0]["true"], found["errors"][0]["said"]) == ("6.897", "15.9")
    study = dataclasses.replace(WORLDS["regression"](), items=found)
    assert Page(render_html(study)).open == []
    assert as_lines(study)
