"""What is installed, on which devices, with what limits, and how to get what is missing."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from treeline.candidates.registry import cards
from treeline.machine import cores, free_memory_mb

__all__ = ["as_text", "examine"]

LIBRARIES = {
    "numpy": "", "polars": "", "pyarrow": "", "scikit-learn": "", "lightgbm": "", "catboost": "", "interpret-core": "",
    "torch": "deep", "accelerate": "deep", "sqlalchemy": "sql", "psycopg": "sql", "statsmodels": "samples", "pandas": "pandas",
    "transformers": "text", "Pillow": "image", "soundfile": "audio",
}  # fmt: skip
"Distribution -> the extra that installs it; empty for what always comes along."


def examine() -> dict[str, Any]:
    """Return plain data: treeline, python, machine, devices, libraries, candidates."""
    return {
        "treeline": version("treeline"),
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
        "cores": cores(),
        "free_memory_mb": round(free_memory_mb()),
        "free_disk_mb": round(shutil.disk_usage(".").free / 2**20),
        "devices": _devices(),
        "sqlite": sqlite3.sqlite_version,
        "libraries": {name: _library(name, extra) for name, extra in LIBRARIES.items()},
        "candidates": [
            {
                "name": card.name, "title": card.title, "family": str(card.family), "licence": card.licence, "paper": card.paper,
                "ready": not card.missing(), "missing": list(card.missing()),
                "install": "" if not card.missing() else _install(card.extra, card.missing()),
            }
            for card in cards().values()
        ],
    }  # fmt: skip


def as_text(found: dict[str, Any]) -> str:
    """Return what `examine` found as lines for a person."""
    lines = [
        f"treeline {found['treeline']} on Python {found['python']}",
        f"{found['system']}",
        f"{found['cores']} cores, {found['free_memory_mb']:,} MB of memory free, {found['free_disk_mb']:,} MB of disk free",
        "devices: " + ", ".join(found["devices"]),
        "",
        "libraries",
        *(f"  {name:<16} {one['version'] or 'missing: ' + one['install']}" for name, one in found["libraries"].items()),
        "",
        "candidates",
    ]
    for card in found["candidates"]:
        state = "ready" if card["ready"] else f"missing {', '.join(card['missing'])}: {card['install']}"
        lines.append(f"  {card['name']:<14} {card['family']:<10} {card['licence']:<14} {state}")
    return "\n".join(lines)


def _devices() -> list[str]:
    try:
        import torch
    except ImportError:
        return ["cpu"]
    if torch.cuda.is_available():
        return ["cpu"] + [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    return ["cpu"]


def _library(name: str, extra: str) -> dict[str, str]:
    try:
        return {"version": version(name), "install": ""}
    except PackageNotFoundError:
        return {"version": "", "install": _install(extra, (name,))}


def _install(extra: str, modules: tuple[str, ...]) -> str:
    return f"pip install 'treeline[{extra}]'" if extra else "pip install " + " ".join(modules)
