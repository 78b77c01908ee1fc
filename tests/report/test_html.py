"""The page: complete, alone, escaped, and in a real browser quiet and no wider than a phone."""

from __future__ import annotations

import dataclasses
import html.parser
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from report_browser import CHROMIUM, Browser
from report_studies import data_of, problem_of, run_of, trials_of, verdict_of
from report_worlds import WORLDS

from treeline.contest.trial import State
from treeline.data.findings import Finding, Severity
from treeline.problem.task import Task
from treeline.report.html import render_html
from treeline.report.summary import Summary, summarize

XSS = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'onmouseover='alert(1)",
    "{{ 7*7 }}{% for x in y %}",
    "</style></title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "]]>--><!--",
    "&lt;b&gt;&#x3c;",
    "evil\u202egnp.exe\u2066\u200b\x00\x1b[31m\ud800",
    "=cmd|' /C calc'!A0",
    "a" * 3000,
    "https://example.com/x.js",
]  # fmt: skip


class Page(html.parser.HTMLParser):
    """Collects tags with their attributes, texts, and what was left open."""

    VOID = ("meta", "br", "img", "link", "input", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes what is not open"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def hostile(evil: str) -> Summary:
    """A study in which everything that a user or a library writes is `evil`."""
    scores = {"catboost": 0.9, "lightgbm": 0.8, "realmlp": 0.85, "tabm": 0.7}
    said = {
        "headline": evil,
        "beside": evil,
        "sentence": evil,
        "because": [evil, f"CODE: {evil}"],
        "caveats": [evil],
        "needed": evil,
        "selection": evil,
    }
    verdict = verdict_of(scores, 900, better=1, half=0.02, call="DEEP", strong=True, **said)
    verdict["treeline"] = {"words": evil, "p_overtaken": {"2": 0.1}, "between": [500, 900]}
    verdict["difference"] = {
        "estimate": 0.02,
        "interval": [0.01, 0.03],
        "p_better": 1.0,
        "p_same": 0.0,
        "p_worse": 0.0,
        "method": evil,
    }
    for row in verdict["leaderboard"]:
        row["title"] = evil
    for side in verdict["families"].values():
        side["best"], side["members"] = evil, [{"name": evil, "weight": 1.0}]
    finding = Finding(
        code="D001", severity=Severity.BLOCK, title=evil, columns=(evil, evil), found=evil, do=evil, done=evil
    )
    data = data_of(evil, 900)
    data["columns"] = [
        {
            "name": evil,
            "kind": "text",
            "missing": 3,
            "missing_tokens": {evil: 3},
            "distinct": 2,
            "examples": [evil],
            "note": evil,
        }
    ]
    data["records"]["reasons"] = {evil: 11}
    data["how"] = {evil: evil}
    run = run_of(command=evil, versions={evil: evil}, settings={evil: evil}, out=evil, machine={"platform": evil})
    run["unavailable"] = [{"name": evil, "family": "deep", "reason": evil, "install": evil}]
    trials = [
        dataclasses.replace(trial, reason=evil, state=State.FAILED) if trial.fold == 1 else trial
        for trial in trials_of(scores, 900, better=1)
    ]
    problem = problem_of(Task.MULTICLASS, "accuracy", target=evil, classes=(evil, evil + "2", "c"))
    y = [0, 1, 2, 0, 1, 2]
    prediction = [[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8]] * 2
    return summarize(
        problem=problem, dataset=data, findings=[finding], trials=trials, verdict=verdict,
        oof={"y": y, "prediction": prediction}, run=run,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: render_html(make()) for name, make in WORLDS.items()}


@pytest.mark.parametrize("name", WORLDS)
def test_the_page_is_whole_and_loads_nothing(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in ("script", "img", "link", "iframe", "object", "embed", "form", "base", "use", "image")
        for key, value in attributes.items():
            assert not key.startswith("on") and key not in ("style", "src", "srcset"), (tag, key)
            assert key not in ("href", "xlink:href") or (value or "").startswith("#")
            assert "url(" not in (value or "")
    assert "url(" not in pages[name] and "@import" not in pages[name] and "http:" not in pages[name]
    policy = next(
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy


@pytest.mark.parametrize("name", WORLDS)
def test_the_page_is_accessible(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings.count(1) == 1 and headings[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(headings)), "a level is skipped"
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.tags:
        if tag == "svg" and attributes.get("aria-hidden") != "true":
            assert attributes["role"] == "img"
            assert all(one in ids for one in (attributes["aria-labelledby"] or "").split())
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")
        if tag == "a":
            assert (attributes["href"] or "")[1:] in ids
    assert ("html", {"lang": "en"}) in page.tags


def test_the_verdict_comes_first_in_words(pages: dict[str, str]) -> None:
    told = {name: Page(text).text for name, text in pages.items()}
    assert "Use classical models: deep learning is not better by what matters here, 99.6% sure" in told["binary"]
    assert "0.0036 ROC AUC in favour of classical models , 95% interval −0.0021 to +0.0094" in told["binary"]
    assert "36% classical is better 64% no difference that matters <1% deep learning is better" in told["binary"]
    assert "Use a blend of both sides" in told["multiclass"]
    assert "0.028 better log-loss than the better family alone" in told["multiclass"]
    assert "the two sides are equally good here" in told["regression"]
    assert "Only classical models have a result" in told["one_family"]
    assert "No model could be trained" in told["all_failed"]
    for text in told.values():
        assert "better for tabular data" not in text


def test_everything_that_was_asked_for_is_told(pages: dict[str, str]) -> None:
    text = Page(pages["binary"]).text
    for words in (
        "Deep learning used 3.7 times the computing time of classical models",
        "4 min 47 s of 5 min",
        "An overtaking is not in sight",
        "7,043 read = 7,032 used + 11 set aside",
        "3 findings: 1 that blocks the verdict, 1 that lowers it, 1 worth knowing.",
        "Leave both out with --drop",
        "72 fits of 9 contenders ended well, none did not.",
        "pip install xgboost-cpu",
        "treeline run churn.csv --target Churn --time-limit 5m",
        "treeline predict runs/churn new.csv -o predictions.csv",
        "lightgbm 4.6.0",
        "Calibration of P(Yes)",
        "Learning curves: ROC AUC against training rows",
        "CPU time against ROC AUC",
        "Confusion: true class against predicted class",
        "What holds it back?",
        "the errors of both sides correlate by 0.98",
    ):
        assert words in text, words
    assert "What holds it back?" not in Page(pages["multiclass"]).text  # a verdict without a diagnosis
    failed = Page(pages["all_failed"]).text
    assert failed.index("CatBoostError: all features") < failed.index("What the audit found")
    assert "loss became nan at epoch 3 (7 times)" in Page(pages["regression"]).text
    assert "price: true against predicted" in Page(pages["regression"]).text


@pytest.mark.parametrize("evil", XSS)
def test_nothing_written_by_others_becomes_markup(evil: str) -> None:
    page, calm = Page(render_html(hostile(evil))), Page(render_html(hostile("calm")))
    # a label of the cost figure may be left out where it has no room: all else is the same, tag by tag
    same = [[(tag, sorted(a)) for tag, a in one.tags if tag != "text"] for one in (page, calm)]
    assert same[0] == same[1]
    keys = {key for tag, a in page.tags if tag == "text" for key in a}
    assert keys <= {"x", "y", "class", "text-anchor", "transform"}
    if "{{" in evil:
        assert evil in page.text and "49{" not in page.text


def test_hidden_characters_are_written_out() -> None:
    text = render_html(hostile(XSS[8]))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x00\x1b\ud800-\udfff]", text)
    assert r"evil\u202egnp.exe\u2066\u200b" in text
    text.encode("utf-8")


def test_a_summary_told_again_from_json_is_the_same_page() -> None:
    summary = WORLDS["multiclass"]()
    again = Summary.from_json(json.loads(json.dumps(summary.to_json(), allow_nan=False)))
    assert render_html(again) == render_html(summary)


def test_a_bare_verdict_is_enough() -> None:
    problem = problem_of(Task.BINARY, "roc_auc", target="y", classes=("0", "1"))
    summary = summarize(problem=problem, dataset={}, findings=[], trials=[], verdict={}, oof=None, run={})
    assert "No model could be trained" in Page(render_html(summary)).text


@pytest.fixture(scope="module")
def browser() -> Any:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine to open the page with")
    with Browser() as made:
        yield made


@pytest.mark.parametrize("name", [*WORLDS, "hostile"])
def test_in_a_browser_it_is_quiet_and_fits_a_phone(
    browser: Browser, pages: dict[str, str], name: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(
        pages[name] if name in pages else render_html(hostile("<b>" + "W" * 300 + "\u202e")), encoding="utf-8"
    )
    browser.complaints.clear()
    for width, dark in ((390, False), (360, True), (1280, False)):
        browser.open(path, width=width, dark=dark)
        assert browser.run("document.documentElement.scrollWidth") <= width
        paper = browser.run("getComputedStyle(document.body).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", paper)[:3])) > 384
        assert light is not dark, "the page's own style was not applied"
    assert browser.complaints == []
    browser.paper(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_their_ground(browser: Browser, pages: dict[str, str], tmp_path: Path, dark: bool) -> None:
    path = tmp_path / "report.html"
    path.write_text(pages["binary"], encoding="utf-8")
    browser.open(path, width=1280, dark=dark)
    script = """(() => {
      const lum = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => { v /= 255;
        return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
      const ground = lum(getComputedStyle(document.body).backgroundColor); let worst = [99, ''];
      const words = 'h1,h2,h3,p,li,td,th,dt,dd,small,b,.tag,.code,summary,svg text:not(.on):not(.off)';
      for (const e of document.querySelectorAll(words)) {
        const style = getComputedStyle(e); const fore = lum(e instanceof SVGElement ? style.fill : style.color);
        const ratio = (Math.max(ground, fore) + .05) / (Math.min(ground, fore) + .05);
        if (ratio < worst[0]) worst = [ratio, e.tagName + '.' + e.getAttribute('class')]; }
      return worst })()"""
    ratio, where = browser.run(script)
    assert ratio >= 4.5, where
