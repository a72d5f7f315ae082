"""A client who is forgotten leaves nothing behind, and everything else as it was."""

from pathlib import Path

from sqlalchemy import inspect
from starlette.testclient import TestClient

from fraudstack.storage import engines
from fraudstack.storage.forget import forget
from fraudstack.storage.store import parse
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import known, post, running
from tests.api.test_decisions import ABROAD
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
        execute(database, "INSERT INTO cards (id, client_id) VALUES ('card of 8888', '8888')")
        execute(database, "INSERT INTO days_seen (kind, value, cents, days) VALUES ('card', 'card of 8888', 0, '')")
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
        with engines.read_only(one).connect() as connection:
            for table in inspect(connection).get_table_names():
                assert "8888" not in str(query(one.url, f"SELECT * FROM {table}")), table


def test_a_client_whom_nobody_knows_is_forgotten_at_once(tmp_path: Path, database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    upgrade(store, "clusters")
    assert forget(store, store, "nobody") == 0
