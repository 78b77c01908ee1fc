"""From the ledger to the seven dimensions: plain numbers taken out, handed to evidence. Nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.candidates.media import FULL_EPOCHS
from treeline.contest.blend import held_out
from treeline.contest.cache import transform_of
from treeline.contest.ledger import Ledger
from treeline.contest.opening import encoder_of, prices_of
from treeline.contest.probes import engineered, growth_in_columns
from treeline.contest.roster import cards_of, contending
from treeline.contest.shares import fits_cpu
from treeline.contest.trial import State, Trial
from treeline.evidence.bill import Spent, compute
from treeline.evidence.choice import Procedure
from treeline.evidence.curves import Curve
from treeline.evidence.dimensions import DIMENSIONS, Dimension, accuracy, unmeasured
from treeline.evidence.effort import Fit, data_needed, scalability, training_time
from treeline.evidence.influence import score_of
from treeline.evidence.numbers import number
from treeline.evidence.paired import compare
from treeline.evidence.scores import Judged, crossfitted
from treeline.evidence.slices import by_class, by_slice, calibration_error, cut, cut_levels
from treeline.evidence.surrogate import interpretability, read_off, signal_of
from treeline.evidence.verdict import Verdict
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Family

__all__ = ["Measures"]

SLICED = 5
"Inputs whose slices are looked at: those with the largest single effect on the predictions."


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What the seven dimensions are measured from."""

    ledger: Ledger
    problem: Problem
    judged: Judged
    procedures: Mapping[Family, Procedure]
    verdict: Verdict
    guess: Array | None
    "(m,) or (m, C): what a constant guess predicts for the judged rows."

    def to_json(self) -> list[dict[str, Any]]:
        """Return all seven, in the order in which the field names them."""
        if len(self.procedures) < 2:
            return [unmeasured(name, "only one side competed").to_json() for name in DIMENSIONS]
        floor, metric, fits = self._floor(), self.problem.metric, self._fits()
        fronts = {curve.family: curve for curve in self.verdict.curves if curve.name == curve.family}
        line = self.verdict.treeline
        found = [
            data_needed(fronts, floor, metric),
            compute({family: self._spent(family) for family in Family}),
            engineered(self.ledger, self.problem),
            training_time(fits, self._floor(fold=0), metric),
            self._accuracy(),
            scalability(
                fits, line.doubling if line else {}, columns=growth_in_columns(self.ledger), fewer=self._fewer(fits)
            ),
            self._interpretability(),
        ]
        return [one.to_json() for one in found]

    def _fewer(self, fits: Sequence[Fit]) -> str:
        """Say where nets of media plan fewer epochs the more rows there are, so that their cost grows less than it will."""
        rows = min((fit.rows for fit in fits), default=0)
        known = cards_of(self.ledger)
        media = any(known.get(trial.candidate, {}).get("accepts") for trial in contending(self.ledger))
        if not media or rows >= FULL_EPOCHS:
            return ""
        return (
            f"Below {FULL_EPOCHS:,} rows nets of texts, images and sounds plan fewer epochs the more rows there are: beyond, "
            "their cost grows faster than was seen."
        )

    def _accuracy(self) -> Dimension:
        """The verdict's comparison, where nothing forbids it."""
        told = self.verdict
        if not told.speaks:
            return unmeasured("accuracy", told.because[0].words)
        return accuracy(told.families, told.difference, self._detail(), metric=self.problem.metric.name)

    def _floor(self, fold: int | None = None) -> float | None:
        """Return the constant guess's score on the judged rows, or on those of one fold."""
        if self.guess is None:
            return None
        rows = np.flatnonzero(self.judged.fold == fold) if fold is not None else np.arange(len(self.judged.y))
        found = score_of(self.judged.y[rows], self.guess[rows], self.problem.metric, fold=self.judged.fold[rows])
        return found if np.isfinite(found) else None

    def _fits(self) -> list[Fit]:
        noise = {
            curve.name: max((p.se * len(p.folds) ** 0.5 for p in curve.points), default=0.0)
            for curve in self._members()
        }
        mine = contending(self.ledger)
        walls: dict[str, float] = {}
        for t in mine:
            walls[_job(t)] = walls.get(_job(t), 0.0) + t.wall_s
        return [
            Fit(
                family=t.family, entry=t.entry, rows=t.rows, fold=t.fold, score=t.score if t.state is State.DONE else None,
                se=noise.get(t.entry, 0.0), cpu_s=t.cpu_s, gpu_s=t.gpu_s,
                ended_s=t.started_s + walls[_job(t)],  # the folds of one job end together
                done=t.done if t.state is State.DONE else 0.0,
            )
            for t in mine
        ]  # fmt: skip

    def _members(self) -> Sequence[Curve]:
        return [curve for curve in self.verdict.curves if curve.name != curve.family]

    def _spent(self, family: Family) -> Spent:
        mine = contending(self.ledger, family)
        used = fits_cpu(self.ledger, self.procedures[family])
        stops = self.ledger.of_kind("stop")
        read = [float(stop["joules"]) for stop in stops if stop.get("joules") is not None]
        all_cpu, cpu = sum(trial.cpu_s for trial in self.ledger.trials), sum(trial.cpu_s for trial in mine)
        boards = [t.gpu_j for t in mine if t.gpu_s]
        measured = sum(read) * cpu / max(all_cpu, 1e-9) if stops and len(read) == len(stops) else None
        return Spent(
            cpu_s=cpu, fit_cpu_s=used, peak_mb=max((t.peak_mb for t in mine), default=0.0), gpu_s=sum(t.gpu_s for t in mine),
            vram_mb=max((t.vram_mb for t in mine), default=0.0),
            joules=measured, gpu_joules=None if None in boards else sum(j or 0.0 for j in boards),
            **prices_of(self.ledger), contenders=len(self.judged.of(family)),
        )  # fmt: skip

    def _sample(self) -> tuple[Array, Array, list[str]]:
        """Return for the judged rows in the ledger's sample: their place (k,) among the judged, inputs (k, d), their names."""
        sample = self.ledger.sample()
        if not sample:
            return np.zeros(0, dtype=np.int64), np.zeros((0, 0)), []
        index = held_out(self.ledger.rows()["fold"], len(np.unique(self.judged.fold)))
        place = np.full(int(max(index.max(), sample["index"].max())) + 1, -1)
        place[index] = np.arange(len(index))
        there = place[sample["index"]]
        return (
            there[there >= 0],
            sample["inputs"][there >= 0].astype(np.float64),
            [str(name) for name in sample["names"]],
        )

    def _detail(self) -> dict[str, dict[str, Any]]:
        if not self.problem.task.is_classification:
            found: dict[str, dict[str, Any]] = {str(family): {} for family in Family}
        else:
            classes = self.problem.classes
            found = {}
            for family, made in self.procedures.items():
                told = by_class(self.judged.y, made.prediction, len(classes))
                off = calibration_error(self.judged.y, made.prediction)
                found[str(family)] = {
                    "classes": [one | {"class": str(classes[one["class"]])} for one in told],
                    "calibration_error": off,
                }
        place, inputs, names = self._sample()
        if len(place):
            pair = [self.procedures[family].prediction[place] for family in Family]
            slices = self._slices(inputs, names, self._signal(np.mean(pair, axis=0)))
            group = None if self.judged.group is None else self.judged.group[place]
            told = by_slice(
                self.judged.y[place], (pair[0], pair[1]), self.problem.metric, task=self.problem.task, slices=slices,
                group=group,
            )  # fmt: skip
            for each in found.values():
                each["slices"] = told
        return found

    def _signal(self, prediction: Array) -> Array:
        """Return one number a row for surrogates and slices; of several classes the largest one's log-odds."""
        relative = transform_of(self.problem.metric.name) == "log1p"
        largest = int(np.bincount(self.judged.y.astype(np.int64)).argmax()) if prediction.ndim == 2 else 0
        return signal_of(prediction, probability=self.problem.task.is_classification, relative=relative, of=largest)

    def _slices(self, inputs: Array, names: list[str], signal: Array) -> dict[str, tuple[Array, list[str]]]:
        """Return the slices of those inputs that tell the predictions apart most, in the values of the table."""
        encoder = encoder_of(self.ledger)
        levels = {part.name: part.levels for part in encoder.categories}
        units = {part.name: part for part in encoder.numbers}
        made = {}
        for j, name in enumerate(names):
            part = units.get(name)
            values = inputs[:, j] if part is None else inputs[:, j] * part.scale + part.offset
            code, words = cut_levels(values, levels[name]) if name in levels else cut(values)
            if len(words) > 1:
                means = np.array([signal[code == k].mean() if (code == k).any() else 0.0 for k in range(len(words))])
                shares = np.array([(code == k).mean() for k in range(len(words))])
                made[name] = (float(shares @ (means - signal.mean()) ** 2), (code, words))
        best = sorted(made, key=lambda name: -made[name][0])[:SLICED]
        return {name: made[name][1] for name in best}

    def _interpretability(self) -> Dimension:
        place, inputs, _ = self._sample()
        if not len(place):
            return unmeasured("interpretability", "this ledger holds no inputs of judged rows")
        encoder = encoder_of(self.ledger)
        if encoder.media and not (encoder.numbers or encoder.categories or encoder.dates.first):
            return unmeasured(
                "interpretability", "texts, images and sounds have no columns that a small surrogate could read"
            )
        fold = self.judged.fold[place]
        readings = {
            family: read_off(inputs, self._signal(made.prediction[place]), fold)
            for family, made in self.procedures.items()
        }
        return interpretability(readings, self._glass_box())

    def _glass_box(self) -> dict[str, Any] | None:
        """Return the best glass box among the contenders and what it costs against the best side's procedure."""
        known, metric = cards_of(self.ledger), self.problem.metric
        candidate = {trial.entry: trial.candidate for trial in self.ledger.done()}
        boxes = [m for m in self.judged.members if known.get(candidate.get(m.name, ""), {}).get("glass_box")]
        if not boxes:
            return None
        gap = self.verdict.difference
        best = self.procedures[Family.DEEP if gap and gap.estimate > 0 else Family.CLASSICAL].prediction
        found = [
            (compare(self.judged.y, crossfitted(self.judged, m), best, metric, fold=self.judged.fold, margin=self.problem.margin,
                     group=self.judged.group), m)
            for m in boxes
        ]  # fmt: skip
        cost, member = min(found, key=lambda one: one[0].estimate)
        title = known[candidate[member.name]]["title"]
        low, high = cost.interval
        lost, span = number(abs(cost.estimate)), f"{number(low)} to {number(high)}"
        verb = f"loses {lost} to" if cost.estimate > 0 else f"is {lost} ahead of"
        words = f"{title}, which can be read as it is, {verb} the best side (interval of its loss {span})."
        return {"name": member.name, "title": title, "costs": cost.estimate, "interval": [low, high], "words": words}


def _job(trial: Trial) -> str:
    """Return the job that made a trial: its id without the fold."""
    return trial.id.rpartition("-f")[0]
