"""A run's source is read once more only where it is what the run was begun with."""

from types import SimpleNamespace

import polars as pl
import pytest

from treeline.contest.source import read_again, read_source
from treeline.errors import IntegrityError, UsageError
from treeline.problem.settings import Settings

from ..worlds import price_csv


def ledger_of(source, **settings):
    """What a ledger's head says of a source, and nothing else."""
    wanted = Settings.of(target="price", **settings)
    dataset = read_source(source, wanted, None)
    told = {"source": dataset.source, "fingerprint": dataset.fingerprint, "how": dataset.how}
    return SimpleNamespace(head={"dataset": told, "settings": wanted.identity() | {"of another version": 1}})


def test_the_same_file_is_read_as_the_settings_of_the_run_say(tmp_path):
    path = price_csv(tmp_path / "p.csv")
    found = read_again(ledger_of(path, kind={"rooms": "category"}))
    assert (len(found), str(found.column("rooms").kind)) == (400, "category")


def test_a_file_that_was_moved_is_named_anew(tmp_path):
    ledger = ledger_of(price_csv(tmp_path / "p.csv"))
    moved = (tmp_path / "p.csv").rename(tmp_path / "q.csv")
    with pytest.raises(UsageError, match=r"p\.csv.*--source"):
        read_again(ledger)
    assert len(read_again(ledger, moved)) == 400


def test_other_data_are_refused_with_both_fingerprints(tmp_path):
    ledger = ledger_of(price_csv(tmp_path / "p.csv"))
    price_csv(tmp_path / "p.csv", 401)
    with pytest.raises(IntegrityError, match=f"was {ledger.head['dataset']['fingerprint'][:12]} and is now"):
        read_again(ledger)


def test_a_table_in_memory_must_be_given_again(tmp_path):
    frame = pl.read_csv(price_csv(tmp_path / "p.csv"))
    ledger = ledger_of(frame)
    with pytest.raises(UsageError, match="a table in memory"):
        read_again(ledger)
    assert len(read_again(ledger, frame)) == 400
