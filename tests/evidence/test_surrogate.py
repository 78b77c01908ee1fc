"""Surrogates: additive models are read as additive, trees as trees, and noise as neither."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.evidence.surrogate import interpretability, read_off, signal_of
from treeline.problem.task import Family

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1500, 8))
FOLD = np.arange(1500) % 3


def test_an_additive_model_is_additive_and_a_product_is_not() -> None:
    added = read_off(X, X[:, 0] + np.sin(X[:, 1]), FOLD)
    product = read_off(X, X[:, 0] * X[:, 1], FOLD)
    assert added is not None
    assert product is not None
    assert added.additivity > 0.9
    assert product.additivity < 0.3
    assert added.inputs == 2
    assert added.stability > 0.4
    assert added.index > product.index


def test_a_shallow_tree_is_found_by_a_tree() -> None:
    stump = np.where(X[:, 0] > 0, np.where(X[:, 1] > 0, 2.0, -1.0), 0.5)
    found = read_off(X, stump, FOLD)
    assert found is not None
    assert found.tree > 0.9  # inputs are looked at in eight bins


def test_predictions_that_follow_no_input_are_not_explained() -> None:
    found = read_off(X, RNG.normal(size=1500), FOLD)
    assert found is not None
    assert found.additivity < 0.05
    assert found.tree < 0.05


def test_missing_inputs_and_constant_predictions() -> None:
    holed = X.copy()
    holed[::3, 0] = np.nan
    assert read_off(holed, X[:, 1], FOLD) is not None
    assert read_off(X, np.zeros(1500), FOLD) is None
    assert read_off(X[:50], X[:50, 0], FOLD[:50]) is None


def test_signals() -> None:
    assert signal_of(np.array([0.5, 0.9]), probability=True) == pytest.approx([0.0, np.log(9)])
    assert signal_of(np.array([0.5, 0.9]), probability=False) == pytest.approx([0.5, 0.9])  # a target between 0 and 1
    several = np.array([[0.2, 0.5, 0.3], [0.2, 0.1, 0.7]])
    assert signal_of(several, probability=True, of=1) == pytest.approx(np.log([0.5 / 0.5, 0.1 / 0.9]))
    assert signal_of(np.array([0.0, np.e - 1]), probability=False, relative=True) == pytest.approx([0.0, 1.0])


def test_the_more_readable_side_wins() -> None:
    plain, knotted = read_off(X, X[:, 0] + X[:, 1], FOLD), read_off(X, X[:, 0] * X[:, 1] * X[:, 2], FOLD)
    found = interpretability({Family.CLASSICAL: plain, Family.DEEP: knotted}, {"words": "A glass box loses 0.01."})
    assert found.odds is not None
    assert found.odds.winner == "classical"
    assert "glass box" in found.words
    assert "Not measured" in interpretability({Family.CLASSICAL: plain, Family.DEEP: None}, None).words
