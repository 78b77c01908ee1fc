"""Would a call have stood with twice as many contenders? Public results with half of each side's contenders left out.

    python bench/truth_field.py [--results DIR]     writes bench/results/truth_field.jsonl; a few seconds, nothing is fitted
    python bench/truth.py report                    tells it in docs/truth.md

Of every table 2 k contenders a side are taken: the first ones of a fixed order, usual learners first, or drawn at random. Half of
them make the call; all of them are the truth. Scores of public results carry no rows, so the doubt about the field is all there
is: a lead above the margin is called unless other contenders make it doubtful. Tables whose noise of test rows is above 3% of
the loss are left out: more contenders win there by luck. And the real runs of `truth.jsonl` are judged again from their
contenders' scores, with the side's score in place of a blend without the best one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import ROOT, markdown

from treeline.evidence.field import OF_BEST, OF_LOSS, UNSEEN
from treeline.evidence.luck import FIELD_DF
from treeline.evidence.paired import three_way

OUT = ROOT / "bench" / "results" / "truth_field.jsonl"
NOISE, LEAST, DRAWS = 0.03, 0.01, 8
SIZES = (2, 3, 4)
SURE = 0.95
BINS = ((0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 1.01))
TALENT = (
    "lightgbm catboost RandomForest LogReg LinearRegression svm xgboost knn dnnr",
    "mlp_plr realmlp ftt resnet tabr modernNCA mlp excelformer dcn2 snn tangos node autoint ptarl",
)
ARENA = (
    "GBM,default CAT,default RF,default LR,default XGB,default EBM,default XT,default GBM,tuned CAT,tuned XGB,tuned EBM,tuned",
    "REALMLP_GPU,default TABM_GPU,default NN_TORCH,default FASTAI,default MNCA_GPU,default REALMLP_GPU,tuned TABM_GPU,tuned "
    "NN_TORCH,tuned FASTAI,tuned MNCA_GPU,tuned",
)
ZILLA = (
    "LightGBM_default CatBoost_default RandomForest_default LinearModel SVM_default XGBoost_default KNN_default LightGBM "
    "CatBoost RandomForest SVM XGBoost KNN",
    "rtdl_ResNet_default rtdl_MLP_default rtdl_FTTransformer_default MLP_default SAINT_default NODE_default DANet_default "
    "TabNet_default rtdl_ResNet rtdl_MLP rtdl_FTTransformer MLP SAINT NODE DANet",
)


def tables(results: Path) -> Iterator[tuple[str, str, np.ndarray, np.ndarray, float]]:
    """Yield source, metric, the losses of both sides in their order and the test rows of every public table."""
    talent = pd.read_parquet(results / "talent_300x31.parquet")
    talent["loss"] = np.where(talent["metric"] == "accuracy", 1 - talent["mean"], talent["mean"])
    arena = pd.read_parquet(results / "tabarena_lite_51x72.parquet").query("not imputed").copy()
    arena["method"] = arena["method"].str.replace(" (", ",", regex=False).str.rstrip(")")
    zilla = pd.read_parquet(results / "tabzilla_171_tuned_and_default.parquet")
    zilla["loss"] = 1 - zilla["Accuracy__test_mean"]
    zilla["kind"] = "accuracy"
    for source, names, frame, keys, share in (
        ("TALENT", TALENT, talent, ("dataset", "method", "loss", "metric", "n"), 0.2),
        ("TabArena", ARENA, arena, ("dataset", "method", "metric_error", "metric", "num_instances"), 1 / 3),
        ("TabZilla", ZILLA, zilla, ("dataset_name", "alg_name", "loss", "kind", "num_training_inst"), 1.25),
    ):
        for _, of_table in frame.groupby([keys[0], *(["task"] if source == "TALENT" else [])]):
            loss = of_table.drop_duplicates(keys[1]).set_index(keys[1])[keys[2]]
            sides = [loss.reindex(order.split()).dropna().to_numpy(dtype=float) for order in names]
            metric, rows = str(of_table[keys[3]].iloc[0]), share * float(of_table[keys[4]].iloc[0])
            if min(map(len, sides)) and rows > 0:
                yield source, metric, sides[0], sides[1], rows


def margin_of(metric: str, best: float) -> float:
    """Return the default margin."""
    return {"accuracy": 0.01, "roc_auc": 0.005}.get(metric, 0.02 * best)


def noise_of(metric: str, best: float, rows: float) -> float:
    """Return about how much of the loss two alike contenders differ by on so many test rows."""
    spread = {"accuracy": 0.4 * (1 - best) / best, "roc_auc": 0.3 / best}.get(metric, 0.3)
    return float(np.sqrt(spread / rows))


def halves(results: Path) -> pd.DataFrame:
    """Return one row for every half: its lead, the whole's in the same direction, and the chance that was said."""
    rng, found = np.random.default_rng(3), []
    for source, metric, classical, deep, rows in tables(results):
        best = float(min(classical.min(), deep.min()))
        if best <= (LEAST if metric == "accuracy" else 0) or noise_of(metric, best, rows) > NOISE:
            continue
        margin = margin_of(metric, best)
        for k in SIZES:
            if min(len(classical), len(deep)) < 2 * k:
                continue
            for draw in range(DRAWS + 1):
                whole = [side[: 2 * k] if draw == 0 else rng.choice(side, 2 * k, False) for side in (classical, deep)]
                half = [np.sort(side[:k]) for side in whole]
                lead = float(half[0][0] - half[1][0])
                behind, sign = (half[0], 1) if lead > 0 else (half[1], -1)
                p = said(abs(lead), margin, behind[0], behind)
                true = sign * float(whole[0].min() - whole[1].min())
                kind = "in order" if draw == 0 else "at random"
                found.append((source, kind, k, abs(lead) > margin, p, true > margin, true > 0))
    return pd.DataFrame(found, columns=["source", "kind", "k", "leads", "p", "stands", "ahead"])


def said(lead: float, margin: float, loss: float, scores: np.ndarray, *, se: float = 0.0, df: float = np.inf) -> float:
    """Return the chance that the side ahead leads by more than the margin, as `evidence.field` says it; (k,) sorted losses."""
    hangs = scores[1] - scores[0] if len(scores) > 1 else 0.0
    more = np.hypot(OF_LOSS / np.sqrt(len(scores)) * loss, OF_BEST * hangs) ** 2 * FIELD_DF / (FIELD_DF - 2)
    total = se**2 + more
    doubt = 2 * more**2 / (FIELD_DF - 4) + (2 * se**4 / max(df - 4, 0.3) if np.isfinite(df) else 0.0)
    free = 4 + 2 * total**2 / doubt
    p = three_way(lead, float(np.sqrt(total * (free - 2) / free)), margin, free)[0]
    kept = 1 - UNSEEN * float(len(scores) > 1 and scores.std(ddof=1) > lead)
    return kept * p + (1 - kept) / 3


def real(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what becomes of the calls of real runs when the doubt about the field is added to them."""
    count = {"before": 0, "before_true": 0, "now": 0, "now_true": 0}
    for one in lines:
        told, gap = one["verdict"], one["verdict"]["difference"]
        if not gap or "field" in gap or not one["truth"]:
            continue
        sign = 1 if gap["estimate"] > 0 else -1
        side = told["families"]["classical" if sign > 0 else "deep"]
        turned = (lambda x: 1 - x) if told["greater_is_better"] else (lambda x: x)
        scores = np.sort([turned(member["score"]) for member in side["members"]])
        p = said(
            abs(gap["estimate"]), told["margin"], turned(side["score"]), scores, se=gap["se"], df=max(gap["df"], 4.3)
        )
        p *= 1 - UNSEEN * (gap["p_fold_better"] is None)
        before = gap["p_better"] if sign > 0 else gap["p_worse"]
        true = sign * one["truth"]["judged"]["difference"] > told["margin"]
        for name, is_called in (("before", before >= SURE), ("now", p >= SURE)):
            count[name] += is_called
            count[f"{name}_true"] += is_called and true
    return {"kind": "real", **{name: int(value) for name, value in count.items()}}


def cells(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one line for each number of contenders and way of drawing them; every source weighs the same."""
    lines = []
    for (kind, k), drawn in found.groupby(["kind", "k"]):
        among = drawn.assign(w=1 / drawn.groupby("source")["p"].transform("count"))
        line: dict[str, Any] = {"kind": kind, "k": int(k), "halves": len(among)}
        parts = {"every lead": among["leads"], "called": among["p"] >= SURE}
        parts |= {f"{low:g}": (among["p"] >= low) & (among["p"] < high) for low, high in BINS}
        for name, inside in parts.items():
            these = among[inside]
            line[name] = {"of": len(these)} | {
                what: float(np.average(these[what], weights=these["w"])) if len(these) else None
                for what in ("stands", "ahead")
            }
        lines.append(line)
    return lines


def field_table(lines: list[dict[str, Any]]) -> str:
    """Return the section of docs/truth.md."""
    if not lines:
        return ""
    rows = []
    for line in [one for one in lines if one["kind"] != "real"]:
        shares = [_share(line[name]) for name in ("every lead", "called", *(f"{low:g}" for low, _ in BINS))]
        rows.append([line["kind"], line["k"], line["halves"], *shares])
    head = ["contenders", "a side", "halves", "every lead above the margin", "called (95%)", "50 to 80%", "80 to 95%"]
    text = "## Had other contenders been fielded?\n\n" + markdown([*head, "95 to 99%", "above 99%"], rows)
    text += (
        "\n\nIn brackets: of so many how often the side ahead still leads by more than the margin with twice the contenders, and "
        "how often it leads at all. Public results (TALENT, TabArena, TabZilla), no doubt but that about the field."
    )
    runs = next((one for one in lines if one["kind"] == "real"), None)
    if runs:
        text += (
            f"\n\nOf the real runs below {runs['before']} named CLASSICAL or DEEP without this doubt "
            f"({runs['before_true']} true by the best guess); with it {runs['now']} do ({runs['now_true']} true)."
        )
    return text


def _share(one: dict[str, Any]) -> str:
    return f"{one['of']} ({one['stands']:.0%}, {one['ahead']:.0%})" if one["of"] else "0"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT.parent / "shared" / "results")
    args = parser.parse_args()
    runs = [json.loads(line) for line in (OUT.parent / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = [*cells(halves(args.results)), real(runs)]
    OUT.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    print(field_table(lines))


if __name__ == "__main__":
    main()
