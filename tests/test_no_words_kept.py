"""No word of a text stands in a bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from treeline.api import run

SECRETS = tuple(f"xyzzy{i:03d}" for i in range(120))


def test_rare_words_are_not_in_the_bundle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good, bad = ["lovely", "bright", "warm", "kind", "fresh"], ["broken", "cold", "late", "rude", "stale"]
    rows = [(i % 2, " ".join([*rng.choice(bad if i % 2 else good, 3), *rng.choice(good + bad, 5)])) for i in range(120)]
    notes = [f"{text} xyzzy{i:03d}" for i, (_, text) in enumerate(rows)]
    frame = pl.DataFrame({"label": ["yes" if label else "no" for label, _ in rows], "note": notes})
    out = tmp_path / "run"
    run(frame, target="label", time_limit=8, out=out, families=("classical",), candidates=("words_logistic",), progress="quiet",
        kind={"note": "text"})  # fmt: skip
    files = [path for path in (out / "bundle").rglob("*") if path.is_file()]
    assert files
    for path in files:
        raw = path.read_bytes().lower()
        assert not [secret for secret in SECRETS if secret.encode() in raw], path.name
