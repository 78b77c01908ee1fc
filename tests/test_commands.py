"""What `treeline deliver` prints and returns; what it writes is tested in tests/deliver/test_anew.py."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from treeline.commands import deliver

HANDED = SimpleNamespace(folder=Path("runs/a b/bundle-deep"), facts={"bytes": 1}, lines=lambda: ["first", "second"])


@pytest.fixture
def asked(monkeypatch):
    """What was asked of the study."""
    told = {}

    def write(**wish):
        wish["notify"]("fitting")
        told.update(wish)
        if wish["only"] == "interrupted":
            raise KeyboardInterrupt
        return HANDED

    monkeypatch.setattr("treeline.api.load", lambda _: SimpleNamespace(deliver=write))
    return told


def test_lines_and_the_next_command_are_printed(asked, capsys):
    assert deliver(Path("runs/a b"), side="deep") == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "first",
        "second",
        "treeline predict 'runs/a b/bundle-deep' new.csv -o predictions.csv",
    ]
    assert said.err == "fitting\n"
    assert (asked["side"], asked["only"], asked["single"]) == ("deep", None, False)


def test_json_is_plain_data_and_nothing_else(asked, capsys):
    deliver(Path("runs/a b"), json_=True)
    assert json.loads(capsys.readouterr().out) == {"bytes": 1}


def test_an_interrupted_fit_ends_with_its_own_code(asked, capsys):
    assert deliver(Path("runs/a b"), only="interrupted") == 130
    assert "nothing was written" in capsys.readouterr().err
