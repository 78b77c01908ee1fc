"""What the probes say: the same contender with less to look at, once a family, and what that cost or saved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from treeline.contest.fitting import cross_fitted
from treeline.contest.opening import encoder_of
from treeline.contest.roster import cards_of, entries_of, probes_of, says
from treeline.evidence.dimensions import Dimension, Gain, engineering, unmeasured
from treeline.evidence.effort import STARTUP
from treeline.evidence.paired import compare

if TYPE_CHECKING:
    from treeline.contest.ledger import Ledger
    from treeline.contest.trial import Entry, Trial
    from treeline.problem.problem import Problem
    from treeline.problem.task import Family

__all__ = ["engineered", "growth_in_columns"]

ALIKE = 1.25
"Fits that the clock let do shares of their steps within this factor compare."


def engineered(ledger: Ledger, problem: Problem) -> Dimension:
    """Return what typed and derived inputs gain over plain ones."""
    if not says(ledger, "probe") or (not says(ledger, "again") and encoder_of(ledger).media):
        return unmeasured("engineering", "this ledger is older than that measurement")
    probes = [entry for entry in probes_of(ledger).values() if entry.probe == "plain"]
    known, whose = cards_of(ledger), {entry.name: entry.candidate for entry in entries_of(ledger)}
    raw = [whose[one.of] for one in probes if whose[one.of] != one.candidate]
    media = known[raw[0]]["accepts"][0] if raw else ""
    if not probes:
        why = "the first contender cannot do without" if encoder_of(ledger).media else "every input is a plain number"
        return unmeasured("engineering", f"{why}, so there is nothing to compare")
    rows = ledger.rows()
    inside = rows["fold"] == 0
    half, group, gains, count = rows["half"][inside], rows.get("group"), {}, 0
    for probe in probes:
        pair = _pair(ledger, probe)
        if pair is None:
            continue
        kept = [cross_fitted(ledger.predictions(trial), half) for trial in pair]
        gap = compare(
            rows["y"][inside], kept[0], kept[1], problem.metric, fold=rows["fold"][inside],
            margin=problem.margin, group=None if group is None else group[inside],
        )  # fmt: skip
        gains[pair[1].family] = Gain(gap.estimate, gap.scale, gap.df, known[pair[1].candidate]["title"])
        count = pair[0].rows
    return engineering(gains, problem.margin, rows=count, media=media)


def growth_in_columns(ledger: Ledger) -> dict[Family, tuple[float, str]]:
    """Return by family the exponent of CPU seconds in columns and the contender's title, from one fit on half of them."""
    found: dict[Family, tuple[float, str]] = {}
    probes = [entry for entry in probes_of(ledger).values() if entry.probe == "half"]
    if not probes:
        return found
    encoder = encoder_of(ledger)
    wide = len(encoder.num_names) + len(encoder.cat_names)
    few = (len(encoder.num_names) + 1) // 2 + (len(encoder.cat_names) + 1) // 2
    for probe in probes:
        pair = _pair(ledger, probe)
        if pair is None or min(trial.cpu_s for trial in pair) < STARTUP or few >= wide:
            continue
        less, whole = (trial.cpu_s / trial.done for trial in pair)
        power = math.log(whole / less) / math.log(wide / few)
        found[pair[1].family] = (power, cards_of(ledger)[pair[1].candidate]["title"])
    return found


def _pair(ledger: Ledger, probe: Entry) -> tuple[Trial, Trial] | None:
    """Return a probe's fit and that of the entry it is held against, on the same rows; None where the clock spoiled it."""
    done = {(trial.entry, trial.rung): trial for trial in ledger.done() if trial.fold == 0}
    less = next((trial for (name, _), trial in done.items() if name == probe.name), None)
    whole = done.get((probe.of, less.rung)) if less else None
    if less is None or whole is None or max(less.done, whole.done) > ALIKE * min(less.done, whole.done):
        return None  # what the clock took from either is not what the inputs gave
    return less, whole
