"""The audit on real tables whose leaks are known, and on real tables that have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeline.data.ask import ask
from treeline.data.audit import audit, gate
from treeline.data.findings import Finding
from treeline.data.read_table import read

DATA = Path(__file__).parents[3] / "shared" / "data" / "tabular"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real tables are not beside this checkout")


def findings(file: str, target: str) -> list[Finding]:
    data = read(DATA / file, target=target)
    return audit(data, ask(data, target))


@pytest.mark.parametrize(
    ("file", "target", "columns"),
    [
        ("bike_sharing_hourly.csv", "cnt", {"casual", "registered"}),
        ("nyc_taxis.csv", "fare", {"total", "tip"}),
        ("loans_full.csv", "interest_rate", {"sub_grade"}),
        (
            "hflights_2011.csv.gz",
            "ArrDelay",
            {"DepDelay", "ArrTime", "ActualElapsedTime", "AirTime", "TaxiIn", "TaxiOut"},
        ),
    ],
)
def test_known_leaks_are_found(file: str, target: str, columns: set[str]) -> None:
    blocks, lowers = gate(findings(file, target))
    named = {
        name for finding in blocks + lowers if finding.code in ("D005", "D006", "D007") for name in finding.columns
    }
    assert columns <= named


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("diamonds.csv", "price"),
        ("telco_churn.csv", "Churn"),
        ("titanic.csv", "Survived"),
        ("job_change.csv", "target"),
    ],
)
def test_honest_tables_keep_their_verdict(file: str, target: str) -> None:
    assert gate(findings(file, target)) == ([], [])
