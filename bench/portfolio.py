"""Who stands in a first wave? Those that add most to the best of the others, on public results and on our own.

    python bench/portfolio.py [--results DIR]      prints the tables of docs/decisions/0020

A contender's loss on a set is how far its error lies above the best one of its family there, as a share of it, at most one
half. A wave's loss is the least of its members': what picking well among them would reach. Greedy: whoever lowers the mean
loss over the sets most comes next. Public results: TabArena (defaults, one split each), TALENT (tuned, 15 seeds) and TabReD
(tuned, split by time); our own: the plain libraries and our settings of `floor.py`. One source is never mixed with another,
since they tuned differently.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
from floor_sets import GREATER
from measure import ROOT, markdown

WORST, WAVE, SMALL, LARGE = 0.5, 6, 3_000, 10**9
Told = tuple[pd.DataFrame, pd.Series]
PLAIN = ["lightgbm", "lightgbm_600", "histogram_boosting", "xgboost", "catboost", "random_forest", "linear"]
SETTINGS = [
    *("lightgbm", "lightgbm-2", "lightgbm-6", "xgboost", "xgboost-2", "catboost", "catboost-2"),
    *("random_forest", "ebm", "linear"),
]
FACTS = ROOT / "bench" / "results" / "floor.jsonl"
TABARENA = {
    "classical": ["GBM", "CAT", "XGB", "RF", "XT", "EBM", "LR", "KNN"],
    "deep": ["FASTAI", "NN_TORCH", "REALMLP_GPU", "TABM_GPU"],
}
TALENT = {
    "classical": ["xgboost", "catboost", "lightgbm", "RandomForest", "svm", "linear"],
    "deep": ["mlp", "mlp_plr", "realmlp", "ftt", "resnet", "snn", "dcn2"],
}
TABRED = {
    "classical": ["catboost_", "lightgbm_", "xgboost_", "random_forest", "linear_model"],
    "deep": ["mlp", "mlp-plr", "ft_transformer", "resnet", "snn", "dcn2"],
}


def losses(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the loss of every contender (column) on every set (row) from its errors; a missing one is the worst."""
    best = errors.min(axis=1)
    return ((errors.sub(best, axis=0)).div(best.clip(lower=1e-9), axis=0)).clip(upper=WORST).fillna(WORST)


def greedy(table: pd.DataFrame) -> list[tuple[str, float]]:
    """Return who joins, in order, each with the mean loss of the wave so far."""
    wave: list[str] = []
    told = []
    while len(wave) < min(WAVE, table.shape[1]):
        rest = [name for name in table if name not in wave]
        mean = {name: float(table[[*wave, name]].min(axis=1).mean()) for name in rest}
        wave.append(min(mean, key=lambda name: mean[name]))
        told.append((wave[-1], mean[wave[-1]]))
    return told


def tabarena(folder: Path) -> Told:
    """Return the errors of the defaults, and the rows of the sets."""
    facts = pd.read_parquet(folder / "tabarena_lite_51x72.parquet")
    facts = facts[(facts["method_subtype"] == "default") & ~facts["imputed"].astype(bool)]
    errors = facts.pivot_table(index="dataset", columns="config_type", values="metric_error")
    return errors, facts.groupby("dataset")["num_instances"].first()


def talent(folder: Path) -> Told:
    """Return the errors of the tuned models, one minus accuracy or the root of the mean squared error, and the rows."""
    facts = pd.read_parquet(folder / "talent_300x31.parquet")
    facts["method"] = facts["method"].replace({"LogReg": "linear", "LinearRegression": "linear"})
    regression = facts["metric"].str.lower().str.contains("rmse")
    facts["error"] = facts["mean"].where(regression, 1 - facts["mean"].where(facts["mean"] <= 1, facts["mean"] / 100))
    errors = facts.pivot_table(index="dataset", columns="method", values="error")
    return errors, facts.groupby("dataset")["n"].first()


def tabred(folder: Path) -> Told:
    """Return errors on the newest rows: scores are negative errors, or areas under the curve. All sets are large."""
    facts = pd.read_csv(folder / "tabred_8x16_time_split.csv")
    facts["error"] = (-facts["score"]).where(facts["score"] < 0, 1 - facts["score"])
    errors = facts.pivot_table(index="ds", columns="model", values="error")
    return errors, pd.Series(LARGE, index=errors.index)


def own(what: str, split: str) -> Told:
    """Return the errors of the plain libraries, or of our own settings, on tables, and their rows."""
    known = map(json.loads, FACTS.read_text(encoding="utf-8").splitlines()) if FACTS.exists() else []
    facts = pd.DataFrame([one for one in known if one["what"] == what and one["case"].endswith(split)])
    facts["error"] = (1 - facts["score"]).where(facts["metric"].isin(GREATER), facts["score"])
    errors = facts.pivot_table(index="case", columns="model", values="error")
    return errors, pd.Series(LARGE, index=errors.index)


def main() -> None:
    """Print a line for each source, family and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT.parent / "shared" / "results")
    folder = parser.parse_args().results
    sources = [
        ("TabArena, defaults", tabarena(folder), TABARENA),
        ("TALENT, tuned", talent(folder), TALENT),
        ("TabReD, tuned, by time", tabred(folder), TABRED),
        ("plain libraries, at random", own("plain", "random"), {"classical": PLAIN}),
        ("plain libraries, by time", own("plain", "time"), {"classical": PLAIN}),
        ("our settings, at random", own("card", "random"), {"classical": SETTINGS}),
        ("our settings, by time", own("card", "time"), {"classical": SETTINGS}),
    ]
    rows: list[list[object]] = []
    for title, (errors, sizes), sides in sources:
        for (side, names), few in ((one, few) for one in sides.items() for few in (True, False)):
            inside = errors[(sizes.reindex(errors.index) < SMALL) == few]
            table = losses(inside[[name for name in names if name in inside]].dropna(how="any"))
            if len(table):
                joined = ", ".join(f"{_short(name)} {loss:.3f}" for name, loss in greedy(table))
                beside = _beside(table) if side == "classical" else ""
                size = f"below {SMALL:,}" if few else f"{SMALL:,} and more"
                rows.append([title, side, size if LARGE not in set(sizes) else "all", len(table), joined, beside])
    head = ["source", "family", "rows", "sets", "who joins, and the mean loss of the wave from then on"]
    print(markdown([*head, "mean loss of LightGBM, CatBoost and one more"], rows))


def _beside(table: pd.DataFrame) -> str:
    """Return what each other one makes of the loss of LightGBM and CatBoost."""
    known = {name.strip("_").upper(): name for name in table}
    pair = [
        next((known[name] for name in names if name in known), "")
        for names in (("GBM", "LIGHTGBM"), ("CAT", "CATBOOST"))
    ]
    if not all(pair):
        return ""
    found = {_short(name): float(table[[*pair, name]].min(axis=1).mean()) for name in table if name not in pair}
    return ", ".join(f"{name} {loss:.3f}" for name, loss in sorted(found.items(), key=lambda one: one[1])[:4])


def _short(name: str) -> str:
    return name.removesuffix("_GPU").strip("_")


if __name__ == "__main__":
    main()
