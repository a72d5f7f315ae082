"""While clusters are replaced, whoever reads them sees the old or the new, never half of either."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import psycopg
from pyspark.sql import SparkSession

from fraudstack.settings import Settings
from jobs import clean, cluster
from tests.jobs.databases import quiet, settings
from tests.jobs.raw_files import row, write

CLIENTS = 4_000
# How many clients the clusters say they hold, how many are in one, and which clusters either knows of.
_SEEN = """SELECT (SELECT coalesce(sum(count), 0) FROM transactions_clusters), (SELECT count(*) FROM client_clusters),
    (SELECT count(*) FROM transactions_clusters), (SELECT count(DISTINCT cluster) FROM client_clusters)"""


def view(url: str) -> tuple[int, ...]:
    """One statement sees one state of the database."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return tuple(map(int, connection.execute(_SEEN).fetchone()))
    with psycopg.connect(url, autocommit=True) as server:
        return tuple(map(int, server.execute(_SEEN).fetchone() or ()))


class Reader(threading.Thread):
    """Reads until it is told that all is over."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.over, self.seen, self.reads = url, threading.Event(), set[tuple[int, ...]](), 0

    def run(self) -> None:
        while not self.over.is_set():
            self.seen.add(view(self.url))
            self.reads += 1


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
    reader = Reader(grouped(2).clusters_url)
    reader.start()
    try:
        cluster.run(spark, grouped(5), "five", quiet())
        cluster.run(spark, grouped(2), "two", quiet())
    finally:
        reader.over.set()
        reader.join()
    assert reader.seen == {(CLIENTS, CLIENTS, 2, 2), (CLIENTS, CLIENTS, 5, 5)}
    assert reader.reads > 100
