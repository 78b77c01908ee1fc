"""What two lines of each plain library give: its own defaults, on inputs as a practitioner would hand them over.

Trees get categories as the library takes them, a date as its days, month, weekday and hour. Linear models and nets get scaled
numbers and one-hot categories. Where errors are relative the logarithm is learned; where they are absolute, so is the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from floor_sets import Case

from treeline.problem.metric import Array

__all__ = ["BOUGHT", "Inputs", "inputs", "plain_of"]

MOST_NET = 15_000
"The published nets are tried on so many rows at most: they take minutes on a processor."
BOUGHT = {"realmlp_td": "pytabkit", "tabm_d": "pytabkit", "hog_svm": "skimage"}
"Models of libraries that Treeline does not need: left out where they are not installed."


@dataclass(frozen=True)
class Inputs:
    """The rows of a case as data frames, and what is to be learned."""

    case: Case
    train: pd.DataFrame
    aside: pd.DataFrame
    y: Array
    "Values, their logarithms where errors are relative, or class numbers."
    truth: Array
    classes: int

    @property
    def regression(self) -> bool:
        """Whether values are learned."""
        return self.case.task == "regression"

    @property
    def absolute(self) -> bool:
        """Whether absolute errors count."""
        return self.case.metric == "mean_absolute_error"

    def back(self, said: Array) -> Array:
        """Return predictions in the target's unit."""
        return np.expm1(said) if self.case.metric == "root_mean_squared_log_error" else said


def inputs(case: Case) -> Inputs:
    """Read a case."""
    train, aside = (pd.read_csv(path, low_memory=False) for path in (case.train, case.aside))
    if case.task == "regression":
        y, truth = (part[case.target].to_numpy(float) for part in (train, aside))
        y = np.log1p(y) if case.metric == "root_mean_squared_log_error" else y
        classes = 0
    else:
        labels = sorted(train[case.target].astype(str).unique())
        code = {label: number for number, label in enumerate(labels)}
        aside = aside[aside[case.target].astype(str).isin(code)]
        y, truth = (part[case.target].astype(str).map(code).to_numpy(int) for part in (train, aside))
        classes = len(labels)
    if case.kind == "table":
        train, aside = _typed(train.drop(columns=case.target), aside.drop(columns=case.target), case.dates)
    return Inputs(case, train, aside, y, truth, classes)


def _typed(train: pd.DataFrame, aside: pd.DataFrame, dates: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both frames with numbers and categories only; a category knows the levels of the training part."""
    for frame in (train, aside):
        for name in dates:
            when = pd.to_datetime(frame.pop(name))
            frame[f"{name} day"] = (when - pd.Timestamp(0)) / pd.Timedelta(days=1)
            parts = {"month": when.dt.month, "weekday": when.dt.weekday, "hour": when.dt.hour}
            for part, values in parts.items():
                frame[f"{name} {part}"] = values.astype(float)
    for name in train.columns:
        if not pd.api.types.is_numeric_dtype(train[name]) or pd.api.types.is_bool_dtype(train[name]):
            kind = pd.CategoricalDtype(sorted(train[name].dropna().astype(str).unique()))
            for frame in (train, aside):
                frame[name] = frame[name].where(frame[name].isna(), frame[name].astype(str)).astype(kind)
    return train, aside


Fit = Callable[[Inputs, int, int], Array]
"Inputs, threads and seed to predictions: values (n,) or probabilities (n, C)."


def _said(model: Any, given: Inputs, train: Any, aside: Any) -> Array:
    model.fit(train, given.y)
    return np.asarray(given.back(model.predict(aside)) if given.regression else model.predict_proba(aside))


def _lightgbm(given: Inputs, threads: int, seed: int, **more: Any) -> Array:
    from lightgbm import LGBMClassifier, LGBMRegressor

    loss = {"objective": "l1"} if given.absolute else {}
    build = LGBMRegressor if given.regression else LGBMClassifier
    names = {name: f"c{at}" for at, name in enumerate(given.train)}  # it refuses some letters in names
    model = build(n_jobs=threads, random_state=seed, verbosity=-1, **loss, **more)
    return _said(model, given, given.train.rename(columns=names), given.aside.rename(columns=names))


def _lightgbm_600(given: Inputs, threads: int, seed: int) -> Array:
    return _lightgbm(given, threads, seed, n_estimators=600, learning_rate=0.05)


def _xgboost(given: Inputs, threads: int, seed: int) -> Array:
    from xgboost import XGBClassifier, XGBRegressor

    loss = {"objective": "reg:absoluteerror"} if given.absolute else {}
    build = XGBRegressor if given.regression else XGBClassifier
    model = build(enable_categorical=True, n_jobs=threads, random_state=seed, **loss)
    return _said(model, given, given.train, given.aside)


def _catboost(given: Inputs, threads: int, seed: int) -> Array:
    from catboost import CatBoostClassifier, CatBoostRegressor

    named = list(given.train.select_dtypes("category"))
    train, aside = (frame.copy() for frame in (given.train, given.aside))
    for frame in (train, aside):
        for name in named:
            frame[name] = frame[name].astype(object).fillna("missing").astype(str)
    loss = {"loss_function": "MAE"} if given.absolute else {}
    build = CatBoostRegressor if given.regression else CatBoostClassifier
    model = build(
        cat_features=named, thread_count=threads, random_seed=seed, verbose=False, allow_writing_files=False, **loss
    )
    return _said(model, given, train, aside)


def _histogram(given: Inputs, threads: int, seed: int) -> Array:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    train, aside = (frame.copy() for frame in (given.train, given.aside))
    for name in train.select_dtypes("category"):  # it takes 255 levels at most: the most frequent ones
        kind = pd.CategoricalDtype(list(train[name].value_counts().index[:250]))
        for frame in (train, aside):
            frame[name] = frame[name].astype(object).astype(kind)
    loss = {"loss": "absolute_error"} if given.absolute else {}
    build = HistGradientBoostingRegressor if given.regression else HistGradientBoostingClassifier
    return _said(build(categorical_features="from_dtype", random_state=seed, **loss), given, train, aside)


def _forest(given: Inputs, threads: int, seed: int) -> Array:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    build = RandomForestRegressor if given.regression else RandomForestClassifier
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    coded = make_column_transformer((codes, list(given.train.select_dtypes("category"))), remainder="passthrough")
    return _said(make_pipeline(coded, build(n_jobs=threads, random_state=seed)), given, given.train, given.aside)


def _shown(given: Inputs) -> Any:
    """Return the usual preparation for linear models and nets: scaled numbers with means in holes, one-hot categories."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    named = list(given.train.select_dtypes("category"))
    numbers = [name for name in given.train if name not in named]
    hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5, sparse_output=False)
    return make_column_transformer((make_pipeline(SimpleImputer(), StandardScaler()), numbers), (hot, named))


def _linear(given: Inputs, threads: int, seed: int) -> Array:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    model = Ridge() if given.regression else LogisticRegression(max_iter=1000)
    return _said(make_pipeline(_shown(given), model), given, given.train, given.aside)


def _mlp(given: Inputs, threads: int, seed: int) -> Array:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    net = MLPRegressor(random_state=seed) if given.regression else MLPClassifier(random_state=seed)
    model = TransformedTargetRegressor(net, transformer=StandardScaler()) if given.regression else net
    return _said(make_pipeline(_shown(given), model), given, given.train, given.aside)


def _pytabkit(kind: str) -> Fit:
    def fit(given: Inputs, threads: int, seed: int) -> Array:
        import pytabkit

        build = getattr(pytabkit, f"{kind}_{'Regressor' if given.regression else 'Classifier'}")
        return _said(build(device="cpu", random_state=seed, n_threads=threads), given, given.train, given.aside)

    return fit


def plain_of(case: Case, rows: int) -> dict[str, tuple[str, Fit]]:
    """Return by name the family of each plain model of a case and how it is fitted."""
    if case.kind != "table":
        from floor_media import CNN, HOG, WORDS

        return WORDS if case.kind == "text" else HOG | CNN
    nets: dict[str, tuple[str, Fit]] = {"mlp_sklearn": ("deep", _mlp)}
    if rows <= MOST_NET:
        nets |= {"realmlp_td": ("deep", _pytabkit("RealMLP_TD")), "tabm_d": ("deep", _pytabkit("TabM_D"))}
    return {
        "lightgbm": ("classical", _lightgbm),
        "lightgbm_600": ("classical", _lightgbm_600),
        "histogram_boosting": ("classical", _histogram),
        "xgboost": ("classical", _xgboost),
        "linear": ("classical", _linear),
        "random_forest": ("classical", _forest),
        "catboost": ("classical", _catboost),
        **nets,
    }
