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

WORST, WAVE = 0.5, 6
FACTS = ROOT / "bench" / "results" / "floor.jsonl"
TABARENA = {
    "classical": ["GBM", "CAT", "XGB", "RF", "XT", "EBM", "LR", "KNN", "XRFM_GPU"],
    "deep": ["FASTAI", "NN_TORCH", "REALMLP_GPU", "TABM_GPU", "MNCA_GPU"],
}
TALENT = {
    "classical": ["xgboost", "catboost", "lightgbm", "RandomForest", "svm", "knn", "linear", "NaiveBayes"],
    "deep": ["mlp", "mlp_plr", "realmlp", "ftt", "resnet", "tabr", "modernNCA", "snn", "dcn2", "excelformer"],
}
TABRED = {
    "classical": ["catboost_", "lightgbm_", "xgboost_", "random_forest", "linear_model"],
    "deep": ["mlp", "mlp-plr", "ft_transformer", "resnet", "snn", "dcn2", "tabr", "trompt"],
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


def tabarena(folder: Path) -> pd.DataFrame:
    """Return the errors of the defaults."""
    facts = pd.read_parquet(folder / "tabarena_lite_51x72.parquet")
    facts = facts[(facts["method_subtype"] == "default") & ~facts["imputed"].astype(bool)]
    return facts.pivot_table(index="dataset", columns="config_type", values="metric_error")


def talent(folder: Path) -> pd.DataFrame:
    """Return the errors of the tuned models: one minus accuracy, or the root of the mean squared error."""
    facts = pd.read_parquet(folder / "talent_300x31.parquet")
    facts["method"] = facts["method"].replace({"LogReg": "linear", "LinearRegression": "linear"})
    regression = facts["metric"].str.lower().str.contains("rmse")
    facts["error"] = facts["mean"].where(regression, 1 - facts["mean"].where(facts["mean"] <= 1, facts["mean"] / 100))
    return facts.pivot_table(index="dataset", columns="method", values="error")


def tabred(folder: Path) -> pd.DataFrame:
    """Return errors on the newest rows: scores are negative errors, or areas under the curve."""
    facts = pd.read_csv(folder / "tabred_8x16_time_split.csv")
    facts["error"] = (-facts["score"]).where(facts["score"] < 0, 1 - facts["score"])
    return facts.pivot_table(index="ds", columns="model", values="error")


def own(split: str) -> pd.DataFrame:
    """Return the errors of the plain libraries on tables."""
    known = map(json.loads, FACTS.read_text(encoding="utf-8").splitlines()) if FACTS.exists() else []
    facts = pd.DataFrame([one for one in known if one["what"] == "plain" and one["case"].endswith(split)])
    facts = facts[~facts["model"].isin(["tfidf_logistic", "hog_svm", "small_cnn"])]
    facts["error"] = (1 - facts["score"]).where(facts["metric"].isin(GREATER), facts["score"])
    return facts.pivot_table(index="case", columns="model", values="error")


def main() -> None:
    """Print a table for each source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT.parent / "shared" / "results")
    folder = parser.parse_args().results
    ours = ["lightgbm", "lightgbm_600", "histogram_boosting", "xgboost", "catboost", "random_forest", "linear"]
    sources = [
        ("TabArena, defaults", tabarena(folder), TABARENA),
        ("TALENT, tuned", talent(folder), TALENT),
        ("TabReD, tuned, by time", tabred(folder), TABRED),
        ("plain libraries, at random", own("random"), {"classical": ours}),
        ("plain libraries, by time", own("time"), {"classical": ours}),
    ]
    rows: list[list[object]] = []
    for title, errors, sides in sources:
        for side, names in sides.items():
            table = losses(errors[[name for name in names if name in errors]].dropna(how="all"))
            joined = [f"{name.removesuffix('_GPU').strip('_')} {loss:.3f}" for name, loss in greedy(table)]
            rows.append([title, side, len(table), ", ".join(joined)])
    print(markdown(["source", "family", "sets", "who joins, and the mean loss of the wave from then on"], rows))


if __name__ == "__main__":
    main()
