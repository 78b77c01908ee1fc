"""What public results say before anything is trained: how often deep learning was better on data like this.

On 300 public tables size, width and task do not tell who wins; what simple learners reach does, a little (AUC 0.64 with data sets
left out). So the probability rests on three ratios of cheap scores, never leaves [0.2, 0.8], and decides nothing. The fitted
numbers and their provenance are in `prior.json`, made by bench/prior.py from MIT and Apache-2.0 results.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from treeline.problem.task import Family, Task

__all__ = ["FEATURES", "Prior", "checked", "expected", "landmark_features", "prior_of"]

FEATURES = ("linear", "neighbours", "signal")
FLOOR = 1e-3
"A loss counts as at least this share of the other one: perfect scores must not make a ratio endless."
MOST = 3.0
NEAREST = 5
LEANS = 0.05
"A prior leans to a side from this distance of one half on."
TASKS = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
WON = {-1: "classical", 0: "no clear winner", 1: "deep"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is to be expected before training."""

    p_deep: float
    "Probability that the best of three tuned nets beats the best of three tuned classical learners."
    nearest: tuple[dict[str, Any], ...]
    "Public data sets nearest in rows and columns: name, source, rows, columns, won."
    reasons: tuple[str, ...]
    rules: tuple[dict[str, str], ...]
    "Rules of thumb of the field: `rule`, `here` (what it says of this table) and `evidence`."
    worth: dict[str, Any]
    "What the probability was worth on public data sets that were left out."
    of: str = "table"
    "What leads here: the `table`, or `text`, `image`, `sound`, of which the public results know nothing."

    @property
    def favours(self) -> Family:
        """The side that it gives at least an even chance."""
        return Family.DEEP if self.p_deep > 0.5 else Family.CLASSICAL

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        plain = asdict(self)
        return plain | {name: list(plain[name]) for name in ("nearest", "reasons", "rules")}

    def lines(self) -> list[str]:
        """Return it as a few plain lines."""
        if self.of != "table":
            return [*self.reasons, "Rules of thumb:", *(_rule(one) for one in self.rules)]
        likely = f"Before training: the better side is classical by {1 - self.p_deep:.0%}, deep learning by {self.p_deep:.0%}."
        worth = f"On public tables that were left out, such a probability had an AUC of {self.worth['AUC']}: it decides nothing."
        near = [
            f"  {one['name']} ({one['source']}, {one['rows']:,} x {one['columns']}): {one['won']}"
            for one in self.nearest
        ]
        why = [f"- {line}" for line in self.reasons]
        return [
            likely,
            worth,
            *why,
            "The nearest public tables, and who won clearly there:",
            *near,
            "Rules of thumb:",
            *(_rule(one) for one in self.rules),
        ]


def _rule(one: Mapping[str, str]) -> str:
    return f"- {one['rule']} Here it {one['here']}. {one['evidence']}"


def expected(prior: Mapping[str, Any]) -> str:
    """Return in a line what a prior (`Prior.to_json`) says."""
    if prior.get("of", "table") != "table":
        return f"Before training, nothing was known: the public results that Treeline carries have no {prior['of']}s"
    return f"Before training, public results gave deep learning {float(prior['p_deep']):.0%} to be the better side"


def checked(prior: Mapping[str, Any], call: str) -> dict[str, Any]:
    """Return a prior (`Prior.to_json`) with `agreed` and `words`: what it expected, and whether the data said the same.

    `agreed` is None where the prior leaned to nobody, or where the data name no side.
    """
    p = float(prior["p_deep"])
    leaned = "deep" if p > 0.5 + LEANS else "classical" if p < 0.5 - LEANS else None
    before = expected(prior)
    sides = {"CLASSICAL": "classical", "DEEP": "deep"}
    if call not in sides:
        said = {"EQUIVALENT": "the data found no difference that matters", "BOTH": "the data want both"}
        return {**prior, "agreed": None, "words": f"{before}; {said.get(call, 'the data do not tell yet')}."}
    agreed = None if leaned is None else leaned == sides[call]
    verb = {True: "agree", False: "disagree", None: "decide"}[agreed]
    return {**prior, "agreed": agreed, "words": f"{before}; the data {verb}: it is {Family(sides[call]).words}."}


def landmark_features(losses: Mapping[str, float]) -> tuple[float, float, float]:
    """Return the features; losses (error rate or RMSE) are those of `linear`, `neighbours`, `forest` and a constant `guess`."""
    forest = losses["forest"]
    return (
        _ratio(losses["linear"], forest),
        _ratio(losses["neighbours"], forest),
        _ratio(forest, losses["guess"]),
    )


def prior_of(
    *, rows: int, columns: int, task: Task, losses: Mapping[str, float] | None = None, raw: str = "", of: str = "table"
) -> Prior:
    """Return the prior of a table.

    Args:
        rows: with a target.
        columns: inputs.
        task: what is predicted.
        losses: of the landmarks, see `landmark_features`; None where there are none: the base rate is said then.
        raw: the columns of texts, images or sounds among them, in words; empty for none.
        of: what leads, see `Prior`.
    """
    known = _known()
    if of != "table":
        why = f"The public results behind the prior are tables; of {of}s they know nothing, so both sides start even."
        worth = dict(known["figures"])
        return Prior(p_deep=0.5, nearest=(), reasons=(why,), rules=_rules(known, rows, raw), worth=worth, of=of)
    p, reasons = (
        float(known["base_rate"]),
        [f"Nets won {known['base_rate']:.0%} of {known['figures']['data sets with landmarks']} public tables."],
    )
    if losses is not None:
        given = landmark_features(losses)
        scaled = [(v - m) / s for v, m, s in zip(given, known["middle"], known["spread"], strict=True)]
        pulls = [w * z for w, z in zip(known["weights"], scaled, strict=True)]
        p = 1 / (1 + math.exp(-(known["intercept"] + sum(pulls))))
        low, high = known["clip"]
        p = min(max(p, low), high)
        reasons += [_reason(name, pull, losses) for name, pull in zip(FEATURES, pulls, strict=True)]
    reasons.append("Size, width and task did not tell who won (AUC 0.5), so they do not count.")
    return Prior(
        p_deep=round(p, 3), nearest=_nearest(known, rows, columns, task), reasons=tuple(reasons),
        rules=_rules(known, rows, raw),
        worth=dict(known["figures"]),
    )  # fmt: skip


def _ratio(a: float, b: float) -> float:
    """Return log(a / b), both held away from zero, within ±3."""
    floor = FLOOR * max(a, b, 1e-12)
    return min(max(math.log((a + floor) / (b + floor)), -MOST), MOST)


def _reason(name: str, pull: float, losses: Mapping[str, float]) -> str:
    side = "nets" if pull > 0.05 else "classical learners" if pull < -0.05 else "neither side"
    against = {
        "linear": ("A linear model", "linear", "forest", "a random forest"),
        "neighbours": ("Nearest neighbours", "neighbours", "forest", "a random forest"),
        "signal": ("A random forest", "forest", "guess", "a constant guess"),
    }[name]
    who, one, other, whom = against
    ratio = losses[one] / losses[other] if losses[other] > 0 else float("inf")
    verb = "have" if who.endswith("s") else "has"
    return f"{who} {verb} {ratio:.2f} times the loss of {whom}: speaks for {side}."


def _nearest(known: Mapping[str, Any], rows: int, columns: int, task: Task) -> tuple[dict[str, Any], ...]:
    def far(one: list[Any]) -> float:
        return math.hypot(math.log10(one[2] / max(rows, 1)), math.log10(max(one[3], 1) / max(columns, 1)))

    alike = [one for one in known["sets"] if TASKS[one[4]] is task]
    return tuple(
        {"name": one[0], "source": known["sources"][one[1]][0], "rows": one[2], "columns": one[3], "won": WON[one[5]]}
        for one in sorted(alike, key=far)[:NEAREST]
    )


def _rules(known: Mapping[str, Any], rows: int, raw: str) -> tuple[dict[str, str], ...]:
    made = []
    for most, found in known["below"].items():
        limit = int(most)
        open_ = found["sets"] - found["classical"] - found["deep"]
        made.append(
            {
                "rule": f"Below {limit:,} rows of a table classical models win.",
                "here": "says classical" if rows < limit and not raw else "says nothing",
                "evidence": f"{found['sets']} public tables below: classical clearly better on {found['classical']}, "
                f"nets on {found['deep']}, neither on {open_}.",
            }
        )
    made.append(
        {
            "rule": "Raw data (pixels, sound, text) belongs to nets.",
            "here": f"says deep for {raw}" if raw else "says nothing",
            "evidence": "Where data are many and varied. Small grey pictures are a draw (Fashion-MNIST's published list: "
            "HOG with an SVM 0.926, a three-layer CNN 0.926), and linear models on word counts hold their own on many texts.",
        }
    )
    made.append(
        {
            "rule": "At short horizons boosting beats LSTMs, at long ones nets win.",
            "here": "says nothing",
            "evidence": "fev-bench, by horizon: LightGBM beats DeepAR on 16 of 21 tasks up to 12 steps, on 13 of 33 above 48.",
        }
    )
    made.append(
        {
            "rule": "Who must explain the model takes a classical one.",
            "here": "is for you to say",
            "evidence": "A glass box (explainable boosting, a linear model) is classical; boosted trees are no glass box.",
        }
    )
    return tuple(made)


@cache
def _known() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("prior.json").read_text(encoding="utf-8"))
    return loaded
