"""The public face: what `import treeline` offers, and nothing by accident."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import fields
from importlib.metadata import version

import pytest

import treeline
from treeline.problem.settings import Settings

NAMES = {"TreelineClassifier", "TreelineRegressor", "__version__", "load", "run"}


def test_the_promised_names_are_there() -> None:
    assert set(treeline.__all__) >= NAMES
    for name in treeline.__all__:
        assert getattr(treeline, name) is not None


def test_dir_shows_the_public_names() -> None:
    assert set(dir(treeline)) >= NAMES


def test_the_version_is_the_installed_one() -> None:
    assert treeline.__version__ == version("treeline")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = treeline.no_such_name  # type: ignore[attr-defined]


def test_the_public_doors_are_documented() -> None:
    for name in NAMES - {"__version__"}:
        doc = inspect.getdoc(getattr(treeline, name)) or ""
        assert len(doc) > 10, f"treeline.{name} needs a docstring"


def test_run_takes_the_options_of_the_command_line() -> None:
    options = set(inspect.signature(treeline.run).parameters) | {item.name for item in fields(Settings)}
    assert options >= {"target", "time_limit", "out", "metric", "task", "families", "seed"}


@pytest.mark.parametrize(
    "name",
    [info.name for info in pkgutil.walk_packages(treeline.__path__, "treeline.") if not info.name.endswith("__main__")],
)
def test_every_declared_name_exists(name: str) -> None:
    if "deep" in name:
        pytest.importorskip("torch", reason="the deep extra is not installed")
    module = importlib.import_module(name)
    for word in getattr(module, "__all__", []):
        assert hasattr(module, word), f"{name}.__all__ names {word}, which is not there"
