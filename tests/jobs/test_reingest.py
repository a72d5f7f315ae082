"""A second ingest into a store that has come to know more than its file says."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from data.generate import generate
from fraudstack.settings import Settings
from jobs import clean, cluster, label
from tests.jobs.databases import everything, execute, quiet, settings

pytestmark = pytest.mark.slow


@pytest.fixture
def ingested(spark: SparkSession, database: str, tmp_path: Path) -> Settings:
    generate(2_000, 3, tmp_path)
    chosen = settings(tmp_path, database, clusters_k=3)
    for job in (clean, cluster, label):
        job.run(spark, chosen, "first", quiet())
    return chosen


def content(chosen: Settings) -> dict[str, list[str]]:
    return everything(chosen.store_url) | everything(chosen.clusters_url)


def test_running_twice_changes_nothing(spark: SparkSession, ingested: Settings) -> None:
    before = content(ingested)
    summaries = [job.run(spark, ingested, "second", quiet()) for job in (clean, cluster, label)]
    assert content(ingested) == before
    assert summaries[0].loaded == summaries[0].rows_in == 2_000


def test_what_the_scorer_and_analysts_wrote_stays(spark: SparkSession, ingested: Settings) -> None:
    execute(
        ingested.store_url,
        "UPDATE transactions SET flagged_fraud = id % 2 WHERE id % 5 = 0",
        "INSERT INTO decisions (id, decided_at, score, suspicious, decision, reason, reasons, source)"
        " SELECT id, '2026-01-01 00:00:00', .5, id % 2, 'normal', 'as usual', '[]', 'online'"
        " FROM transactions WHERE flagged_fraud IS NOT NULL",
        "INSERT INTO reviews (id, verdict, reviewer, at)"
        " SELECT id, 'fraud', 'ana', '2026-01-01 00:00:00' FROM transactions WHERE id % 7 = 0",
        "UPDATE transactions SET is_fraud = 1 WHERE id % 7 = 0",
        "INSERT INTO transactions (id, date, client_id, amount, currency, flagged_fraud)"
        " VALUES (1000000000000000, '2019-11-01 00:00:00', '1', 5, 'USD', 1)",
    )
    before = content(ingested)
    for job in (clean, label):
        job.run(spark, ingested, "second", quiet())
    after = content(ingested)
    for table in ("transactions", "decisions", "reviews"):
        assert after[table] == before[table]
