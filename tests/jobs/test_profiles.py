"""The job's profiles are those that arise when the same transactions go through the API."""

import multiprocessing
import random
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fraudstack.rules import config
from fraudstack.settings import Settings
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.profiles import bulk as profiles_bulk
from fraudstack.storage.sums import bulk as sums_bulk
from jobs import clean, profiles
from tests.api.scorer import chosen, post, running
from tests.jobs.databases import execute, query, quiet, settings
from tests.jobs.raw_files import row, write
from tests.storage.daily_sums import counted, kept, reasons

pytestmark = pytest.mark.slow

_PROFILES = """SELECT client_id, transactions, declined, refunds, usual, home, purchases, cents, logs, squares, recent,
    labelled, frauds, bought, bought_cents, bought_squares FROM profiles ORDER BY client_id"""
_VERSIONS = "SELECT client_id, version FROM profiles ORDER BY client_id"
_HABITS = "SELECT * FROM profile_habits ORDER BY client_id, kind, value"


def stored(url: str) -> list[list[tuple[object, ...]]]:
    return [query(url, _PROFILES), query(url, _HABITS)]


def posts() -> list[dict[str, Any]]:
    """Of three clients in no order of time: refunds, zeros, declines, bursts, places, gaps, missing fields."""
    draw = random.Random(5)
    rows = []
    for id in range(1, 601):
        day = draw.choice([1, 1, 2, 3, 9, 20])
        body = post(
            id,
            client_id=draw.choice("789"),
            date=f"2019-0{draw.randint(1, 9)}-{day:02} {draw.randint(0, 23):02}:{draw.randint(0, 59):02}:00",
            amount=draw.choice([0, -20.5, 12.34, 700.01, 3, draw.randint(1, 99999) / 100]),
            merchant_id=draw.choice([None, "1", "2", "3"]),
            merchant_city=draw.choice([None, "Beulah", "Zürich"]),
            merchant_state=draw.choice([None, "ND", "CA", "Italy", "Us", "XÜ"]),
            mcc=draw.choice([None, 5411, 5812, 0]),
            use_chip=draw.choice([None, "Online Transaction", "Chip Transaction"]),
            card_id=draw.choice([None, "70", "71"]),
            errors=draw.choice([None, None, None, "Bad PIN"]),
        )
        rows.append(body)
    return rows


def through_the_api(folder: str, url: str) -> None:
    """In a process of its own: the job's database library and the scorer's can't share one."""
    # Easily alarmed, so that some are flagged.
    rules = Path(folder) / "rules.yaml"
    rules.write_text(config.DEFAULT.read_text().replace("suspicious_at: 0.5", "suspicious_at: 0.1"))
    with running(Path(folder), url, rules_path=rules) as client:
        for start in range(0, 600, 150):
            client.post("/transactions", json={"transactions": posts()[start : start + 150]})
        client.post("/transactions/7/review", json={"verdict": "fraud", "reviewer": "ana"})


def in_a_process(target: Any, *arguments: Any) -> None:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0


def test_the_jobs_profiles_are_those_of_the_api(spark: SparkSession, database: str, tmp_path: Path) -> None:
    in_a_process(through_the_api, str(tmp_path), database)
    online = stored(database)
    assert len(online[0]) == 3
    assert len(query(database, "SELECT id FROM transactions WHERE flagged_fraud = 1")) > 20
    assert kept(database) == counted(database)
    given = reasons(database)
    execute(
        database,
        "DELETE FROM profile_habits",
        "UPDATE profiles SET transactions = 0, recent = '[]', cents = 5, bought_squares = '7'",
        "UPDATE daily_sums SET transactions = 7, frauds = 7 WHERE kind <> 'reason'",
    )
    profiles.run(spark, chosen(tmp_path, database), "run", quiet())
    assert stored(database) == online
    assert kept(database) == counted(database)
    assert reasons(database) == given


def test_a_second_run_changes_nothing_but_the_versions(spark: SparkSession, database: str, tmp_path: Path) -> None:
    given = loaded(spark, database, tmp_path)
    profiles.run(spark, given, "one", quiet())
    before, versions = stored(database), query(database, _VERSIONS)
    profiles.run(spark, given, "two", quiet())
    assert stored(database) == before
    assert query(database, _VERSIONS.replace("version", "version - 1", 1)) == versions


@pytest.mark.parametrize("tries", [3, 0], ids=["beside the scorer", "while it waits"])
def test_a_client_that_the_scorer_changed_meanwhile_is_made_again(
    spark: SparkSession, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    monkeypatch.setattr(rebuild, "_TRIES", tries)
    given = loaded(spark, database, tmp_path)
    profiles.run(spark, given, "one", quiet())
    real = profiles_bulk.replace

    def later(*arguments: Any) -> None:
        # As if it had been decided between the reading and the writing.
        execute(
            database,
            "UPDATE profiles SET version = version + 1 WHERE client_id = 'c1'",
            "INSERT INTO transactions (id, date, client_id, amount, currency, merchant_id)"
            " VALUES (5000, '2010-01-01 09:00:00', 'c1', 5, 'USD', 'late')",
            "UPDATE daily_sums SET version = version + 1 WHERE kind = 'all'",
        )
        real(*arguments)

    monkeypatch.setattr(profiles_bulk, "replace", later)
    profiles.run(spark, given, "two", quiet())
    meanwhile = stored(database)
    assert kept(database) == counted(database)
    monkeypatch.undo()
    profiles.run(spark, given, "three", quiet())
    assert stored(database) == meanwhile
    assert query(database, "SELECT count FROM profile_habits WHERE value = 'late'") == [(1,)]


def test_what_is_seldom_set_is_read_wherever_it_first_comes(
    spark: SparkSession, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(tmp_path, database)
    lines = [row(id, client_id="c1", errors="" if id < 2999 else "Bad PIN") for id in range(3000)]
    write(Path(given.csv_path), lines)
    clean.run(spark, given, "run", quiet())
    # As if the scorer had changed the client and the day: both are made again, alone.
    for module in (profiles_bulk, sums_bulk):
        monkeypatch.setattr(module, "versions", lambda _: {})
    execute(database, f"INSERT INTO profiles VALUES ('c1', 7{', 0' * 9}, '[]', NULL, 0, 0, 0, 0, '0')")
    profiles.run(spark, given, "one", quiet())
    assert query(database, "SELECT transactions, declined, version FROM profiles") == [(3000, 1, 8)]
    assert kept(database) == counted(database)


def loaded(spark: SparkSession, database: str, folder: Path) -> Settings:
    given = settings(folder, database)
    lines = [row(id, client_id=f"c{id % 50}", amount=f"{id % 97}.50") for id in range(1000)]
    write(Path(given.csv_path), lines)
    clean.run(spark, given, "run", quiet())
    return given
