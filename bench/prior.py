"""Fits the small table that `treeline advise` speaks from, and measures what it is worth.

    python bench/prior.py            writes src/treeline/evidence/prior.json and prints what it is worth
    python bench/prior.py --report   the same, and appends the figures to bench/RESULTS.md

Public results (`--results`, by default `../shared/results` beside this repository) say for hundreds of data sets which of
three nets and three classical learners of equal standing was better. On TALENT's 300 sets the scores of simple learners are
known as well: these landmarks carry what can be known before training; size, width and task carry nothing. Scores are made
with whole data sets left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from measure import ROOT, append, markdown
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import KFold

from treeline.evidence.prior import FEATURES, landmark_features

OUT = ROOT / "src" / "treeline" / "evidence" / "prior.json"
SOURCES = {
    "TALENT": ("TALENT", "MIT"),
    "TabArena": ("TabArena", "Apache-2.0"),
    "Yandex TabR/TabM": ("TabR and TabM", "MIT, Apache-2.0"),
}
CLEAR_ABS, CLEAR_REL = 0.005, 0.02
"A winner is clear by half a point of error, or by two per cent of the loss of a number."
TASKS = ("binary", "multiclass", "regression")
CLIP = (0.2, 0.8)
LIMITS = (10_000, 100_000, 500_000)


def outcomes(results: Path) -> pd.DataFrame:
    """Return one row a data set of the collections with nets of 2023 and later: n, d, kind, gain of the nets, clear winner."""
    table = pd.read_csv(results / "winners_unified.csv")
    table = table[table["source"].isin(SOURCES) & table["setting"].str.startswith("tuned, ")].copy()
    number = table["task"].eq("regression")
    table["gain"] = np.where(number, table["rel_gain_nn"], table["abs_gain_nn"])
    table["clear"] = np.sign(table["gain"]) * (table["gain"].abs() > np.where(number, CLEAR_REL, CLEAR_ABS))
    table["kind"] = np.where(number, 2, table["task"].eq("multiclass"))
    return table.reset_index(drop=True)


def landmarks(results: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return TALENT's data sets with the features of their landmarks and the gain of the nets."""
    scores = pd.read_parquet(results / "talent_300x31.parquet")
    scores["loss"] = np.where(scores["metric"] == "accuracy", 1 - scores["mean"], scores["mean"])
    wide = scores.pivot_table(index=["dataset", "task"], columns="method", values="loss").reset_index()
    wide["linear"] = wide["LogReg"].fillna(wide["LinearRegression"])
    talent = table[table["source"] == "TALENT"]
    wide = wide.merge(talent[["dataset", "task", "gain"]], on=["dataset", "task"])
    made = [
        landmark_features({"linear": r.linear, "neighbours": r.knn, "forest": r.RandomForest, "guess": r.dummy})
        for r in wide.itertuples()
    ]
    return pd.concat([wide[["dataset", "gain"]], pd.DataFrame(made, columns=list(FEATURES))], axis=1).dropna()


def left_out(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return predictions for data sets that were left out, the mean of six tenfold rounds."""
    said = np.zeros((6, len(y)))
    for turn in range(6):
        for train, test in KFold(10, shuffle=True, random_state=turn).split(x):
            middle, spread = x[train].mean(axis=0), x[train].std(axis=0)
            model = LogisticRegression(C=0.3).fit((x[train] - middle) / spread, y[train])
            said[turn, test] = model.predict_proba((x[test] - middle) / spread)[:, 1]
    return np.clip(said.mean(axis=0), *CLIP)


def main() -> None:
    """Fit, score with data sets left out, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT.parent / "shared" / "results")
    parser.add_argument("--report", action="store_true")
    args = parser.parse_args()
    table = outcomes(args.results)
    known = landmarks(args.results, table)
    x, y = known[list(FEATURES)].to_numpy(), (known["gain"] > 0).to_numpy().astype(int)
    said = left_out(x, y)
    parts = np.array_split(np.argsort(said, kind="stable"), 5)
    figures = {
        "data sets with landmarks": len(y),
        "AUC": round(float(roc_auc_score(y, said)), 3),
        "Brier score": round(float(brier_score_loss(y, said)), 4),
        "Brier score of the base rate": round(float(y.mean() * (1 - y.mean())), 4),
        "said and seen in five groups": ", ".join(f"{said[p].mean():.2f} {y[p].mean():.2f}" for p in parts),
    }
    middle, spread = x.mean(axis=0), x.std(axis=0)
    model = LogisticRegression(C=0.3).fit((x - middle) / spread, y)
    sized = table[table["n"].notna() & table["d_or_horizon"].notna()]
    content = {
        "made_by": "bench/prior.py", "features": list(FEATURES),
        "middle": middle.round(4).tolist(), "spread": spread.round(4).tolist(),
        "weights": model.coef_[0].round(4).tolist(), "intercept": round(float(model.intercept_[0]), 4), "clip": list(CLIP),
        "base_rate": round(float(y.mean()), 4), "figures": figures,
        "below": {str(most): _share(table[table["n"] < most]) for most in LIMITS},
        "sources": [list(SOURCES[name]) for name in SOURCES],
        "sets": [
            [r.dataset[:48], list(SOURCES).index(r.source), int(r.n), int(r.d_or_horizon), int(r.kind), int(r.clear)]
            for r in sized.itertuples()
        ],
    }  # fmt: skip
    OUT.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    text = markdown(["what", "value"], [[name, value] for name, value in figures.items()])
    if args.report:
        append("The prior: what can be known before training", text)
    else:
        print(text)


def _share(table: pd.DataFrame) -> dict[str, float | int]:
    """Count the data sets, and those that either side wins clearly."""
    return {
        "sets": len(table),
        "classical": int((table["clear"] < 0).sum()),
        "deep": int((table["clear"] > 0).sum()),
    }


if __name__ == "__main__":
    main()
