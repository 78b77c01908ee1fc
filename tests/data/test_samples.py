"""The tables that come with a dependency."""

from __future__ import annotations

import sys

import pytest

from treeline.data.column import Kind
from treeline.data.read_table import read
from treeline.data.samples import SAMPLES, load_sample
from treeline.errors import SetupError, UsageError


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_as_it_is_described(name: str):
    sample = SAMPLES[name]
    data = read(f"sample:{name}", target=sample.target)
    assert data.frame.shape == (sample.rows, sample.columns)
    assert data.source == f"sample:{name}"
    expected = Kind.NUMBER if name == "diabetes" else Kind.CATEGORY
    assert data.column(sample.target).kind is expected
    assert data.frame[sample.target].null_count() == 0


def test_a_count_that_gives_the_answer_away_is_left_out():
    frame, target = load_sample("randhie")
    assert target == "visited"
    assert "mdvis" not in frame.columns
    assert set(frame[target].unique()) == {"yes", "no"}
    assert "mdvis itself is left out" in SAMPLES["randhie"].title


def test_an_unknown_sample_and_a_missing_library(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match=r"no sample 'randie': did you mean 'randhie'"):
        read("sample:randie")
    monkeypatch.setitem(sys.modules, "statsmodels.datasets", None)
    with pytest.raises(SetupError, match=r"pip install 'treeline\[samples\]'"):
        load_sample("fair")
