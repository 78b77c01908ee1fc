"""From the ledger to the numbers that the diagnosis is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.contest.blend import CUT, standings
from treeline.contest.fitting import cross_fitted
from treeline.contest.probes import ALIKE
from treeline.contest.roster import baselines, cards_of, contending, other_seeds
from treeline.contest.trial import State
from treeline.evidence.diagnosis import Contender, Side, diagnose
from treeline.evidence.noise import Noise, noise_of, shared_error
from treeline.evidence.paired import compare
from treeline.evidence.scale import Scale
from treeline.evidence.scores import cleaned, crossfitted
from treeline.problem.task import Family

if TYPE_CHECKING:
    from collections.abc import Callable

    from treeline.contest.ledger import Ledger
    from treeline.contest.trial import Trial
    from treeline.evidence.scores import Judged, Member
    from treeline.problem.metric import Array, Metric

__all__ = ["ailments"]


def ailments(ledger: Ledger, judged: Judged, verdict: dict[str, Any], findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the diagnosis as plain data, from what the verdict on the same judged rows says."""
    judged = cleaned(judged)
    if not judged.members:
        return diagnose({}, scale=None, margin=0.0, noise=Noise(None, None, "")).to_json()
    trials = {one.name: one.trials for one in standings(ledger)}
    floor = [one for one in standings(ledger, reference=True) if one.name in baselines(ledger)]
    scores = [trial.score for one in floor[:1] for trial in one.trials if trial.score is not None]
    scale = Scale(judged.metric, float(np.mean(scores))) if scores else None
    counts = {code: sum(f["rows"] for f in findings if f["code"] == code) for code in ("D002", "D015")}
    records = max(ledger.head["dataset"].get("with_target", len(ledger.rows()["y"])), 1)
    means = [_mean(judged, judged.of(family)) for family in Family if judged.of(family)]
    consensus = _mean(judged, judged.members)
    noise = noise_of(
        judged.y, consensus, scale, suspects=min(counts["D015"], len(judged.y) // 2),
        conflicts=counts["D002"] / records,
    )  # fmt: skip
    noise = replace(noise, shared=shared_error(judged.y, *means) if len(means) == 2 else None)
    found = _last_doubling(ledger, judged.metric)
    sides = {family: _side(verdict["families"].get(str(family)), trials, found, cards_of(ledger)) for family in Family}
    seeds = {family: _seeds(trials, family, other_seeds(ledger)) for family in Family}
    return diagnose(
        {
            family: replace(side, seeds=seeds[family], stopped=_stopped(ledger, family))
            for family, side in sides.items() if side is not None
        },
        scale=scale, margin=verdict["margin"], noise=noise,
    ).to_json()  # fmt: skip


def _mean(judged: Judged, members: tuple[Member, ...]) -> Array:
    """Return the mean of members' cross-fitted predictions."""
    return np.asarray(np.mean([crossfitted(judged, member) for member in members], axis=0, dtype=np.float64))


def _last_doubling(ledger: Ledger, metric: Metric) -> Callable[[Trial], tuple[float, float] | None]:
    """Return what finds, for a fit on fold 0, what the last doubling of its rows brought, paired by held-out rows."""
    rows = ledger.rows()
    at = np.flatnonzero(rows["fold"] == 0)
    y, half, fold = rows["y"][at], rows["half"][at], rows["fold"][at]
    group = rows["group"][at] if "group" in rows else None

    def found(top: Trial) -> tuple[float, float] | None:
        lower = [one for one in ledger.done() if one.entry == top.entry and one.fold == 0 and one.rung < top.rung]
        below = max(lower, key=lambda one: one.rung, default=None)
        if below is None or below.done < CUT * top.done:  # what the clock kept from it is not what rows bring
            return None
        before, after = (cross_fitted(ledger.predictions(one), half) for one in (below, top))
        told = compare(y, before, after, metric, fold=fold, margin=0.0, group=group)
        share = 1 / max(top.rows / below.rows - 1, 1.0)  # the least: of errors that fall no faster than 1 / n
        known = np.isfinite(told.estimate) and np.isfinite(told.se)
        se = (told.interval[1] - told.interval[0]) / 2 / 1.96  # of one fold: its tails are heavy
        return (told.estimate * share, se * share) if known else None

    return found


def _side(
    told: dict[str, Any] | None,
    trials: dict[str, tuple[Trial, ...]],
    doubled: Callable[[Trial], tuple[float, float] | None],
    cards: dict[str, dict[str, Any]],
) -> Side | None:
    if not told or told["score"] is None:
        return None
    used = [(one["weight"], doubled(trials[one["name"]][0])) for one in told["members"] if one["weight"] > 0]
    gains = [(weight, gain) for weight, gain in used if gain is not None]
    steps = np.average([gain for _, gain in gains], axis=0, weights=[weight for weight, _ in gains]) if gains else None
    return Side(
        score=told["score"],
        se=_of_rows(told),
        contenders=tuple(
            _contender(one, trials[one["name"]], cards) for one in told["members"] if one["name"] in trials
        ),
        doubling=None if steps is None else (float(steps[0]), float(steps[1])),
        unfinished=bool(told["unfinished"]),
    )


def _stopped(ledger: Ledger, family: Family) -> tuple[float, ...]:
    """Return for every fit on all rows that the clock ended the share of its steps that it did; 0 where nothing came of it."""
    standing = {trial.id for trial in ledger.current()}
    top = [trial for trial in contending(ledger, family) if trial.rung == 1.0 and trial.id in standing]
    cut = [trial for trial in top if trial.state is State.TIMEOUT or (trial.state is State.DONE and trial.done < 1.0)]
    return tuple(trial.done if trial.state is State.DONE else 0.0 for trial in cut)


def _seeds(trials: dict[str, tuple[Trial, ...]], family: Family, seeds: dict[str, str]) -> float | None:
    """Return the standard deviation of the score over seeds: from fits on the same rows and folds with two of them.

    `seeds` names by entry with another seed the one that it repeats.
    """
    gaps = [
        float(one.score - other.score)
        for name, of in seeds.items()
        for one in trials.get(name, ())
        for other in trials.get(of, ())
        if one.family is family
        and (one.fold, one.rung) == (other.fold, other.rung)
        and one.score is not None
        and other.score is not None
        and max(one.done, other.done) <= ALIKE * min(one.done, other.done)
    ]
    return float(np.sqrt(np.mean(np.square(gaps)) / 2)) if len(gaps) > 1 else None


def _contender(told: dict[str, Any], trials: tuple[Trial, ...], cards: dict[str, dict[str, Any]]) -> Contender:
    scored = [trial for trial in trials if trial.score is not None]
    return Contender(
        weight=told["weight"],
        held=tuple(float(trial.score or 0.0) for trial in scored),
        train=tuple(trial.train_score for trial in scored),
        se=_of_rows(told) * float(np.sqrt(max(len(scored), 1))),
        memorises=bool(cards.get(trials[0].candidate, {}).get("memorises")),
        done=tuple(trial.done for trial in scored),
        late_gain=tuple(trial.late_gain for trial in scored),
    )


def _of_rows(told: dict[str, Any]) -> float:
    """Return the standard error that rows alone give a score."""
    return float(np.sqrt(max((told["se"] or 0.0) ** 2 - (told.get("luck") or 0.0) ** 2, 0.0)))
