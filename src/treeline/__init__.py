"""Treeline measures classical machine learning against deep learning on your own data, and hands over the better model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from treeline.api import advise as advise
    from treeline.api import audit as audit
    from treeline.api import judge as judge
    from treeline.api import load as load
    from treeline.api import predict as predict
    from treeline.api import run as run
    from treeline.api import runs as runs
    from treeline.errors import TreelineError as TreelineError
    from treeline.estimators import TreelineClassifier as TreelineClassifier
    from treeline.estimators import TreelineRegressor as TreelineRegressor
    from treeline.study import Study as Study

__version__ = "0.1.0"
__all__ = [
    "Study",
    "TreelineClassifier",
    "TreelineError",
    "TreelineRegressor",
    "__version__",
    "advise",
    "audit",
    "judge",
    "load",
    "predict",
    "run",
    "runs",
]
HOMES = {
    "Study": "treeline.study",
    "TreelineClassifier": "treeline.estimators",
    "TreelineError": "treeline.errors",
    "TreelineRegressor": "treeline.estimators",
    **dict.fromkeys(("advise", "audit", "judge", "load", "predict", "run", "runs"), "treeline.api"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import treeline` alone loads nothing heavy."""
    if name not in HOMES:
        raise AttributeError(f"module 'treeline' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
