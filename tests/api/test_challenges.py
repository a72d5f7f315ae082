"""Where the caller can ask the cardholder, doubt is a challenge; its outcome is kept, and spares another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudstack.rules import config
from tests.api.scorer import known, post, running
from tests.jobs.databases import execute, query

DOUBT = {"merchant_id": "9", "merchant_state": "Italy", "mcc": 5812}


@pytest.fixture
def client(tmp_path: Path, database: str) -> Iterator[TestClient]:
    with running(tmp_path, database) as client:
        known(client)
        yield client


def decided(client: TestClient, id: int, **other: Any) -> dict[str, Any]:
    answer = client.post("/transaction", json=post(id, **DOUBT | other))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(client: TestClient, id: int, outcome: str) -> int:
    return client.post(f"/transactions/{id}/challenge", json={"outcome": outcome}).status_code


def test_doubt_is_a_challenge_where_the_caller_can(client: TestClient, database: str) -> None:
    assert decided(client, 100)["decision"] == "suspicious"
    answer = decided(client, 101, can_challenge=True)
    assert (answer["decision"], answer["suspicious"]) == ("challenge", True)
    assert query(database, "SELECT flagged_fraud, is_fraud FROM transactions WHERE id = 101") == [(1, None)]
    assert client.post("/transaction", json=post(102, can_challenge=True)).json()["decision"] == "whitelisted"


def test_what_is_nearly_certain_is_not_asked(client: TestClient, tmp_path: Path, database: str) -> None:
    certain = config.DEFAULT.read_text().replace("challenge_below: 0.9", "challenge_below: 0.5")
    rules = tmp_path / "rules.yaml"
    rules.write_text(certain)
    with running(tmp_path, database, rules_path=rules) as strict:
        assert decided(strict, 101, can_challenge=True)["decision"] == "suspicious"


def test_one_that_was_passed_spares_the_card_another_at_the_merchant(client: TestClient) -> None:
    assert decided(client, 101, can_challenge=True)["decision"] == "challenge"
    assert told(client, 101, "passed") == 200
    again = decided(client, 102, can_challenge=True)
    assert (again["decision"], again["suspicious"]) == ("normal", False)
    assert "passed a challenge here" in again["reason"]
    assert decided(client, 103)["decision"] == "suspicious"
    assert decided(client, 104, can_challenge=True, merchant_id="10")["decision"] == "challenge"
    assert decided(client, 105, can_challenge=True, card_id="71")["decision"] in ("challenge", "suspicious")


@pytest.mark.parametrize("outcome", ["failed", "abandoned"])
def test_one_that_was_not_passed_makes_no_doubt_smaller(client: TestClient, outcome: str) -> None:
    decided(client, 101, can_challenge=True)
    assert told(client, 101, outcome) == 200
    again = decided(client, 102, can_challenge=True)
    assert again["decision"] == "suspicious"
    assert f"the last challenge here was {outcome}" in again["reason"]


def test_it_holds_for_some_days(client: TestClient, database: str) -> None:
    decided(client, 101, can_challenge=True)
    assert told(client, 101, "passed") == 200
    execute(database, "UPDATE challenges SET at = '2019-01-01 00:00:00'")
    assert decided(client, 102, can_challenge=True)["decision"] == "challenge"


def test_an_outcome_is_kept_once_and_is_no_label(client: TestClient, database: str) -> None:
    decided(client, 101, can_challenge=True)
    assert [told(client, 101, outcome) for outcome in ("failed", "failed", "passed")] == [200, 200, 409]
    found = client.get("/transactions/101").json()
    assert (found["challenge"]["outcome"], found["transaction"]["is_fraud"]) == ("failed", None)
    assert client.get("/transactions/1").json()["challenge"] is None
    assert query(database, "SELECT id, card_id, merchant_id, outcome FROM challenges") == [(101, "70", "9", "failed")]


def test_what_was_not_challenged_has_no_outcome(client: TestClient) -> None:
    decided(client, 100)
    assert [told(client, 100, "passed"), told(client, 999, "passed")] == [409, 404]
    assert client.post("/transactions/100/challenge", json={"outcome": "maybe"}).status_code == 422


def test_in_a_batch_and_in_a_dry_run_it_is_the_same(client: TestClient) -> None:
    dry = client.post("/transaction?dry_run=true", json=post(101, can_challenge=True, **DOUBT)).json()
    body = {"transactions": [post(101, can_challenge=True, **DOUBT)]}
    [result] = client.post("/transactions", json=body).json()["results"]
    assert dry["decision"] == result["decision"]["decision"] == "challenge"


def test_the_same_post_is_answered_again_whoever_can_ask(client: TestClient) -> None:
    first = decided(client, 101, can_challenge=True)
    assert decided(client, 101) == first
