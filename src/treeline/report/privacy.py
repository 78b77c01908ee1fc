"""What may not leave the machine or fool the eye: secrets, user names, control and direction characters."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

__all__ = ["clean", "redacted", "without_secrets"]

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
"Control, direction-changing, invisible and lone surrogate characters. Joiners stay: Persian and emoji need them."
LOGIN = re.compile(r"(://)[^/\s@]+@(?=[^/\s])")
HOME = re.compile(r"(?:/(?:home|Users)/|[A-Za-z]:\\Users\\)[^/\\\s'\":]+")
SECRET_NAME = re.compile(r"(?i)secret|token|passw|api_?key|credential|private_?key|access_?key")


def clean(text: str) -> str:
    r"""Return `text` with characters that hide or reorder it written out, such as `\u202e`."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def redacted(data: Any) -> Any:
    """Return JSON data without logins in URLs, home folders and the values of secret environment variables."""
    home = str(Path.home())
    return _redact(data, _hidden(), home if len(home) > 1 else "")


def without_secrets(command: str) -> str:
    """Return a command line that can be repeated here: only logins in URLs and secrets are taken out."""
    for value in _hidden():
        command = command.replace(value, "…")
    return LOGIN.sub(r"\1…@", command)


def _hidden() -> list[str]:
    """Return the values of secret environment variables, the longest first."""
    hidden = {value for name, value in os.environ.items() if SECRET_NAME.search(name) and len(value) >= 8}
    return sorted(hidden, key=len, reverse=True)


def _redact(data: Any, hidden: list[str], home: str) -> Any:
    if isinstance(data, dict):
        return {_redact(key, hidden, home): _redact(value, hidden, home) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_redact(value, hidden, home) for value in data]
    if not isinstance(data, str):
        return data
    for value in hidden:
        data = data.replace(value, "…")
    text = LOGIN.sub(r"\1…@", data)
    if home:
        text = re.sub(re.escape(home) + r"(?![\w.-])", "~", text)
    return HOME.sub("~", text)
