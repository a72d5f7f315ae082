"""A client who is forgotten leaves nothing behind, and everything else as it was."""

from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect
from starlette.testclient import TestClient

from fraudstack.storage import days_seen
from fraudstack.storage.connections import engines
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.removal.forget import forget
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import known, post, running
from tests.api.test_decisions import ABROAD
from tests.api.test_history import Others, load
from tests.jobs.databases import execute, query
from tests.storage.daily_sums import counted, kept, reasons


def everything(client: TestClient, url: str) -> dict[str, object]:
    """What the store says that has to stay."""
    tables = ("transactions", "decisions", "profiles", "profile_habits", "exceptions", "reviews")
    rows = {name: sorted(map(str, query(url, f"SELECT * FROM {name}"))) for name in tables}
    sums = [row for row in kept(url) if row[3]]
    given = {code: count for code, count in reasons(url).items() if count}
    return rows | {"sums": sums, "reasons": given, "profile": client.get("/clients/7/profile").json()}


def test_nothing_of_a_client_is_left_and_nothing_else_is_lost(tmp_path: Path, database: str) -> None:
    with running(tmp_path, database) as client:
        known(client)
        client.post("/transaction", json=post(100, **ABROAD))
        before = everything(client, database)
        known(client, client_id="8888", first=1000)
        client.post("/transaction", json=post(2000, **ABROAD | {"client_id": "8888", "card_id": "card of 8888"}))
        client.post("/transactions/2000/review", json={"verdict": "fraud", "note": "theirs", "reviewer": "ana"})
        # One was decided in batch, which counts no reasons.
        reason = '[{"code": "abroad", "weight": 1, "figures": {}}]'
        execute(
            database,
            f"UPDATE decisions SET source = 'batch', reasons = '{reason}' WHERE id = 1000 AND reasons = '[]'",
            "INSERT INTO replaced (load, id, date, client_id, amount, currency)"
            " VALUES (1, 1000, '2026-01-01 00:00:00', '8888', 1, 'USD')",
        )
        assert query(database, "SELECT source FROM decisions WHERE id = 1000") == [("batch",)]
        execute(
            database,
            "INSERT INTO cards (id, client_id) VALUES ('card of 8888', '8888')",
            "INSERT INTO challenges (id, card_id, outcome, at) VALUES"
            " (2000, 'card of 8888', 'passed', '2026-01-01 00:00:00')",
            "INSERT INTO lists (kind, value, list, reason, owner, until, at) VALUES"
            " ('client', '8888', 'held', 'theirs', 'ana', '2099-01-01 00:00:00', '2026-01-01 00:00:00')",
        )
        with closing(Connection(parse(database))) as connection:
            days_seen.catch_up(connection)
        store, clusters = parse(database), parse(database)
        if clusters.path:
            clusters = parse(f"sqlite:///{tmp_path}/clusters.db")
        upgrade(clusters, "clusters")
        execute(clusters.url, "INSERT INTO client_clusters (client_id, cluster) VALUES ('8888', 0)")
        assert forget(store, clusters, "8888") == 41
        assert everything(client, database) == before
        assert [row for row in kept(database) if row[3]] == counted(database)
        assert client.get("/clients/8888/profile").status_code == 404
    for one in {store, clusters}:
        with engines.read(one) as connection:
            for table in inspect(connection).get_table_names():
                assert "8888" not in str(query(one.url, f"SELECT * FROM {table}")), table


def test_a_client_whom_nobody_knows_is_forgotten_at_once(tmp_path: Path, database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    upgrade(store, "clusters")
    assert forget(store, store, "nobody") == 0


def test_an_id_that_was_forgotten_is_not_given_again(tmp_path: Path, database: str) -> None:
    store = parse(database)
    upgrade(store, "clusters")
    with running(tmp_path, database) as client:
        first = client.post("/transaction", json=post(client_id="8888")).json()["id"]
        assert forget(store, store, "8888") == 1
        assert client.post("/transaction", json=post()).json()["id"] > first


def test_ids_that_a_file_brought_are_passed_over(tmp_path: Path, database: str) -> None:
    with running(tmp_path, database) as client:
        first = client.post("/transaction", json=post()).json()["id"]
        values = ", ".join(f"({first + number}, '2019-11-01 12:00:00', '7', 1, 'USD')" for number in (1, 2, 3, 10**6))
        execute(database, f"INSERT INTO transactions (id, date, client_id, amount, currency) VALUES {values}")
        ids = [client.post("/transaction", json=post()).json()["id"] for _ in range(2)]
    assert ids == [first + 4, first + 5]


def test_a_long_history_is_forgotten_while_others_are_served(tmp_path: Path, database: str) -> None:
    store = parse(database)
    upgrade(store, "clusters")
    with running(tmp_path, database) as client:
        load(database, *(post(id, client_id="8888", zip=None, merchant_city=None) for id in range(1, 10_001)))
        with Others(client).posting():
            assert forget(store, store, "8888") == 10_000
    assert query(database, "SELECT count(*) FROM transactions WHERE client_id = '8888'") == [(0,)]
