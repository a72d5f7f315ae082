"""Stores of the tests: settings that name one, and its content read with nothing but the databases' own clients."""

import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
from pyspark.sql import SparkSession
from rich.console import Console

from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage.loads import unpack

Rows = list[tuple[object, ...]]
# What the fixture `made_once` is.
MadeOnce = Callable[[str, str, Callable[[Path, str], object]], None]
_DATE = "%Y-%m-%d %H:%M:%S"


def settings(folder: Path, url: str | None = None, **given: Any) -> Settings:
    """Settings whose every path lies in `folder`, with the store at `url` or else in a file there."""
    paths: dict[str, Any] = {
        "csv_path": str(folder / "transactions_data.csv"),
        "labels_path": str(folder / "train_fraud_labels.json"),
        "sqlite_db": folder / "transactions.db",
        "clusters_db": folder / "transactions_clusters.db",
        "staging_dir": folder / "staging",
        "model_dir": folder / "model",
    }
    if url is not None and url.startswith("sqlite:///"):
        paths["sqlite_db"] = Path(url.removeprefix("sqlite:///"))
    elif url is not None:
        paths["database_url"] = url
    return Settings(**(paths | given))


def quiet() -> Phases:
    """Progress that nobody sees."""
    return Phases(Console(file=StringIO()))


def new_postgres(server: str) -> str:
    """The URL of an empty database, which lives as long as its server."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


def copy(source: str, target: str) -> None:
    """The store at `target` holds what that at `source` does, of the same kind and used by nobody meanwhile."""
    if source.startswith("sqlite:///"):
        files = [sqlite3.connect(url.removeprefix("sqlite:///")) for url in (source, target)]
        with closing(files[0]), closing(files[1]):
            files[0].backup(files[1])
        return
    server, (original, name) = _server(source), map(_name, (source, target))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {original}")


def empty_beside(url: str, folder: Path) -> str:
    """The URL of an empty store of the same kind, in the folder or on the same server."""
    return f"sqlite:///{folder}/transactions.db" if url.startswith("sqlite:///") else new_postgres(_server(url))


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _server(url: str) -> str:
    return url.replace(f"/{_name(url)}?", "/postgres?")


@contextmanager
def split_every(spark: SparkSession, size: int) -> Iterator[None]:
    """Files are cut into tasks of `size` bytes meanwhile."""
    names = ("spark.sql.files.maxPartitionBytes", "spark.sql.files.openCostInBytes")
    before = [str(spark.conf.get(name)) for name in names]
    try:
        for name in names:
            spark.conf.set(name, size)
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            spark.conf.set(name, value)


@contextmanager
def asking(url: str) -> Iterator[Callable[[str], Rows]]:
    """Queries on one connection."""
    connection: Any = (
        sqlite3.connect(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:///")
        else psycopg.connect(url, autocommit=True)
    )
    with closing(connection):
        yield lambda statement: connection.execute(statement).fetchall()


def query(url: str, statement: str) -> Rows:
    """The answer of a query."""
    with asking(url) as ask:
        return ask(statement)


def execute(url: str, *statements: str) -> None:
    """Run statements and commit."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            for statement in statements:
                connection.execute(statement)
        return
    with psycopg.connect(url) as server:
        for statement in statements:
            server.execute(statement)


def transactions(url: str) -> dict[int, tuple[object, ...]]:
    """The 16 columns of every transaction, by id, dates and amounts in Python's types on both databases."""
    found: dict[int, tuple[object, ...]] = {}
    for id, date, client, card, amount, *rest in query(url, "SELECT * FROM transactions"):
        assert isinstance(id, int)
        when = datetime.strptime(date, _DATE) if isinstance(date, str) else date
        exact = Decimal(repr(amount)) if isinstance(amount, float) else amount
        found[id] = (id, when, client, card, exact, *rest)
    return found


def quarantined(url: str, columns: str = "line, text, reason") -> Rows:
    """What was refused, in the order of the files."""
    return query(url, f"SELECT {columns} FROM quarantine ORDER BY run_id, file, line, text")


def everything(url: str, *, without: Collection[str] = ("version",)) -> dict[str, list[str]]:
    """The content of every table and the indexes' names.

    Without ingest_runs, quarantine and loads, which say how runs went, and without some columns: versions, which rise
    each time something is made anew. Of the loads' lists what they hold, wherever they are cut.
    """
    catalogue, columns, indexes = (
        (
            "SELECT name FROM sqlite_master WHERE type = 'table'",
            "SELECT name FROM pragma_table_info('{}') ORDER BY cid",
            "SELECT name FROM sqlite_master WHERE type = 'index'",
        )
        if url.startswith("sqlite:///")
        else (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
            "SELECT column_name FROM information_schema.columns WHERE table_name = '{}' ORDER BY ordinal_position",
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'",
        )
    )
    with asking(url) as ask:
        names = sorted(str(name) for (name,) in ask(catalogue))
        told = {
            name: ", ".join(f'"{column}"' for (column,) in ask(columns.format(name)) if column not in without)
            for name in names
            if name not in {"ingest_runs", "quarantine", "loads", "load_lists"}
        }
        lists: list[Any] = ask("SELECT kind, packed FROM load_lists") if "load_lists" in names else []
        return {name: sorted(map(repr, ask(f'SELECT {told[name]} FROM "{name}"'))) for name in told} | {
            "lists": sorted(repr((kind, *held)) for kind, packed in lists for held in unpack(packed, kind).T.tolist()),
            "indexes": sorted(str(name) for (name,) in ask(indexes)),
        }
