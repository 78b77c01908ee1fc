"""FLAML's AutoML with its defaults: every estimator it finds, the time budget, the number of cores."""

from __future__ import annotations

from importlib.metadata import version

from common import Answer, Question, main, timed

METRICS = {
    "roc_auc": "roc_auc",
    "average_precision": "ap",
    "accuracy": "accuracy",
    "log_loss": "log_loss",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
}


def solve(asked: Question) -> Answer:
    """Fit with the metric and the time budget."""
    from flaml import AutoML

    tool = AutoML()
    _, fit_s = timed(
        lambda: tool.fit(
            asked.x,
            asked.y,
            task="regression" if asked.task == "regression" else "classification",
            metric=METRICS[asked.metric],
            time_budget=asked.seconds,
            n_jobs=asked.cores,
            seed=0,
            verbose=1,
            log_file_name="",
        )
    )
    ask = tool.predict if asked.task == "regression" else tool.predict_proba
    values, predict_s = timed(lambda: ask(asked.new))
    return Answer(values, fit_s, predict_s, version("flaml"), str(tool.best_estimator))


if __name__ == "__main__":
    main(solve)
