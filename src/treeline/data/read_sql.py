"""The rows of a query, read only, over SQLAlchemy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from treeline.data.frames import from_values
from treeline.data.raw import Raw, check_names
from treeline.errors import DataError, SetupError, UsageError, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["is_database", "read_sql", "without_secrets"]

DATABASES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb", "mssql", "oracle", "duckdb", "snowflake",
             "bigquery", "redshift", "clickhouse", "cockroachdb", "trino", "databricks")  # fmt: skip
BATCH = 50_000


def is_database(source: str) -> bool:
    """Whether `source` is the URL of a database."""
    return source.partition("://")[0].partition("+")[0] in DATABASES and "://" in source


def without_secrets(url: str) -> str:
    """Return a database URL without password and options, fit for messages and reports."""
    scheme, _, rest = url.partition("://")
    rest = rest.partition("?")[0]
    login, at, place = rest.rpartition("@")
    user = login.partition(":")[0]
    return f"{scheme}://{user}{':***' if ':' in login else ''}{at}{place}"


def read_sql(url: str, query: str | None) -> Raw:
    """Read all rows of a query; the transaction is read-only where the database knows such.

    Raises:
        UsageError: there is no query, or no such SQLite file.
        SetupError: SQLAlchemy or the database's driver is not installed.
        DataError: the database refuses.
    """
    where = without_secrets(url)
    if not query:
        raise UsageError("A database needs a query.", where=where, do='Add --query "SELECT … FROM …".')
    try:
        import sqlalchemy as sa
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
    except ImportError:
        raise SetupError("Reading a database needs SQLAlchemy.", do="Run: pip install 'treeline[sql]'") from None
    try:
        target = sa.make_url(url.replace("postgres://", "postgresql://", 1))
        if target.drivername == "postgresql":
            target = target.set(drivername="postgresql+psycopg")
        _check_sqlite(target, where)
        engine = sa.create_engine(target, poolclass=sa.pool.NullPool)
    except (ArgumentError, ValueError):
        raise UsageError("The database URL cannot be read.", where=where, do="Write sqlite:///path.") from None
    except (NoSuchModuleError, ImportError) as error:
        missing = str(error).splitlines()[0]
        raise SetupError(
            f"The driver of this database is not installed ({missing}).",
            where=where,
            do="Run: pip install 'treeline[sql]' (PostgreSQL), or install your database's own driver.",
        ) from None
    try:
        frame = _rows(engine, query, where)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        said = _masked(cause[0] if cause else type(error).__name__, target.password)
        raise DataError(
            f"The database refuses: {shown(said, 200)}.", where=where, do="Check the URL and the query."
        ) from None
    finally:
        engine.dispose()
    if not frame.height:
        raise DataError("The query returns no row.", where=where, do="Check the query.")
    return Raw(frame=frame, source=where, read=frame.height, how={"format": "SQL", "query": query})


def _check_sqlite(target: Any, where: str) -> None:
    """Refuse a missing file, which SQLite would otherwise create."""
    name = target.database
    if target.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return
    if not Path(name).is_file():
        raise UsageError(f"There is no file {shown(name)}.", where=where, do="Check the path after sqlite:///.")


def _masked(text: str, password: object) -> str:
    return text.replace(str(password), "***") if password else text


def _rows(engine: Any, query: str, where: str) -> pl.DataFrame:
    import polars as pl

    backend = engine.dialect.name
    options = {"stream_results": True} | ({"postgresql_readonly": True} if backend == "postgresql" else {})
    with engine.connect().execution_options(**options) as connection:
        if backend == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        result = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
        if not result.returns_rows:
            raise DataError("The statement returns no rows.", where=where, do="Give a SELECT.")
        names = [str(name) for name in result.keys()]  # noqa: SIM118 - a result iterates over its rows
        check_names(names, where)
        columns: list[list[Any]] = [[] for _ in names]
        while batch := result.fetchmany(BATCH):
            for column, values in zip(columns, zip(*batch, strict=True), strict=True):
                column.extend(values)
    return from_values(dict(zip(names, columns, strict=True)), where) if columns else pl.DataFrame()
