"""Back-test of the treeline on LCDB 1.1 (Yan, Mohr, Viering, NeurIPS 2025): hide the end of the curves, say what comes.

    python bench/treeline_backtest.py --data ../shared/results/lcdb11_curves_265x28.parquet [--report]

Anchors are read at octaves below the largest (60 rows and more); 1 to 4 of them are hidden. `pairs`: ten pairs of a net and a
classical learner, every anchor seen with the noise of three repeats. `frontiers`: what the product does, the three nets against
three classical learners drawn by chance, at most six rungs, one fold on each and five on the last, half of the noise shared
(as measured between nets and classical learners), the best of each side picked by `frontier`; the truth is
the better learner of each side. Whatever is fitted here is judged on data sets left out (ten parts by data set).
The level to beat for pairs (Brier at 2, 4, 8, 16 x the rows, all hidden anchors used): .110, .132, .155, .171.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from itertools import product
from typing import Any

import numpy as np
import polars as pl
from measure import append, markdown
from scipy.optimize import minimize
from scipy.special import expit, logit

from treeline.evidence.crossing import IN_SIGHT, treeline
from treeline.evidence.curves import Curve, Point, frontier
from treeline.evidence.outlook import ALONE, GAIN_SE, PLACE, WEIGHTS, gain, ladder, look_ahead
from treeline.problem.metric import METRICS
from treeline.problem.task import Family

NETS = ("RealMLP", "MLP", "TabNet")
CLASSICAL = ("CatBoost", "ens.RandomForest", "ens.GradientBoosting", "LogisticRegression", "SVM_RBF")
FAMILY = {name: Family.DEEP if name in NETS else Family.CLASSICAL for name in (*NETS, *CLASSICAL)}
TIMES = (1, 2, 4, 8, 16)
SPLITS, REPEATS, FOLDS, RUNGS, SHARED, DRAWN = 25, 3, 5, 6, 0.5, 3
METRIC = METRICS["accuracy"]
Cases = list[dict[str, Any]]
Octaves = tuple[np.ndarray, np.ndarray, np.ndarray]
"Rows, error and its standard error over 25 splits, by growing rows."


def octaves(curve: pl.DataFrame) -> Octaves:
    """Anchors at about every octave below the largest."""
    rows, error, se = (curve[name].to_numpy().astype(float) for name in ("n", "te", "te_se"))
    picked, want = [], rows[-1]
    while want >= 60:
        picked.append(int(np.argmin(np.abs(np.log(rows / want)))))
        want /= 2
    index = np.array(picked[::-1], dtype=np.int64)
    return rows[index], error[index], se[index]


def load(path: str) -> dict[int, dict[str, Octaves]]:
    """Per data set the learners whose curves are complete and as long as most."""
    data = pl.read_parquet(path).with_columns(pl.col("learner").cast(pl.String)).sort("n")
    parts = data.filter(pl.col("learner").is_in([*NETS, *CLASSICAL])).partition_by(["did", "learner"], as_dict=True)
    found: dict[int, dict[str, Octaves]] = {}
    for (did, name), part in sorted(parts.items()):
        curve = octaves(part)
        if len(curve[0]) and all(np.isfinite(column).all() for column in curve):
            found.setdefault(did, {})[name] = curve
    for curves in found.values():
        ends = [curve[0][-1] for curve in curves.values()]
        usual = max(set(ends), key=ends.count)
        for name in [name for name, end in zip(curves, ends, strict=True) if end != usual]:
            del curves[name]
    return found


def seen(name: str, curve: Octaves, hidden: int, rng: np.random.Generator, shared: np.ndarray | None) -> Curve:
    """What the tool sees of a learner: means of three repeats, or folds whose noise is partly `shared` (rungs, FOLDS)."""
    rows, error, se = (column[:-hidden] for column in curve)
    points = []
    for j in range(len(rows)):
        one = max(se[j] * np.sqrt(SPLITS), 1e-3)
        if shared is None:
            noise = one / np.sqrt(REPEATS)
            points.append(Point(rows=int(rows[j]), score=1 - max(error[j] + rng.normal() * noise, 0.0), se=noise))
        elif j >= len(rows) - RUNGS:
            m = FOLDS if j == len(rows) - 1 else 1
            mixed = np.sqrt(SHARED) * shared[j, :m] + np.sqrt(1 - SHARED) * rng.normal(size=m)
            scores = 1 - np.maximum(error[j] + one * mixed, 0.0)
            spread = float(scores.std(ddof=1) / np.sqrt(m)) if m > 2 else one
            folds = tuple(enumerate(scores.tolist()))
            points.append(Point(rows=int(rows[j]), score=float(scores.mean()), se=max(spread, 1e-4), folds=folds))
    return Curve(name=name, family=FAMILY[name], points=tuple(points))


def case(did: int, hidden: int, sides: list[Curve], truth: list[np.ndarray]) -> dict[str, Any] | None:
    """What is said from two curves, and the true errors (hidden + 1,) of both from the last rung seen on."""
    rungs = ladder(sides[0], sides[1], METRIC)
    if len(rungs.rows) < 3:
        return None
    ahead, gap = look_ahead(rungs, TIMES), truth[0] - truth[1]
    twice = [gain(side * rungs.unit) for side in ahead.sides]
    return {
        "did": did,
        "hidden": hidden,
        "p_last": ahead.p_last,
        "p_mix": ahead.p_mix,
        "deep": np.append(gap, np.full(5 - len(gap), np.nan)),
        "leads": rungs.losses[1][-1] < rungs.losses[0][-1],
        "gain": [value for value, _ in twice],
        "gain_sd": [se / GAIN_SE for _, se in twice],
        "gained": [errors[0] - errors[1] for errors in truth],
    }


def check(sides: list[Curve]) -> dict[str, Any]:
    """What the product says of itself."""
    told = treeline(sides[0], sides[1], METRIC)
    own = told.self_check or {"p_leader_said": np.nan, "leader_right": np.nan}
    z = [own["error"][side] / own["se"][side] if told.self_check else np.nan for side in Family]
    return {"said": own["p_leader_said"], "right": own["leader_right"], "z": z, "flags": told.flags}


def collect(data: dict[int, dict[str, Octaves]], repeat: int) -> dict[str, Cases]:
    """All cases of one draw of the noise, as pairs and as frontiers."""
    found: dict[str, list[Any]] = {"pairs": [], "frontiers": []}
    for (did, curves), hidden in product(data.items(), (1, 2, 3, 4)):
        rng = np.random.default_rng([did, hidden, repeat])
        views = {name: seen(name, curve, hidden, rng, None) for name, curve in curves.items()}
        for net, other in product(NETS[:2], CLASSICAL):
            if net in curves and other in curves:
                truth = [curves[name][1][-hidden - 1 :] for name in (other, net)]
                found["pairs"].append(case(did, hidden, [views[other], views[net]], truth))
        drawn = [*NETS, *rng.choice(CLASSICAL, 3, replace=False)]
        mine = {name: curves[name] for name in drawn if name in curves}
        if any(sum(FAMILY[name] is side for name in mine) < 2 for side in Family):
            continue
        shared = rng.normal(size=(max(len(curve[0]) for curve in mine.values()), FOLDS))
        views = {name: seen(name, curve, hidden, rng, shared) for name, curve in mine.items()}
        fronts = [frontier(list(views.values()), side, METRIC) for side in Family]
        both = [[curve[1][-hidden - 1 :] for name, curve in mine.items() if FAMILY[name] is side] for side in Family]
        truth = [np.min(errors, axis=0) for errors in both]
        if one := case(did, hidden, fronts, truth):
            found["frontiers"].append(one | check(fronts))
    return {mode: [one for one in cases if one is not None] for mode, cases in found.items()}


def column(cases: Cases, name: str) -> np.ndarray:
    """One field of all cases."""
    return np.array([one[name] for one in cases], dtype=float)


def inputs(cases: Cases) -> np.ndarray:
    """(cases, 5 horizons, 3) inputs of `stack`."""
    last, mix = (logit(np.clip(column(cases, name), 0.005, 0.995)) for name in ("p_last", "p_mix"))
    return np.stack([last[:, None] + 0 * mix, np.arange(5) * np.minimum(last, 0)[:, None], mix], axis=-1)


def fitted(cases: Cases, weight: np.ndarray) -> np.ndarray:
    """Weights of `stack` by weighted logistic regression over all known horizons."""
    x, gap = inputs(cases), column(cases, "deep")
    known = np.isfinite(gap) & (gap != 0)
    won, x, w = gap[known] > 0, x[known], np.repeat(weight[:, None], 5, 1)[known]
    return minimize(lambda b: float(np.mean(w * (np.logaddexp(0, x @ b) - won * (x @ b)))), np.zeros(3)).x


def left_out(found: dict[str, Cases], parts: int = 10) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """(cases, 5) P(deep leads) by weights fitted on the other data sets, and the weights of each part; both modes weigh alike."""
    pooled = found["pairs"] + found["frontiers"]
    weight = np.concatenate([np.full(len(cases), 1 / len(cases)) for cases in found.values()])
    part, weight = part_of(pooled, parts), weight / weight.mean()
    x, p, used = inputs(pooled), np.zeros((len(pooled), 5)), []
    for k in range(parts):
        used.append(fitted([one for one, own in zip(pooled, part, strict=True) if own != k], weight[part != k]))
        p[part == k] = expit(x[part == k] @ used[-1])
    return {"pairs": p[: len(found["pairs"])], "frontiers": p[len(found["pairs"]) :]}, np.array(used)


def part_of(cases: Cases, parts: int) -> np.ndarray:
    """Return each case's part; the cases of a data set are in one."""
    sets, index = np.unique(column(cases, "did"), return_inverse=True)
    return (np.random.default_rng(0).permutation(len(sets)) % parts)[index]


def calibration(p: np.ndarray, won: np.ndarray) -> float:
    """Expected calibration error over ten equal bins."""
    bins = np.minimum((p * 10).astype(int), 9)
    return float(sum(abs(p[bins == b].mean() - won[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)))


def chances(mode: str, cases: Cases, p: np.ndarray) -> list[list[object]]:
    """Brier score and calibration at each horizon; `floor` is the calibration error of a perfect forecast of so many cases."""
    gap, hidden, leads = column(cases, "deep"), column(cases, "hidden"), column(cases, "leads") > 0
    shipped, alone = expit(inputs(cases) @ np.array(WEIGHTS)), expit(inputs(cases)[..., :2] @ np.array(ALONE))
    last, rng, rows = column(cases, "p_last"), np.random.default_rng(0), []
    for h, judged in product((1, 2, 3, 4), ("end", "all")):
        use = np.isfinite(gap[:, h]) & (gap[:, h] != 0) & ((hidden == h) | (judged == "all"))
        won, q, lead = gap[use, h] > 0, p[use, h], leads[use]
        over = calibration(np.where(lead, 1 - q, q), won != lead)
        floor = np.mean([calibration(q, rng.random(len(q)) < q) for _ in range(50)])
        brier = [np.mean((x - won) ** 2) for x in (last[use], alone[use, h], shipped[use, h], q)]
        shown = [*brier, np.mean((q > 0.5) == won), calibration(q, won), over, floor]
        rows.append([mode, 2**h, judged, int(use.sum()), *(f"{x:.3f}" for x in shown)])
    return rows


def change(gap: np.ndarray, leads: bool) -> float:
    """Doublings after which the other side leads, to 8 x the rows: 0 where it does already, infinity where never."""
    ahead = -gap[:4] if leads else gap[:4]
    behind = np.flatnonzero(ahead <= 0)
    if len(behind) == 0:
        return 0.0
    j = int(behind[-1])
    return np.inf if j == 3 else j + float(-ahead[j] / (ahead[j + 1] - ahead[j]))


def ranges(mode: str, cases: Cases, p: np.ndarray) -> list[list[object]]:
    """Whether the stated range holds the change, where 8 x the rows are known and the other side leads there."""
    known, rows = np.isfinite(column(cases, "deep")[:, 3]), []
    cases, p = [one for one, yes in zip(cases, known, strict=True) if yes], p[known, 3]
    when = np.array([change(one["deep"], one["leads"]) for one in cases])
    far, did = np.where(column(cases, "leads") > 0, 1 - p, p), column(cases, "did")
    for level in (IN_SIGHT, 0.35):
        told, come = far >= level, (far >= level) & np.isfinite(when)
        t, part = when[come], part_of(cases, 10)[come]
        inside, out = t <= np.log2(PLACE[-1]), t <= np.array([np.quantile(t[part != k], 0.8) for k in part])
        counts = int(told.sum()), int(come.sum()), len(np.unique(did[come]))
        shares = far[told], come[told], inside, out, t == 0, inside[t > 0]
        rows.append([mode, level, *counts, *(f"{np.mean(x):.3f}" for x in shares), f"{2 ** np.median(t):.2f}"])
    return rows


def gains(mode: str, cases: Cases) -> list[object]:
    """How often gain ± its standard error holds what twice the rows gained; the factor is fitted on the other data sets."""
    sd = column(cases, "gain_sd")
    z = np.abs(column(cases, "gained") - column(cases, "gain")) / np.maximum(sd, 1e-9)
    part, factor, inside = part_of(cases, 10), [], np.zeros((2, len(z), 2))
    for k in range(10):
        factor.append(np.quantile(z[part != k], 0.683))
        inside[:, part == k] = [z[part == k] <= factor[-1], z[part == k] <= 1.96 * factor[-1]]
    raw, now = [np.mean(z <= x) for x in (1, 1.96)], [np.mean(z <= x * GAIN_SE) for x in (1, 1.96)]
    shown = [*raw, np.mean(factor), *inside.mean(axis=(1, 2)), *now]
    return [mode, z.size, *(f"{x:.3f}" for x in shown)]


def checks(cases: Cases) -> list[object]:
    """The self-check of frontiers against what was seen, and how often each flag is raised."""
    said, right, z = column(cases, "said"), column(cases, "right"), column(cases, "z")
    use = np.isfinite(said)
    flags = [flag.split("_", 1)[1] for one in cases for flag in one["flags"] if flag.startswith(("CLASSICAL", "DEEP"))]
    counted = ", ".join(f"{flag} {flags.count(flag) / len(cases) / 2:.3f}" for flag in sorted(set(flags)))
    shown = [said[use].mean(), right[use].mean(), calibration(said[use], right[use]), np.mean(np.abs(z[use]) <= 1)]
    return [int(use.sum()), *(f"{x:.3f}" for x in shown), counted]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the curves, a parquet file")
    parser.add_argument("--report", action="store_true", help="append to bench/RESULTS.md")
    args = parser.parse_args()
    data, found = load(args.data), {"pairs": [], "frontiers": []}
    for repeat in range(DRAWN):
        for mode, cases in collect(data, repeat).items():
            found[mode] += cases
    p, weights = left_out(found)
    body = "\n\n".join(
        [
            LEGEND.replace("\n", " "),
            f"Weights {WEIGHTS}; fitted to nine tenths {weights.mean(axis=0).round(3)} ± {weights.std(axis=0).round(3)}.",
            markdown(CHANCES.split("|"), [row for mode in found for row in chances(mode, found[mode], p[mode])]),
            markdown(RANGES.split("|"), [row for mode in found for row in ranges(mode, found[mode], p[mode])]),
            markdown(GAINS.split("|"), [gains(mode, cases) for mode, cases in found.items()]),
            markdown(CHECKS.split("|"), [checks(found["frontiers"])]),
        ]
    )
    if args.report:
        append("The treeline on LCDB 1.1", body, versions=f"numpy {version('numpy')}, scipy {version('scipy')}")
    else:
        print(body)


LEGEND = """`end`: judged at the end of the curve; `all`: at every hidden rung. ECE: calibration error of P(net leads),
left out; `ECE overtaken`: of P(leader overtaken); `ECE floor`: of a perfect forecast of as many cases. Ranges: where at
least that chance at 8 x was said; `changes`: the other side leads at 8 x; `already`: it did at the last rung, unseen;
`median x`: times the last rung. Doubling: how often the gain ± the spread of the draws, times the factor, holds the truth.
Self-checks: of frontiers with four rungs or more."""
CHANCES = "mode|x rows|anchors|cases|Brier last|Brier lead alone|Brier shipped|Brier left out|right|ECE|ECE overtaken|ECE floor"
RANGES = "mode|P at 8 x|cases|changes|sets|said|seen|in range|in range, left out|already|ahead: in range|median x"
GAINS = "mode|cases|1 sd|1.96 sd|factor|1 se left out|1.96 se left out|1 se shipped|1.96 se shipped"
CHECKS = "self-checks|said|right|ECE|score within 1 se|flags per side"


if __name__ == "__main__":
    main()
