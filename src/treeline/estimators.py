"""Treeline as scikit-learn estimators: `fit` runs a contest, `predict` uses the model that it hands over."""

from __future__ import annotations

import atexit
import io
import os
import tempfile
import threading
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from treeline.contest.runner import Runner
from treeline.problem.metric import Array

__all__ = ["TreelineClassifier", "TreelineRegressor"]

TARGET = "__target__"


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What the two share. X is (n, p) of numbers, NaN for missing, or a data frame with columns of any kind."""

    def __init__(
        self, *, time_limit: str | float = "60s", metric: str | None = None, families: str = "classical,deep",
        candidates: str = "", folds: int | None = None, random_state: int | None = None,
    ) -> None:  # fmt: skip
        self.time_limit = time_limit
        self.metric = metric
        self.families = families
        self.candidates = candidates
        self.folds = folds
        self.random_state = random_state

    def _contest(self, X: Any, y: Array, *, task: str) -> None:
        from treeline.api import run

        frame = _frame(X, self)
        frame = frame.with_columns(_series(y))
        kinds = {TARGET: "number"} if task == "regression" else {TARGET: "category"}
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            study = run(
                frame, out=out, progress="quiet", runner=_warm(os.getpid(), threading.get_ident()),
                target=TARGET, task=task, time_limit=self.time_limit, metric=self.metric,
                families=self.families, candidates=self.candidates, folds=self.folds, seed=self.random_state or 0,
                kind=kinds, split="random" if task == "regression" else "stratified",
            )  # fmt: skip
            self._model: Any = study.model  # raises where every candidate failed
            self.verdict_ = study.verdict
            self._bundle = _packed(out / "bundle")

    def _loaded(self) -> Any:
        check_is_fitted(self, "verdict_")
        if self._model is None:
            from treeline.deliver.runtime import load

            with tempfile.TemporaryDirectory() as folder:
                zipfile.ZipFile(io.BytesIO(self._bundle)).extractall(folder)
                self._model = load(folder, check=False)
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters and the bundle's bytes: data only, the loaded model is rebuilt from them."""
        return {**super().__getstate__(), "_model": None}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.non_deterministic = True  # how far a fit comes depends on the clock
        return tags


class TreelineClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """Classify with the better of classical and deep learning, or a blend.

    Args:
        time_limit: wall time of `fit`, such as 60, "60s" or "5m".
        metric: by scikit-learn's name; roc_auc (binary) or log_loss if not given.
        families: which families compete.
        candidates: only these candidates, separated by commas.
        folds: how many folds judge the top of the ladder.
        random_state: the seed.

    After `fit`: `classes_` (C,), `verdict_` (the verdict as plain data), `n_features_in_`.
    """

    def fit(self, X: Any, y: Any) -> TreelineClassifier:
        """Run the contest on X (n, p) and labels y (n,)."""
        X, y = _checked(self, X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"TreelineClassifier needs 2 classes; the data contains one class: {self.classes_[0]!r}.")
        self._contest(
            X, np.array([f"c{code:06d}" for code in codes]), task="binary" if len(self.classes_) == 2 else "multiclass"
        )
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return probabilities (n, C) in the order of `classes_`."""
        model = self._loaded()
        found: Array = model.predict_proba(_frame(_checked_again(self, X), self))
        order = [int(str(label)[1:]) for label in model.classes_]
        return found[:, np.argsort(order)]

    def predict(self, X: Any) -> Array:
        """Return labels (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])


class TreelineRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """Predict numbers with the better of classical and deep learning, or a blend. See `TreelineClassifier`."""

    def fit(self, X: Any, y: Any) -> TreelineRegressor:
        """Run the contest on X (n, p) and values y (n,)."""
        X, y = _checked(self, X, y, y_numeric=True)
        self._contest(X, np.asarray(y, dtype=np.float64), task="regression")
        return self

    def predict(self, X: Any) -> Array:
        """Return values (n,)."""
        found: Array = self._loaded().predict(_frame(_checked_again(self, X), self))
        return found


@cache
def _warm(process: int, thread: int) -> Runner:
    """Return a thread's workers, which stay warm from fit to fit: cross-validation would start them again and again."""
    del process, thread  # workers die with the thread that started them, and are not shared with forks
    runner = Runner(Path(tempfile.gettempdir()))
    atexit.register(runner.stop)
    return runner


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def _checked(estimator: Any, X: Any, y: Any, *, y_numeric: bool = False) -> tuple[Any, Array]:
    """Return X and y checked as scikit-learn does; a data frame keeps its columns."""
    if _is_frame(X):
        from sklearn.utils import column_or_1d

        validate_data(estimator, X, y, skip_check_array=True)

        return X, np.asarray(column_or_1d(y, warn=True))
    X, y = validate_data(
        estimator, X, y, dtype="numeric", ensure_all_finite="allow-nan", y_numeric=y_numeric, ensure_min_samples=2
    )
    return X, np.asarray(y)


def _checked_again(estimator: Any, X: Any) -> Any:
    check_is_fitted(estimator, "verdict_")
    if _is_frame(X):
        validate_data(estimator, X, reset=False, skip_check_array=True)
        return X
    return validate_data(estimator, X, dtype="numeric", ensure_all_finite="allow-nan", reset=False)


def _frame(X: Any, estimator: Any) -> Any:
    """Return X as a Polars frame; columns of an array are named x0, x1, …"""
    import polars as pl

    if _is_frame(X):
        return (
            pl.DataFrame(X)
            if isinstance(X, pl.DataFrame)
            else pl.from_pandas(X.reset_index(drop=True).rename(columns=str))
        )
    del estimator
    return pl.DataFrame({f"x{j}": np.asarray(X[:, j], dtype=np.float64) for j in range(X.shape[1])}, nan_to_null=True)


def _series(y: Array) -> Any:
    import polars as pl

    return pl.Series(TARGET, y.tolist())


def _packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, str(path.relative_to(folder)))
    return buffer.getvalue()
