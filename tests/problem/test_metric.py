"""Our metrics are scikit-learn's, on every task, with per-row losses that average to the score."""

import numpy as np
import pytest
from sklearn import metrics as sk

from treeline.errors import UsageError
from treeline.problem.metric import METRICS, default_metric, metric_named
from treeline.problem.task import Task

rng = np.random.default_rng(0)
N = 400
Y2 = (rng.random(N) < 0.3).astype(np.int64)
P2 = np.round(np.clip(0.3 * Y2 + rng.random(N) * 0.7, 0, 1), 2)  # rounded: ties
Y3 = rng.integers(0, 3, N)
P3 = rng.dirichlet(np.ones(3), N)
P3[np.arange(N), Y3] += 0.4
P3 /= P3.sum(axis=1, keepdims=True)
YR = rng.gamma(2.0, 3.0, N)
PR = np.maximum(YR + rng.normal(size=N), 0.01)
L2, L3 = (P2 > 0.5).astype(int), P3.argmax(axis=1)

REFERENCE = [
    ("roc_auc", Task.BINARY, sk.roc_auc_score(Y2, P2)),
    ("roc_auc_ovr", Task.MULTICLASS, sk.roc_auc_score(Y3, P3, multi_class="ovr")),
    ("average_precision", Task.BINARY, sk.average_precision_score(Y2, P2)),
    ("accuracy", Task.BINARY, sk.accuracy_score(Y2, L2)),
    ("accuracy", Task.MULTICLASS, sk.accuracy_score(Y3, L3)),
    ("balanced_accuracy", Task.MULTICLASS, sk.balanced_accuracy_score(Y3, L3)),
    ("f1", Task.BINARY, sk.f1_score(Y2, L2)),
    ("f1_macro", Task.MULTICLASS, sk.f1_score(Y3, L3, average="macro")),
    ("f1_weighted", Task.MULTICLASS, sk.f1_score(Y3, L3, average="weighted")),
    ("matthews_corrcoef", Task.BINARY, sk.matthews_corrcoef(Y2, L2)),
    ("matthews_corrcoef", Task.MULTICLASS, sk.matthews_corrcoef(Y3, L3)),
    ("log_loss", Task.BINARY, sk.log_loss(Y2, np.clip(P2, 1e-7, 1 - 1e-7))),
    ("log_loss", Task.MULTICLASS, sk.log_loss(Y3, P3)),
    ("brier_score_loss", Task.BINARY, sk.brier_score_loss(Y2, P2)),
    ("root_mean_squared_error", Task.REGRESSION, sk.root_mean_squared_error(YR, PR)),
    ("mean_squared_error", Task.REGRESSION, sk.mean_squared_error(YR, PR)),
    ("mean_absolute_error", Task.REGRESSION, sk.mean_absolute_error(YR, PR)),
    ("median_absolute_error", Task.REGRESSION, sk.median_absolute_error(YR, PR)),
    ("root_mean_squared_log_error", Task.REGRESSION, sk.root_mean_squared_log_error(YR, PR)),
    ("mean_absolute_percentage_error", Task.REGRESSION, sk.mean_absolute_percentage_error(YR, PR)),
    ("r2", Task.REGRESSION, sk.r2_score(YR, PR)),
]
ROWS = {Task.BINARY: (Y2, P2), Task.MULTICLASS: (Y3, P3), Task.REGRESSION: (YR, PR)}


@pytest.mark.parametrize(("name", "task", "value"), REFERENCE)
def test_scores_are_those_of_scikit_learn(name, task, value):
    y, p = ROWS[task]
    assert metric_named(name, task).score(y, p) == pytest.approx(value, abs=1e-9)


def test_every_metric_and_task_is_compared():
    compared = {(name, task) for name, task, _ in REFERENCE}
    offered = {(metric.name, task) for metric in METRICS.values() for task in metric.tasks}
    assert {name for name, _ in offered} == {name for name, _ in compared}


@pytest.mark.parametrize(("name", "task", "value"), REFERENCE)
def test_losses_average_to_the_score(name, task, value):
    y, p = ROWS[task]
    losses = metric_named(name, task).losses(y, p)
    if losses is None:
        return
    mean = {"accuracy": lambda m: 1 - m}.get(name, np.sqrt if name.startswith("root") else float)(losses.mean())
    assert mean == pytest.approx(value, abs=1e-9)


def test_one_class_gives_no_auc():
    assert np.isnan(metric_named("roc_auc", Task.BINARY).score(np.ones(5, dtype=int), np.linspace(0, 1, 5)))


@pytest.mark.parametrize(
    ("alias", "task", "name"),
    [("rmse", Task.REGRESSION, "root_mean_squared_error"), ("neg_log_loss", Task.BINARY, "log_loss"),
     ("AUC", Task.MULTICLASS, "roc_auc_ovr"), ("pr_auc", Task.BINARY, "average_precision")],
)  # fmt: skip
def test_common_names_are_understood(alias, task, name):
    assert metric_named(alias, task).name == name


def test_an_unknown_metric_names_its_neighbours():
    with pytest.raises(UsageError, match="did you mean 'accuracy'"):
        metric_named("acuracy", Task.BINARY)


def test_a_metric_of_another_task_is_refused():
    with pytest.raises(UsageError, match="does not judge a binary task"):
        metric_named("rmse", Task.BINARY)


@pytest.mark.parametrize("task", list(Task))
def test_each_task_has_a_default(task):
    assert task in default_metric(task).tasks
