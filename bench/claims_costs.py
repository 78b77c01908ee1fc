"""Claims on what a side costs: computing, time, hand work, trust, and what can be understood."""

from __future__ import annotations

import numpy as np
from claims_stats import (
    Row,
    Runs,
    duel,
    effect,
    factor,
    figure,
    middles,
    pairs,
    ranged,
    share,
    sided,
    sides,
    spent,
    word_of_effect,
    word_of_factor,
    word_of_share,
)

NETS = ("mlp", "realmlp", "tabm", "transformer")
BOOSTED = ("lightgbm", "catboost")
GLASS = ("ebm", "linear", "decision_tree", "naive_bayes")
QUICK = 10.0
"CPU seconds of a fit that takes 'seconds'."


def rows(runs: Runs) -> list[Row | None]:
    """Return what these runs tell; None where no run speaks of a claim."""
    whole = [run for run in runs if run["arm"] == "whole"]
    return [
        _cost(whole),
        _quick(whole, ("random_forest",), "A random forest trains fast on a CPU", "a random forest"),
        _quick(whole, BOOSTED, "Boosting trains on a laptop in seconds", "the slower of LightGBM and CatBoost"),
        _waste(whole),
        _reliable(whole),
        _engineering(whole),
        _readable(whole),
        _glass(whole),
    ]


def _fits(run: dict, candidates: tuple[str, ...], which: str) -> list[float]:
    """Return the mean CPU seconds of a fit on all training rows, a number for each candidate's first setting."""
    return [float(np.mean(fit[which])) for name, fit in run["fits"].items() if name in candidates and fit[which]]


def _cost(whole: Runs) -> Row | None:
    used = [run for run in whole if _fits(run, NETS, "full_cpu_s") and _fits(run, BOOSTED, "full_cpu_s")]
    if len(used) < 2:
        return None
    ratios = [np.mean(_fits(run, NETS, "full_cpu_s")) / np.mean(_fits(run, BOOSTED, "full_cpu_s")) for run in used]
    times, n = factor(ratios), len(used)
    both = sided(whole, "compute")
    blend = factor([d / c for c, d, _ in both])
    return Row(
        claim="Trees need less computing than nets",
        word=word_of_factor(times, n),
        number=ranged(times, " times"),
        cost=spent(used, (*NETS, *BOOSTED)),
        how="CPU seconds of one fit: mean of the nets over mean of LightGBM and CatBoost",
        text=f"One fit of a net on all training rows took {ranged(times)} times the CPU seconds of one fit of "
        f"boosting (geometric mean of {n} tables; dearer on {sum(r > 1 for r in ratios)}; fits that the clock ended "
        "are counted at what the whole plan would take). But one fit of all that a side's blend uses, forests and "
        f"EBM included, differed by {ranged(blend)} times only: what a side costs depends on what it fields.",
    )


def _quick(whole: Runs, candidates: tuple[str, ...], claim: str, who: str) -> Row | None:
    found = [max(each) for run in whole if (each := _fits(run, candidates, "full_cpu_s"))]
    if not found:
        return None
    k, n = sum(one < QUICK for one in found), len(found)
    return Row(
        claim=claim,
        word=word_of_share(k, n, 0.5),
        number=f"{share(k, n)} below {QUICK:g} s",
        cost=spent(whole, candidates),
        how=f"CPU seconds of one fit of {who}",
        text=f"One fit of {who} on one fold's training rows took less than {QUICK:g} CPU seconds on {share(k, n)} "
        f"tables (median {figure(np.median(found))} s, largest {figure(max(found))} s). This is a fit with given "
        "settings; to choose settings takes as many fits as are tried.",
    )


def _waste(whole: Runs) -> Row | None:
    gaps = sides(whole)
    if not gaps:
        return None
    k, n, both = sum(gap["estimate"] < -run["margin"] for gap, run in gaps), len(gaps), sided(whole, "time")
    text = (
        f"Within the limit the deep side was behind by more than the margin on {share(k, n)} tables, level or ahead "
        f"on the other {n - k}."
    )
    if both:
        classical, deep = (figure(x) for x in middles(both))
        text += (
            f" To 95 % of its own final gain it took a median of {deep} CPU seconds, search included, the classical "
            f"side {classical}."
        )
    return Row(
        claim="Training nets without a GPU is a waste of time",
        word=word_of_share(k, n, 0.5),
        number=f"{share(k, n)} behind",
        cost=spent(run for _, run in gaps),
        how="two CPU cores, equal shares of the limit for both sides",
        text=f"{text} Read as: on most tables they do not get level. This says nothing of large nets for text or "
        "images.",
    )


def _reliable(whole: Runs) -> Row | None:
    used = [run for run in whole if len(run["spread"]) == 2 and min(run["spread"].values()) > 0]
    if len(used) < 2:
        return None
    times = factor([run["spread"]["deep"] / run["spread"]["classical"] for run in used])
    return Row(
        claim="Trees are more reliable than nets",
        word=word_of_factor(times, len(used)),
        number=ranged(times, " times"),
        cost=spent(used),
        how="standard deviation of the score over folds, deep over classical",
        text=f"Over folds the deep side's score varied {ranged(times)} times as much as the classical one's "
        f"(geometric mean of {len(used)} tables with two or more judged folds). Much of it comes from the rows of a "
        "fold, which both share; seeds were not varied alone.",
    )


def _engineering(whole: Runs) -> Row | None:
    both = [(c / run["margin"], d / run["margin"], run) for c, d, run in sided(whole, "engineering")]
    if len(both) < 2:
        return None
    lead = effect([c - d for c, d, _ in both])
    classical, deep = (ranged(effect([one[side] for one in both])) for side in (0, 1))
    return Row(
        claim="Trees need engineered features, nets do not",
        word=word_of_effect(lead, len(both)),
        number=ranged(lead, " margins"),
        cost=spent(run for *_, run in both),
        how="first contender of each side with typed and derived inputs, and with plain numbers",
        text=f"Typed and derived inputs in place of plain numbers gained the classical contender {classical} "
        f"margins and the net {deep} (means of {len(both)} tables whose inputs are not all plain numbers; one fold, "
        f"one rung). Trees gained {ranged(lead)} more. These are inputs that Treeline makes by itself; what an "
        "expert makes by hand was not tested.",
    )


def _readable(whole: Runs) -> Row | None:
    both = sided(whole, "interpretability")
    if len(both) < 2:
        return None
    lead, n = effect([c - d for c, d, _ in both]), len(both)
    added = sided(whole, "interpretability", lambda side: side["detail"]["additivity"])
    trees, nets = (100 * float(np.mean([one[side] for one in added])) for side in (0, 1))
    return Row(
        claim="Tree ensembles can be explained, nets cannot",
        word=word_of_effect(lead, n),
        number=ranged(lead, " points of 100"),
        cost=spent(run for *_, run in both),
        how="how well small surrogates stand for each side's predictions (index 0 to 100)",
        text=f"The index of the classical side was higher by {ranged(lead)} points (mean of {n} tables; 5 points "
        f"count as a difference on one). An additive model explained {trees:.0f} % of its predictions and "
        f"{nets:.0f} % of those of nets. Both sides are blends, so this compares black boxes; what can be read as "
        "it is stands in the next line.",
    )


def _glass(whole: Runs) -> Row | None:
    gaps = pairs(whole, "best glass")
    if not gaps:
        return None
    found = duel(gaps)
    within = sum(gap["estimate"] >= -run["margin"] for gap, run in gaps)
    text = (
        f"The best glass boxes lost {ranged(found['lead'])} margins to the better side's blend (mean of "
        f"{found['n']} tables that had one; median {figure(found['middle'])}) and were within the margin on "
        f"{share(within, found['n'])}. A part of that is blending, which costs a reader too."
    )
    for name, title in (("lightgbm", "LightGBM"), ("catboost", "CatBoost"), ("random_forest", "A random forest")):
        one = duel(pairs(whole, f"{name} ebm"))
        if one["n"]:
            text += (
                f" {title} alone led EBM alone on {share(one['k'], one['n'])} tables, clearly on {one['clear'][0]}; "
                f"EBM led clearly on {one['clear'][2]}."
            )
    return Row(
        claim="Interpretability costs accuracy",
        word=word_of_effect(found["lead"], found["n"]),
        number=ranged(found["lead"], " margins"),
        cost=spent((run for _, run in gaps), GLASS),
        how="glass boxes (EBM, linear) against the better side",
        text=text,
    )
