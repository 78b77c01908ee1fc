"""LightAutoML's TabularAutoML preset with its defaults: linear, LightGBM and CatBoost models, stacked as time allows."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
from common import Answer, Question, main, timed


def average_precision(y: np.ndarray, p: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
    """The area under the precision-recall curve, which LightAutoML does not name itself."""
    from sklearn.metrics import average_precision_score

    return average_precision_score(y, p, sample_weight=sample_weight)


def task_of(asked: Question) -> object:
    """The task with the loss and metric nearest to the question's."""
    from lightautoml.tasks import Task

    if asked.task == "binary":
        metrics = {"roc_auc": "auc", "average_precision": average_precision, "log_loss": "logloss"}
        return Task("binary", metric=metrics[asked.metric], greater_is_better=asked.metric != "log_loss")
    if asked.task == "multiclass":
        return Task("multiclass", metric={"accuracy": "accuracy", "log_loss": "crossentropy"}[asked.metric])
    if asked.metric == "mean_absolute_error":
        return Task("reg", loss="mae", metric="mae")
    return Task("reg", loss="mse", metric="mse")


def columns_of(automl: object) -> list[int] | None:
    """Which class code each column of a prediction belongs to; None where they are in order."""
    mapping = getattr(getattr(automl, "reader", None), "class_mapping", None)
    if not mapping:
        return None
    return [code for code, _ in sorted(mapping.items(), key=lambda pair: pair[1])]


def solve(asked: Question) -> Answer:
    """Fit with the timeout and the number of cores."""
    from lightautoml.automl.presets.tabular_presets import TabularAutoML

    label = "__target__"
    train = asked.x.assign(**{label: asked.y})
    tool = TabularAutoML(
        task=task_of(asked), timeout=asked.seconds, cpu_limit=asked.cores, reader_params={"n_jobs": asked.cores}
    )
    _, fit_s = timed(lambda: tool.fit_predict(train, roles={"target": label}, verbose=0))
    values, predict_s = timed(lambda: tool.predict(asked.new).data)
    values = np.asarray(values)
    if asked.task == "multiclass":
        order = columns_of(tool)
        if order is not None:
            placed = np.zeros((len(values), len(asked.classes)))
            placed[:, [int(code) for code in order]] = values
            values = placed
    elif values.ndim == 2:
        values = values[:, 0]
    return Answer(values, fit_s, predict_s, version("lightautoml"))


if __name__ == "__main__":
    main(solve)
