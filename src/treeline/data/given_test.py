"""The test part that a source brings along, a folder `test` beside `train`: no model is trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeline.data.read_media import SPLIT
from treeline.data.target import rows_of

if TYPE_CHECKING:
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["apart", "given_test"]

TEST = ("test", "testing")
LEAST = 10


def given_test(dataset: Dataset, rows: Array, y: Array) -> Array:
    """Return which of `rows` (n,), with targets `y` (n,), lie in a folder of test data, (n,) bool.

    None of them do where there are fewer than `LEAST`, or where too little would be left to learn from: a class with fewer than
    two rows, or fewer rows than are set aside.
    """
    none = np.zeros(len(rows), bool)
    if not dataset.media or SPLIT not in dataset.names or SPLIT not in dataset.how:
        return none
    aside = dataset.frame[SPLIT][rows].str.to_lowercase().is_in(list(TEST)).fill_null(False).to_numpy()
    if aside.sum() < LEAST or aside.sum() > len(rows) / 2:
        return none
    if y.dtype.kind != "f":
        left = np.bincount(y[~aside], minlength=int(y.max()) + 1)
        if left[np.unique(y)].min() < 2:
            return none
    return np.asarray(aside)


def apart(dataset: Dataset, problem: Problem) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return rows and targets of the contest, and those of a given test part."""
    rows, y, _ = rows_of(dataset, problem)
    aside = given_test(dataset, rows, y)
    return (rows[~aside], y[~aside]), (rows[aside], y[aside])
