"""Two who do the same at the same moment: each gets an answer, and the store holds one of it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
from starlette.testclient import TestClient

from fraudstack.storage import reviews, transactions
from fraudstack.storage.connections.store import parse
from fraudstack.storage.removal.forget import forget
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import post, running
from tests.api.test_history import load, profile
from tests.jobs.databases import query


@pytest.fixture
def two(tmp_path: Path, database: str) -> Iterator[tuple[TestClient, TestClient]]:
    """Two scorers on a store."""
    with running(tmp_path, database) as one, running(tmp_path, database) as other:
        yield one, other


@contextmanager
def all_at_once(count: int = 2) -> Iterator[None]:
    """Nobody inserts before so many have found nothing, or have waited in vain: on a file one writes at a time."""
    barrier = threading.Barrier(count, timeout=1)
    real = transactions.insert

    def together(*arguments: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            barrier.wait()
        real(*arguments)

    with mock.patch.object(transactions, "insert", together):
        yield


def answers(two: tuple[TestClient, TestClient], *bodies: dict[str, Any]) -> list[tuple[int, Any]]:
    with all_at_once(), ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda client, body: client.post("/transaction", json=body), two, bodies))
    return [(answer.status_code, answer.json()) for answer in found]


def test_an_id_that_two_clients_use_belongs_to_one_of_them(two: tuple[TestClient, TestClient], database: str) -> None:
    found = answers(two, post(1, client_id="7"), post(1, client_id="8"))
    assert sorted(status for status, _ in found) == [200, 409]
    assert query(database, "SELECT count(*) FROM transactions") == [(1,)]
    assert query(database, "SELECT count(*) FROM profiles") == [(1,)]


def test_the_same_post_twice_at_once_gets_the_same_answer(two: tuple[TestClient, TestClient], database: str) -> None:
    (status, one), (other_status, other) = answers(two, post(1), post(1))
    assert (status, other_status) == (200, 200)
    assert one == other
    assert query(database, "SELECT transactions FROM profiles") == [(1,)]


def test_two_first_posts_of_a_client_both_count(two: tuple[TestClient, TestClient], database: str) -> None:
    assert [status for status, _ in answers(two, post(1), post(2, merchant_id="9"))] == [200, 200]
    kept, whole = profile(database, "7")
    assert (kept, kept.transactions) == (whole, 2)


def test_one_of_a_batch_that_collides_costs_the_others_nothing(
    two: tuple[TestClient, TestClient], database: str
) -> None:
    def of(client_id: str) -> dict[str, Any]:
        return {"transactions": [post(id, client_id=client_id) for id in (1, 2 + int(client_id))]}

    with all_at_once(), ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda client, body: client.post("/transactions", json=body), two, (of("7"), of("8"))))
    statuses = [result["status"] for answer in found for result in answer.json()["results"]]
    assert sorted(statuses) == [200, 200, 200, 409]
    assert query(database, "SELECT count(*) FROM transactions") == [(3,)]


def just_before(owner: Any, name: str, do: Callable[[], object], *, after: bool = False) -> Any:
    """Do something once, before (or after) a function is called for the first time."""
    real, waiting = getattr(owner, name), [do]

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if after:
            found = real(*arguments, **named)
        if waiting:
            waiting.pop()()
        return found if after else real(*arguments, **named)

    return mock.patch.object(owner, name, wrapped)


@pytest.mark.parametrize("path", ["review", "claim"])
def test_what_was_forgotten_a_moment_ago_is_neither_reviewed_nor_claimed(
    tmp_path: Path, database: str, path: str
) -> None:
    store = parse(database)
    upgrade(store, "clusters")
    body = {"reviewer": "ana"} | ({"verdict": "fraud"} if path == "review" else {})
    with running(tmp_path, database) as client:
        client.post("/transaction", json=post(1))
        with just_before(reviews, "client_of", lambda: forget(store, store, "7"), after=True):
            answer = client.post(f"/transactions/1/{path}", json=body)
    assert answer.status_code == 404
    for table in ("reviews", "claims", "profiles", "transactions"):
        assert query(database, f"SELECT count(*) FROM {table}") == [(0,)]


@pytest.mark.parametrize(("amount", "status"), [(20.0, 200), (21.0, 409)])
def test_an_id_that_a_file_loads_at_that_moment(tmp_path: Path, postgres_url: str, amount: float, status: int) -> None:
    body = post(1, zip=None, merchant_city=None)
    loading = just_before(transactions, "insert", lambda: load(postgres_url, body | {"amount": amount}))
    with running(tmp_path, postgres_url) as client, loading:
        assert client.post("/transaction", json=body).status_code == status
    assert query(postgres_url, "SELECT count(*), count(flagged_fraud) FROM transactions") == [(1, int(status == 200))]


def test_a_deadlock_with_an_ingest_is_tried_again(tmp_path: Path, postgres_url: str) -> None:
    several = [post(id, zip=None, merchant_city=None) for id in (1, 2)]
    touch = "UPDATE transactions SET currency = 'USD' WHERE id = {}"
    with (
        running(tmp_path, postgres_url) as client,
        psycopg.connect(postgres_url) as ingest,
        ThreadPoolExecutor() as pool,
    ):
        load(postgres_url, *several)
        # So that it is the scorer that finds out.
        ingest.execute("SET deadlock_timeout = '1min'")
        ingest.execute(touch.format(2))
        posted = pool.submit(lambda: client.post("/transactions", json={"transactions": several}).json())
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while query(postgres_url, waiting) == [(0,)]:
            time.sleep(0.01)
        ingest.execute(touch.format(1))
        ingest.commit()
        assert [result["status"] for result in posted.result()["results"]] == [200, 200]
    kept, whole = profile(postgres_url, "7")
    assert kept == whole
