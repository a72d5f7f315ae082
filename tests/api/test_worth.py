"""What a day's budget of alerts has no time for is told; what is suspicious says what would have made it normal."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudstack.rules import config
from tests.api.scorer import known, post, running
from tests.api.test_lists import put
from tests.jobs.databases import query

ABROAD = {"merchant_id": "9", "merchant_state": "Italy", "mcc": 5812}
DEAR = {"merchant_id": "9", "amount": 900.0}


@pytest.fixture
def client(tmp_path: Path, database: str) -> Iterator[TestClient]:
    with running(tmp_path, database) as client:
        known(client)
        yield client


def decided(client: TestClient, id: int | None, **other: Any) -> dict[str, Any]:
    asked = "?dry_run=true" if id is None else ""
    answer = client.post(f"/transaction{asked}", json=post(id, **other))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_alert_below_the_budget_stays_one_and_is_told(tmp_path: Path, database: str) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        config.DEFAULT.read_text().replace("\nrules:\n", "\nbudget: {alerts_a_day: 20, least_loss: 100.00}\nrules:\n")
    )
    with running(tmp_path, database, rules_path=rules) as client:
        known(client)
        small, large = decided(client, 100, **ABROAD, amount=20.0), decided(client, 101, **ABROAD, amount=400.0)
        assert (small["suspicious"], small["below_budget"]) == (True, True)
        assert (large["suspicious"], large["below_budget"]) == (True, False)
        assert small["expected_loss"] < 100 <= large["expected_loss"]
        assert decided(client, 102)["below_budget"] is False
        assert client.get("/transactions/100").json()["decision"]["below_budget"] is True
    assert query(database, "SELECT id FROM decisions WHERE below_budget = 1") == [(100,)]


@pytest.mark.parametrize("other", [DEAR, DEAR | {"amount": 41.5}, DEAR | {"amount": -350.0}])
def test_with_the_amount_that_is_told_it_would_have_been_normal(client: TestClient, other: dict[str, Any]) -> None:
    found = decided(client, None, **other)
    if not found["suspicious"]:
        assert found["normal_if"] is None
        return
    told = re.fullmatch(r"the amount were (-?[\d,]+\.\d\d)", found["normal_if"])
    assert told, found
    amount = float(told[1].replace(",", ""))
    assert 0 < abs(amount) < abs(other["amount"])
    assert not decided(client, None, **other | {"amount": amount})["suspicious"]
    # It is the largest such one, in whole units.
    assert decided(client, None, **other | {"amount": amount + (1 if amount > 0 else -1)})["suspicious"]


def test_without_the_reason_that_is_told_the_others_are_none(client: TestClient) -> None:
    found = decided(client, 100, **ABROAD)
    assert found["normal_if"] == "it weren't for this: first transaction in Italy"
    at_home = decided(client, None, **ABROAD | {"merchant_state": "ND"})
    assert not at_home["suspicious"]
    assert client.get("/transactions/100").json()["decision"]["normal_if"] == found["normal_if"]
    assert decided(client, 101)["normal_if"] is None


def test_where_no_reason_alone_decides_the_fewest_are_told(client: TestClient) -> None:
    # Each of two reasons is enough by itself.
    assert put(client, "held/client/7") == 204
    found = decided(client, 101, **ABROAD)
    assert [reason["code"] for reason in found["reasons"]][:2] == ["held_list", "country_new"]
    assert found["normal_if"] == "it weren't for its 2 weightiest reasons"


def test_what_is_blocked_says_the_list_and_what_else_it_takes(client: TestClient) -> None:
    assert put(client, "block/merchant/9") == 204
    assert put(client, "block/client/7") == 204
    off = "client 7 weren't on the block list"
    assert decided(client, None)["normal_if"] == off
    found = decided(client, None, **ABROAD)
    assert found["normal_if"] == f"{off} and it weren't for this: first transaction in Italy"
