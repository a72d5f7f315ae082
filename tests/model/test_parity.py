"""The features that a scorer sees while transactions come in are those that a job finds in the whole history later."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from pyspark.sql import SparkSession

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.features.table import NAMES
from fraudstack.model import online, registry
from fraudstack.model.online import Opinion
from fraudstack.storage import events
from fraudstack.storage.connections.bulk import connect
from fraudstack.storage.connections.store import parse
from fraudstack.storage.profiles import seconds_at
from jobs import memories, profiles
from jobs.features import fold
from jobs.steps.staging import exported
from tests.api.scorer import chosen, running
from tests.jobs.databases import execute, query, quiet
from tests.jobs.test_profiles import in_a_process
from tests.model.made import kept_model, posts

pytestmark = pytest.mark.long

BEFORE, AFTER = 2500, 3000


def through_the_api(folder: str, url: str, bodies: list[dict[str, Any]]) -> None:
    """In a process of its own: the job's database library and the scorer's can't share one."""
    seen: dict[int, list[float]] = {}
    real = online.opinion

    def noted(*arguments: Any) -> Opinion:
        found = real(*arguments)
        # Asked again, it is asked what would have been normal.
        seen.setdefault(arguments[1].id, list(found.figures))
        return found

    with mock.patch.object(online, "opinion", noted), running(Path(folder), url) as client:
        ready = client.get("/readyz").json()
        for start in range(0, len(bodies), 500):
            answer = client.post("/transactions", json={"transactions": bodies[start : start + 500]})
            assert {one["status"] for one in answer.json()["results"]} == {200}
            versions = {one["decision"]["model_version"] for one in answer.json()["results"]}
            assert versions == {ready["model_version"]}
    (Path(folder) / "seen.json").write_text(json.dumps(seen))


def label(url: str) -> None:
    """Labels of two thirds of what is there, every ninth a fraud; of half of them it is told since when it is known."""
    for label, remainders in ((1, "0, 9"), (0, "1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17")):
        execute(url, f"UPDATE transactions SET is_fraud = {label} WHERE id % 18 IN ({remainders})")
    told = query(url, "SELECT id, CAST(date AS TEXT) FROM transactions WHERE is_fraud IS NOT NULL AND id % 4 < 2")
    for id, date in told:
        day = seconds_at(str(date)) // DAY + (0, 3, 15, 40)[int(str(id)) // 4 % 4]
        execute(url, f"INSERT INTO label_days (id, day) VALUES ({id}, {day})")


def test_the_features_online_are_those_of_the_job(spark: SparkSession, database: str, tmp_path: Path) -> None:
    settings = chosen(tmp_path, database)
    history, later = posts(BEFORE, 0, 80), posts(AFTER, 80, 20, first_id=BEFORE + 1, seed=6)
    in_a_process(through_the_api, str(tmp_path), database, history)
    assert not json.loads((tmp_path / "seen.json").read_text())
    label(database)
    profiles.run(spark, settings, "one", quiet())
    memories.run(spark, settings, "two", quiet())
    model = kept_model(tmp_path / "made")
    registry.promote(settings.model_dir, tmp_path / "made", {})
    in_a_process(through_the_api, str(tmp_path), database, later)
    seen = {int(id): row for id, row in json.loads((tmp_path / "seen.json").read_text()).items()}
    assert len(seen) == AFTER

    store = parse(database)
    with connect(store) as connection:
        exported(events.stream(store, connection), events.COLUMNS, tmp_path / "events", lambda *_: None)
    found = fold.point_in_time(
        spark.read.parquet(str(tmp_path / "events")), model.label_delay, tmp_path / "clients"
    ).collect()
    told = 0
    for row in found:
        if row["id"] in seen:
            for name, value in zip(NAMES, seen[row["id"]], strict=True):
                batch = float("nan") if row[name] is None else row[name]
                assert value == pytest.approx(batch, rel=0, abs=1e-9, nan_ok=True), (row["id"], name)
                told += value == value
    assert told > AFTER * 30

    # And what the scorer kept is what the job makes of all of it.
    last = max(row["seconds"] for row in found) // DAY
    kept = "SELECT client_id, memory FROM profiles ORDER BY client_id"
    days = f"""SELECT value, day, CAST(sum(transactions) AS BIGINT), CAST(sum(cents) AS BIGINT), sum(frauds)
        FROM value_days WHERE kind = 'merchant' AND day >= {last - KEPT_DAYS} GROUP BY value, day ORDER BY value, day"""
    online_state = query(database, kept), query(database, days)
    memories.run(spark, settings, "three", quiet())
    assert (query(database, kept), query(database, days)) == online_state
