"""The claims that Treeline does not test yet: what public result tables say of them, and what has to come first.

The files and their licences are described in the README beside them; UCR series results are left out (GPL).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from claims_stats import LEAST, share, table, wilson

PUBLIC = {
    "lstm": "Boosting beats LSTMs at short horizons",
    "long": "Transformers catch up at long horizons",
    "series": "On series it depends on the horizon",
    "anomaly": "Isolation forests and autoencoders both work on anomalies",
    "transfer": "Pretrained nets close the gap on small data",
    "industry": "Industry tables are won by trees",
    "tables": "Trees beat nets on tables (beside our own test)",
}
OPEN = (
    (
        "Features for images cannot be made by hand",
        "waits for the image road (features by hand and a linear model against a small convnet)",
    ),
    (
        "Classical text methods are legacy",
        "waits for the text road (word counts and a linear model against trained and frozen encoders)",
    ),
    ("Sound needs learned representations", "waits for the sound road; turning speech into text is out of scope"),
    ("Classical methods cannot match nets on medical images", "waits for the image road"),
    ("Start from a pretrained net for pixels, sound and raw text", "waits for those roads and for local weights"),
    ("Boosting beats LSTMs, transformers win far ahead", "waits for the series road; public counts above"),
    ("Isolation forest or autoencoder", "waits for the anomaly road; public counts above"),
    ("Transfer learning closes the data gap", "waits for pretrained weights on this machine; public counts above"),
    (
        "Neural nets overfit small tables",
        "the scores are above; the gap between training and held-out rows is not kept in the ledger yet",
    ),
    (
        "A model on clean data beats any model on dirty data",
        "'any' cannot be tested; what turned labels cost each side is above",
    ),
    ("Boosted trees are what most people use", "a survey, not a measurement; the survey that is quoted was not found"),
    (
        "From 26 % to 15 % error is more than halving",
        "arithmetic, no test: 15 / 26 is a fall of 42 %, so it does not hold",
    ),
)


def said(folder: Path) -> dict:
    """Return by claim the counts: `k` of `n` data sets on which the first named loses less."""
    return {"counts": [*_series(folder), *_anomalies(folder), *_tables(folder)]}


def _count(about: str, words: str, wins: pl.Series, source: str) -> dict:
    wins = wins.drop_nulls()
    return {"about": about, "words": words, "k": int(wins.sum()), "n": len(wins), "source": source}


def _series(folder: Path) -> list[dict]:
    """fev-bench, MASE, by horizon."""
    wide = pl.read_parquet(folder / "fev_bench_100x26.parquet").pivot(
        on="model_name", index=["task_name", "horizon"], values="MASE"
    )
    nets, plain = (
        ["DeepAR", "TFT", "PatchTST"],
        ["AutoARIMA", "AutoETS", "AutoTheta", "Stat. Ensemble", "LightGBM", "CatBoost"],
    )
    found = []
    for low, high in ((0, 12), (12, 24), (24, 48), (48, 1000)):
        band = wide.filter((pl.col("horizon") > low) & (pl.col("horizon") <= high))
        words = f"horizon {low + 1} to {high}" if high < 1000 else "horizon above 48"
        trees = band.select(pl.col("LightGBM") < pl.col("DeepAR")).to_series()
        best = band.select(pl.min_horizontal(nets) < pl.min_horizontal(plain)).to_series()
        patch = band.select(pl.col("PatchTST") < pl.col("LightGBM")).to_series()
        found += [
            _count("lstm", f"LightGBM against DeepAR (an LSTM), {words}", trees, "fev-bench, MASE"),
            _count("long", f"PatchTST against LightGBM, {words}", patch, "fev-bench, MASE"),
            _count("series", f"best of 3 nets against best of 6 classical, {words}", best, "fev-bench, MASE"),
        ]
    return found


def _anomalies(folder: Path) -> list[dict]:
    """ADBench sets, AUROC, mean over seeds."""
    each = pl.read_csv(folder / "adbench_cpu_rerun.csv", infer_schema_length=None)
    wide = (
        each.group_by("dataset", "method")
        .agg(pl.col("auroc").mean())
        .pivot(on="method", index="dataset", values="auroc")
    )
    source = "14 detectors run by this project on ADBench sets of at most 3,000 rows, AUROC"
    best = wide.select(
        pl.max_horizontal("AE", "VAE", "DeepSVDD") > pl.max_horizontal("IForest", "KNN", "ECOD")
    ).to_series()
    return [
        _count(
            "anomaly",
            "isolation forest against autoencoder",
            wide.select(pl.col("IForest") > pl.col("AE")).to_series(),
            source,
        ),
        _count("anomaly", "best of 3 deep detectors against best of 3 classical ones", best, source),
    ]


def _tables(folder: Path) -> list[dict]:
    """TALENT (tuned), TabArena (pretrained nets as they come), TabReD (industry, split by time)."""
    wins = pl.read_csv(folder / "winners_unified.csv", infer_schema_length=None).filter(pl.col("source") == "TALENT")
    found = []
    for low, high, words in (
        (0, 1e5, "below 100,000 rows"),
        (0, 5e5, "below 500,000 rows"),
        (0, 1e3, "below 1,000 rows"),
    ):
        some = wins.filter((pl.col("n") >= low) & (pl.col("n") < high))
        lost = some.select(pl.col("classical_loss") < pl.col("nn_loss")).to_series()
        found.append(_count("tables", f"best of 3 boosted against best of 3 nets, {words}", lost, "TALENT, tuned"))
    arena = pl.read_parquet(folder / "tabarena_lite_51x72.parquet").filter(~pl.col("imputed"))
    wide = arena.pivot(on="method", index="dataset", values="metric_error")
    for method in ("TABPFNV2_GPU (default)", "TABICLV2 (default)"):
        won = wide.select(pl.col(method) < pl.col("CAT (default)")).to_series()
        found.append(
            _count(
                "transfer",
                f"{method.split(' ')[0]} against CatBoost, both as they come",
                won,
                "TabArena lite, first fold",
            )
        )
    time = pl.read_csv(folder / "tabred_8x16_time_split.csv").pivot(on="model", index="ds", values="score")
    trees = time.select(
        pl.max_horizontal("catboost_", "lightgbm_", "xgboost_") > pl.max_horizontal("mlp-plr", "tabr", "ft_transformer")
    )
    found.append(
        _count("industry", "best of 3 boosted against best of 3 nets", trees.to_series(), "TabReD, split by time")
    )
    return found


def opened(public: dict) -> list[str]:
    """Return the sections on claims that are open."""
    parts = []
    if public.get("counts"):
        rows = []
        for about, claim in PUBLIC.items():
            for one in public["counts"]:
                if one["about"] == about:
                    rows.append([claim, one["words"], share(one["k"], one["n"]), _who(one), one["source"]])
        parts += [
            "## What public results say (not tested here)",
            "These runs are not ours, except where it says so. Each line counts the data sets on which the first "
            "named has the smaller error (ties count for the second). Horizon bands differ in frequency and length "
            "too, so read them together.",
            table(["claim", "who against whom", "first is better (95 %)", "says", "source"], rows),
        ]
    lines = [f"- {claim}: {why}." for claim, why in OPEN]
    return [*parts, "## Open", "\n".join(lines)]


def _who(one: dict) -> str:
    low, high = wilson(one["k"], one["n"])
    if one["n"] >= LEAST and (low > 0.5 or high < 0.5):
        return "first more often" if low > 0.5 else "second more often"
    return "not told"
