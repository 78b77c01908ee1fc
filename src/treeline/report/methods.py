"""How it was judged: one paragraph for each method that this run used, with its source; nothing that was not done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from treeline.report.summary import FAMILIES, Summary

__all__ = ["methods"]

SOURCES = {
    "delong": "DeLong, DeLong, Clarke-Pearson. Comparing the areas under correlated ROC curves. Biometrics 44, 1988",
    "rows": "Bayle, Bayle, Janson, Mackey. Cross-validation confidence intervals for test error. NeurIPS 2020",
    "bootstrap": "Efron, Tibshirani. An Introduction to the Bootstrap. 1993",
    "folds": "Benavoli, Corani, Demšar, Zaffalon. Time for a change. JMLR 18, 2017; Nadeau, Bengio. Machine Learning 52, 2003",
    "choice": "Tsamardinos, Greasidou, Borboudakis. Bootstrapping out-of-sample predictions. Machine Learning 107, 2018",
    "blend": "Caruana, Niculescu-Mizil, Crew, Ksikes. Ensemble selection from libraries of models. ICML 2004",
    "bates": "Bates, Hastie, Tibshirani. Cross-validation: what does it estimate? JASA 119, 2024",
    "curves": "Viering, Loog. The shape of learning curves. IEEE TPAMI 45, 2023; Yan, Mohr, Viering. LCDB 1.1. NeurIPS 2025",
    "race": "Bonferroni over the looks, as in Dunn. Multiple comparisons among means. JASA 56, 1961",
    "surrogate": "Molnar, Casalicchio, Bischl. Quantifying interpretability of arbitrary models. ECML PKDD 2019",
    "prior": "TALENT, results on 300 tables; landmarks: Pfahringer, Bensusan, Giraud-Carrier. ICML 2000",
    "wilson": "Wilson. Probable inference. JASA 22, 1927",
    "split": "Roberts et al. Cross-validation strategies for data with temporal or hierarchical structure. Ecography 40, 2017",
    "trust": "Niculescu-Mizil, Caruana. Predicting good probabilities with supervised learning. ICML 2005",
}


def methods(summary: Summary) -> list[dict[str, str]]:
    """Return what was done as `what`, `words` and `source`, in the order of the page."""
    return [{"what": what, "words": words, "source": SOURCES[key]} for what, words, key in _used(summary)]


def _used(summary: Summary) -> Iterator[tuple[str, str, str]]:
    verdict, gap = summary.verdict, summary.verdict["difference"] or {}
    if gap:
        yield from _difference(gap)
        yield "Choosing", _choosing(verdict), "choice"
        yield (
            "Blending",
            "Greedy selection with replacement within each side and across, drawn towards equal weights.",
            "blend",
        )
    if verdict["treeline"] and verdict["treeline"].get("leader"):
        yield from _treeline(verdict["treeline"])
    for line in verdict["caveats"]:
        if "left behind" in line:
            yield "A lost race", f"{line} At most 5% of the sides that are not worse by the margin are lost so.", "race"
    policy = summary.problem["policy"]
    if policy in ("grouped", "time"):
        kept = (
            "whole groups are held out together"
            if policy == "grouped"
            else "later rows are predicted from earlier ones"
        )
        yield (
            "Split",
            f"Random folds would flatter here: {kept}, and intervals count groups or stretches of time.",
            "split",
        )
    yield from _beside(summary)


def _difference(gap: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    method = str(gap.get("method", ""))
    key = "delong" if "DeLong" in method else "bootstrap" if "bootstrap" in method or "resampl" in method else "rows"
    paid = "; ".join(gap.get("corrected_for") or [])
    yield "Difference", f"Rows are paired: {method}." + (f" Allowed for: {paid}." if paid else ""), key
    if gap.get("p_fold_better") is not None:
        yield (
            "Strong",
            "A call is strong only where the posterior over the folds' differences agrees with the rows.",
            "folds",
        )
    yield (
        "What it speaks of",
        "The procedure at the training rows of a fold, averaged over training sets; not one fit.",
        "bates",
    )


def _choosing(verdict: dict[str, Any]) -> str:
    fielded = " and ".join(
        f"{verdict['families'][name]['contenders']} {name}" for name in FAMILIES if verdict["families"][name]
    )
    return f"{verdict['selection'].rstrip('.')}. Fielded: {fielded}."


def _treeline(line: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    at = f" at {line['last']:,} rows" if line.get("last") else ""
    words = f"Five shapes of curves, redrawn with their noise, stacked with who leads{at}; "
    words += "nothing beyond 8 times."
    check = line.get("self_check")
    if check:
        right = "rightly" if check["leader_right"] else "wrongly"
        words += f" Without its last rung this run would have said {right} who leads there (P = {check['p_leader_said']:.2f})."
    yield "Treeline", words, "curves"


def _beside(summary: Summary) -> Iterator[tuple[str, str, str]]:
    known = {one["name"] for one in summary.verdict["dimensions"] if one["odds"]}
    if "interpretability" in known:
        yield (
            "Interpretability",
            "Small surrogates of out-of-fold predictions, judged on rows they were not fitted to.",
            "surrogate",
        )
    if "accuracy" in known and summary.problem["task"] != "regression":
        yield (
            "Classes",
            "Recall by class with Wilson intervals; slices are told with intervals for all slices at once.",
            "wilson",
        )
        yield "Probabilities", "Stated and seen shares in equally filled bins.", "trust"
    if summary.verdict["prior"].get("words"):
        yield (
            "Expectation",
            "A logistic regression on what simple learners reach on at most 2,000 rows; it decides nothing.",
            "prior",
        )
