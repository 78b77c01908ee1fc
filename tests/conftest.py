"""A module's random generator begins anew for each test, so that no test depends on those that ran before it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest

AT_IMPORT: dict[int, Any] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Remember the state of every generator as its module left it."""
    for module in {item.module for item in items if isinstance(item, pytest.Function)}:
        for each in vars(module).values():
            if isinstance(each, np.random.Generator):
                AT_IMPORT.setdefault(id(each), deepcopy(each.bit_generator.state))


@pytest.fixture(autouse=True)
def the_same_draws(request: pytest.FixtureRequest) -> None:
    """Put the generators of the test's module back to that state."""
    for each in vars(request.module).values():
        if isinstance(each, np.random.Generator) and id(each) in AT_IMPORT:
            each.bit_generator.state = deepcopy(AT_IMPORT[id(each)])
