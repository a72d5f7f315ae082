"""Sums by day equal a count of the transactions, whatever the scorer and the analysts do."""

from starlette.testclient import TestClient

from tests.api.scorer import history, known, post
from tests.jobs.databases import execute, query
from tests.storage.daily_sums import counted, kept, reasons

ABROAD = {"merchant_state": "Italy", "merchant_city": "Rome", "merchant_id": "9", "amount": 812.40}


def test_posts_are_counted_once(client: TestClient, database: str) -> None:
    known(client)
    for body in (post(100), post(100), post(101, **ABROAD), post(101, amount=1), post(amount=-3.10)):
        client.post("/transaction", json=body)
    bare = {"client_id": "8", "amount": 0, "date": "2019-12-31 23:59:59"}
    client.post("/transactions", json={"transactions": [bare, bare | {"id": 5000, "errors": "Bad PIN"}]})
    client.post("/transaction?dry_run=true", json=post(102))
    assert kept(database) == counted(database)
    assert sum(row[3] for row in kept(database) if row[0] == "all") == 45  # type: ignore[misc]


def test_reasons_are_counted(client: TestClient, database: str) -> None:
    known(client)
    found = client.post("/transaction", json=post(101, **ABROAD)).json()["reasons"]
    client.post("/transaction", json=post(101, **ABROAD))
    assert {"country_new", "merchant_new"} <= {reason["code"] for reason in found}
    told = query(database, "SELECT reasons FROM decisions")
    for reason in found:
        assert reasons(database)[reason["code"]] == sum(f'"{reason["code"]}"' in str(row[0]) for row in told)


def test_reviews_change_them(client: TestClient, database: str) -> None:
    known(client)
    client.post("/transaction", json=post(101, **ABROAD))
    for verdict in ("fraud", "fraud", "unsure", "legitimate", "fraud"):
        for id in (3, 101):
            client.post(f"/transactions/{id}/review", json={"verdict": verdict, "reviewer": "ana"})
        assert kept(database) == counted(database)
    assert sum(row[8] for row in kept(database) if row[0] == "all") == 2  # type: ignore[misc]


def test_a_loaded_transaction_that_is_decided_is_counted_on(client: TestClient, database: str) -> None:
    known(client, start="2019-01-01")
    execute(
        database,
        "UPDATE transactions SET flagged_fraud = NULL WHERE id = 7",
        "DELETE FROM decisions WHERE id = 7",
        "UPDATE daily_sums SET scored = scored - 1 WHERE day = '2019-01-07'",
    )
    loaded = next(body for body in history() if body["id"] == 7)
    assert client.post("/transaction", json=loaded).status_code == 200
    assert kept(database) == counted(database)
