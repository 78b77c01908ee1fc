"""What happens inside a worker's child: fit, look, predict, write. Runs once in a process that then ends."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from dataclasses import replace
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
from treeline.machine import gpu_joules
from treeline.problem.metric import METRICS, Array

__all__ = ["cross_fitted", "execute", "late_gain", "look_back", "write_failure"]

LOOK_S = 0.1
"Seconds that a look back at training rows may take, by what predicting the held-out rows took."
MOST_TRAIN, LEAST_TRAIN = 2_000, 100
"Training rows that are looked at; where the time does not suffice for the least, none are."


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
    opened = _open_gpu()
    clock, board = Clock(job.seconds, threads=job.threads), _gpu_meter()
    fitted = card_named(job.candidate).candidate().fit(folds, params, clock=clock, seed=job.seed)
    gpu = {"start_s": opened / len(parts)} | _gpu_use(clock, board, len(parts))
    results: list[dict[str, Any]] = []
    for position, number in enumerate(job.folds):
        train, _, half = parts[position]
        result: dict[str, Any] = {"fold": number, "rows": len(train), **gpu}
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


def _open_gpu() -> float:
    """Open the GPU of a worker that has loaded torch; return the seconds that took: they train nobody, however long a fit is."""
    if "torch" not in sys.modules:
        return 0.0
    from treeline.candidates.deep.device import Device

    began = time.monotonic()
    Device.start()
    return time.monotonic() - began


def _gpu_meter() -> float | None:
    """Return the GPUs' energy counter where this worker has loaded torch; None where there is none to read."""
    return gpu_joules() if "torch" in sys.modules else None


def _gpu_use(clock: Clock, before: float | None, folds: int) -> dict[str, Any]:
    """Return how long this process held a GPU (since the start where one was used at all), its most megabytes there, and the
    joules of its boards; seconds and joules for each of the `folds`. Empty without a GPU.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    after = gpu_joules()
    spent = None if before is None or after is None or after < before else round((after - before) / folds, 1)
    return {"gpu_s": clock.used() / folds, "vram_mb": torch.cuda.max_memory_allocated() / 2**20, "gpu_j": spent}


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
    score = watch.rows.shape.metric.score(watch.rows.target, cross_fitted(kept, half))
    return {"score": score, "steps": watch.steps[2], "predict_s": seconds, "preds_crc": crc_of(kept)}


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
