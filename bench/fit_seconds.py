"""What one fold of each classical candidate costs and scores: CPU seconds of a fit on a made-up table of many inputs and classes.

    python bench/fit_seconds.py [--rows 3669] [--columns 54] [--classes 7] [--candidates random_forest lightgbm …]

One process, one thread; a fifth of the rows is held out. The table is drawn from a law with weak and strong inputs and noise.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

from treeline.candidates.card import Clock, Fold, Rows, Shape, Watch
from treeline.candidates.registry import card_named
from treeline.problem.metric import Array, metric_named
from treeline.problem.task import Task

SECONDS = 1000.0


def table(rows: int, columns: int, classes: int) -> tuple[Array, Array]:
    """Return inputs (n, p) float32 and classes (n,) of a noisy law."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns))
    weights = rng.normal(size=(columns, classes)) * (rng.random((columns, classes)) < 0.2)
    noise = 2 * rng.gumbel(size=(rows, classes))
    return x.astype(np.float32), np.argmax(np.tanh(x) @ weights + x[:, :1] * x[:, 1:2] + noise, axis=1)


def main() -> None:
    """Print one row a candidate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_669)
    parser.add_argument("--columns", type=int, default=54)
    parser.add_argument("--classes", type=int, default=7)
    parser.add_argument("--candidates", nargs="*", default=["random_forest", "ebm", "lightgbm", "catboost"])
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    x, y = table(asked.rows, asked.columns, asked.classes)
    names = tuple(f"x{j}" for j in range(asked.columns))
    shape = Shape(
        task=Task.MULTICLASS, n_classes=asked.classes, metric=metric_named("log_loss", Task.MULTICLASS), num_names=names,
        cat_names=(), cards=(),
    )  # fmt: skip
    held = asked.rows // 5
    every = Rows(shape, x, np.zeros((asked.rows, 0), np.int32), y)
    train, test = every.take(np.arange(held, asked.rows)), every.take(np.arange(held))
    print("| candidate | rows | inputs | classes | CPU s | log-loss | steps |")
    print("|---|---|---|---|---|---|---|")
    for name in asked.candidates:
        watch, candidate = Watch(test, np.arange(held) % 2), card_named(name).candidate()
        candidate.fit(
            [Fold(train.take(np.arange(200)))], {"steps": 2}, clock=Clock(1.0), seed=0
        )  # the import is not counted
        began = time.process_time()
        (fitted,) = candidate.fit([Fold(train, watch)], {}, clock=Clock(SECONDS), seed=0)
        spent = time.process_time() - began
        loss = shape.metric.loss(test.target, fitted.predict(test))
        print(
            f"| {name} | {len(train):,} | {asked.columns} | {asked.classes} | {spent:.2f} | {loss:.4f} | {watch.steps[2]} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
