"""mljar-supervised in its `Compete` mode, the one it documents for the best score under a time limit."""

from __future__ import annotations

from importlib.metadata import version

from common import Answer, Question, main, timed

METRICS = {
    "roc_auc": "auc",
    "average_precision": "average_precision",
    "accuracy": "accuracy",
    "log_loss": "logloss",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
}
TASKS = {
    "binary": "binary_classification",
    "multiclass": "multiclass_classification",
    "regression": "regression",
}


def solve(asked: Question) -> Answer:
    """Fit with the mode, the metric and the total time limit."""
    from supervised.automl import AutoML

    tool = AutoML(
        results_path=str(asked.out / "model"),
        mode=asked.preset or "Compete",
        total_time_limit=int(asked.seconds),
        eval_metric=METRICS[asked.metric],
        ml_task=TASKS[asked.task],
        n_jobs=asked.cores,
        random_state=0,
        verbose=0,
    )
    _, fit_s = timed(lambda: tool.fit(asked.x, asked.y))
    ask = tool.predict if asked.task == "regression" else tool.predict_proba
    values, predict_s = timed(lambda: ask(asked.new))
    return Answer(values, fit_s, predict_s, version("mljar-supervised"))


if __name__ == "__main__":
    main(solve)
