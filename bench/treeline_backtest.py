"""Back-test of the treeline on LCDB 1.1 (Yan, Mohr, Viering, NeurIPS 2025): hide the end of the curves, say who wins there.

    python bench/treeline_backtest.py ../shared/results/lcdb11_curves_265x28.parquet [--datasets 236]

For each data set, ten pairs of a net against a classical learner, and h = 2, 4, 8, 16: the tool sees anchors up to N / h
with the noise of three repeats and states P(net leads) at N. Prints Brier score, accuracy and calibration error per h,
beside those of "whoever leads at the last anchor". The level to beat: .110, .132, .155, .171.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl
from scipy import stats

from treeline.evidence.crossing import DRAWS, stack
from treeline.evidence.curves import MIN_SE, extrapolate

NETS = ("RealMLP", "MLP")
CLASSICAL = ("CatBoost", "ens.RandomForest", "ens.GradientBoosting", "LogisticRegression", "SVM_RBF")
AHEAD = (2, 4, 8, 16)
REPEATS, SPLITS = 3, 25


def octaves(curve: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, error and standard error over 25 splits at about every octave, largest first."""
    rows, error, se = (curve[name].to_numpy().astype(float) for name in ("n", "te", "te_se"))
    picked, want = [], rows[-1]
    while want >= 60:
        picked.append(int(np.argmin(np.abs(np.log(rows / want)))))
        want /= 2
    index = np.array(picked, dtype=np.int64)
    return rows[index], error[index], se[index]


def outlook(
    y: np.ndarray, se: np.ndarray, rows: np.ndarray, times: int, rng: np.random.Generator
) -> tuple[np.ndarray, float, float]:
    """What the tool sees of one learner (anchors by growing rows): resampled losses at `times` (shapes, draws), last, its se."""
    noise = np.maximum(se * np.sqrt(SPLITS / REPEATS), 1e-3)
    seen = np.maximum(y + rng.normal(size=len(y)) * noise, 0)
    drawn = np.maximum(seen + rng.normal(size=(DRAWS, len(y))) * noise, 0)
    ahead = extrapolate(rows / rows[-1], drawn, np.maximum(noise, MIN_SE), np.array([float(times)]))[..., 0]
    return ahead, seen[-1], noise[-1]


def collect(path: str, limit: int) -> dict[int, np.ndarray]:
    """Per h an array of data set, p_last, p_mix (per shape) and whether the net won."""
    data = pl.read_parquet(path).with_columns(pl.col("learner").cast(pl.String)).sort("n")
    found: dict[int, list[list[float]]] = {h: [] for h in AHEAD}
    parts = data.filter(pl.col("learner").is_in([*NETS, *CLASSICAL])).partition_by(["did", "learner"], as_dict=True)
    sets = sorted({key[0] for key in parts})[:limit]
    for did in sets:
        rng = np.random.default_rng(did)
        curves = {name: octaves(parts[did, name]) for name in (*NETS, *CLASSICAL) if (did, name) in parts}
        for h in AHEAD:
            skip = int(np.log2(h))
            views = {}
            for name, (rows, error, se) in curves.items():
                seen = slice(skip, None)
                if len(rows[seen]) >= 3 and np.isfinite(error).all() and np.isfinite(se).all():
                    views[name] = (*outlook(error[seen][::-1], se[seen][::-1], rows[seen][::-1], h, rng), rows[0])
            for net in NETS:
                for other in CLASSICAL:
                    if net in views and other in views and views[net][3] == views[other][3]:
                        (a, la, sa, _), (b, lb, sb, _) = views[other], views[net]
                        truth = curves[other][1][0] - curves[net][1][0]
                        if truth == 0:
                            continue
                        p_last = stats.norm.cdf((la - lb) / np.hypot(sa, sb))
                        shares = ((b < a) + 0.5 * (b == a)).mean(axis=1)
                        found[h].append([did, p_last, float(truth > 0), *shares])
    return {h: np.array(rows) for h, rows in found.items()}


def calibration(p: np.ndarray, won: np.ndarray) -> float:
    """Expected calibration error over ten equal bins."""
    bins = np.minimum((p * 10).astype(int), 9)
    return float(sum(abs(p[bins == b].mean() - won[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--datasets", type=int, default=1000)
    parser.add_argument("--save", help="keep the raw table as .npz")
    args = parser.parse_args()
    found = collect(args.path, args.datasets)
    if args.save:
        np.savez(args.save, **{str(h): rows for h, rows in found.items()})
    for h, rows in found.items():
        p_last, won, p_mix = rows[:, 1], rows[:, 2], rows[:, 3:].mean(axis=1)
        p = stack(p_last, p_mix, np.log2(h))
        for name, q in (("last", p_last), ("mix", p_mix), ("stack", p)):
            print(
                f"h={h:2d} {name:5s} pairs {len(q)} Brier {np.mean((q - won) ** 2):.3f} "
                f"right {np.mean((q > 0.5) == won):.3f} calibration error {calibration(q, won):.3f}"
            )


if __name__ == "__main__":
    main()
