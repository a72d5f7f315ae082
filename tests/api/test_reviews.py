"""Analysts: verdicts that become the truth, claims that expire, exceptions that silence rules of habit."""

from datetime import UTC, datetime, timedelta

from starlette.testclient import TestClient

from tests.api.scorer import known, post
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
    answers = [client.post("/transaction", json=post(100 + number, **ABROAD)).json() for number in range(6)]
    assert (answers[0]["decision"], answers[0]["reasons"]) == ("normal", [])
    assert {reason["code"] for reason in answers[5]["reasons"]} == {"burst_10_minutes"}
    [kept] = client.get("/clients/7/profile").json()["exceptions"]
    assert (kept["merchant_id"], kept["reviewer"], kept["note"]) == ("9", "ana", "moved to Rome")


def test_an_exception_ends(client: TestClient) -> None:
    known(client)
    body = {"until": "2019-10-31T00:00:00Z", "reviewer": "ana"}
    assert client.put("/clients/7/exceptions/9", json=body).status_code == 204
    assert client.post("/transaction", json=post(100, **ABROAD)).json()["suspicious"]
