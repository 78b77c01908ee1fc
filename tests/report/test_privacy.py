"""What a kept command may not tell."""

import pytest

from treeline.report.privacy import without_secrets


def test_a_command_is_kept_without_logins_and_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2hunter2")
    command = "treeline run postgresql://me:hunter2hunter2@host/shop --out runs/shop --missing hunter2hunter2"
    assert without_secrets(command) == "treeline run postgresql://…@host/shop --out runs/shop --missing …"
