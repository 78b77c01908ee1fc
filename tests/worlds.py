"""Small tables as files, for tests of the whole road."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def churn_csv(path: Path, rows: int = 400, *, seed: int = 0) -> Path:
    """A table with numbers, categories, a date-free identifier, missing values and a yes/no target."""
    rng = np.random.default_rng(seed)
    months = rng.integers(1, 72, rows)
    fee = np.round(rng.gamma(4.0, 15.0, rows), 2)
    plan = rng.choice(["basic", "plus", 'Über, "gold"'], rows)
    logit = 0.04 * (fee - 60) - 0.05 * months + 1.2 * (plan == "basic") + rng.normal(size=rows)
    lines = ["customer,months,fee,plan,churn"]
    for i in range(rows):
        shown = "" if rng.random() < 0.05 else f"{fee[i]:.2f}"
        quoted = '"' + plan[i].replace('"', '""') + '"'
        lines.append(f"C-{i:05d},{months[i]},{shown},{quoted},{'yes' if logit[i] > 0 else 'no'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def price_csv(path: Path, rows: int = 400) -> Path:
    """A table whose target is a number."""
    rng = np.random.default_rng(1)
    area, rooms = rng.gamma(6.0, 15.0, rows), rng.integers(1, 6, rows)
    town = rng.choice(["a", "b", "c"], rows)
    price = 1000 * area + 5000 * rooms + 20_000 * (town == "a") + rng.normal(scale=8000, size=rows)
    text = "area,rooms,town,price\n" + "".join(
        f"{area[i]:.1f},{rooms[i]},{town[i]},{price[i]:.0f}\n" for i in range(rows)
    )
    path.write_text(text, encoding="utf-8")
    return path
