"""What was listed or excepted acts on the transactions of its time alone, and in the replay as it did online."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from starlette.testclient import TestClient

from fraudstack.rules import config
from fraudstack.storage import events
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import parse
from fraudstack.storage.lists import bulk as lists
from jobs import decide
from jobs.features.replay import decided
from jobs.steps.staging import exported
from tests.api.scorer import chosen, history, post, running
from tests.jobs.databases import execute, query, quiet
from tests.jobs.test_profiles import in_a_process

pytestmark = pytest.mark.slow

STRANGE = {"merchant_id": "9", "merchant_state": "Italy", "mcc": 5812}
ELSEWHERE = STRANGE | {"merchant_id": "19"}
_WHY = "SELECT id, reason, normal_if FROM decisions WHERE suspicious = 1 ORDER BY id"


def through_the_api(folder: str, url: str) -> None:
    """In a process of its own: the job's database library and the scorer's can't share one."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    with running(Path(folder), url) as client:
        for number in (6, 7, 8, 9):
            start = str(now.date() - timedelta(days=48))
            several = [one | {"card_id": f"{number}0"} for one in history(40, str(number), 100 * number, start)]
            client.post("/transactions", json={"transactions": several})
        # What was before an entry doesn't know it.
        send(client, 1001, now - timedelta(minutes=1), "7")
        send(client, 1002, now - timedelta(minutes=1), "8", **STRANGE)
        send(client, 1008, now - timedelta(minutes=1), "6", **ELSEWHERE)
        client.put("/clients/6/exceptions/19", json={"until": until, "reviewer": "ana"}).raise_for_status()
        for path in ("held/client/7", "allow/merchant/9", "block/client/9"):
            client.put(f"/lists/{path}", json={"reason": "told", "owner": "ana", "until": until})
        put_at = max(datetime.fromisoformat(one["at"]) for one in client.get("/lists").json()["entries"])
        send(client, 1003, put_at, "7")
        send(client, 1004, put_at, "8", **STRANGE)
        send(client, 1005, put_at, "9")
        send(client, 1009, put_at + timedelta(seconds=1), "6", **ELSEWHERE)
        while datetime.now(UTC).replace(tzinfo=None) <= put_at + timedelta(seconds=1):
            time.sleep(0.01)
        client.delete("/lists/block/client/9")
        send(client, 1006, put_at + timedelta(seconds=30), "9")
        send(client, 1007, put_at + timedelta(seconds=30), "7")


def told(rows: list[tuple[object, ...]]) -> dict[object, object]:
    return {row[0]: row[1] for row in rows}


def send(client: TestClient, id: int, date: datetime, client_id: str, **other: Any) -> None:
    body = post(id, date=str(date), client_id=client_id, card_id=f"{client_id}0", **other)
    client.post("/transaction", json=body).raise_for_status()


def test_the_replay_decides_by_lists_and_exceptions_as_the_scorer_did(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    in_a_process(through_the_api, str(tmp_path), database)
    said = told(query(database, "SELECT id, decision FROM decisions"))
    # Whether the hour is usual is the clock's doing.
    fine = {"normal": "fine", "whitelisted": "fine"}
    assert [fine.get(str(said[id]), said[id]) for id in range(1001, 1010)] == [
        "fine",
        "suspicious",
        "suspicious",
        "fine",
        "blocked",
        "fine",
        "suspicious",
        "suspicious",
        "fine",
    ]
    store = parse(database)
    with bulk.connect(store, read_only=True) as connection:
        exported(events.stream(store, connection), events.COLUMNS, tmp_path / "events", lambda *_: None)
        listed = lists.every(connection)
    replayed = decided(
        spark.read.parquet(str(tmp_path / "events")), {"way": config.load(config.DEFAULT).file}, 7, listed
    )
    assert {row["id"]: row["decision"] for row in replayed.select("id", "way.decision").collect()} == said
    reasons = query(database, _WHY)

    # The job does so too.
    execute(database, "DELETE FROM decisions")
    decide.run(spark, chosen(tmp_path, database), "one", quiet())
    assert told(query(database, "SELECT id, decision FROM decisions")) == said
    assert query(database, _WHY) == reasons
