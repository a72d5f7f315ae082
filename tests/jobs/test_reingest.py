"""A second ingest into a store that has come to know more than its file says."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from data.generate import generate
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs import clean, cluster, label
from tests.conftest import SettingsFor
from tests.jobs.stores import everything


@pytest.fixture
def ingested(spark: SparkSession, phases: Phases, settings_for: SettingsFor, tmp_path: Path) -> Settings:
    generate(2_000, 3, tmp_path)
    settings = settings_for(clusters_k=3)
    for job in (clean, cluster, label):
        job.run(spark, settings, "first", phases)
    return settings


def write(settings: Settings, *statements: str) -> None:
    with closing(sqlite3.connect(settings.sqlite_db)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_running_twice_changes_nothing(spark: SparkSession, phases: Phases, ingested: Settings, tmp_path: Path) -> None:
    before = everything(tmp_path)
    summaries = [job.run(spark, ingested, "second", phases) for job in (clean, cluster, label)]
    assert everything(tmp_path) == before
    assert summaries[0].loaded == summaries[0].rows_in == 2_000


def test_what_the_scorer_and_analysts_wrote_stays(
    spark: SparkSession, phases: Phases, ingested: Settings, tmp_path: Path
) -> None:
    write(
        ingested,
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
    before = everything(tmp_path)
    for job in (clean, label):
        job.run(spark, ingested, "second", phases)
    after = everything(tmp_path)
    for table in ("transactions", "decisions", "reviews"):
        assert after[table] == before[table]


def test_a_file_that_contradicts_a_decided_transaction_is_quarantined_as_conflict(
    spark: SparkSession, phases: Phases, ingested: Settings, tmp_path: Path
) -> None:
    write(ingested, "UPDATE transactions SET flagged_fraud = 0 WHERE id = (SELECT min(id) FROM transactions)")
    file = Path(ingested.csv_path)
    header, first, *rest = file.read_text().splitlines()
    changed = first.replace(",$", ",$9", 1)
    file.write_text("\n".join([header, changed, *rest, ""]))
    before = everything(tmp_path)["transactions"]

    summary = clean.run(spark, ingested, "second", phases)

    assert (summary.rows_in, summary.loaded, summary.reasons) == (2_000, 1_999, {"conflict": 1})
    assert everything(tmp_path)["transactions"] == before
    with closing(sqlite3.connect(ingested.sqlite_db)) as connection:
        kept = connection.execute("SELECT run_id, step, file, line, text, reason FROM quarantine").fetchall()
    assert kept == [("second", "clean", str(file), 2, changed, "conflict")]
