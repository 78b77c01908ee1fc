"""The summary: plain data, honest about errors, without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from report_studies import data_of, problem_of, run_of
from report_worlds import WORLDS

from treeline.problem.task import Task
from treeline.report.diagnostics import diagnose
from treeline.report.figures import Scale, comparable
from treeline.report.privacy import clean, redacted
from treeline.report.summary import Summary, summarize
from treeline.report.wording import headline, lead, sentence


@pytest.mark.parametrize("name", WORLDS)
def test_it_is_json_and_comes_back(name: str) -> None:
    summary = WORLDS[name]()
    assert Summary.from_json(json.loads(json.dumps(summary.to_json(), allow_nan=False))) == summary


def test_classes_are_counted_right() -> None:
    problem = problem_of(Task.MULTICLASS, "accuracy", target="t", classes=("a", "b", "c"))
    y = np.array([0, 0, 0, 1, 1, 2])
    guess = np.array([0, 0, 1, 1, 1, 1])
    told = diagnose(problem, y, np.eye(3)[guess])
    assert told is not None
    assert told["confusion"] == [[2, 1, 0], [0, 2, 0], [0, 1, 0]]
    assert told["accuracy"] == pytest.approx(4 / 6)
    b, c = told["classes"][1:]
    assert (b["precision"], b["recall"], b["support"]) == (0.5, 1.0, 2)
    assert (c["precision"], c["recall"], c["f1"]) == (None, 0.0, 0.0)
    assert told["confused"][0]["rows"] == 1


def test_calibration_sees_a_boaster() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(4000)
    y = (rng.random(4000) < p).astype(int)
    problem = problem_of(Task.BINARY, "roc_auc", target="t", classes=("0", "1"))
    honest, boaster = diagnose(problem, y, p), diagnose(problem, y, np.where(p > 0.5, 0.99, 0.01))
    assert honest is not None and boaster is not None
    assert honest["calibration_error"] < 0.03
    assert boaster["calibration_error"] > 0.2
    assert sum(b["rows"] for b in honest["calibration"]) == 4000
    assert all(b["interval"][0] <= b["seen"] <= b["interval"][1] for b in honest["calibration"])


def test_errors_of_numbers() -> None:
    problem = problem_of(Task.REGRESSION, "rmse", target="t")
    y = np.linspace(0, 100, 1001)
    told = diagnose(problem, y, y + 2)
    assert told is not None
    assert told["bias"] == pytest.approx(2) and told["quantiles"]["0.95"] == pytest.approx(2)
    assert len(told["sample"]) <= 502 and told["sample"][-1] == [102.0, 100.0]
    assert sum(told["histogram"]["counts"]) == 1001
    # rows without a finite value are left out, and nothing is told where none is left
    assert (diagnose(problem, np.array([1.0, np.nan]), np.array([1.0, 1.0])) or {})["rows"] == 1
    assert diagnose(problem, np.array([np.nan]), np.array([1.0])) is None


def test_the_lead_is_told_from_the_side_that_is_ahead() -> None:
    told = {name: lead(WORLDS[name]()) for name in ("binary", "multiclass", "regression")}
    assert [(t.family, t.value, t.interval) for t in told.values() if t] == [
        ("classical", "0.0036", "95% interval -0.0021 to +0.0094"),
        ("deep", "0.073", "95% interval +0.061 to +0.085"),
        ("classical", "1.1", "95% interval -3.9 to +6.2"),
    ]


def test_pages_say_the_verdicts_own_words() -> None:
    base = WORLDS["binary"]()
    assert headline(base) == base.verdict["headline"]
    assert sentence(base) == base.verdict["sentence"]
    old = Summary.from_json(base.to_json() | {"verdict": base.verdict | {"headline": ""}})
    assert (headline(old), sentence(old)) == (base.verdict["sentence"], "")  # a run of before there were headlines


def test_secrets_and_names_do_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-9f8e7d6c")
    monkeypatch.setattr(Path, "home", lambda: Path("/opt/people/ada"))
    problem = problem_of(Task.BINARY, "roc_auc", target="t", classes=("0", "1"))
    said = [
        "postgresql://ada:hunter22@db.example/x",
        "/opt/people/ada/data.csv",
        "key canary-9f8e7d6c",
        "C:\\Users\\ada\\x.csv",
    ]
    summary = summarize(
        problem=problem, dataset=data_of(said[0], 10), findings=[], trials=[], verdict={"caveats": said}, oof=None,
        run=run_of(command=" ".join(said)),
    )  # fmt: skip
    text = json.dumps(summary.to_json())
    for canary in ("hunter22", "canary-9f8e7d6c", "people/ada", "Users\\\\ada"):
        assert canary not in text
    assert "postgresql://…@db.example/x" in json.dumps(summary.to_json(), ensure_ascii=False)
    assert redacted({"a": ["~", 1, None]}) == {"a": ["~", 1, None]}


def test_clean_keeps_what_languages_need() -> None:
    kept = "Ünïcode 漢字 \u0646\u0645\u06cc\u200c\u062e\u0648\u0627 👩\u200d👧"
    assert clean(kept) == kept
    assert clean("a\u202eb\x1b") == "a\\u202eb\\u001b"


def test_scales_and_ticks() -> None:
    assert Scale(0, 1, 0, 100).ticks() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert Scale(700, 5700, 0, 100, log=True).ticks() == [1000, 2000, 5000]
    assert Scale(1, 1e9, 0, 100, log=True).ticks() == pytest.approx([1, 100, 1e4, 1e6, 1e8])
    assert Scale(10, 1000, 0, 100, log=True)(100) == pytest.approx(50)
    rows = [{"score": s} for s in (0.85, 0.84, 0.84, 0.83, 0.5)]
    assert comparable(rows) == rows[:-1]
