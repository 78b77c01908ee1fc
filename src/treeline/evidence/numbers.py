"""Numbers as a person reads them, and data as any JSON reader takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["COUNTED", "as_json", "number", "per_thousand", "percent"]

COUNTED = {"accuracy": "right", "balanced_accuracy": "right, classes counting alike"}


def per_thousand(metric: str, gain: float) -> str | None:
    """Return `about 3 more right per 1,000 rows` for metrics that count rows, None for others."""
    if metric not in COUNTED:
        return None
    count = abs(gain) * 1000
    amount = f"about {count:.0f}" if count >= 1 else "less than 1"
    return f"{amount} more {COUNTED[metric]} per 1,000 rows"


def number(value: float) -> str:
    """Return a number with three significant digits, thousands grouped."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.5f}"


def percent(p: float) -> str:
    """Return a probability in per cent, never as a certainty."""
    return "above 99.9%" if p > 0.999 else "below 0.1%" if p < 0.001 else f"{100 * p:.1f}%"


def as_json(value: Any) -> Any:
    """Return data that any JSON reader takes: no NaN, no infinity, no numpy scalar."""
    if isinstance(value, dict):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
