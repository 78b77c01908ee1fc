"""What happens inside a worker's child: fit, look, predict, write. Runs once in a process that then ends."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from treeline.candidates.card import Clock, Fitted, Fold, Rows, Watch
from treeline.candidates.registry import card_named
from treeline.contest.cache import Cache, transform_of
from treeline.contest.field import FEWER, PLAIN
from treeline.contest.job import Job
from treeline.contest.ledger import crc_of, durable, write_state
from treeline.data.splits import ALL
from treeline.evidence.influence import measure
from treeline.evidence.paired import spread_of
from treeline.machine import gpu_joules
from treeline.problem.metric import METRICS, Array, Metric

__all__ = ["cross_fitted", "execute", "late_gain", "look_back", "write_failure"]

LOOK_S = 0.1
"Seconds that a look back at training rows may take, by what predicting the held-out rows took."
MOST_TRAIN, LEAST_TRAIN = 2_000, 100
"Training rows that are looked at; where the time does not suffice for the least, none are."
DRAWS = 50
"Of the bootstrap, for the standard error of a score that no formula gives."


class LogWatch(Watch):
    """A watch over fits whose target is log1p-transformed: judges on the user's scale."""

    def see(self, step: int, prediction: Array) -> bool:
        """Undo the transform, then look."""
        return super().see(step, back("log1p", prediction))


def back(transform: str, prediction: Array) -> Array:
    """Return predictions (n,) on the user's scale."""
    if transform == "log1p":
        return np.asarray(np.expm1(np.clip(prediction, 0.0, 60.0)))
    return prediction


def cross_fitted(kept: Array, half: Array) -> Array:
    """Return (m,) or (m, C) predictions in which each half is judged at the step that the other half chose."""
    turned: Array = kept[0].copy()
    turned[half == 0] = kept[1][half == 0]
    return turned


def execute(job: Job, out: Path) -> None:
    """Fit the job's folds; write predictions, models and, last, the result."""
    _prepare(job)
    cache = Cache(out / "cache")
    transform = transform_of(cache.shape().metric.name)
    if job.folds == (ALL,):
        _write_result(job, out, {"trials": [_fit_all(job, out, cache.every(), transform)]})
        return
    views = {PLAIN: cache.plain, FEWER: cache.narrow}
    view = next((view for name, view in views.items() if job.params.get(name)), None)
    params = {name: value for name, value in job.params.items() if name not in views}
    parts = [cache.fold(fold, job.rung, view=view) for fold in job.folds]
    watches = [_watch(test, half, transform) for _, test, half in parts]
    folds = [Fold(_for_fit(train, transform), watch) for (train, _, _), watch in zip(parts, watches, strict=True)]
    gpu = Gpu.opened(job)
    clock = Clock(job.seconds, threads=job.threads)
    fitted = card_named(job.candidate).candidate().fit(folds, params, clock=clock, seed=job.seed)
    used = gpu.bill(clock, len(parts))
    results: list[dict[str, Any]] = []
    for position, number in enumerate(job.folds):
        train, _, half = parts[position]
        result: dict[str, Any] = {"fold": number, "rows": len(train), **used}
        result |= _judge(
            out / "ledger" / "preds" / f"{job.trial_id(number)}.npy", fitted[position], watches[position], half
        )
        result |= look_back(
            fitted[position], train, job.seed, result["predict_s"] / max(len(watches[position].rows), 1)
        )
        result["late_gain"] = late_gain(watches[position].history)
        arrays, meta = fitted[position].state()
        share = watches[position].done
        result |= {"done": share, "reason": f"stopped by the clock after {share:.0%} of its steps" if share < 1 else ""}
        result["model_bytes"] = write_state(out / "models" / f"{job.trial_id(number)}.safetensors", arrays, meta)
        results.append(result)
    _write_result(job, out, {"trials": results})


def _fit_all(job: Job, out: Path, every: Rows, transform: str) -> dict[str, Any]:
    """Fit once on all rows, for as many steps as the settings say; write the model."""
    clock = Clock(job.seconds, threads=job.threads)
    (fitted,) = (
        card_named(job.candidate)
        .candidate()
        .fit([Fold(_for_fit(every, transform))], job.params, clock=clock, seed=job.seed)
    )
    arrays, meta = fitted.state()
    size = write_state(out / "models" / f"{job.trial_id(ALL)}.safetensors", arrays, meta)
    return {"fold": ALL, "rows": len(every), "steps": job.params.get("steps", 0), "model_bytes": size}


def _prepare(job: Job) -> None:
    warnings.simplefilter("ignore")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(job.threads)
    np.random.seed(job.seed % 2**32)


def _for_fit(train: Rows, transform: str) -> Rows:
    """Return the training rows as candidates see them: for relative errors, the logarithm of the target and its plain error."""
    if transform != "log1p":
        return train
    shape = replace(train.shape, metric=METRICS["root_mean_squared_error"])
    return replace(train, shape=shape, y=np.log1p(train.target))


def _watch(test: Rows, half: Array, transform: str) -> Watch:
    return LogWatch(test, half) if transform == "log1p" else Watch(test, half)


@dataclass(slots=True)
class Gpu:
    """The GPU of a job whose candidate trains on one: opened before the job's clock begins, then on the bill."""

    uuid: str = ""
    "Of the board; empty where there is none."
    start_s: float = 0.0
    before_j: float | None = None

    @classmethod
    def opened(cls, job: Job) -> Gpu:
        """Open it: that trains nobody, so it is no part of the time of a fit, however long that takes."""
        torch = sys.modules.get("torch")
        if torch is None or not card_named(job.candidate).trains_on_gpu or not torch.cuda.is_available():
            return cls()
        from treeline.candidates.deep.device import Device

        began = time.monotonic()
        Device.start()
        uuid = f"GPU-{getattr(torch.cuda.get_device_properties(torch.cuda.current_device()), 'uuid', '')}"
        return cls(uuid, time.monotonic() - began, gpu_joules(uuid))

    def bill(self, clock: Clock, folds: int) -> dict[str, Any]:
        """Return what each of the job's folds used: wall seconds, the most megabytes, joules (of whoever used the board)."""
        if not self.uuid:
            return {}
        after = gpu_joules(self.uuid)
        known = self.before_j is not None and after is not None and after >= self.before_j
        return {
            "gpu_s": (self.start_s + clock.used()) / folds,
            "gpu_j": round(((after or 0.0) - (self.before_j or 0.0)) / folds, 1) if known else None,
            "vram_mb": sys.modules["torch"].cuda.max_memory_allocated() / 2**20,
            "start_s": self.start_s,
        }


def _judge(path: Path, model: Fitted, watch: Watch, half: Array) -> dict[str, Any]:
    """Check and write the held-out predictions; return what they say."""
    kept = watch.kept()
    began = time.monotonic()
    given = back(transform_of(watch.rows.shape.metric.name), model.predict(watch.rows))
    seconds = time.monotonic() - began
    if not (np.isfinite(kept).all() and np.isfinite(given).all()):
        raise ValueError("the predictions hold NaN or infinite values")
    kept[2] = given
    with durable(path) as temporary:
        np.save(temporary, kept, allow_pickle=False)
    said, y, metric = cross_fitted(kept, half), watch.rows.target, watch.rows.shape.metric
    score, se = metric.score(y, said), spread(y, said, metric)
    return {"score": score, "se": se, "steps": watch.steps[2], "predict_s": seconds, "preds_crc": crc_of(kept)}


def spread(y: Array, prediction: Array, metric: Metric) -> float | None:
    """Return the standard error of a score over its rows; None where it has none.

    So few draws and rows, where a metric needs draws, that a contest can pay for them.
    """
    seen = len(y) if len(y) <= MOST_TRAIN else MOST_TRAIN
    rows = np.random.default_rng(0).permutation(len(y))[:seen]
    measured = measure(y[rows], (prediction[rows],), metric, fold=np.zeros(seen, np.int64), draws=DRAWS)[0]
    se = spread_of(None, measured, None)[0] * float(np.sqrt(seen / len(y)))
    return se if np.isfinite(se) else None


def look_back(model: Fitted, train: Rows, seed: int, second_per_row: float) -> dict[str, Any]:
    """Return the kept model's `train_score` on training rows drawn at random, as many as `LOOK_S` pays for; empty for too few.

    `second_per_row` is what predicting one row took.
    """
    count = min(MOST_TRAIN, len(train), int(LOOK_S / max(second_per_row, 1e-9)))
    if count < min(LEAST_TRAIN, len(train)):
        return {}
    rows = train.take(np.sort(np.random.default_rng(seed).choice(len(train), count, replace=False)))
    metric = train.shape.metric
    score = metric.score(rows.target, back(transform_of(metric.name), model.predict(rows)))
    return {"train_score": score if np.isfinite(score) else None}


def late_gain(history: list[tuple[int, float]]) -> float | None:
    """Return how much lower the best loss is than the best of the first half of the steps; None without steps to halve."""
    seen = [(step, loss) for step, loss in history if np.isfinite(loss)]
    early = [loss for step, loss in seen if step <= history[-1][0] / 2]
    return float(min(early) - min(loss for _, loss in seen)) if early and len(seen) > 2 else None


def write_failure(job: Job, out: Path, error: Exception) -> None:
    """Write why the job failed, in one line of at most 500 characters."""
    text = " ".join(str(error).split())
    _write_result(job, out, {"error": f"{type(error).__name__}: {text}"[:500]})
    import traceback

    traceback.print_exception(error)


def _write_result(job: Job, out: Path, content: dict[str, Any]) -> None:
    with durable(out / "cache" / "results" / f"{job.id}.json") as path:
        path.write_text(json.dumps(content), encoding="utf-8")
