"""A store of the first release, with decisions and reviews, is migrated, brought up to date, and right.

`first_release.sql.gz` is what the first release left of 400 generated transactions, 16 posts and 4 reviews.
"""

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from pyspark.sql import SparkSession
from sqlalchemy import text
from sqlalchemy.engine import Connection as Engine

from fraudstack.storage import upgrade as migrations
from fraudstack.storage.connections import engines
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.verify.store import verify
from jobs import AFTER_INGEST, JOBS
from jobs.run import run
from tests.jobs.databases import query, quiet, settings

_FIRST_RELEASE = "0010"
_KEPT = (
    "SELECT id, client_id, amount, flagged_fraud, is_fraud FROM transactions ORDER BY id",
    "SELECT id, score, decision, reasons FROM decisions WHERE source = 'online' ORDER BY id",
    "SELECT id, verdict, note, reviewer FROM reviews ORDER BY review_id",
)


def restored(store: Store, folder: Path) -> None:
    """Make a store as the first release left it."""
    dump = gzip.decompress(Path(__file__).with_name("first_release.sql.gz").read_bytes()).decode()
    if store.path:
        with closing(sqlite3.connect(store.path)) as file:
            file.executescript(dump)
            file.execute("PRAGMA journal_mode=WAL")
        return
    with closing(sqlite3.connect(folder / "dump.db")) as file, engines.write(store) as server:
        file.executescript(dump)
        config = migrations._config("transactions")
        config.attributes["connection"] = server
        command.upgrade(config, _FIRST_RELEASE)
        for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table not in ("schema_transactions", "sqlite_sequence", "last_assigned"):
                _copy(file, server, table)


def _copy(file: sqlite3.Connection, server: Engine, table: str) -> None:
    found = file.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in found.description]
    places = ", ".join(f":{name}" for name in names)
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    if rows:
        server.execute(text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"), rows)


@pytest.mark.slow
@pytest.mark.long
def test_a_store_of_the_first_release_is_migrated_and_verifies(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    store = parse(database)
    restored(store, tmp_path)
    before: list[list[tuple[Any, ...]]] = [query(database, asked) for asked in _KEPT]
    assert [len(found) for found in before] == [416, 16, 4]
    (tmp_path / "none.csv").write_text("id,date,client_id,amount\n")
    chosen = settings(
        tmp_path, database, csv_path=str(tmp_path / "none.csv"), labels_path="", model_dir=tmp_path / "no-model"
    )
    summaries = {job: run(job, lambda: spark, chosen, "second", quiet()) for job in (*JOBS, *AFTER_INGEST)}
    assert [query(database, asked) for asked in _KEPT] == before
    assert list(verify(store, quiet(), repair=False)) == []
    # All was made anew, once.
    assert {job for job, summary in summaries.items() if summary.idle} == set()
    again = {job: run(job, lambda: spark, chosen, "third", quiet()) for job in (*JOBS, *AFTER_INGEST)}
    assert {job for job, summary in again.items() if summary.idle} == {"profiles", "cluster", "memories", "decide"}
