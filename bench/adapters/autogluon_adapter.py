"""AutoGluon Tabular, with the preset it is given (`best_quality`, `medium_quality`)."""

from __future__ import annotations

from importlib.metadata import version

import pandas as pd
from common import Answer, Question, main, timed


def solve(asked: Question) -> Answer:
    """Fit with the preset and the time limit, nothing else changed but the number of cores."""
    from autogluon.tabular import TabularPredictor

    label = "__target__"
    train = asked.x.assign(**{label: asked.y})
    predictor = TabularPredictor(
        label=label,
        problem_type=asked.task,
        eval_metric=asked.metric,
        path=str(asked.out / "model"),
        verbosity=1,
    )
    _, fit_s = timed(
        lambda: predictor.fit(
            train, time_limit=asked.seconds, presets=asked.preset or "best_quality", num_cpus=asked.cores, num_gpus=0
        )
    )
    if asked.task == "regression":
        values, predict_s = timed(lambda: predictor.predict(asked.new))
    else:
        values, predict_s = timed(lambda: predictor.predict_proba(asked.new, as_multiclass=True))
        values = pd.DataFrame(values).reindex(columns=range(len(asked.classes)), fill_value=0.0)
    note = f"{predictor.model_best}, {len(predictor.model_names())} models"
    return Answer(values.to_numpy(), fit_s, predict_s, version("autogluon.tabular"), note)


if __name__ == "__main__":
    main(solve)
