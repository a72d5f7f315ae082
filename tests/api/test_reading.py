"""What was decided can be read again: by pages, one by one, by client."""

from typing import Any

from starlette.testclient import TestClient

from tests.api.scorer import NOON, known, post
from tests.jobs.databases import execute


def pages(client: TestClient, **asked: Any) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/transactions", params=asked | cursor).json()
        found.append(page["transactions"])
        if page["next"] is None:
            return found
        cursor = {"next": page["next"]}


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["transaction"]["id"] for row in rows]


def test_pages_hold_every_transaction_once_latest_first(client: TestClient) -> None:
    known(client, 45)
    # Of one moment: the id decides.
    client.post("/transactions", json={"transactions": [post(900 + number) for number in range(5)]})
    found = pages(client, limit=7)
    assert [len(page) for page in found][:-1] == [7] * 7
    assert [id for page in found for id in ids(page)] == [904, 903, 902, 901, 900, *range(45, 0, -1)]


def test_filters(client: TestClient, database: str) -> None:
    known(client, 4, start="2019-01-01")
    known(client, 3, client_id="8", first=50, start="2019-01-01")
    execute(
        database,
        "UPDATE transactions SET flagged_fraud = 1 WHERE id IN (2, 51)",
        "UPDATE transactions SET is_fraud = 0 WHERE id = 2",
        "UPDATE transactions SET flagged_fraud = NULL WHERE id = 3",
    )
    for asked, expected in (
        ({"client_id": "8"}, {50, 51, 52}),
        ({"flagged_fraud": "1"}, {2, 51}),
        ({"flagged_fraud": "null"}, {3}),
        ({"is_fraud": "0"}, {2}),
        ({"is_fraud": "null", "client_id": "7"}, {1, 3, 4}),
        ({"since": "2019-01-03T00:00:00Z"}, {3, 4, 52}),
        ({"until": "2019-01-02T00:00:00"}, {1, 50}),
        ({"flagged_fraud": "1", "is_fraud": "1"}, set()),
    ):
        assert {id for page in pages(client, limit=2, **asked) for id in ids(page)} == expected, asked


def test_a_cursor_that_is_none_is_refused(client: TestClient) -> None:
    for cursor in ("x", "2019-01-01T00:00:00~x", "~1", "2019-01-01T00:00:00~²"):
        assert client.get("/transactions", params={"next": cursor}).status_code == 422


def test_one_transaction_comes_with_its_decision_and_reviews(client: TestClient) -> None:
    decided = client.post("/transaction", json=post(1)).json()
    assert decided.pop("left_out") == []
    found = client.get("/transactions/1").json()
    assert found["decision"] | {"decided_at": None, "source": None} == decided | {"decided_at": None, "source": None}
    assert (found["transaction"]["amount"], found["transaction"]["date"], found["reviews"]) == (20.0, NOON, [])
    assert client.get("/transactions/2").status_code == 404


def test_a_profile_shows_what_is_usual(client: TestClient) -> None:
    known(client)
    profile = client.get("/clients/7/profile").json()
    assert (profile["transactions"], profile["usual"], profile["spent"]) == (
        40,
        40,
        sum(15 + day % 9 for day in range(40)),
    )
    assert profile["habits"]["merchant"] == [{"value": "59935", "count": 40, "purchases": None, "usual_amount": None}]
    assert profile["windows"]["7 days"] == {
        "transactions": 7,
        "declined": 0,
        "spent": profile["windows"]["7 days"]["spent"],
    }
    assert client.get("/clients/nobody/profile").status_code == 404
