"""What a job remembers for the model takes the place of the old, whatever the scorer does meanwhile."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.settings import Settings
from fraudstack.storage.memories import bulk as memories_bulk
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.value_days import KINDS
from jobs import clean, label, memories, profiles
from tests.jobs.databases import MadeOnce, execute, query, quiet, settings
from tests.jobs.labels_files import entry, labels
from tests.jobs.raw_files import row, write

pytestmark = pytest.mark.slow

_MEMORIES = "SELECT client_id, memory FROM profiles ORDER BY client_id"
_VALUES = """SELECT kind, value, day, CAST(sum(transactions) AS BIGINT), CAST(sum(cents) AS BIGINT),
    CAST(sum(labelled) AS BIGINT), CAST(sum(frauds) AS BIGINT), CAST(sum(ordinary_frauds) AS BIGINT)
    FROM value_days GROUP BY kind, value, day ORDER BY kind, value, day"""


@pytest.fixture
def given(spark: SparkSession, made_once: MadeOnce, database: str, tmp_path: Path) -> Settings:
    """Half a year of 40 clients at 20 merchants, labelled, in the store."""
    made_once(database, "half a year", partial(_ingested, spark))
    return settings(tmp_path, database)


def _ingested(spark: SparkSession, folder: Path, url: str) -> None:
    given = settings(folder, url)
    lines = [
        row(
            id,
            date=f"2010-{1 + id // 180:02}-{1 + id // 6 % 28:02} 10:{id % 60:02}:00",
            client_id=f"c{id % 40}",
            merchant_id=str(id % 20),
            amount=f"{id % 97}.50",
        )
        for id in range(1000)
    ]
    write(Path(given.csv_path), lines)
    Path(given.labels_path).write_text(labels(entry(id, "Yes" if id % 9 == 0 else "No") for id in range(0, 1000, 2)))
    for job in (clean, label, profiles):
        job.run(spark, given, "run", quiet())


def test_a_second_run_changes_nothing(spark: SparkSession, database: str, given: Settings) -> None:
    memories.run(spark, given, "one", quiet())
    before = query(database, _MEMORIES), query(database, _VALUES)
    assert len(before[0]) == 40
    assert all(memory for _, memory in before[0])
    memories.run(spark, given, "two", quiet())
    assert (query(database, _MEMORIES), query(database, _VALUES)) == before


def test_days_are_kept_and_those_before_as_one(spark: SparkSession, database: str, given: Settings) -> None:
    memories.run(spark, given, "one", quiet())
    found = query(database, _VALUES)
    last = max(int(str(row[2])) for row in found)
    first = {kind: min(int(str(row[2])) for row in found if row[2] and row[0] == kind) for kind in KINDS}
    # Half a year is there.
    assert first == dict.fromkeys(KINDS, last - KEPT_DAYS)
    [[labelled, frauds]] = query(database, "SELECT count(is_fraud), sum(is_fraud) FROM transactions")
    of_channels = [row for row in found if row[0] == "channel"]
    assert [sum(int(str(row[place])) for row in of_channels) for place in (5, 6)] == [labelled, frauds]
    of_merchants = [row for row in found if row[0] == "merchant"]
    assert sum(int(str(row[5])) for row in of_merchants) == labelled
    assert sum(int(str(row[6])) for row in of_merchants) == frauds
    since = f"'{_date(last - KEPT_DAYS)} 00:00:00'"
    [[kept]] = query(database, f"SELECT count(*) FROM transactions WHERE date >= {since}")
    assert sum(int(str(row[3])) for row in of_merchants if row[2]) == kept
    # Each has a channel.
    for of_kind in (of_merchants, of_channels):
        assert sum(int(str(row[3])) for row in of_kind) == 1000


@pytest.mark.long
@pytest.mark.parametrize("tries", [3, 0], ids=["beside the scorer", "while it waits"])
def test_what_the_scorer_changed_meanwhile_is_made_again(
    spark: SparkSession, database: str, given: Settings, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    monkeypatch.setattr(rebuild, "_TRIES", tries)
    memories.run(spark, given, "one", quiet())
    [[last]] = query(database, "SELECT max(day) FROM value_days")
    real = memories_bulk.replace

    def later(*arguments: Any) -> None:
        # As if it had been decided between the reading and the writing.
        execute(
            database,
            "UPDATE profiles SET version = version + 1 WHERE client_id = 'c1'",
            "INSERT INTO transactions (id, date, client_id, amount, currency, merchant_id)"
            f" VALUES (5000, '{_date(int(str(last)))} 23:00:00', 'c1', 5, 'USD', '3')",
            f"UPDATE daily_sums SET version = version + 1 WHERE kind = 'all' AND day = '{_date(int(str(last)))}'",
        )
        real(*arguments)

    monkeypatch.setattr(memories_bulk, "replace", later)
    memories.run(spark, given, "two", quiet())
    meanwhile = query(database, _MEMORIES), query(database, _VALUES)
    monkeypatch.undo()
    memories.run(spark, given, "three", quiet())
    assert (query(database, _MEMORIES), query(database, _VALUES)) == meanwhile
    at_three = "SELECT CAST(sum(transactions) AS BIGINT) FROM value_days WHERE kind = 'merchant' AND value = '3'"
    [[counted]] = query(database, f"{at_three} AND day = {last}")
    [[there]] = query(
        database,
        f"SELECT count(*) FROM transactions WHERE merchant_id = '3' AND date >= '{_date(int(str(last)))} 00:00:00'",
    )
    assert counted == there


def _date(day: int) -> str:
    from datetime import UTC, datetime

    return str(datetime.fromtimestamp(day * DAY, UTC).date())
