"""Claims on who scores better: on all tables, on small ones, along the rows, on wrong labels."""

from __future__ import annotations

import math

import numpy as np
from claims_stats import (
    Row,
    Runs,
    curve,
    duel,
    effect,
    factor,
    figure,
    pairs,
    ranged,
    reached,
    share,
    sided,
    sides,
    spent,
    told,
    turned,
    word_of_effect,
    word_of_share,
)

FOUR = ("linear", "random_forest", "extra_trees", "lightgbm", "catboost", "xgboost")
THOUSANDS = 10_000
BOOSTED = ("lightgbm", "catboost", "xgboost")


def rows(runs: Runs) -> list[Row | None]:
    """Return what these runs tell; None where no run speaks of a claim."""
    whole = [run for run in runs if run["arm"] == "whole"]
    return [
        _below(whole, 500_000, 0.5, "Trees beat nets on most tables below 500,000 rows"),
        _below(whole, 100_000, 0.9, "Trees almost always beat nets below 100,000 rows"),
        _pair(whole, "catboost", "mlp", "Boosting beats a plain net", "CatBoost alone, MLP alone, default settings"),
        _pair(
            whole,
            "catboost",
            "realmlp",
            "Boosting beats a modern net",
            "CatBoost alone, RealMLP alone, default settings",
        ),
        _small(runs),
        _fewer(whole),
        _orders(whole),
        _thousands(whole),
        _scaling(whole),
        _covered(whole, "best boosted", BOOSTED, 0.5, "Try boosting first on any table"),
        _covered(whole, "best four", FOUR, 0.8, "Linear models, forests and boosting cover 80 % of cases"),
        _noise(runs),
    ]


def _below(whole: Runs, most: int, above: float, claim: str) -> Row | None:
    gaps = sides([run for run in whole if run["rows"] < most])
    if not gaps:
        return None
    found = duel(gaps)
    kinds = {
        "regression": lambda run: run["task"] == "regression",
        "labels": lambda run: run["task"] != "regression",
        "below 3,000 rows": lambda run: run["rows"] < 3000,
        "3,000 to 10,000": lambda run: 3000 <= run["rows"] < 10_000,
        "10,000 and more": lambda run: run["rows"] >= 10_000,
        "one net judged": lambda run: run["families"]["deep"]["contenders"] == 1,
        "two or more nets judged": lambda run: run["families"]["deep"]["contenders"] > 1,
    }
    by = []
    for name, fits in kinds.items():
        some = duel([(gap, run) for gap, run in gaps if fits(run)])
        by.append(f"{name} {some['k']} of {some['n']}")
    text = f"{told(found, 'The classical side', 'deep learning')} Lead of the classical side by kind: {', '.join(by)}."
    alone = pairs([run for _, run in gaps], "boosted deep")
    if alone:
        text += f" LightGBM and CatBoost alone led the whole deep side on {share(duel(alone)['k'], len(alone))}."
    text += f" Read as: on more than {100 * above:.0f} % of tables the classical side has the better score."
    return Row(
        claim=claim,
        word=word_of_share(found["k"], found["n"], above, split=found["split"]),
        number=share(found["k"], found["n"]),
        cost=spent(run for _, run in gaps),
        how="both sides as procedures: a blend of what fits into the limit",
        text=text,
    )


def _pair(whole: Runs, first: str, second: str, claim: str, how: str) -> Row | None:
    gaps = pairs(whole, f"{first} {second}")
    if not gaps:
        return None
    found = duel(gaps)
    return Row(
        claim=claim,
        word=word_of_share(found["k"], found["n"], 0.5, split=found["split"]),
        number=share(found["k"], found["n"]),
        cost=spent((run for _, run in gaps), (first, second)),
        how=how,
        text=f"{told(found, 'CatBoost', 'the net')} Only tables where both were judged on the same folds count.",
    )


def _small(runs: Runs) -> Row | None:
    gaps = sides([run for run in runs if run["rows"] < 1000 and run["arm"] in ("whole", "small")])
    if not gaps:
        return None
    found, cut = duel(gaps), sum(run["arm"] == "small" for _, run in gaps)
    return Row(
        claim="Nets lose on small tables (below 1,000 rows)",
        word=word_of_share(found["k"], found["n"], 0.5, split=found["split"]),
        number=share(found["k"], found["n"]),
        cost=spent(run for _, run in gaps),
        how="small tables, and 800 rows of larger ones",
        text=f"{told(found, 'The classical side', 'deep learning')} {cut} of them are samples of larger tables. All "
        "nets were trained from scratch; pretrained nets, which are made for such tables, were not here.",
    )


def _fewer(whole: Runs) -> Row | None:
    """The lead of the classical side at the rung nearest 1,000 rows against its lead at the top of the same table."""
    leads, used = [], []
    for run in whole:
        (xc, yc), (xd, yd) = curve(run, "classical"), curve(run, "deep")
        common = np.intersect1d(xc, xd)
        if len(common) < 2 or common[-1] < 2000:
            continue
        at = common[np.argmin(np.abs(np.log(common / 1000)))]
        low, top = (float(yc[xc == x][0] - yd[xd == x][0]) / run["margin"] for x in (at, common[-1]))
        leads.append((low, top))
        used.append(run)
    if len(used) < 2:
        return None
    change = effect([low - top for low, top in leads])
    low, top = (sum(one[place] > 0 for one in leads) for place in (0, 1))
    return Row(
        claim="The fewer the rows, the more trees lead",
        word=word_of_effect(change, len(used)),
        number=f"{ranged(change, ' margins')}",
        cost=spent(used),
        how="learning curves: lead near 1,000 rows less lead at the top",
        text="From the rung nearest 1,000 training rows to the largest common one the lead of the classical side "
        f"fell by {ranged(change)} margins (mean of {len(used)} tables). It had the better score on {low} of "
        f"{len(used)} at the low rung and on {top} at the top. Low rungs are scored on one fold, so a single table says little.",
    )


def _orders(whole: Runs) -> Row | None:
    """Rows that the deep side needs for what the classical side scores on its lowest rung, and on a quarter of the rows."""
    ratios, never, late, used = [], 0, 0, []
    for run in whole:
        (xc, yc), (xd, yd) = curve(run, "classical"), curve(run, "deep")
        if len(xc) < 3 or len(xd) < 2 or xc[-1] / xc[0] < 7.5:
            continue
        used.append(run)
        never += reached(xd, yd, yc[0]) is None
        at = int(np.argmin(np.abs(np.log(4 * xc / xc[-1]))))
        need = reached(xd, yd, yc[at])
        late += need is None
        ratios.append((need or xd[-1]) / xc[at])
    if len(used) < 2:
        return None
    times, n = factor(ratios), len(used)
    return Row(
        claim="Nets need orders of magnitude more rows",
        word=word_of_share(never, n, 0.5),
        number=f"{share(never, n)} need 8 times; mean factor {ranged(times)}",
        cost=spent(used),
        how="learning curves of both sides",
        text=f"On {share(never, n)} tables the deep side with all its rows had not reached what the classical side "
        "has on an eighth of them or less. For the score that the classical side has on a quarter of the rows it "
        f"needed {ranged(times)} times as many rows (geometric mean; {late} of {n} never got there and count with "
        "all their rows, so this is a lower limit). Read as: on most tables eight times or more; a table's ladder "
        "does not show larger factors.",
    )


def _thousands(whole: Runs) -> Row | None:
    both = sided([run for run in whole if 0.8 * run["rows"] > THOUSANDS], "data")
    if len(both) < 2:
        return None
    k, n, ratio = sum(c < THOUSANDS for c, _, _ in both), len(both), factor([d / c for c, d, _ in both])
    classical, deep = (figure(x) for x in (np.median([c for c, _, _ in both]), np.median([d for _, d, _ in both])))
    return Row(
        claim="Classical models do well with thousands of rows",
        word=word_of_share(k, n, 0.5),
        number=share(k, n),
        cost=spent(run for *_, run in both),
        how="rows to 95 % of today's gain, tables that train on more than 10,000",
        text=f"On {share(k, n)} tables fewer than 10,000 rows gave the classical side 95 % of what it gains over a "
        f"constant guess with all rows (median {classical} rows). For nets it was a median of {deep}, "
        f"{ranged(ratio)} times the rows, each side to 95 % of its own gain.",
    )


def _scaling(whole: Runs) -> Row | None:
    gains = []
    for run in whole:
        each = (run["treeline"] or {}).get("doubling") or {}
        if len(each) == 2:
            gains.append((each["classical"]["gain"] / run["margin"], each["deep"]["gain"] / run["margin"], run))
    if len(gains) < 2:
        return None
    lead = effect([d - c for c, d, _ in gains])
    classical, deep = (ranged(effect([one[side] for one in gains])) for side in (0, 1))
    return Row(
        claim="Nets gain more from more rows than trees",
        word=word_of_effect(lead, len(gains)),
        number=ranged(lead, " margins"),
        cost=spent(run for *_, run in gains),
        how="what twice the rows would gain, from the learning curves",
        text=f"Twice the rows are expected to gain the deep side {deep} margins and the classical side {classical} "
        f"(means of {len(gains)} tables); the difference is {ranged(lead)}. Both are read off curves of a few rungs "
        "and were not checked on new rows.",
    )


def _covered(whole: Runs, name: str, candidates: tuple[str, ...], above: float, claim: str) -> Row | None:
    gaps = pairs(whole, name)
    if not gaps:
        return None
    k, n = sum(gap["estimate"] >= -run["margin"] for gap, run in gaps), len(gaps)
    sure = sum(gap["p_worse"] <= 0.05 for gap, _ in gaps)
    ours = sum(fit["cpu_s"] for _, run in gaps for fit in run["fits"].values() if fit["candidate"] in candidates)
    every = sum(fit["cpu_s"] for _, run in gaps for fit in run["fits"].values())
    return Row(
        claim=claim,
        word=word_of_share(k, n, above),
        number=f"{share(k, n)} within the margin of the best",
        cost=spent((run for _, run in gaps), candidates),
        how="a blend of these alone against the better side",
        text="A blend of those of them that competed was within the margin of the better side, or ahead of it, on "
        f"{share(k, n)} tables (95 % sure on {sure}), for {100 * ours / every:.0f} % of the CPU time of all fits. Read "
        f"as: on more than {100 * above:.0f} % of tables nothing more is needed. The tables here are no sample of the "
        "cases in the world.",
    )


def _noise(runs: Runs) -> Row | None:
    base = {run["table"]: run for run in runs if run["arm"] == "whole"}
    falls, words, used = [], [], []
    for run in runs:
        clean, whole = run.get("clean") or {}, base.get(run["table"])
        if run["arm"] != "dirty" or "pair" not in clean or whole is None or whole["seconds"] != run["seconds"]:
            continue
        fall, doubt = [], []
        for side in ("classical", "deep"):
            before, after = whole["families"][side], clean[side]
            fall.append((turned(run, before["score"]) - turned(run, after["score"])) / whole["margin"])
            doubt.append(
                1.96 * math.hypot((before["interval"][1] - before["interval"][0]) / 3.92, after["se"]) / whole["margin"]
            )
        falls.append(fall)
        words.append(
            f"{run['table']} classical {fall[0]:.1f} (± {doubt[0]:.1f}), deep {fall[1]:.1f} (± {doubt[1]:.1f})"
        )
        used += [run, whole]
    if len(falls) < 2:
        return None
    lead = effect([d - c for c, d in falls])
    return Row(
        claim="Wrong labels hurt nets more than trees",
        word=word_of_effect(lead, len(falls)),
        number=ranged(lead, " margins"),
        cost=spent(used),
        how="a fifth of the labels turned before training, judged on the true ones",
        text=f"Margins lost against the run on true labels: {'; '.join(words)}. Nets lost {ranged(lead)} more. So "
        "few tables carry no verdict.",
    )
