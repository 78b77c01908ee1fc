"""Queries against SQLite and a real PostgreSQL server, read only, with no secret in any message."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from treeline.data.column import Kind
from treeline.data.read_sql import without_secrets
from treeline.data.read_table import read
from treeline.errors import DataError, UsageError

PASSWORD = "s3cr3t-word"
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    path = tmp_path / "t.db"
    base = sqlite3.connect(path)
    base.execute("create table t (id integer, amount real, name text, mixed)")
    rows = [(i, i / 4, f"n{i % 3}", i if i % 2 else f"x{i}") for i in range(100)]
    base.executemany("insert into t values (?, ?, ?, ?)", [*rows, (100, None, None, None)])
    base.commit()
    base.close()
    return f"sqlite:///{path}"


def test_a_query_on_sqlite_is_read(sqlite: str):
    data = read(sqlite, query="select * from t order by id")
    assert [column.kind for column in data.columns] == [Kind.IDENTIFIER, Kind.NUMBER, Kind.CATEGORY, Kind.IDENTIFIER]
    assert data.frame["amount"].to_list()[:2] == [0.0, 0.25]
    assert data.frame["mixed"].to_list()[:2] == ["x0", "1"]
    assert data.records.read == len(data) == 101
    assert data.how["query"].startswith("select")


def test_a_database_is_never_written_to(sqlite: str):
    with pytest.raises(DataError, match=r"refuses|returns no rows"):
        read(sqlite, query="delete from t")
    assert len(read(sqlite, query="select id from t")) == 101


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select nope from t", "no such column"),
        ("select * from t where id < 0", "no row"),
        ("select id, id from t", "'id' stands at"),
    ],
)
def test_bad_queries_are_named(sqlite: str, query: str, said: str):
    with pytest.raises(DataError, match=said):
        read(sqlite, query=query)


def test_a_database_needs_a_query_and_a_file(sqlite: str, tmp_path: Path):
    with pytest.raises(UsageError, match="needs a query"):
        read(sqlite)
    with pytest.raises(UsageError, match="no file"):
        read(f"sqlite:///{tmp_path}/none.db", query="select 1")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(UsageError, match="needs the URL of a database"):
        read(tmp_path / "t.db", query="select 1")


def test_a_url_is_shown_without_its_secrets():
    assert without_secrets(f"postgresql://me:{PASSWORD}@host/db?password={PASSWORD}") == "postgresql://me:***@host/db"
    assert without_secrets("sqlite:///t.db") == "sqlite:///t.db"


def _as_owner(folder: str) -> list[str]:
    """The server refuses to run as root; then it runs as the user that its package made."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--"]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    if not POSTGRES:
        pytest.skip("the PostgreSQL server is not installed (Debian package postgresql)")
    binaries = POSTGRES[-1].parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="pg")
    owner = _as_owner(folder)
    secret = Path(folder, "password")
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    data = f"{folder}/data"

    def call(*command: str) -> None:
        subprocess.run([*owner, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    call(f"{binaries}/initdb", "-D", data, "-U", "me", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "-N")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    call(f"{binaries}/pg_ctl", "-D", data, "-w", "-o", options, "-l", f"{folder}/log", "start")
    try:
        yield f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        call(f"{binaries}/pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_a_real_postgres_is_read(postgres: str):
    query = """
        select g as id, (g * 1.25)::numeric(10, 2) as price, g * 0.5::float8 as half, g % 3 = 0 as third,
               case g % 3 when 0 then 'é' when 1 then 'b' end as name,
               timestamptz '2020-01-01 12:00+02' + g * interval '1 day' as at, date '2020-01-01' + g as day,
               9007199254740993::bigint + g as big, gen_random_uuid() as token
        from generate_series(1, 300) as g order by g
    """
    data = read(postgres, query=query)
    kinds = {column.name: str(column.kind) for column in data.columns}
    assert kinds == {
        "id": "identifier", "price": "number", "half": "number", "third": "category", "name": "category",
        "at": "date", "day": "date", "big": "identifier", "token": "identifier",
    }  # fmt: skip
    assert data.frame["price"].to_list()[:2] == [1.25, 2.5]
    assert data.frame["at"].to_list()[0] == datetime(2020, 1, 2, 10)
    assert data.frame["big"].to_list()[0] == "9007199254740994"
    assert data.frame["name"].to_list()[:3] == ["b", None, "é"]
    assert len(data) == data.records.read == 300
    assert PASSWORD not in repr(data)
    assert data.source.startswith("postgresql://me:***@127.0.0.1")


def test_postgres_is_never_written_to_and_never_tells_the_password(postgres: str):
    with pytest.raises(DataError, match="refuses") as caught:
        read(postgres, query="create table t (a int)")
    assert PASSWORD not in str(caught.value)
    with pytest.raises(DataError, match="refuses") as caught:
        read(postgres.replace("me:", "you:"), query="select 1")
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="refuses"):
        read(postgres, query="select 1 +")
