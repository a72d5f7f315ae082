"""POST /transaction: a decision with reasons, stored before it is answered."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api import state
from fraudstack.schema import FIRST_ASSIGNED
from tests.api.scorer import known, post, running
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import everything, execute, query, transactions

ABROAD = {"merchant_state": "Italy", "merchant_city": "Rome", "merchant_id": "9", "amount": 812.40}


def test_a_usual_transaction_is_waved_through(client: TestClient, database: str) -> None:
    known(client)
    answer = client.post("/transaction", json=post(100)).json()
    assert (answer["decision"], answer["suspicious"], answer["score"], answer["reasons"]) == (
        "whitelisted",
        False,
        0,
        [],
    )
    assert "usual card" in answer["reason"]
    assert transactions(database)[100][14] == 0


def test_what_is_out_of_the_ordinary_is_suspicious_and_says_why(client: TestClient, database: str) -> None:
    known(client)
    answer = client.post("/transaction", json=post(100, **ABROAD)).json()
    assert (answer["decision"], answer["suspicious"]) == ("suspicious", True)
    assert {reason["code"] for reason in answer["reasons"]} >= {"amount_unusual", "country_new", "merchant_new"}
    assert "812.40 is" in answer["reason"]
    assert "first transaction in Italy" in answer["reason"]
    stored = query(
        database, "SELECT decision, score, suspicious, source, reason, reasons FROM decisions WHERE id = 100"
    )
    assert stored[0][:5] == ("suspicious", answer["score"], 1, "online", answer["reason"])
    assert json.loads(str(stored[0][5])) == answer["reasons"]
    assert transactions(database)[100][14] == 1


def test_the_sixteen_fields_are_stored_as_they_were_posted(client: TestClient, database: str) -> None:
    body = post(5, description="a gift", errors="Bad PIN", amount="212.40", client_id=9, zip="00501")
    assert client.post("/transaction", json=body | {"flagged_fraud": 1, "is_fraud": 1}).status_code == 200
    [row] = transactions(database).values()
    expected = (5, "9", "70", "USD", "Chip Transaction", "59935", "Beulah", "ND", "00501", 5411, "a gift", "Bad PIN", 0)
    assert (row[0], *row[2:4], *row[5:15]) == expected
    assert (str(row[1]), str(row[4]).rstrip("0"), row[15]) == ("2019-11-01 12:00:00", "212.4", None)


def test_an_id_is_assigned_where_none_is_posted(client: TestClient) -> None:
    ids = [client.post("/transaction", json=post()).json()["id"] for _ in range(3)]
    assert ids == [FIRST_ASSIGNED, FIRST_ASSIGNED + 1, FIRST_ASSIGNED + 2]


def test_an_id_that_only_the_scorer_gives_is_refused_from_others(client: TestClient) -> None:
    assert client.post("/transaction", json=post(FIRST_ASSIGNED)).status_code == 409


def test_the_same_post_again_gives_the_stored_decision_and_writes_nothing(client: TestClient, database: str) -> None:
    known(client)
    first = client.post("/transaction", json=post(100, **ABROAD)).json()
    before = everything(database)
    reordered = dict(reversed(post(100, **ABROAD).items())) | {"amount": "812.4"}
    assert client.post("/transaction", json=reordered).json() == first
    assert everything(database) == before


def test_an_assigned_id_can_be_posted_again(client: TestClient, database: str) -> None:
    first = client.post("/transaction", json=post()).json()
    assert client.post("/transaction", json=post(first["id"])).json() == first
    assert len(transactions(database)) == 1


def test_the_same_id_with_another_body_is_a_conflict(client: TestClient, database: str) -> None:
    client.post("/transaction", json=post(1))
    before = everything(database)
    answer = client.post("/transaction", json=post(1, amount=21))
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert everything(database) == before


def test_a_dry_run_decides_and_writes_nothing(client: TestClient, database: str) -> None:
    known(client)
    before = everything(database)
    dry = client.post("/transaction?dry_run=true", json=post(100, **ABROAD)).json()
    assert everything(database) == before
    assert client.post("/transaction", json=post(100, **ABROAD)).json() | {"llm_status": None} == dry | {
        "llm_status": None
    }


@pytest.mark.parametrize("said", ["perhaps", "", "2"])
def test_a_dry_run_that_cannot_be_meant_is_refused(client: TestClient, database: str, said: str) -> None:
    answer = client.post(f"/transaction?dry_run={said}", json=post(1))
    assert (answer.status_code, answer.json()["detail"][:8]) == (422, "dry_run:")
    assert transactions(database) == {}


def test_another_currency_is_refused(client: TestClient, database: str) -> None:
    answer = client.post("/transaction", json=post(1, currency="EUR"))
    assert (answer.status_code, answer.json()["detail"][:9]) == (422, "currency:")
    assert transactions(database) == {}


def test_what_was_flagged_makes_nothing_usual(client: TestClient) -> None:
    known(client)
    for number in range(5):
        answer = client.post("/transaction", json=post(100 + number, date=f"2019-11-0{number + 1} 12:00:00", **ABROAD))
        assert "country_new" in {reason["code"] for reason in answer.json()["reasons"]}


def test_a_burst_counts_what_was_flagged(client: TestClient) -> None:
    known(client)
    answers = [client.post("/transaction", json=post(100 + number, **ABROAD)).json() for number in range(6)]
    assert "burst_10_minutes" in {reason["code"] for reason in answers[-1]["reasons"]}
    assert "burst_10_minutes" not in {reason["code"] for reason in answers[-2]["reasons"]}


def test_two_posts_of_one_client_at_one_moment_see_each_other(tmp_path: Path, database: str) -> None:
    with running(tmp_path, database) as one, running(tmp_path, database) as other:
        known(one)
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(
                    lambda number: (one, other)[number % 2].post("/transaction", json=post(100 + number)).json(),
                    range(8),
                )
            )
    bursts = [
        reason["figures"]["transactions"]
        for answer in answers
        for reason in answer["reasons"]
        if reason["code"] == "burst_10_minutes"
    ]
    assert sorted(bursts) == [6, 7, 8]


def test_a_loaded_transaction_is_decided_when_it_is_posted(client: TestClient, database: str) -> None:
    known(client)
    columns = "id, date, client_id, amount, currency, merchant_id, mcc"
    values = "200, '2019-11-02 12:00:00', '7', 20.5, 'USD', '59935', 5411"
    from tests.jobs.databases import execute

    execute(
        database,
        f"INSERT INTO transactions ({columns}) VALUES ({values})",
        "INSERT INTO changes (client_id, id) VALUES ('7', 200)",
    )
    same = {
        "id": 200,
        "date": "2019-11-02T12:00:00Z",
        "client_id": 7,
        "amount": "20.50",
        "merchant_id": 59935,
        "mcc": 5411,
    }
    assert client.post("/transaction", json=same | {"amount": 20.51}).status_code == 409
    assert client.post("/transaction", json=same).status_code == 200
    assert transactions(database)[200][14] is not None
    profile = client.get("/clients/7/profile").json()
    assert profile["transactions"] == 41


@pytest.mark.parametrize("amount", [0, "0.00", -20, "-812.40"])
def test_zero_and_negative_amounts_are_decided_and_make_no_amount_usual(client: TestClient, amount: object) -> None:
    known(client)
    before = client.get("/clients/7/profile").json()
    assert client.post("/transaction", json=post(100, amount=amount)).status_code == 200
    after = client.get("/clients/7/profile").json()
    assert (after["purchases"], after["spent"]) == (before["purchases"], before["spent"])
    assert after["transactions"] == before["transactions"] + 1


def test_names_of_categories_that_an_ingest_brings_are_said(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(state, "_CATEGORIES_EVERY", 1)
    with running(tmp_path, database) as client:
        known(client)
        execute(database, "INSERT INTO mcc_codes (mcc, name) VALUES (4111, 'Commuter Transport')")

        def said() -> bool:
            decided = client.post("/transaction?dry_run=true", json=post(mcc=4111, amount=99.0)).json()
            return "first transaction at Commuter Transport" in decided["reason"]

        wait_for(said, 10, "the name")


def test_when_a_file_was_last_ingested_is_told_to_prometheus(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(state, "_CATEGORIES_EVERY", 1)
    run = "INSERT INTO ingest_runs (run_id, step, started_at, seconds, error) VALUES ('{}', '{}', '{}', {}, {})"
    with running(tmp_path, database) as client:
        execute(
            database,
            run.format("read", "clean", "2026-11-01 04:30:00", 2, "NULL"),
            run.format("refused", "clean", "2026-11-02 04:30:00", 2, "'it is empty'"),
            run.format("killed", "clean", "2026-11-03 04:30:00", "NULL", "NULL"),
            run.format("labels alone", "label", "2026-11-04 04:30:00", 2, "NULL"),
        )
        read = datetime(2026, 11, 1, 4, 30, tzinfo=UTC).timestamp()

        def told() -> bool:
            [found] = re.findall(r"^fraudstack_ingest_timestamp_seconds (.*)$", client.get("/metrics").text, re.M)
            return float(found) == read

        wait_for(told, 10, "the run that read its file")
