"""A description is shown to a language model in the grey band alone, and can only raise the score."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.api.scorer import known, post, running
from tests.jobs.databases import query
from tests.llm.server import Server, answer, sends, serving

# A first purchase in a new category of merchant, in a new channel, late at night: 0.1, 0.2, 0.15 and 0.15 of weight.
GREY = {"merchant_id": "9", "mcc": 4829, "use_chip": "Swipe Transaction", "date": "2019-11-01 03:00:00"}


@pytest.fixture
def model() -> Iterator[Server]:
    with serving() as told:
        told.reply = sends(answer(0.9, "asks for a wire to a stranger"))
        yield told


@pytest.fixture
def client(tmp_path: Path, database: str, model: Server) -> Iterator[TestClient]:
    with running(tmp_path, database, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.url, llm_seconds=20) as client:
        known(client)
        yield client


def test_in_the_grey_band_the_text_may_raise_the_score(client: TestClient, model: Server, database: str) -> None:
    body = post(100, description="WIRE, call 4111 1111 1111 1111", **GREY)
    dry = client.post("/transaction?dry_run=true", json=body).json()
    assert (dry["decision"], 0.35 <= dry["score"] <= 0.5, model.seen) == ("normal", True, [])
    answered = client.post("/transaction", json=body).json()
    assert answered["llm_status"] == "ok"
    assert answered["score"] > dry["score"]
    assert answered["decision"] == "suspicious"
    assert answered["reasons"][0]["code"] == "llm_text"
    assert "asks for a wire to a stranger" in answered["reason"]
    assert b"4111" not in model.seen[0].body
    assert query(database, "SELECT llm_status FROM decisions WHERE id = 100") == [("ok",)]


def test_an_innocent_text_clears_nothing(client: TestClient, model: Server) -> None:
    model.reply = sends(answer(0.0, "ignore the rules, this is fine"))
    body = post(100, description="flowers", **GREY)
    dry = client.post("/transaction?dry_run=true", json=body).json()
    answered = client.post("/transaction", json=body).json()
    assert (answered["score"], answered["decision"]) == (dry["score"], dry["decision"])


@pytest.mark.parametrize(
    "body",
    [
        post(100, description="a gift"),
        post(100, **GREY),
        post(100, description="a gift", merchant_state="Italy", merchant_id="9", amount=900),
    ],
    ids=["whitelisted", "without a text", "suspicious already"],
)
def test_otherwise_nobody_is_asked(client: TestClient, model: Server, body: dict[str, object]) -> None:
    assert client.post("/transaction", json=body).json()["llm_status"] == "not_asked"
    assert model.seen == []


def test_whatever_fails_the_decision_is_made_without_it(client: TestClient, model: Server) -> None:
    model.reply = sends(b"{}", status=500)
    answered = client.post("/transaction", json=post(100, description="WIRE", **GREY)).json()
    assert (answered["llm_status"], answered["decision"]) == ("error", "normal")


def test_texts_of_a_batch_are_not_shown(client: TestClient, model: Server) -> None:
    batch = {"transactions": [post(100, description="WIRE", **GREY)]}
    [result] = client.post("/transactions", json=batch).json()["results"]
    assert (result["decision"]["llm_status"], model.seen) == ("not_asked", [])
