"""What holds a problem back: bias, variance, noise, too few rows, too little training; and what would help most.

All sizes are shares of the way from a constant guess (0) to a perfect score (1). Remedies are compared by what one halving of
their cause buys (docs/decisions/0013): twice the rows half of what the last doubling brought, as where errors fall like 1 / n;
twice the steps what the second half of them brought; half the parameters a quarter of the gap between training and held-out
rows (with p parameters and n rows the gap is 2 s^2 p / n, of which held-out rows bear half: Hastie, Tibshirani, Friedman, The
Elements of Statistical Learning, 7.4); half the wrong labels, and half of what training rows leave unexplained, half of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.noise import Noise
from treeline.evidence.remedies import remedy_words
from treeline.evidence.scale import Scale
from treeline.problem.task import Family

if TYPE_CHECKING:
    from treeline.problem.metric import Array

__all__ = ["AILMENTS", "Ailment", "Contender", "Diagnosis", "Side", "diagnose"]

AILMENTS = {
    "bias": "features", "variance": "regularisation", "noise": "labels", "too_little_data": "rows", "under_training": "time",
}  # fmt: skip
"Each ailment and what helps against it."
BUYS = {"bias": 0.5, "variance": 0.25, "noise": 0.5, "too_little_data": 0.5, "under_training": 1.0}
"Share of an ailment's size that one halving of its cause wins back."
MUCH = 0.10
"A tenth of the way from a guess to a perfect score is much."
CLOSE = 2 / 3
"A remedy that buys so large a share of what the best one buys is named with it."
MILD = 0.75
"A gap between training and held-out rows below this share of another is clearly smaller."
CUT, BLIND = 0.5, 0.25
"A fit cut before this share of its steps without a look in between is blind; a side is where so large a share of it is."
FELT = 0.01
"Less of the way than this is never told, however small the margin."


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One contender of a side, by fold; scores in the metric's unit."""

    weight: float
    "In what the side delivers."
    held: tuple[float, ...]
    "Scores on held-out rows."
    train: tuple[float | None, ...]
    "Scores on training rows."
    se: float
    "Standard error that rows alone give one fold's score."
    memorises: bool = False
    "Its training score is perfect by construction (forests, neighbours) and says nothing."
    done: tuple[float, ...] = ()
    "Share of the planned steps that the clock allowed."
    late_gain: tuple[float | None, ...] = ()
    "What the second half of the steps brought, in the metric's unit, above zero for better."


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is known of one family."""

    score: float
    "Held-out score of its procedure."
    se: float
    contenders: tuple[Contender, ...]
    doubling: tuple[float, float] | None = None
    "What the last doubling of its rows brought, above zero for better, and its standard error; None where it is not known."
    seeds: float | None = None
    "Standard deviation of the score over seeds, rows and settings alike; None where no fit was made with two."
    stopped: tuple[float, ...] = ()
    "Of its fits on all rows that the clock ended, used or not: the share of their steps that they did; 0 where none is known."
    unfinished: bool = False
    "Whether the clock did not suffice for one fit on all rows: more time would then give it more rows."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """One ailment of one side."""

    name: str
    size: float | None
    "Share of the way from a constant guess to a perfect score; None where it was not measured."
    se: float | None
    word: str
    "none, some, much or unknown."
    buys: float
    "Share of the way that halving the cause would win back; 0 where it is not shown."
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What holds the winner and each side back, and what would help most."""

    sentence: str
    helps: str
    "rows, features, labels, regularisation, time, nothing or unknown."
    also: tuple[str, ...]
    "Remedies that would buy nearly as much."
    winner: str
    sides: dict[str, dict[str, Any] | None]

    def to_json(self) -> dict[str, Any]:
        """Return plain data; `ailments` are those of the winner."""
        told = self.sides.get(self.winner) or {"ailments": []}
        return asdict(self) | {"also": list(self.also), "ailments": told["ailments"]}


def diagnose(sides: Mapping[Family, Side], *, scale: Scale | None, margin: float, noise: Noise) -> Diagnosis:
    """Return what holds each side and the better of them back.

    Args:
        sides: the families that competed.
        scale: the way from a constant guess to a perfect score; without it nothing can be weighed.
        margin: the smallest difference that matters, in the metric's unit.
        noise: what wrong labels are known to cost.
    """
    told: dict[str, Any] = {str(family): None for family in Family}
    if not sides or scale is None or not scale.known:
        why = "It cannot be told what would help most: how a constant guess scores is not known."
        return Diagnosis(sentence=why, helps="unknown", also=(), winner="", sides=told)
    for family, side in sides.items():
        felt = max(scale.gain(side.score, margin), FELT)
        found = _ailments(side, scale, noise, felt)
        helps, also = _best(found, 1 - scale.share(side.score), felt)
        words = remedy_words(helps, also, [asdict(one) for one in found], scale.metric.name)
        told[str(family)] = {
            "helps": helps, "also": list(also), "sentence": words, "score": side.score, "guess": scale.guess,
            **_plain_numbers(side), "ailments": [asdict(one) for one in found],
        }  # fmt: skip
    winner = str(max(sides, key=lambda family: scale.share(sides[family].score)))
    best = told[winner]
    return Diagnosis(
        sentence=best["sentence"], helps=best["helps"], also=tuple(best["also"]), winner=winner, sides=told
    )


def _best(found: list[Ailment], missing: float, felt: float) -> tuple[str, tuple[str, ...]]:
    """Return what helps most, and what helps nearly as much."""
    if missing < felt:
        return "nothing", ()
    order = sorted((one for one in found if one.buys >= felt), key=lambda one: -one.buys)
    if not order:
        blind = any(one.name == "bias" and one.size is None for one in found)
        return ("unknown" if blind else "nothing"), ()
    return AILMENTS[order[0].name], tuple(AILMENTS[one.name] for one in order[1:] if one.buys >= CLOSE * order[0].buys)


def _ailments(side: Side, scale: Scale, noise: Noise, felt: float) -> list[Ailment]:
    known = _plain_numbers(side)
    time, late = _time(side, scale, known)
    left = max(0.0, 1 - scale.share(side.score))
    late = None if late is None else min(late, left)  # what was won is no measure of what is left to win
    bias = gap = se = rows = rows_se = None
    alike = spread = ""
    seen, grown = "the score on training rows is not known", "the learning curve is too short to tell"
    if known["train"] is not None:
        bias = max(0.0, 1 - scale.share(known["train"]) - (noise.cost or 0.0))
        bias *= known["done"] if (late or 0.0) >= felt else 1.0  # what the clock kept from being learned is no bias
        gap = max(0.0, scale.share(known["train"]) - scale.share(known["held"]))
        se = scale.gain(known["held"], known["gap_se"])
        seen = f"{known['train']:.4g} on training rows, {known['held']:.4g} out of fold, where a constant guess scores "
        seen += f"{scale.guess:.4g} and {scale.perfect:.4g} is perfect"
        if noise.shared is not None:
            alike = f"; the errors of both sides correlate by {noise.shared:.2f}"
    if side.doubling is not None:
        grown = f"the last doubling of the rows brought about {side.doubling[0]:+.3g} (standard error {side.doubling[1]:.2g})"
        rows, rows_se = (scale.gain(side.score, value) for value in side.doubling)
    time_se = rows_se if side.unfinished else None
    if side.unfinished:
        rows = rows_se = None
    if known["fold_spread"] is not None:
        spread = f"; folds scatter by {known['fold_spread']:.2g}, where rows alone explain {known['row_spread']:.2g}; "
        spread += (
            "training rows and seeds are in what is beyond, seeds alone were not measured: the time went elsewhere"
        )
    if side.seeds is not None:
        spread = spread.partition("; training")[0] + f"; the same fits with another seed scatter by {side.seeds:.2g}"
    milder = _milder(side, scale, felt) if gap is not None else ""
    variance = _one("variance", gap, se, felt, seen + milder + spread)
    return [
        _one("bias", bias, None, felt, seen + alike),
        replace(variance, buys=0.0) if milder else variance,
        _one("noise", noise.cost, None, felt, noise.words),
        _one("too_little_data", rows, rows_se, felt, grown),
        _one("under_training", late, time_se, felt, time),
    ]


def _milder(side: Side, scale: Scale, felt: float) -> str:
    """Say which contender fits its training rows less closely than the one that leads and yet does no better: then neither would
    a simpler model."""
    told = [
        (float(np.mean(one.held)), float(np.mean([train for train in one.train if train is not None])), one)
        for one in side.contenders
        if one.held and not one.memorises and None not in one.train
    ]
    if not told:
        return ""
    gaps = {id(one): scale.share(train) - scale.share(held) for held, train, one in told}
    held, _, lead = max(told, key=lambda each: each[2].weight)
    for score, train, one in told:
        no_better = scale.share(score) < scale.share(held) + felt / 2
        if one is not lead and gaps[id(one)] < MILD * gaps[id(lead)] and no_better:
            return f"; another with {train:.4g} on training rows has {score:.4g} out of fold, so a close fit is not what harms"
    return ""


def _one(name: str, size: float | None, se: float | None, felt: float, evidence: str) -> Ailment:
    """Give a size its word; what is not two standard errors above zero buys nothing."""
    if size is None or not np.isfinite(size):
        return Ailment(name=name, size=None, se=None, word="unknown", buys=0.0, evidence=evidence)
    shown = size >= felt and (se is None or size > 2 * se)
    word = "none" if not shown else "much" if size >= MUCH else "some"
    return Ailment(name=name, size=size, se=se, word=word, buys=BUYS[name] * size if shown else 0.0, evidence=evidence)


def _time(side: Side, scale: Scale, numbers: dict[str, Any]) -> tuple[str, float | None]:
    """Return in words and as a share of the way what the steps that the clock took away would have brought; None: not known."""
    if side.unfinished:
        gain = 0.0 if side.doubling is None else max(side.doubling[0], 0.0)
        words = f"no fit on all rows ended in time; the last doubling of the rows brought {gain:+.3g}"
        return words, scale.gain(side.score, gain)
    lost = 0.0
    for one in side.contenders:
        for done, late in zip(one.done, one.late_gain, strict=True):
            missing = min(1.0, float(np.log2(1 / max(done, 0.01))))  # doublings of the steps, one at most
            lost += one.weight * missing * max(late or 0.0, 0.0) / len(one.done)
    lost /= max(sum(one.weight for one in side.contenders), 1e-9)
    if numbers["done"] >= 1:
        return _unused(side.stopped), 0.0
    words = f"the clock allowed {min(numbers['done'], 0.99):.0%} of the planned steps"
    blind = sum(
        one.weight * float(np.mean([done < CUT and late is None for done, late in zip(one.done, one.late_gain, strict=True)]))
        for one in side.contenders if one.done
    )  # fmt: skip
    if blind > BLIND * sum(one.weight for one in side.contenders):
        return f"{words}, too few to see what more would bring", None
    words += ", and the second half of those done brought"
    return f"{words} {numbers['late_gain'] or 0.0:+.3g}", scale.gain(side.score, lost)


def _unused(stopped: tuple[float, ...]) -> str:
    """Say what the clock did where it ended no fit that the side uses."""
    if not stopped:
        return "no fit on all rows was ended by the clock"
    fits = "1 fit" if len(stopped) == 1 else f"{len(stopped)} fits"
    first = min((share for share in stopped if share), default=None)
    early = "" if first is None else f" (the earliest after {first:.0%} of its steps)"
    return f"the clock ended {fits} on all rows{early}, none that the side uses"


def _plain_numbers(side: Side) -> dict[str, Any]:
    """Return weighted means over the side's contenders, in the metric's unit; training scores of those where they tell."""
    used = [one for one in side.contenders if one.weight > 0 and one.held]
    pairs = [
        (one, np.array(one.train, dtype=np.float64)) for one in used if not one.memorises and None not in one.train
    ]
    wide = [one for one in used if len(one.held) > 2]
    return {
        "train": _mean([(one.weight, train.mean()) for one, train in pairs]),
        "held": _mean([(one.weight, np.mean(one.held)) for one, _ in pairs]),
        "gap_se": _mean([(one.weight, _gap_se(one, train - one.held)) for one, train in pairs]),
        "fold_spread": _mean([(one.weight, np.std(one.held, ddof=1)) for one in wide]),
        "row_spread": _mean([(one.weight, one.se) for one in wide]),
        "seed_spread": side.seeds,
        "done": _mean([(one.weight, np.mean(one.done)) for one in used if one.done]) or 1.0,
        "late_gain": _mean(
            [(one.weight, np.mean([gain or 0.0 for gain in one.late_gain])) for one in used if one.done]
        ),
    }


def _gap_se(one: Contender, gaps: Array) -> float:
    """By the folds, which hardly share held-out rows; by the rows where there are fewer than three."""
    return float(gaps.std(ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 2 else one.se * float(np.sqrt(2 / len(gaps)))


def _mean(pairs: list[tuple[float, Any]]) -> float | None:
    return float(np.average([value for _, value in pairs], weights=[weight for weight, _ in pairs])) if pairs else None
