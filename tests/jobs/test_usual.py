"""A file unlike what the store has is told of, or stops the run before anything is written."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.settings import Settings
from jobs import JOBS, clean
from jobs.run import run
from tests.jobs.databases import query, quiet, settings
from tests.jobs.raw_files import row, write

pytestmark = pytest.mark.slow

FIRST = datetime(2019, 9, 1)
# A Sunday, so many days after the first.
DAYS = 56
Fields = dict[str, str]


def lines(day: int, rows: int, first: int, **given: str) -> Iterator[bytes]:
    draw = random.Random(day)
    for number in range(rows):
        date = FIRST + timedelta(days=day, seconds=draw.randrange(86_400))
        fields: Fields = {"date": f"{date:%Y-%m-%d %H:%M:%S}", "amount": f"${draw.randrange(500, 9_000) / 100:.2f}"}
        yield row(first + number, **fields | given).encode()


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], None]:
    def fill(folder: Path, url: str) -> None:
        chosen = settings(folder, url, labels_path="", clusters_k=2)
        write(Path(chosen.csv_path), [line for day in range(DAYS) for line in lines(day, 60, day * 100)])
        for job in JOBS:
            run(job, lambda: spark, chosen, "first", quiet())

    return fill


@pytest.fixture
def chosen(
    database: str, tmp_path: Path, made_once: Callable[..., None], filled: Callable[[Path, str], None]
) -> Settings:
    made_once(database, "usual", filled)
    return settings(tmp_path, database, labels_path="", unusual="stop")


@pytest.mark.parametrize(
    ("day", "rows", "given", "sentence"),
    [
        (DAYS, 10, {}, "2019-10-27 has 10 rows, where a Sunday has 60"),
        (DAYS, 260, {}, "2019-10-27 has 260 rows, where a Sunday has 60"),
        (30, 60, {}, "its newest transaction is of 2019-10-01, the store's of 2019-10-26"),
        (DAYS, 220, {"mcc": ""}, "mcc is empty in 100% of its rows, where it was in 0%"),
        (DAYS, 220, {"amount": "$4750.00"}, "the amount in its middle is 4,750.00, where it was"),
    ],
    ids=["few", "many", "stale", "empty", "scale"],
)
def test_what_is_unusual_stops_before_anything_is_written(
    spark: SparkSession, chosen: Settings, day: int, rows: int, given: Fields, sentence: str
) -> None:
    write(Path(chosen.csv_path), list(lines(day, rows, 1_000_000, **given)))
    with pytest.raises(InputError, match=r"is unlike what the store has: .*; no transaction was changed") as found:
        clean.run(spark, chosen, "second", quiet())
    assert sentence in str(found.value)
    assert query(chosen.store_url, "SELECT count(*) FROM transactions") == [(DAYS * 60,)]
    told = clean.run(spark, chosen.model_copy(update={"unusual": "tell"}), "second", quiet())
    assert any(said.startswith("unusual: ") and sentence in said for said in told.said)
    assert query(chosen.store_url, "SELECT count(*) FROM transactions") == [(DAYS * 60 + rows,)]


@pytest.mark.parametrize(
    ("day", "rows"), [(DAYS, 60), (DAYS, 16), (DAYS, 239), (DAYS - 7, 200)], ids=["usual", "less", "more", "late"]
)
def test_what_is_usual_goes_through(spark: SparkSession, chosen: Settings, day: int, rows: int) -> None:
    write(Path(chosen.csv_path), list(lines(day, rows, 1_000_000)))
    assert clean.run(spark, chosen, "second", quiet()).said == []
    assert query(chosen.store_url, "SELECT count(*) FROM transactions") == [(DAYS * 60 + rows,)]


def test_a_file_that_changes_nothing_is_not_looked_at(spark: SparkSession, chosen: Settings) -> None:
    write(Path(chosen.csv_path), list(lines(0, 60, 0)))
    assert clean.run(spark, chosen, "second", quiet()).said == []


def test_a_store_that_knows_too_little_finds_nothing_unusual(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database, labels_path="", unusual="stop")
    for day, rows in ((0, 5), (100, 190), (1, 3)):
        write(Path(chosen.csv_path), list(lines(day, rows, day * 1_000)))
        assert clean.run(spark, chosen, f"run {day}", quiet()).said == []
