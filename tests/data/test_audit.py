"""The audit: each planted fault is found under its code, and honest tables are left in peace."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from treeline.data.ask import ask
from treeline.data.audit import audit, dropped_columns, gate
from treeline.data.column import Column, Kind
from treeline.data.dataset import Dataset, Records
from treeline.data.findings import Finding, Severity
from treeline.data.splits import plan_folds
from treeline.data.structure import keys_of
from treeline.errors import DataError

from .data_worlds import churn, houses, table

ROOT = Path(__file__).parents[2]
N = 1000


def found(frame: pl.DataFrame, target: str, **more: str) -> dict[str, Finding]:
    """Findings by code; of several with one code the gravest."""
    data = table(frame)
    findings = audit(data, ask(data, target, **more))  # type: ignore[arg-type]
    return {finding.code: finding for finding in reversed(findings)}


def noise(seed: int = 9, n: int = N) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("seed", range(10))
def test_honest_tables_are_left_in_peace(seed: int) -> None:
    assert found(churn(seed=seed), "churn") == {}
    assert found(houses(seed=seed), "price") == {}


def test_copies_and_conflicts() -> None:
    frame = pl.concat([churn(), churn()[:60], churn()[60:80].with_columns(churn=pl.lit("maybe"))])
    frame = frame.filter(pl.col("churn") != "maybe")
    flipped = churn()[60:80].with_columns(
        churn=pl.when(pl.col("churn") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    )
    codes = found(pl.concat([frame, flipped]), "churn")
    assert codes["D001"].rows == 80
    assert "60 of them with the same answer" in codes["D001"].found
    assert codes["D002"].rows == 40
    assert codes["D002"].severity is Severity.NOTE
    assert set(codes["D002"].examples) <= {*range(60, 80), *range(1060, 1080)}


def test_copies_never_lie_on_both_sides() -> None:
    data = table(pl.concat([churn(), churn()[:200]]))
    problem = ask(data, "churn")
    rows = np.arange(1200)
    keys = keys_of(data, problem, rows)
    y = (data.frame["churn"] == "yes").to_numpy().astype(np.int64)
    folds = plan_folds(y, problem, **keys)
    assert (folds.fold[:200] == folds.fold[1000:]).all()
    assert (folds.half[:200] == folds.half[1000:]).all()


def test_rows_that_repeat_by_chance_are_no_copies() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.integers(0, 4, N), "b": rng.integers(0, 5, N), "t": rng.choice(["x", "y"], N)})
    data = table(frame)
    problem = ask(data, "t")
    assert keys_of(data, problem, np.arange(N))["duplicates"] is None
    codes = found(frame, "t")
    assert "to be expected" in codes["D001"].found
    assert codes["D001"].severity is codes["D002"].severity is Severity.NOTE


def test_identifiers_constants_and_twins_are_left_out() -> None:
    frame = churn().with_columns(
        customer_id=pl.Series(np.random.default_rng(0).permutation(10**6)[:N]),
        counter=pl.Series(range(5, N + 5)),
        country=pl.lit("CH"),
        empty=pl.lit(None, dtype=pl.Float64),
        usage2=pl.col("usage"),
        seen=pl.when(pl.col("age") > 40).then(pl.lit("yes")),
    )
    data = table(frame)
    out = dropped_columns(audit(data, ask(data, "churn")))
    assert out == {"customer_id": "D003", "counter": "D003", "country": "D004", "empty": "D004", "usage2": "D021"}


def test_a_column_that_is_constant_where_the_target_is_known() -> None:
    frame = houses().with_columns(
        price=pl.when(pl.col("area") > 30).then("price"),
        cancelled=pl.when(pl.col("area") > 30).then(0).otherwise(1),
    )
    assert found(frame, "price")["D004"].columns == ("cancelled",)


def leaky() -> pl.DataFrame:
    """Churn with the target's code among the inputs."""
    return churn().with_columns(left=(pl.col("churn") == "yes").cast(pl.Int64))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("copy", (pl.col("churn") == "yes").cast(pl.Int64)),
        ("words", pl.when(pl.col("churn") == "yes").then(pl.lit("gone")).otherwise(pl.lit("here"))),
        ("shifted", (pl.col("churn") == "yes").cast(pl.Float64) + 0.3 * (pl.col("age") / 80)),
        ("present", pl.when(pl.col("churn") == "yes").then("usage")),
    ],
)
def test_a_column_that_gives_labels_away_blocks(name: str, column: pl.Expr) -> None:
    finding = found(churn().with_columns(column.alias(name)), "churn")["D005"]
    assert finding.columns == (name,)
    assert finding.severity is Severity.BLOCK
    assert "--allow-leak" in finding.do


@pytest.mark.parametrize(
    "column", [pl.col("price") * 1.1 + 5, pl.col("price").log(), -pl.col("price"), (pl.col("price") / 100).round()]
)
def test_a_column_that_gives_a_number_away_blocks(column: pl.Expr) -> None:
    frame = houses().filter(pl.col("price") > 0).with_columns(column.alias("leak"))
    assert found(frame, "price")["D005"].columns == ("leak",)


def test_many_classes_given_away() -> None:
    y = np.random.default_rng(0).integers(0, 6, N)
    frame = pl.DataFrame({"x": noise(), "code": y * 10, "t": [f"class {k}" for k in y]})
    assert found(frame, "t")["D005"].columns == ("code",)


def test_a_dropped_leak_is_not_spoken_of() -> None:
    data = table(leaky())
    findings = audit(data, ask(data, "churn"), drop=["left"])
    assert findings == []


def test_suspiciously_strong_is_a_warning_only() -> None:
    frame = houses().with_columns(estimate=pl.col("price") + pl.Series(noise()) * 12_000)
    codes = found(frame, "price")
    assert codes["D006"].columns == ("estimate",)
    assert "D005" not in codes
    assert gate(list(codes.values())) == ([], [codes["D006"]])


def test_parts_that_add_up_to_the_target() -> None:
    rng = np.random.default_rng(0)
    parts = pl.DataFrame({"casual": rng.poisson(40, N), "registered": rng.poisson(100, N), "wind": rng.normal(size=N)})
    exact = found(parts.with_columns(cnt=pl.col("casual") + pl.col("registered")), "cnt")["D007"]
    assert set(exact.columns) == {"casual", "registered"}
    assert exact.severity is Severity.BLOCK
    fees = rng.choice([3.3, 3.8, 4.3], N)
    fare = rng.gamma(3, 5, N).round(1)
    tip = (fare * rng.uniform(0, 0.4, N)).round(2)
    bill = pl.DataFrame({"tip": tip, "total": fare + tip + fees, "km": fare / 3 + rng.normal(size=N), "fare": fare})
    close = found(bill, "fare")["D007"]
    assert set(close.columns) == {"tip", "total"}
    assert close.severity is Severity.WARN


def test_an_honest_linear_law_is_no_sum_of_parts() -> None:
    x = np.random.default_rng(0).normal(size=(N, 4))
    y = x @ [3.0, -2.0, 1.5, 0.7] + 0.05 * noise()
    assert found(pl.DataFrame({**{f"x{i}": x[:, i] for i in range(4)}, "y": y}), "y") == {}


def test_columns_recorded_together_with_the_target() -> None:
    frame = (
        houses()
        .with_row_index()
        .with_columns(
            price=pl.when(pl.col("index") % 10 > 0).then("price"),
            tax=pl.when(pl.col("index") % 10 > 0).then(pl.Series(noise())),
        )
    )
    codes = found(frame.drop("index"), "price")
    assert codes["D007"].columns == ("tax",)
    assert codes["D019"].rows == 100


def test_a_namesake_of_the_target_is_suspicious() -> None:
    frame = houses().with_columns(price_class=(pl.col("price") / 200_000).floor().cast(pl.String))
    assert found(frame, "price")["D007"].columns == ("price_class",)


def test_missingness() -> None:
    gone = pl.Series(np.random.default_rng(0).random(N) < 0.7)
    late = pl.Series(np.random.default_rng(1).random(N) < 0.6)
    frame = churn().with_columns(
        rare=pl.when(~gone).then("age"),
        told=pl.when((pl.col("churn") == "yes") & late).then(None).otherwise(pl.Series(noise())),
    )
    codes = found(frame, "churn")
    assert codes["D008"].columns == ("rare",)
    assert codes["D009"].columns == ("told",)


def test_imbalance_rare_classes_few_rows_and_tails() -> None:
    rare = (
        churn(3000)
        .with_row_index()
        .with_columns(churn=pl.when(pl.col("index") % 100 == 0).then(pl.lit("yes")).otherwise(pl.lit("no")))
    )
    assert found(rare.drop("index"), "churn")["D010"].rows == 30
    kinds = pl.DataFrame({"x": noise(), "t": ["a"] * 500 + ["b"] * 495 + ["c"] * 5})
    assert found(kinds.sample(fraction=1, shuffle=True, seed=0), "t")["D011"].rows == 5
    assert found(churn(150), "churn")["D020"].severity is Severity.WARN
    tail = houses().with_columns(price=pl.when(pl.col("area") > 300).then(1e9).otherwise("price"))
    assert found(tail, "price")["D022"].examples


def test_patients_that_the_split_ignores() -> None:
    rng = np.random.default_rng(0)
    who = rng.integers(0, 60, N)
    sick = rng.random(60) < 0.4
    frame = pl.DataFrame({"patient_id": who, "x": noise(), "t": np.where(sick[who], "yes", "no")})
    assert found(frame, "t", split="stratified")["D012"].severity is Severity.WARN
    data = table(frame)
    findings = audit(data, ask(data, "t"))
    assert gate(findings) == ([], [])
    assert dropped_columns(findings) == {"patient_id": "D012"}


def test_dates_and_file_order() -> None:
    days = pl.Series([datetime(2024, 1, 1) + timedelta(hours=i) for i in range(N)])
    drift = houses().with_columns(day=days, price=pl.col("price") + pl.Series(np.arange(N) * 1000.0))
    codes = found(drift, "price", split="random")
    assert codes["D013"].severity is Severity.WARN
    assert codes["D014"].severity is Severity.NOTE
    assert "D013" not in found(drift, "price")
    still = houses().with_columns(day=days)
    assert found(still, "price", split="random")["D013"].severity is Severity.NOTE
    ids = houses().with_columns(parcel_id=pl.Series((houses()["price"].rank() * 1000 + 10**6).cast(pl.Int64)))
    assert found(ids.sample(fraction=1, shuffle=True, seed=0), "price")["D014"].columns == ("parcel_id",)


def test_odd_writing() -> None:
    rng = np.random.default_rng(0)
    years = rng.integers(1, 25, N).astype(str)
    years[:7], years[7:9] = "<1", ">20"
    frame = churn().with_columns(
        years=pl.Series(years),
        income=pl.Series(np.where(rng.random(N) < 0.05, -999.0, rng.uniform(0, 90, N))),
        street=pl.Series([f"street {k}" for k in rng.integers(0, 300, N)]),
    )
    codes = found(frame, "churn")
    assert codes["D018"].columns == ("years",)
    assert codes["D018"].rows == 9
    assert codes["D024"].columns == ("income",)
    assert codes["D016"].columns == ("street",)


def test_no_information_is_refused() -> None:
    same = pl.DataFrame({"x": [1.5] * 50, "t": ["a", "b"] * 25})
    with pytest.raises(DataError, match="D017"):
        audit(table(same), ask(table(same), "t"))
    keys = pl.DataFrame({"id": range(50), "t": ["a", "b"] * 25})
    with pytest.raises(DataError, match="D017"):
        audit(table(keys), ask(table(keys), "t"))


def test_quarantined_records_are_told() -> None:
    data = table(churn())
    data = replace(data, records=Records(read=1050, used=1000, quarantined=50, reasons={"ragged": 50}))
    finding = audit(data)[0]
    assert (finding.code, finding.severity, finding.rows) == ("D019", Severity.WARN, 50)


def test_without_a_target_only_the_table_is_judged() -> None:
    assert audit(table(leaky())) == []


def test_what_was_not_checked_is_said() -> None:
    data = table(churn())
    findings = audit(data, ask(data, "churn"), deadline_s=0.0)
    assert findings[0].code == "D023"
    assert "leaks" in findings[0].found


def test_a_wide_table_takes_bounded_time_and_its_leak_is_found() -> None:
    rng = np.random.default_rng(0)
    block = rng.normal(size=(60, 20_000))
    y = np.repeat([0, 1], 30)
    block[:, 12_345] = y + 0.1 * rng.normal(size=60)
    names = [f"g{i}" for i in range(20_000)]
    frame = pl.DataFrame(block, schema=names, orient="row").with_columns(t=pl.Series(y))
    columns = tuple(Column(name=name, kind=Kind.NUMBER, distinct=60) for name in names)
    target = Column(name="t", kind=Kind.NUMBER, distinct=2)
    records = Records(read=60, used=60)
    data = Dataset(frame=frame, columns=(*columns, target), records=records, source="wide.csv", fingerprint="")
    start = time.monotonic()
    findings = audit(data, ask(data, "t"))
    assert time.monotonic() - start < 30
    assert findings[0].code == "D005"
    assert findings[0].columns == ("g12345",)


def test_a_large_table_is_audited_in_seconds() -> None:
    rng = np.random.default_rng(0)
    n = 300_000
    frame = pl.DataFrame({f"x{i}": rng.normal(size=n) for i in range(15)}).with_columns(
        t=pl.Series(rng.integers(0, 2, n))
    )
    data = table(frame)
    start = time.monotonic()
    assert audit(data, ask(data, "t")) == []
    assert time.monotonic() - start < 15


def test_every_code_has_its_page_with_the_same_sections() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "src/treeline/data").glob("*.py"))
    codes = set(re.findall(r"\bD0\d\d\b", sources))
    pages = {path.stem: path.read_text() for path in (ROOT / "docs/codes").glob("D0*.md")}
    assert codes == set(pages)
    for code, text in pages.items():
        assert text.startswith(f"# {code}: ")
        heads = re.findall(r"^## (.+)$", text, flags=re.M)
        assert heads == ["What it is", "Why it matters", "Example", "What Treeline does", "What to do"]
