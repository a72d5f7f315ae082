"""A model in force is watched: frauds that it expects and that don't come are told."""

from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.decisions import champions
from fraudstack.settings import Settings
from fraudstack.storage.connections.online import Readers
from fraudstack.storage.connections.store import parse
from fraudstack.storage.model_days import latest
from jobs import train, watch
from tests.jobs.databases import MadeOnce, execute, query, quiet, settings
from tests.jobs.of_amounts import FIRST, of_amounts

pytestmark = pytest.mark.slow

# Past the end of a year; the model in force has seen the first half.
DAYS, SEEN = 800, 400


@pytest.fixture
def given(spark: SparkSession, made_once: MadeOnce, database: str, tmp_path: Path) -> Settings:
    found = of_amounts(spark, made_once, settings(tmp_path, database), DAYS)
    return found.model_copy(update={"model_until": (FIRST + timedelta(days=SEEN - 1)).date()})


def measured(url: str, version: str) -> dict[str, float]:
    readers = Readers(parse(url))
    try:
        with readers.reading() as connection:
            return {name: value for name, (value, _, _) in latest(connection, version).items()}
    finally:
        readers.close()


def test_frauds_that_do_not_come_are_told(spark: SparkSession, given: Settings, database: str) -> None:
    train.run(spark, given, "one", quiet())
    with champions.opened(given) as connection:
        candidate = given.model_dir / "candidate"
        version = champions.promote(connection, given.model_dir, candidate, "test", {"reason": "first"}).version
    assert watch.run(spark, given, "two", quiet()).loaded == 0
    before = measured(database, version)
    assert before["psi:amount"] < 0.2
    # Its reference is what a model said that had learned from half as much: of so few frauds that is another thing.
    assert "psi:score" in before
    assert before["expected"] == pytest.approx(before["observed"], rel=0.2)
    assert before["outside:frauds"] == 0
    assert before["recall"] > 0.5
    # Counts that grow all the time are not held against a past in which they were smaller.
    assert "psi:client_transactions" not in before
    windows = query(
        database,
        "SELECT first, last, spoke, transactions, labelled FROM model_windows WHERE kind = 'all' ORDER BY first",
    )
    assert windows[-1][1] == str((FIRST + timedelta(days=DAYS - 1 - given.label_delay)).date())
    spoke = [row[2] for row in windows]
    # Before it another had to speak, for it has learned from those days.
    assert version not in spoke[:2]
    assert spoke[-10:] == [version] * 10
    by_day = "SELECT count(*) FROM transactions WHERE CAST(date AS TEXT) >= '{0}' AND CAST(date AS TEXT) < '{1} 24'"
    assert query(database, by_day.format(*windows[-1][:2])) == [(windows[-1][3],)]

    execute(database, f"UPDATE transactions SET is_fraud = 0 WHERE date >= '{(FIRST + timedelta(days=DAYS - 120)):%F}'")
    assert watch.run(spark, given, "three", quiet()).loaded > 0
    after = measured(database, version)
    assert after["outside:frauds"] > 0
    assert after["observed"] < before["observed"]
    # Made anew, not added.
    assert query(database, "SELECT count(*) FROM model_windows WHERE kind = 'all'") == [(len(windows),)]


def test_without_a_model_there_is_nothing_to_watch(spark: SparkSession, given: Settings, database: str) -> None:
    assert watch.run(spark, given, "one", quiet()).said == ["nothing to do: no model is in force"]
    assert query(database, "SELECT count(*) FROM model_windows") == [(0,)]
