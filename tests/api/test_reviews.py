"""Analysts: verdicts that become the truth, claims that expire, exceptions that silence rules of habit."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fraudstack import keys
from fraudstack.errors import InputError
from tests.api.scorer import known, post, running
from tests.api.test_decisions import ABROAD
from tests.jobs.databases import execute, query, transactions


def review(client: TestClient, id: int, verdict: str, reviewer: str = "ana") -> int:
    answer = client.post(f"/transactions/{id}/review", json={"verdict": verdict, "reviewer": reviewer, "note": "seen"})
    return answer.status_code


def test_the_latest_decisive_verdict_is_the_truth(client: TestClient, database: str) -> None:
    client.post("/transaction", json=post(1))
    for verdict, truth in (("unsure", None), ("fraud", 1), ("unsure", 1), ("legitimate", 0), ("unsure", 0)):
        assert review(client, 1, verdict) == 201
        assert transactions(database)[1][15] == truth
    kept = query(database, "SELECT verdict FROM reviews ORDER BY review_id")
    assert kept == [("unsure",), ("fraud",), ("unsure",), ("legitimate",), ("unsure",)]
    assert [found["verdict"] for found in client.get("/transactions/1").json()["reviews"]] == [row[0] for row in kept]


def test_a_review_of_nothing_is_not_found(client: TestClient, database: str) -> None:
    assert review(client, 1, "fraud") == 404
    assert query(database, "SELECT * FROM reviews") == []


def test_what_a_review_calls_legitimate_becomes_usual_and_what_it_calls_fraud_no_longer_is(client: TestClient) -> None:
    known(client)
    client.post("/transaction", json=post(100, **ABROAD))
    assert client.get("/clients/7/profile").json()["usual"] == 40
    review(client, 100, "legitimate")
    profile = client.get("/clients/7/profile").json()
    assert profile["usual"] == 41
    assert {habit["value"] for habit in profile["habits"]["state"]} == {"ND", "Italy"}
    review(client, 100, "fraud")
    review(client, 1, "fraud")
    assert client.get("/clients/7/profile").json()["usual"] == 39


def test_a_claim_keeps_others_away_until_it_expires(client: TestClient, database: str) -> None:
    client.post("/transaction", json=post(1))

    def claim(reviewer: str) -> int:
        return client.post("/transactions/1/claim", json={"reviewer": reviewer}).status_code

    assert [claim("ana"), claim("ana"), claim("bo")] == [200, 200, 409]
    long_ago = f"{datetime.now(UTC) - timedelta(minutes=16):%Y-%m-%d %H:%M:%S}"
    execute(database, f"UPDATE claims SET until = '{long_ago}'")
    assert [claim("bo"), claim("ana")] == [200, 409]


def test_a_review_ends_the_claim(client: TestClient) -> None:
    client.post("/transaction", json=post(1))
    client.post("/transactions/1/claim", json={"reviewer": "ana"})
    review(client, 1, "unsure")
    assert client.post("/transactions/1/claim", json={"reviewer": "bo"}).status_code == 200


def test_an_exception_silences_habit_and_not_haste(client: TestClient) -> None:
    known(client)
    soon = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    body = {"until": soon, "reviewer": "ana", "note": "moved to Rome"}
    assert client.put("/clients/7/exceptions/9", json=body).status_code == 204
    abroad = ABROAD | {"amount": 300}
    answers = [client.post("/transaction", json=post(100 + number, **abroad)).json() for number in range(6)]
    assert (answers[0]["decision"], answers[0]["reasons"]) == ("normal", [])
    assert {reason["code"] for reason in answers[5]["reasons"]} == {"burst_10_minutes"}
    [kept] = client.get("/clients/7/profile").json()["exceptions"]
    assert (kept["merchant_id"], kept["reviewer"], kept["note"]) == ("9", "ana", "moved to Rome")


def test_an_exception_ends(client: TestClient) -> None:
    known(client)
    body = {"until": "2019-10-31T00:00:00Z", "reviewer": "ana"}
    assert client.put("/clients/7/exceptions/9", json=body).status_code == 204
    assert client.post("/transaction", json=post(100, **ABROAD)).json()["suspicious"]


def test_a_claim_holds_against_a_review_of_somebody_else(client: TestClient, database: str) -> None:
    client.post("/transaction", json=post(1))
    client.post("/transactions/1/claim", json={"reviewer": "ana"})
    assert [review(client, 1, verdict, "bo") for verdict in ("unsure", "fraud")] == [409, 409]
    assert (transactions(database)[1][15], query(database, "SELECT * FROM reviews")) == (None, [])
    assert review(client, 1, "fraud", "ana") == 201
    assert review(client, 1, "legitimate", "bo") == 201


def test_a_key_of_a_person_reviews_in_that_persons_name(tmp_path: Path) -> None:
    entries = f"ana:review+person:{keys.digest('hers')} desk:review+score:{keys.digest('common')}"
    body = {"verdict": "fraud", "reviewer": "bo"}
    with running(tmp_path, api_keys=entries) as client:
        client.headers["X-API-Key"] = "common"
        client.post("/transaction", json=post(1))
        assert client.post("/transactions/1/review", json={"verdict": "fraud"}).status_code == 422
        assert client.post("/transactions/1/review", json=body).json()["reviewer"] == "bo"
        client.headers["X-API-Key"] = "hers"
        for said in (body, {"verdict": "unsure"}):
            assert client.post("/transactions/1/review", json=said).json()["reviewer"] == "ana"
        assert client.post("/transactions/1/claim", json={}).json()["reviewer"] == "ana"
        allowed = client.put("/clients/7/exceptions/9", json={"until": "2019-10-31T00:00:00Z", "reviewer": "bo"})
        assert allowed.status_code == 204
        assert client.get("/clients/7/profile").json()["exceptions"][0]["reviewer"] == "ana"
        found = [each["reviewer"] for each in client.get("/transactions/1").json()["reviews"]]
        assert found == ["bo", "ana", "ana"]


def test_a_person_alone_may_do_nothing() -> None:
    with pytest.raises(InputError):
        keys.parse("ana:person:" + "0" * 64)
