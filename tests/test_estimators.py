"""The estimators are scikit-learn's: its own checks, pipelines, frames and pickles of the user's."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from treeline import TreelineClassifier, TreelineRegressor

QUICK = {"time_limit": "20s", "candidates": "linear", "folds": 2}
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "fit takes no sample weights",
}
"Checks that are not passed, and why."


@parametrize_with_checks(
    [TreelineClassifier(**QUICK), TreelineRegressor(**QUICK)], expected_failed_checks=lambda _: EXPECTED
)
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_a_frame_with_words_keeps_its_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"n": rng.normal(size=200), "w": rng.choice(["a", "b", "ü"], 200)})
    y = np.where((frame["w"] == "a") ^ (frame["n"] > 1.5), "left", "right")
    model = TreelineClassifier(**QUICK).fit(frame, y)
    assert list(model.classes_) == ["left", "right"]
    assert (model.predict(frame[["n", "w"]]) == y).mean() > 0.85
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(frame), model.predict_proba(frame))
    assert model.verdict_["rows"] == 200


def test_it_lives_in_a_pipeline():
    X, y = load_iris(return_X_y=True)
    scores = cross_val_score(make_pipeline(StandardScaler(), TreelineClassifier(**QUICK)), X, y, cv=2)
    assert scores.mean() > 0.9


def test_numbers():
    X, y = make_regression(200, 4, noise=1.0, random_state=0)
    assert TreelineRegressor(**QUICK).fit(X, y).score(X, y) > 0.95
