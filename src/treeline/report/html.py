"""One self-contained page: no network, no script, opens from disk, readable on a phone and on paper."""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from treeline.errors import shortened
from treeline.problem.metric import title_of
from treeline.report import charts, figures, notes, numbers, seven, wording
from treeline.report.methods import methods
from treeline.report.privacy import clean
from treeline.report.summary import FAMILIES, Summary

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render_html", "render_page"]

TEMPLATES = Path(__file__).with_name("templates")
SEVERITY = {"block": "blocks", "warn": "warning", "note": "note"}


def render_html(summary: Summary) -> str:
    """Return the report as one HTML page.

    Nothing in it loads anything: the policy allows the page's own style by its hash, no script or font at all, and no image
    but those that are written into the page where the run was about images or sounds.
    """
    told = {**_verdict(summary), **_contest(summary), **_model(summary), **_method(summary)}
    return render_page("report.html.j2", pictures=bool(summary.items), s=summary, v=summary.verdict, **told)


def render_page(template: str, *, pictures: bool = False, **told: Any) -> str:
    """Return a template with the page's style and policy; `pictures` allows images that are written into the page."""
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    # by hash and not 'unsafe-inline': a style attribute that slipped in with somebody's data has no effect
    allowed = "img-src data:; " if pictures else ""
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; {allowed}base-uri 'none'; form-action 'none'"
    return _environment().get_template(template).render(style=Markup(style), policy=policy, **told)


def _environment() -> Environment:
    from jinja2 import ChainableUndefined, Environment, FileSystemLoader, Undefined

    def safe(value: Any) -> Any:
        return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def known(fn: Callable[..., str]) -> Callable[..., str]:
        return lambda value, *more: fn(None if isinstance(value, Undefined) else value, *more)

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=safe,
        undefined=ChainableUndefined,
        trim_blocks=True,
    )
    made.filters |= {
        "number": known(numbers.rounded),
        "signed": known(lambda value, places=None: numbers.rounded(value, places, signed=True)),
        "exact": known(numbers.exact),
        "count": known(numbers.count),
        "percent": known(numbers.percent),
        "fine": lambda share: f"{100 * share:.1f}%",
        "duration": known(numbers.duration),
        "megabytes": known(numbers.megabytes),
        "shell": lambda text: shlex.quote(str(text)),
        "cut": lambda text, most: shortened(clean(str(text)), most),
    }
    return made


def _typeset(text: str) -> str:
    """Give negative numbers in our own sentences a true minus sign."""
    return re.sub(r"(?<![\w.,])-(?=\d)", "\u2212", str(text))


def _verdict(s: Summary) -> dict[str, Any]:
    told = wording.lead(s)
    known = told is not None and told.p_same is not None
    big, doubts = wording.key_number(s), [line for line in s.verdict["caveats"] if line != s.verdict["beside"]]
    return {
        "headline": wording.headline(s),
        "sentence": _typeset(wording.sentence(s)),
        "told": told,
        "big": {**asdict(big), "interval": _typeset(big.interval)},
        "sides": _sides(s),
        "odds": figures.chances(told.p_classical or 0, told.p_same or 0, told.p_deep or 0) if told and known else None,
        "because": [(code, _typeset(words)) for code, words in wording.because(s)],
        "doubts": [_typeset(line) for line in doubts],
        "metric": title_of(s.verdict["metric"]),
        "mind": [_typeset(line) for line in s.verdict["mind"]],
        "plain": _typeset(wording.plain_words(s)),
    }


def _sides(s: Summary) -> list[dict[str, Any]]:
    verdict, names = s.verdict, wording.competed(s)
    rows = [{**verdict["families"][name], "family": name, "title": wording.FAMILY[name]} for name in names]
    for row in rows:
        row["best"] = wording.shares(row["members"]) or row["best"]
    both = wording.blend(s)
    if both:
        weights = both.get("weights") or {}
        best = wording.shares([{"name": wording.FAMILY.get(name, name), "weight": weights[name]} for name in weights])
        rows.append({"family": "both", "title": "Both, blended", "interval": None, "best": best, **both})
    domain = figures.span([end for row in rows for end in (row["interval"] or [row["score"]])], 0.15)
    for row in rows:
        places = numbers.decimals(row["score"], row["interval"])
        row["plot"] = figures.interval_row(f"side-{row['family']}", {**row, "name": ""}, domain)
        row["score"] = numbers.rounded(row["score"], places)
        row["interval"] = _typeset(numbers.between(row["interval"], places)) if row["interval"] else ""
    return rows


def _contest(s: Summary) -> dict[str, Any]:
    verdict, problem = s.verdict, s.problem
    metric, up = title_of(verdict["metric"]), bool(problem["greater_is_better"])
    families = verdict["families"]
    spent = [
        (wording.FAMILY[name], families[name]["cpu_s"], numbers.duration(families[name]["cpu_s"]), name)
        for name in FAMILIES
        if families[name] and families[name]["cpu_s"] is not None
    ]
    rows = (verdict["treeline"] or {}).get("last")
    told = (verdict["treeline"] or {}).get("p_overtaken") or {}
    return {
        "got": s.run.get("delivered") or {},
        "instead": notes.handed_over(s)[1:],
        "cost_sentence": notes.cost_words(s),
        "cost_bars": figures.bars("spent", spent, title="CPU time by family") if spent else None,
        "spent": _spent(s),
        "seven": seven.rows_of(s),
        "tug": seven.tug(s),
        "prices": seven.prices(s),
        "slices": seven.slices(s),
        "curves": charts.learning_curves(
            verdict["curves"], s.points, margin=verdict["margin"], treeline=verdict["treeline"], names=(metric, up)
        ),
        "outlook": _typeset(notes.outlook(s)),
        "chances": [(times, rows * float(times) if rows else None, p) for times, p in told.items() if p is not None],
        "doubling": notes.doubling(s),
        "board": _board(s),
        "partial": any(not row["whole"] and row["score"] is not None for row in verdict["leaderboard"]),
        "cost": _value(s),
        "metric_words": f"{metric[0].upper()}{metric[1:]} is {problem['metric_words']}; {'higher' if up else 'lower'} is better."
        if problem.get("metric_words")
        else f"{'Higher' if up else 'Lower'} is better.",
    }


def _spent(s: Summary) -> list[tuple[str, Any]]:
    budget, got = s.verdict["budget"], s.run.get("delivered") or {}
    words = {"classical": "classical models", "deep": "deep learning", "both": "both sides, blended"}
    limit = f" of {numbers.duration(budget['limit_s'])}" if budget.get("limit_s") else ""
    return [
        ("Time used", numbers.duration(budget["used_s"]) + limit if budget.get("used_s") is not None else None),
        ("Delivered", words.get(str(got.get("what")), got.get("what"))),
        ("Size", numbers.megabytes(got.get("size_mb")) if got.get("size_mb") is not None else None),
        (
            "1,000 predictions",
            numbers.duration(got["predict_ms_per_1000_rows"] / 1000) if got.get("predict_ms_per_1000_rows") else None,
        ),
    ]


def _board(s: Summary) -> list[dict[str, Any]]:
    up = bool(s.problem["greater_is_better"])
    rows = [dict(row) for row in s.verdict["leaderboard"]]
    scored = [row for row in rows if row["score"] is not None]
    rows = notes.ranked(rows, up=up)
    if not scored:
        return [{**row, "note": notes.row_note(row), "shown": numbers.NONE, "plot": ""} for row in rows]
    best = rows[0]["score"]
    domain = figures.span(
        end for row in figures.comparable(rows[: len(scored)]) for end in (row["interval"] or [row["score"]])
    )
    band = (best - s.verdict["margin"], best + s.verdict["margin"]) if s.verdict["margin"] else None
    places = numbers.decimals(best, rows[0]["interval"])
    for i, row in enumerate(rows):
        row["note"] = notes.row_note(row)
        row["first_partial"] = not row["whole"] and (i == 0 or rows[i - 1]["whole"])
        row["shown"] = numbers.rounded(row["score"], places)
        row["plot"] = figures.interval_row(f"row-{i}", row, domain, band) if row["score"] is not None else ""
    return rows


def _value(s: Summary) -> dict[str, Any] | None:
    up = bool(s.problem["greater_is_better"])
    board = [row for row in s.verdict["leaderboard"] if row["score"] is not None and row["cpu_s"]]
    known = [row for row in board if row["whole"]]  # scores of fewer folds or rows do not compare
    known.sort(key=lambda row: -row["score"] if up else row["score"])
    near = figures.comparable(known)
    drawing = charts.cost_against_score(near, metric=title_of(s.verdict["metric"]), up=up)
    far = ", ".join(str(row["title"] or row["name"]) for row in known if row not in near)
    left_out = [f"Far off and not drawn: {far}."] if far else []
    left_out += ["Contenders seen on fewer folds or rows are not drawn."] if len(known) < len(board) else []
    return {"drawing": drawing, "left_out": " ".join(left_out)} if drawing else None


def _model(s: Summary) -> dict[str, Any]:
    e = s.errors
    if not e:
        return {"e": None}
    if e["kind"] == "numbers":
        fit = charts.true_against_predicted(e["sample"], target=s.problem["target"])
        middle = e["calibration"][len(e["calibration"]) // 2]["seen"]
        return {"e": e, "fit": fit, "residuals": charts.residuals(e), "places": numbers.decimals(middle)}
    off = e["calibration_error"]
    words = "Yes, nearly" if off < 0.02 else "Roughly" if off < 0.06 else "Not quite"
    return {
        "e": e,
        "confusion": charts.confusion(e["confusion"], [c["label"] for c in e["classes"]]) if e["confusion"] else None,
        "calibration": charts.calibration(e["calibration"], of=e["calibration_of"]),
        "calibration_words": f"{words}: the probabilities are off by {100 * off:.1f} percentage points on average.",
    }


def _method(s: Summary) -> dict[str, Any]:
    data, machine = s.data, s.run.get("machine") or {}
    order = {name: i for i, name in enumerate(SEVERITY)}
    findings = sorted(s.findings, key=lambda f: (order.get(f["severity"], 9), f["code"]))
    sections = [
        ("treeline", "More rows", s.verdict["treeline"] or any(s.verdict["curves"].values())),
        ("dimensions", "Seven dimensions", s.verdict["dimensions"]),
        ("cost", "Cost", wording.competed(s)),
        ("leaderboard", "Leaderboard", s.verdict["leaderboard"]),
        ("diagnosis", "What holds it back", (s.verdict["diagnosis"] or {}).get("winner")),
        ("errors", "Errors", s.errors),
        ("items", "The items", s.items),
        ("audit", "Audit", True),
        ("data", "Data", True),
        ("ran", "What ran", True),
        ("method", "Method", True),
        ("again", "Do it again", True),
    ]
    facts = [("Source", data["source"]), ("Rows", numbers.count(data["rows"]))]
    return {
        "sections": [(id_, name) for id_, name, there in sections if there],
        "findings": findings,
        "severity": SEVERITY,
        "words_of": notes.STATES,
        "audit_words": notes.audit_words(s),
        "ran_words": notes.ran_words(s),
        "r": data["records"],
        "data_facts": facts
        + [(key.replace("_", " ").capitalize(), value) for key, value in (data["how"] or {}).items()],
        "terms": notes.terms(s),
        "methods": methods(s),
        "equal": len({side["contenders"] for side in s.verdict["families"].values() if side}) == 1,
        "machine": [
            ("Started", s.run.get("started")),
            ("Seed", s.problem["seed"]),
            ("Cores", machine.get("cores")),
            ("Memory", numbers.megabytes(machine.get("memory_mb")) if machine.get("memory_mb") else None),
            ("Python", machine.get("python")),
            ("System", machine.get("platform")),
        ],
    }
