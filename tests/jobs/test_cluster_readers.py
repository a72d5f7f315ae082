"""While clusters are replaced, whoever reads them sees the old or the new, never half of either."""

import multiprocessing
import sqlite3
from contextlib import closing
from multiprocessing import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import psycopg
import pytest
from pyspark.sql import SparkSession

from fraudstack.settings import Settings
from jobs import clean, cluster
from tests.jobs.databases import quiet, settings
from tests.jobs.raw_files import row, write

pytestmark = pytest.mark.long

CLIENTS = 4_000
# How many clients the clusters say they hold, how many are in one, and which clusters either knows of.
_SEEN = """SELECT (SELECT coalesce(sum(count), 0) FROM transactions_clusters), (SELECT count(*) FROM client_clusters),
    (SELECT count(*) FROM transactions_clusters), (SELECT count(DISTINCT cluster) FROM client_clusters)"""


def view(url: str) -> tuple[int, ...]:
    """One statement sees one state of the database."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as connection:
            return tuple(map(int, connection.execute(_SEEN).fetchone()))
    with psycopg.connect(url, autocommit=True) as server:
        return tuple(map(int, server.execute(_SEEN).fetchone() or ()))


def read(url: str, reading: Event, over: Event, answers: "Queue[tuple[set[tuple[int, ...]], int]]") -> None:
    """Read until told that all is over; a process of its own, since two copies of SQLite can't share one."""
    seen, reads = set[tuple[int, ...]](), 0
    while not over.is_set():
        seen.add(view(url))
        reads += 1
        reading.set()
    answers.put((seen, reads))


def test_readers_see_old_or_new_clusters(spark: SparkSession, database: str, tmp_path: Path) -> None:
    def grouped(clusters: int) -> Settings:
        return settings(tmp_path, database, clusters_k=clusters)

    write(
        Path(grouped(2).csv_path),
        (
            row(id, client_id=f"c{id}", amount=f"{id % 97}.50", merchant_state="ND" if id % 3 else "Italy")
            for id in range(CLIENTS)
        ),
    )
    clean.run(spark, grouped(2), "run", quiet())
    cluster.run(spark, grouped(2), "two", quiet())
    context = multiprocessing.get_context("spawn")
    reading, over, answers = context.Event(), context.Event(), context.Queue()
    reader = context.Process(target=read, args=(grouped(2).clusters_url, reading, over, answers), daemon=True)
    reader.start()
    try:
        assert reading.wait(timeout=180)
        cluster.run(spark, grouped(5), "five", quiet())
        cluster.run(spark, grouped(2), "two", quiet())
    finally:
        over.set()
    seen, reads = answers.get(timeout=180)
    reader.join()
    assert seen == {(CLIENTS, CLIENTS, 2, 2), (CLIENTS, CLIENTS, 5, 5)}
    assert reads > 100
