"""Workers are killed while everybody writes: what was acknowledged is in the store, once, and everything agrees."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from data.generate import generate
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.verify.clients import differences
from fraudstack.storage.verify.store import verify
from tests.api.scorer import post
from tests.api.served import environment, served, workers
from tests.jobs.databases import query, quiet

pytestmark = pytest.mark.alone
_SECONDS = 60
_KILL_EVERY_SECONDS = 4
_POSTERS = 4


class Poster(threading.Thread):
    """Posts until told to stop; a post that isn't acknowledged is sent again, as a careful client does."""

    def __init__(self, number: int, url: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.number, self.url, self.over = number, url, over
        self.acknowledged: dict[int, dict[str, Any]] = {}
        self.again = 0
        self._draw = random.Random(number)

    def run(self) -> None:
        first = 10**12 + self.number * 10**9
        made = 0
        with httpx.Client(base_url=self.url, timeout=20) as client:
            while not self.over.is_set():
                size = 1 if made % 7 else 30
                bodies = [self._body(first + made + at) for at in range(size)]
                made += size
                path, body = ("/transaction", bodies[0]) if size == 1 else ("/transactions", {"transactions": bodies})
                answer = self._sent(client, path, body)
                found = [answer] if size == 1 else [result["decision"] for result in answer["results"]]
                self.acknowledged |= {decision["id"]: decision for decision in found}

    def _body(self, id: int) -> dict[str, Any]:
        day, minute = divmod((id % 10**9) // 3, 1440)
        return post(
            id,
            client_id=f"t{self._draw.randint(1, 12)}",
            date=f"2019-{day // 28 % 12 + 1:02}-{day % 28 + 1:02} {minute // 60:02}:{minute % 60:02}:00",
            amount=self._draw.choice([5, 20.5, -20.5, 900]),
            merchant_id=str(self._draw.randint(1, 9)),
            merchant_state=self._draw.choice(["ND", "ND", "Italy"]),
            errors=self._draw.choice([None, None, "Bad PIN"]),
        )

    def _sent(self, client: httpx.Client, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        while True:
            try:
                answer = client.post(path, json=body)
            except httpx.HTTPError:
                self.again += 1
                continue
            if answer.status_code in (429, 503):
                self.again += 1
                time.sleep(0.05)
                continue
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found


def ingest(env: Mapping[str, str], over: threading.Event, runs: list[int]) -> None:
    """Ingest and make profiles again and again."""
    while not over.is_set():
        commands = ([sys.executable, "-m", "jobs", job] for job in ("clean", "profiles"))
        runs += [subprocess.run(command, env=env, check=False).returncode for command in commands]


@pytest.mark.timeout(400)
def test_what_was_acknowledged_is_stored_once_and_everything_agrees(
    database: str, tmp_path: Path, record_property: Any
) -> None:
    generate(20_000, 4, tmp_path / "data")
    env = environment(tmp_path, database)
    over = threading.Event()
    runs: list[int] = []
    killed = 0
    with served(tmp_path, env) as (url, process):
        posters = [Poster(number, url, over) for number in range(_POSTERS)]
        ingesting = threading.Thread(target=ingest, args=(env, over, runs), daemon=True)
        for thread in (*posters, ingesting):
            thread.start()
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            time.sleep(_KILL_EVERY_SECONDS)
            with suppress(psutil.NoSuchProcess):
                random.Random(killed).choice(workers(process)).kill()
                killed += 1
        over.set()
        for poster in posters:
            poster.join(60)
            assert not poster.is_alive()
        ingesting.join(120)
    assert killed >= 10
    assert set(runs) == {0}

    acknowledged: dict[int, dict[str, Any]] = {}
    for poster in posters:
        acknowledged |= poster.acknowledged
    assert len(acknowledged) > 1000
    stored = query(
        database,
        "SELECT t.id, d.score, d.decision, t.flagged_fraud, t.client_id FROM transactions t"
        " JOIN decisions d ON d.id = t.id WHERE d.source = 'online'",
    )
    by_id = {row[0]: row[1:] for row in stored}
    assert len(by_id) == len(stored)
    for id, answer in acknowledged.items():
        assert by_id[id][:3] == (answer["score"], answer["decision"], int(answer["suspicious"]))
    # One that wasn't acknowledged may be stored, but never half of it.
    assert query(database, "SELECT count(*) FROM transactions WHERE flagged_fraud IS NOT NULL") == [(len(stored),)]
    if database.startswith("sqlite"):
        assert query(database, "PRAGMA integrity_check") == [("ok",)]
    with closing(Connection(parse(database), read_only=True)) as connection:
        for client_id in {str(row[4]) for row in stored}:
            assert list(differences(connection, client_id, memories=True)) == [], client_id
    assert list(verify(parse(database), quiet(), repair=False)) == []
    counts = {
        "acknowledged": len(acknowledged),
        "stored": len(stored),
        "sent again": sum(poster.again for poster in posters),
        "workers killed": killed,
        "ingests": len(runs),
    }
    record_property("counts", counts)
    sys.stderr.write(f"torture on {database.partition(':')[0]}: {counts}\n")
