"""A caller says how long it waits: within it an answer comes, which says what was left out."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from api.routes import scoring
from fraudstack.decisions.deciding import score
from fraudstack.storage.connections.locks import write_turn
from fraudstack.storage.connections.store import parse
from tests.api.scorer import known, post, running
from tests.api.test_text import GREY
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import query
from tests.llm.server import Server, answer, sends, serving
from tests.llm.server import held as answers_later

# For a machine under load; what is waited for never comes by itself.
WAIT, SOON = {"X-Wait-Ms": "400"}, 3.0


def asked(client: TestClient, path: str, body: object, wait: dict[str, str] = WAIT) -> Any:
    started = time.monotonic()
    found = client.post(path, json=body, headers=wait)
    assert time.monotonic() - started < SOON
    return found


@pytest.fixture
def held(client: TestClient, database: str) -> Iterator[None]:
    """Nobody can write meanwhile to what the client 7 has."""
    known(client)
    if database.startswith("sqlite"):
        with write_turn(parse(database)):
            yield
    else:
        with psycopg.connect(database) as other:
            other.execute("SELECT pg_advisory_xact_lock(1081, hashtext('7'))")
            yield


def test_with_time_enough_nothing_is_left_out(client: TestClient) -> None:
    plain, bounded = post(1), post(2)
    assert client.post("/transaction", json=plain).json()["left_out"] == []
    answered = asked(client, "/transaction", bounded, {"X-Wait-Ms": "60000"}).json()
    assert (answered["left_out"], answered["id"]) == ([], 2)


@pytest.mark.parametrize("wait", ["0", "60001", "-5", "soon", "1.5", "NaN", ""])
def test_a_wait_that_is_none_is_named(client: TestClient, database: str, wait: str) -> None:
    answered = client.post("/transaction", json=post(1), headers={"X-Wait-Ms": wait})
    assert (answered.status_code, "X-Wait-Ms" in answered.json()["detail"]) == (422, True)
    assert query(database, "SELECT * FROM transactions") == []


def test_without_a_turn_to_write_the_decision_says_that_it_is_not_stored(
    client: TestClient, database: str, held: None
) -> None:
    body = post(100, merchant_state="Italy", merchant_id="9", amount=812.40)
    answered = asked(client, "/transaction", body)
    assert answered.status_code == 200
    said = answered.json()
    assert (said["left_out"], said["decision"], said["id"]) == (["storing"], "suspicious", 100)
    assert query(database, "SELECT count(*) FROM decisions WHERE id = 100") == [(0,)]


def test_what_was_not_stored_in_time_is_stored_later(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/t.db"
    with running(tmp_path, database) as client:
        known(client)
        with write_turn(parse(database)):
            said = asked(client, "/transaction", post(100)).json()
        wait_for(lambda: query(database, "SELECT count(*) FROM decisions WHERE id = 100") == [(1,)], 10, "it")
        again = client.post("/transaction", json=post(100)).json()
        assert again == said | {"left_out": []}


def test_a_batch_is_told_in_time(client: TestClient, held: None) -> None:
    answered = asked(client, "/transactions", {"transactions": [post(100)]})
    assert (answered.status_code, "isn't known" in answered.json()["detail"]) == (503, True)


def test_what_cannot_be_read_in_time_is_told_in_time(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*given: Any) -> Any:
        time.sleep(2)
        return score(*given)

    monkeypatch.setattr("api.routes.scoring.score", slow)
    answered = client.post("/transaction?dry_run=true", json=post(1), headers={"X-Wait-Ms": "100"})
    assert (answered.status_code, "X-Wait-Ms" in answered.json()["detail"]) == (503, True)


@pytest.fixture
def model() -> Iterator[Server]:
    with serving() as told:
        told.reply = sends(answer(0.9, "asks for a wire to a stranger"))
        yield told


def test_a_language_model_is_left_out_or_cut(
    tmp_path: Path, database: str, model: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": model.url, "llm_seconds": 20}
    with running(tmp_path, database, **given) as client:
        known(client)
        known(client, client_id="8", first=1000)
        monkeypatch.setattr(scoring, "_LEAST_FOR_A_TEXT", 100)
        skipped = asked(client, "/transaction", post(100, description="WIRE", **GREY), {"X-Wait-Ms": "50000"}).json()
        assert (skipped["left_out"], skipped["llm_status"], model.seen) == (["language model"], "not_asked", [])
        monkeypatch.setattr(scoring, "_LEAST_FOR_A_TEXT", 0.001)
        monkeypatch.setattr(scoring, "_STORING_SECONDS", 19.9)
        model.reply = answers_later(model.reply)
        body = post(101, client_id="8", description="WIRE", **GREY)
        cut = asked(client, "/transaction", body, {"X-Wait-Ms": "20000"}).json()
        assert (cut["left_out"], cut["llm_status"], cut["decision"]) == (["language model"], "timeout", "normal")
        assert query(database, "SELECT llm_status FROM decisions WHERE id = 101") == [("timeout",)]
        model.release.set()


def test_the_document_knows_the_header(client: TestClient) -> None:
    for path in ("/transaction", "/transactions"):
        parameters = client.get("/openapi.json").json()["paths"][path]["post"]["parameters"]
        [found] = [each for each in parameters if each["name"] == "X-Wait-Ms"]
        assert found["in"] == "header"
