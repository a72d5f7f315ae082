"""The day after: a file that is small against the store is counted as it comes, and all is as if made anew."""

from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from data.generate import generate
from fraudstack.decisions import champions
from fraudstack.features import KEPT_DAYS
from fraudstack.settings import Settings
from fraudstack.storage.connections.store import parse
from jobs import OF_A_LARGE_LOAD, clean, decide, follow, label, memories, profiles
from jobs.steps.turn import is_current
from tests.jobs.databases import MadeOnce, query, quiet, settings
from tests.jobs.labels_files import entry, labels
from tests.model.made import kept_model
from tests.storage.derived import both

pytestmark = pytest.mark.slow

_ROWS = 3_000
_UNDECIDED = "SELECT count(*) FROM transactions t WHERE NOT EXISTS (SELECT 1 FROM decisions d WHERE d.id = t.id)"


@pytest.fixture
def history(spark: SparkSession, made_once: MadeOnce, database: str, tmp_path: Path) -> Settings:
    """All but the last rows of a generated file, ingested, its labels too."""
    made_once(database, "a history", partial(_ingested, spark))
    generate(_ROWS, 5, tmp_path)
    return settings(tmp_path, database)


def _ingested(spark: SparkSession, folder: Path, url: str) -> None:
    generate(_ROWS, 5, folder)
    given = settings(folder, url)
    file = Path(given.csv_path)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[: _ROWS - 99]))
    for job in (clean, label):
        job.run(spark, given, "history", quiet())
    assert follow.run(given, "history", quiet()).said
    for job in (profiles, memories, decide):
        assert not is_current(given, OF_A_LARGE_LOAD[job.__name__.removeprefix("jobs.")])
        job.run(spark, given, "history", quiet())


def _lines(given: Settings) -> tuple[str, list[str]]:
    header, *lines = Path(given.csv_path).read_text().splitlines()
    return header, lines


def _day(given: Settings, header: str, lines: list[str]) -> None:
    Path(given.csv_path).write_text("\n".join([header, *lines]) + "\n")


def _decisions(given: Settings) -> dict[object, object]:
    return {row[0]: row for row in query(given.store_url, "SELECT id, decided_at, score, reasons FROM decisions")}


def _assert_right(given: Settings) -> None:
    store = parse(given.store_url)
    assert all(is_current(given, name) for name in OF_A_LARGE_LOAD.values())
    assert query(given.store_url, _UNDECIDED) == [(0,)]
    assert query(given.store_url, "SELECT count(*) FROM changes") == [(0,)]
    kept, made = both(store)
    for name in made:
        assert kept[name] == made[name], name


def test_a_days_file_is_counted_as_it_comes(spark: SparkSession, history: Settings) -> None:
    _assert_right(history)
    header, lines = _lines(history)
    # News, which come late for some clients, corrections of old ones, and a client that becomes another's.
    fields = [line.split(",") for line in lines[500:2500:100]]
    amount, client = header.split(",").index("amount"), header.split(",").index("client_id")
    for place, row in enumerate(fields):
        row[amount] = f"${place * 97}.25"
    fields[3][client] = "a client that nobody knows"
    corrected = {line.split(",")[0] for line in lines[500:2500:100]}
    known = [line for line in lines[2400:] if line.split(",")[0] not in corrected]
    _day(history, header, [",".join(row) for row in fields] + known)
    clean.run(spark, history, "day", quiet())
    changed = query(history.store_url, "SELECT count(DISTINCT id) FROM changes")[0][0]
    assert changed == 100 + len(fields)
    before = _decisions(history)
    assert follow.run(history, "day", quiet()).loaded == changed + 1
    # Later ones keep theirs.
    anew = {id for id, found in _decisions(history).items() if before.get(id) != found}
    assert len(anew) == changed
    _assert_right(history)
    label.run(spark, history, "day", quiet())
    follow.run(history, "day", quiet())
    _assert_right(history)


def test_a_day_of_labels_is_counted_as_it_comes(spark: SparkSession, history: Settings) -> None:
    ids = [row[0] for row in query(history.store_url, "SELECT id FROM transactions ORDER BY id")][::40]
    said = [entry(str(id), "Yes" if place % 3 == 0 else "No") for place, id in enumerate(ids)]
    Path(history.labels_path).write_text(labels(said))
    label.run(spark, history, "day", quiet())
    assert follow.run(history, "day", quiet()).loaded > 0
    _assert_right(history)
    # Again: nothing is new.
    label.run(spark, history, "day", quiet())
    assert query(history.store_url, "SELECT count(*) FROM changes") == [(0,)]


def test_what_is_large_against_the_store_makes_all_anew(spark: SparkSession, history: Settings) -> None:
    small = history.model_copy(update={"bulk_share": 0.01})
    clean.run(spark, small, "day", quiet())
    assert not is_current(small, "profiles")
    assert query(small.store_url, "SELECT count(*) FROM changes") == [(0,)]
    profiles.run(spark, small, "day", quiet())
    memories.run(spark, small, "day", quiet())
    decide.run(spark, small, "day", quiet())
    _assert_right(small)


def test_the_same_file_again_changes_nothing(spark: SparkSession, history: Settings) -> None:
    header, lines = _lines(history)
    _day(history, header, lines[: _ROWS - 100])
    versions = query(history.store_url, "SELECT client_id, version FROM profiles ORDER BY client_id")
    clean.run(spark, history, "again", quiet())
    label.run(spark, history, "again", quiet())
    assert follow.run(history, "again", quiet()).rows_in == 0
    assert query(history.store_url, "SELECT client_id, version FROM profiles ORDER BY client_id") == versions
    _assert_right(history)


def test_a_challenger_is_asked_of_a_days_file_without_effect(
    spark: SparkSession, history: Settings, tmp_path: Path
) -> None:
    challenger = kept_model(tmp_path / "trained")
    with champions.opened(history) as connection:
        champions.shadow(connection, tmp_path / "trained", datetime(2999, 1, 1), "bo", "to see")
    clean.run(spark, history, "day", quiet())
    follow.run(history, "day", quiet())
    _assert_right(history)
    beside = "SELECT DISTINCT challenger_version, challenger_probability > 0, model_version, probability"
    asked = f"{beside} FROM decisions WHERE challenger_version IS NOT NULL"
    [(version, says, model, champions_own)] = query(history.store_url, asked)
    assert (version, bool(says), model, champions_own) == (challenger.version, True, None, None)
    # Of days whose values aren't kept any more it would know too little.
    first, last = query(
        history.store_url,
        "SELECT min(date), max(date) FROM transactions JOIN decisions USING (id) WHERE challenger_version IS NOT NULL",
    )[0]
    assert (datetime.fromisoformat(str(last)) - datetime.fromisoformat(str(first))).days <= KEPT_DAYS
