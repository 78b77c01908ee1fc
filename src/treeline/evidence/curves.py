"""Learning curves: score against training rows, per contender and per family, and where they lead.

Families of curves are fitted by separable least squares on a grid: for each shape the level and the height have a closed
form, so nothing iterates and the same points give the same curve. The five shapes of `SHAPES` count equally: on LCDB 1.1
(Yan, Mohr, Viering, NeurIPS 2025) their mixture predicts winners better than any one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.evidence.influence import turn

if TYPE_CHECKING:
    from treeline.problem.metric import Array, Metric
    from treeline.problem.task import Family

__all__ = [
    "SHAPES",
    "Curve",
    "Point",
    "Record",
    "anchored",
    "extrapolate",
    "frontier",
    "gather",
    "same_rung",
    "to_loss",
]

OPTIMISM = (0.0, 0.56, 0.85, 1.03, 1.16, 1.27, 1.35, 1.42, 1.49, 1.54)
"Expected largest of k standard normals, k = 1…10: what the best of k equal contenders seems to gain."
ALIKE = 0.7
"Correlation of the errors of one family's contenders."
MIN_SE = 1e-4
ONE_RUNG = 0.05
"Where no rung is known, as in published curves, rows whose logarithms differ by less are one."

Record = tuple[float, int, int, float]
"Rung, training rows, fold, score."


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A score at a number of training rows."""

    rows: int
    score: float
    "In the metric's unit, the mean over the folds."
    se: float
    folds: tuple[tuple[int, float], ...] = ()
    "Fold and score, where folds were scored one by one."
    rung: float | None = None
    "The rung of the ladder: of uneven groups its folds train on unequal numbers of rows. None: a published curve has none."

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"rows": self.rows, "score": self.score, "se": self.se}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The points of one contender, or of a family's frontier, by growing rows."""

    name: str
    family: Family
    points: tuple[Point, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"name": self.name, "family": str(self.family), "points": [point.to_json() for point in self.points]}


def same_rung(one: Point, other: Point) -> bool:
    """Whether two points are of one rung of the ladder."""
    if one.rung is not None and other.rung is not None:
        return one.rung == other.rung
    return bool(abs(np.log(one.rows / other.rows)) < ONE_RUNG)


def gather(name: str, family: Family, records: Iterable[Record], *, noise: float | None = None) -> Curve:
    """Build a contender's curve from its fits; scores that are not finite are left out.

    `noise` is the standard error of one fold's score, used where a rung has fewer than three folds; without it the spread
    over folds at other rungs says how large it is.
    """
    rungs: dict[float, list[tuple[int, int, float]]] = {}
    for rung, rows, fold, score in sorted(records):
        if np.isfinite(score):
            rungs.setdefault(rung, []).append((fold, rows, score))
    spreads = [np.var([score for _, _, score in folds], ddof=1) for folds in rungs.values() if len(folds) > 2]
    if noise is None or not np.isfinite(noise):
        largest = max((abs(score) for folds in rungs.values() for _, _, score in folds), default=0.0)
        noise = float(np.sqrt(np.mean(spreads))) if spreads else 0.02 * largest
    points = []
    for rung, folds in rungs.items():
        folds.sort()
        scores = np.array([score for _, _, score in folds])
        spread = noise if len(scores) < 3 else max(float(scores.std(ddof=1)), 0.25 * noise)
        points.append(
            Point(
                rung=rung,
                rows=round(float(np.mean([rows for _, rows, _ in folds]))),
                score=float(scores.mean()),
                se=max(spread / float(np.sqrt(len(scores))), MIN_SE * float(np.abs(scores).max())),
                folds=tuple((fold, score) for fold, _, score in folds),
            )
        )
    return Curve(name=name, family=family, points=tuple(points))


def frontier(curves: Sequence[Curve], family: Family, metric: Metric) -> Curve:
    """Return the best of a family at each rung, with the choice paid for.

    With two folds or more the contender of a fold is the one that is best on the other folds; with one fold the best score
    is lowered by what the best of that many equal contenders would gain by luck. A rung in between on which neither the
    leader of the lowest rung nor that of the top was fitted says nothing of the family, and is left out.
    """
    mine = [(curve.name, point) for curve in curves if curve.family is family for point in curve.points]
    merged: list[list[tuple[str, Point]]] = []
    for name, point in sorted(mine, key=lambda one: (one[1].rung or 0.0, one[1].rows)):
        if merged and same_rung(point, merged[-1][0][1]):
            merged[-1].append((name, point))
        else:
            merged.append([(name, point)])
    leaders = {max(rung, key=lambda one: turn(metric, one[1].score))[0] for rung in (merged[:1] + merged[-1:])}
    kept = [
        rung for place, rung in enumerate(merged)
        if place in (0, len(merged) - 1) or leaders & {name for name, _ in rung}
    ]  # fmt: skip
    points = tuple(_best([point for _, point in rung], metric) for rung in kept)
    return Curve(name=str(family), family=family, points=points)


def anchored(curve: Curve, score: float | None, metric: Metric) -> Curve:
    """Return a frontier whose last point is what the family's whole procedure reached, blending included.

    What blending gains there is taken to gain as large a share of the loss on every rung; so the family that leads in the verdict
    also leads on the curves.
    """
    if not curve.points or score is None or not np.isfinite(score):
        return curve
    last, top = (float(to_loss(metric, np.array(value))) for value in (curve.points[-1].score, score))
    if last <= 0 or top <= 0:
        return curve
    share, up = top / last, metric.greater_is_better

    def moved(value: float) -> float:
        loss = share * float(to_loss(metric, np.array(value)))
        return 1.0 - loss if up else loss

    points = tuple(
        replace(
            point,
            score=moved(point.score),
            se=point.se * share,
            folds=tuple((fold, moved(s)) for fold, s in point.folds),
        )
        for point in curve.points
    )
    return replace(curve, points=points)


def _best(points: list[Point], metric: Metric) -> Point:
    most = max(len(point.folds) for point in points)
    full = [point for point in points if len(point.folds) == most]
    rows = round(float(np.mean([point.rows for point in full])))
    same = len({tuple(fold for fold, _ in point.folds) for point in full}) == 1
    if most >= 2 and same:
        table = np.array([[turn(metric, score) for _, score in point.folds] for point in full])
        others = (table.sum(axis=1, keepdims=True) - table) / (most - 1)
        picked = table[others.argmax(axis=0), np.arange(most)]
        folds = tuple(
            (fold, turn(metric, float(value))) for (fold, _), value in zip(full[0].folds, picked, strict=True)
        )
        floor = min(point.se for point in full)
        se = max(float(picked.std(ddof=1) / np.sqrt(most)) if most > 2 else floor, MIN_SE * float(np.abs(picked).max()))
        return replace(full[0], rows=rows, score=turn(metric, float(picked.mean())), se=se, folds=folds)
    best = max(full, key=lambda point: turn(metric, point.score))
    luck = OPTIMISM[min(len(full), len(OPTIMISM)) - 1] * best.se * float(np.sqrt(1 - ALIKE))
    return replace(best, rows=rows, score=turn(metric, turn(metric, best.score) - luck))


def to_loss(metric: Metric, score: Array) -> Array:
    """Return scores as losses that fall towards a floor at or above zero."""
    return np.asarray(1.0 - score if metric.greater_is_better else score)


def extrapolate(x: Array, y: Array, se: Array, at: Array, *, shapes: Sequence[str] | None = None) -> Array:
    """Fit every shape to every curve and read it elsewhere.

    Args:
        x: (J,) training rows as shares of the last rung, growing to 1.
        y: (S, J) losses at or above zero, one row per resampled curve.
        se: (J,) standard errors; weights are their inverse squares.
        at: (H,) shares of the last rung to predict at.
        shapes: names from `SHAPES`; all by default.

    Returns:
        (shapes, S, H) predicted losses.
    """
    weights = 1.0 / np.maximum(se, MIN_SE) ** 2
    weights = weights / weights.sum()
    return np.stack([_fit(SHAPES[name], x, y, weights, at) for name in shapes or SHAPES])


def _fit(shape: _Shape, x: Array, y: Array, w: Array, at: Array) -> Array:
    """Least squares of `c + a * phi(x)` with a, c >= 0, the best phi of the grid for each curve."""
    mean = y @ w
    level = np.repeat(mean[:, None], len(at), axis=1)
    if shape is None:
        return level
    here, there = shape(x), shape(at)
    centre, square = here - (here @ w)[:, None], here**2 @ w
    power, total = centre**2 @ w, y**2 @ w
    slope, along = y @ (w * centre).T, y @ (w * here).T
    a = np.maximum(slope / np.maximum(power, 1e-12), 0.0)
    c = mean[:, None] - a * (here @ w)
    through = np.maximum(along / np.maximum(square, 1e-12), 0.0)
    # What is left of the squares, in closed form: with a free level, or through zero where the level would be negative.
    left = (total - mean**2)[:, None] - np.where(
        c < 0, 2 * through * along - through**2 * square - (mean**2)[:, None], a * slope
    )
    left[:, power < 1e-12] = np.inf
    a, c = np.where(c < 0, through, a), np.maximum(c, 0.0)
    pick = left.argmin(axis=1)
    one = np.arange(len(y))
    found = np.maximum(c[one, pick, None] + a[one, pick, None] * there[pick], 0.0)
    flat = ~(left[one, pick] < total - mean**2 - 1e-15)
    return np.asarray(np.where(flat[:, None], level, found))


_Shape = Callable[["Array"], "Array"] | None


def _grid(a: Array, b: Array | None, phi: Callable[..., Array]) -> Callable[[Array], Array]:
    """Return phi over a grid of one or two settings, as (settings, J)."""
    first, second = (a, None) if b is None else (np.repeat(a, len(b)), np.tile(b, len(a)))
    if second is None:
        return lambda x: phi(x[None, :], first[:, None])
    return lambda x: phi(x[None, :], first[:, None], second[:, None])


SHAPES: dict[str, _Shape] = {
    "const": None,
    "log2": lambda x: -np.log(x)[None, :],
    "pow3": _grid(np.geomspace(0.05, 3, 40), None, lambda x, b: x**-b),
    "exp3": _grid(np.geomspace(0.05, 60, 40), None, lambda x, b: np.exp(-b * x)),
    "mmf4": _grid(np.geomspace(0.01, 10, 12), np.geomspace(0.2, 4, 16), lambda x, k, g: k / (k + x**g)),
}
"Shapes of a falling loss over x = rows / rows of the last rung; None is a flat line."
