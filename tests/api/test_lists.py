"""Lists in the store: beside those of the rules file, with a reason, an owner and an end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.scorer import known, post, running
from tests.jobs.databases import execute, query

SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.fixture
def client(tmp_path: Path, database: str) -> Iterator[TestClient]:
    with running(tmp_path, database) as client:
        known(client)
        yield client


def put(client: TestClient, path: str, until: str = SOON) -> int:
    body = {"reason": "told by the bank", "owner": "ana", "until": until}
    return client.put(f"/lists/{path}", json=body).status_code


def decided(client: TestClient, id: int, **other: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.post("/transaction", json=post(id, **other)).json()
    return found


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("client/7", "client 7"),
        ("client/07", "client 7"),
        ("card/70", "card 70"),
        ("merchant/59935.0", "merchant 59935"),
        ("country/us", "country US"),
        ("mcc/5411", "merchant category 5411"),
    ],
)
def test_what_is_blocked_is_blocked_and_what_is_held_is_suspicious(client: TestClient, path: str, shown: str) -> None:
    assert decided(client, 100)["decision"] == "whitelisted"
    assert put(client, f"held/{path}") == 204
    held = decided(client, 101)
    assert (held["decision"], held["reason"]) == ("suspicious", f"{shown} is on the held list: told by the bank")
    assert put(client, f"block/{path}") == 204
    blocked = decided(client, 102)
    assert (blocked["decision"], blocked["reason"]) == ("blocked", f"{shown} is on the block list: told by the bank")
    assert [reason["code"] for reason in blocked["reasons"]] == ["block_list"]


def test_what_is_allowed_is_normal_whatever_the_rules_say(client: TestClient) -> None:
    strange = {"merchant_id": "9", "merchant_state": "Italy", "mcc": 5812, "amount": 900}
    assert decided(client, 100, **strange)["suspicious"]
    assert put(client, "allow/merchant/9") == 204
    assert decided(client, 101, **strange)["reason"] == "merchant 9 is on the allow list: told by the bank"
    # What is blocked stands above it.
    assert put(client, "block/client/7") == 204
    assert decided(client, 102, **strange)["decision"] == "blocked"


def test_an_entry_ends_and_can_be_withdrawn(client: TestClient, database: str) -> None:
    assert put(client, "block/client/7") == 204
    assert put(client, "held/card/70") == 204
    assert decided(client, 100)["decision"] == "blocked"
    execute(database, "UPDATE lists SET until = '2019-01-01 00:00:00' WHERE kind = 'client'")
    assert decided(client, 101)["decision"] == "suspicious"
    assert client.delete("/lists/held/card/070").status_code == 204
    assert client.delete("/lists/held/card/070").status_code == 404
    assert decided(client, 102)["decision"] == "whitelisted"


def test_lists_are_told_with_their_owners(client: TestClient) -> None:
    assert put(client, "block/country/Italia") == 204
    assert put(client, "block/client/9", "2019-01-01T00:00:00Z") == 204
    [entry] = client.get("/lists").json()["entries"]
    assert (entry["list"], entry["kind"], entry["value"]) == ("block", "country", "Italy")
    assert (entry["reason"], entry["owner"]) == ("told by the bank", "ana")


def test_an_entry_says_why_and_lasts_a_year_at_most(client: TestClient) -> None:
    far = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    assert put(client, "block/client/7", far) == 422
    assert (
        client.put("/lists/block/client/7", json={"reason": "\u200b", "owner": "ana", "until": SOON}).status_code == 422
    )
    assert client.put("/lists/block/client/7", json={"owner": "ana", "until": SOON}).status_code == 422
    assert put(client, "nobody/client/7") == 422
    assert put(client, "block/city/Rome") == 422


def test_a_card_number_is_never_listed(client: TestClient, database: str) -> None:
    assert put(client, "block/card/4111 1111 1111 1111") == 422
    assert query(database, "SELECT * FROM lists") == []


def test_exceptions_are_listed_and_withdrawn(client: TestClient) -> None:
    body = {"until": SOON, "reviewer": "ana"}
    assert client.put("/clients/7/exceptions/9", json=body).status_code == 204
    [found] = client.get("/exceptions").json()["exceptions"]
    assert (found["client_id"], found["merchant_id"], found["reviewer"]) == ("7", "9", "ana")
    assert [client.delete("/clients/7/exceptions/9").status_code for _ in range(2)] == [204, 404]
    assert client.get("/exceptions").json() == {"exceptions": []}
