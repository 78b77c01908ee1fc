"""How the delivered model errs on rows it was not trained on: by class, by size of error, and in its probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from treeline.evidence.slices import wilson
from treeline.problem.metric import Array, labels
from treeline.problem.problem import Problem

__all__ = ["diagnose"]

BINS = 10
SHOWN_CLASSES = 30
"Above this many classes the table lists the largest and the confusion matrix is left out."
SAMPLE = 400


def diagnose(problem: Problem, y: Array, prediction: Array) -> dict[str, Any] | None:
    """Return plain data on the errors, or None where no row has a finite truth and prediction.

    `y` (m,) and `prediction` (m,) or (m, C) are the delivered model's, cross-fitted.
    """
    y = np.asarray(y, dtype=np.float64)
    prediction = np.asarray(prediction, dtype=np.float64)
    if len(y) != len(prediction):
        return None
    finite = np.isfinite(y) & np.isfinite(prediction.reshape(len(y), -1)).all(axis=1)
    if not finite.any():
        return None
    y, prediction = y[finite], prediction[finite]
    if problem.task.is_classification:
        return _classes(y.astype(np.int64), prediction, list(problem.classes))
    return _numbers(y, prediction)


def _classes(y: Array, prediction: Array, classes: list[str]) -> dict[str, Any]:
    guess = labels(prediction)
    n = max(len(classes), int(max(y.max(), guess.max())) + 1)
    names = classes + [f"class {c}" for c in range(len(classes), n)]
    matrix = np.bincount(y * n + guess, minlength=n * n).reshape(n, n)
    hit, true, said = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    rows = [
        {
            "label": names[c],
            "support": int(true[c]),
            "precision": float(hit[c] / said[c]) if said[c] else None,
            "recall": float(hit[c] / true[c]) if true[c] else None,
            "f1": float(2 * hit[c] / (true[c] + said[c])) if true[c] + said[c] else None,
        }
        for c in range(n)
    ]
    off = matrix - np.diag(hit)
    order = [int(k) for k in np.argsort(-off, axis=None, kind="stable")[:5] if off.flat[k] > 0]
    shown = sorted(range(n), key=lambda c: -int(true[c]))[:SHOWN_CLASSES] if n > SHOWN_CLASSES else list(range(n))
    sure = prediction if prediction.ndim == 1 else prediction.max(axis=1)
    right = (y == 1) if prediction.ndim == 1 else (guess == y)
    bins = _reliability(sure, right.astype(np.float64))
    return {
        "kind": "classes",
        "rows": len(y),
        "accuracy": float(hit.sum() / len(y)),
        "classes": [rows[c] for c in shown],
        "left_out": n - len(shown),
        "confusion": matrix.tolist() if n <= SHOWN_CLASSES else None,
        "confused": [{"true": names[k // n], "said": names[k % n], "rows": int(off.flat[k])} for k in order],
        "calibration": bins,
        "calibration_of": f"P({names[1]})" if prediction.ndim == 1 else "the most likely class",
        "calibration_error": sum(b["rows"] * abs(b["said"] - b["seen"]) for b in bins) / len(y),
    }


def _reliability(said: Array, seen: Array) -> list[dict[str, Any]]:
    """Bins of equal width over 0..1, each with a Wilson interval for the observed share."""
    which = np.clip((said * BINS).astype(np.int64), 0, BINS - 1)
    found = []
    for b in range(BINS):
        part = which == b
        m = int(part.sum())
        if not m:
            continue
        share = float(seen[part].mean())
        interval = list(wilson(int(seen[part].sum()), m))
        found.append({"said": float(said[part].mean()), "seen": share, "interval": interval, "rows": m})
    return found


def _numbers(y: Array, prediction: Array) -> dict[str, Any]:
    error = prediction - y
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    order = np.argsort(prediction, kind="stable")
    step = max(1, len(y) // SAMPLE)
    # every step-th row by predicted value: a sample that needs no seed and keeps both tails
    keep = np.unique(np.r_[order[::step], order[-1]])
    low, high = np.quantile(error, [0.005, 0.995])
    room = max(1e-9 * float(np.abs(y).max()), 1e-300)  # errors that are all alike have no width of their own
    counts, edges = np.histogram(np.clip(error, low, high), bins=24, range=(low - 25 * room, high + 25 * room))
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return {
        "kind": "numbers",
        "rows": len(y),
        "mean_absolute_error": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "quantiles": {str(q): float(v) for q, v in zip(levels, np.quantile(error, levels), strict=True)},
        "absolute_quantiles": {str(q): float(np.quantile(np.abs(error), q)) for q in (0.5, 0.9, 0.99)},
        "sample": [[float(prediction[i]), float(y[i])] for i in keep],
        "histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
        "calibration": [
            {"said": float(prediction[part].mean()), "seen": float(y[part].mean()), "rows": len(part)} for part in parts
        ],
    }
