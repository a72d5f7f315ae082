"""What customers and terminals write is decided, kept, and compared without what can't be seen."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudstack.rules import config
from tests.api.conftest import Shared
from tests.api.scorer import NOON, known, post, running
from tests.jobs.databases import everything, query

TEXTS = ("use_chip", "merchant_city", "merchant_state", "zip", "description", "errors")
ODD = {
    "a soft hyphen": "Beu\u00adlah",
    "a joiner": "👩\u200d🌾 farm",
    "an emoji with its selector": "❤\ufe0f",
    "a byte order mark": "\ufeffBeulah",
    "turned round": "\u202ehalueB\u202c",
    "a no-break blank": "Beu\u00a0lah",
    "a null": "Beulah\0\0\0",
    "an escape": "\x1b[2J\x1b]0;owned\a",
    "lines": "one\r\ntwo\u2028three",
    "endless": "🎁" * 2_100,
    "nothing to see": "\u200b\u2060\u3164",
    "accents without end": "e" + "\u0301" * 2_500,
    "markup": "[bold red]x[/] <script>alert(1)</script> =1+1 ${jndi:ldap://x} %s {0}",
}


@pytest.mark.parametrize("what", ODD)
def test_no_text_prevents_a_decision(client: TestClient, database: str, what: str) -> None:
    body = post(1, **dict.fromkeys(TEXTS, ODD[what]))
    answer = client.post("/transaction", json=body)
    assert answer.status_code == 200, answer.text
    assert client.post("/transaction", json=body).json() == answer.json()
    [batch] = client.post("/transactions", json={"transactions": [body | {"id": 2}]}).json()["results"]
    assert batch["status"] == 200
    found = client.get("/transactions/1").json()["transaction"]
    assert client.get("/transactions").status_code == client.get("/clients/7/profile").status_code == 200
    kept = " ".join(str(found[name]) for name in TEXTS)
    assert not set(kept) & {"\0", "\x1b", "\a", "\u2028"}
    review = {"verdict": "legitimate", "note": ODD[what][:2000], "reviewer": f"Ana {ODD[what][:90]}"}
    assert client.post("/transactions/1/review", json=review).status_code == 201
    assert query(database, "SELECT count(*) FROM reviews") == [(1,)]


def test_what_somebody_wrote_is_kept_to_be_shown(client: TestClient) -> None:
    said = {
        "merchant_city": "Beu\u00adlah 👩\u200d🌾",
        "description": "for\u200b you ❤\ufe0f",
        "errors": "Bad\u00a0PIN",
    }
    assert client.post("/transaction", json=post(1, **said)).status_code == 200
    found = client.get("/transactions/1").json()["transaction"]
    assert {name: found[name] for name in said} == said


WRITTEN: list[dict[str, Any]] = [
    {"merchant_city": "BEULAH"},
    {"merchant_city": " Beu\u00adlah\u200b 🎁"},
    {"merchant_state": "nd"},
    {"use_chip": "CHIP TRANSACTION"},
    {"use_chip": "Chip\u00a0Trans\u00adaction"},
    {"merchant_id": "\uff15\uff19\uff19\uff13\uff15"},
    {"merchant_id": "599\u200b35"},
    {"card_id": "\ufeff70"},
    {"client_id": "7\u00ad"},
]


@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_what_is_written_otherwise_is_as_usual(client: TestClient, written: dict[str, Any]) -> None:
    known(client)
    before = client.get("/clients/7/profile").json()
    decided = client.post("/transaction", json=post(900, **written)).json()
    assert (decided["decision"], decided["reasons"]) == ("whitelisted", [])
    after = client.get("/clients/7/profile").json()
    assert [len(values) for values in after["habits"].values()] == [len(values) for values in before["habits"].values()]


# Card numbers

CARD = "4111 1111 1111 1111"


@pytest.mark.parametrize("field", ["client_id", "card_id", "merchant_id"])
def test_a_card_number_in_place_of_an_id_is_refused(shared: Shared, field: str) -> None:
    before = everything(shared.store)
    for number in (CARD, CARD.replace(" ", ""), "\uff14111\u200b1111-1111-1111"):
        answer = shared.client.post("/transaction", json=post(1, **{field: number}))
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(f"{field}: this is a card number: send a token")
        assert "1111" not in answer.text
    assert everything(shared.store) == before


def test_a_card_number_in_a_text_is_stored_nowhere(
    client: TestClient, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = post(1, **dict.fromkeys(TEXTS, f"pay {CARD} now"))
    assert client.post("/transaction", json=body).status_code == 200
    review = {"verdict": "fraud", "note": f"card {CARD}", "reviewer": f"Ana {CARD}"}
    assert client.post("/transactions/1/review", json=review).status_code == 201
    until = {"until": "2026-12-01T00:00:00Z", "reviewer": CARD, "note": CARD}
    client.put("/clients/7/exceptions/9", json=until)
    stored = str(everything(database))
    assert "pay [card] now" in stored
    assert "1111" not in stored
    assert "1111" not in client.get("/transactions/1").text
    assert "1111" not in caplog.text
    # It is the same post, whatever the number was.
    assert client.post("/transaction", json=body).status_code == 200


# Lists


def test_lists_hold_however_ids_and_countries_are_written(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    line = "block: {merchants: [], clients: [], cards: [], countries: [], mccs: []}"
    mine = "block: {merchants: ['00123'], clients: [], cards: [], countries: [Italia, Frence], mccs: []}"
    rules.write_text(config.DEFAULT.read_text().replace(line, mine))
    blocked: list[dict[str, Any]] = [
        {"merchant_id": "123"},
        {"merchant_id": "\uff10\uff11\uff12\uff13"},
        {"merchant_id": "1\u200b23", "use_chip": "Online Transaction", "merchant_state": None},
        {"merchant_state": "ITALY"},
        {"merchant_state": "ITA", "use_chip": "Online Transaction", "merchant_city": "ONLINE"},
        {"merchant_state": "It\u00adaly"},
    ]
    with running(tmp_path, rules_path=rules) as client:
        known(client)
        for number, written in enumerate(blocked):
            decided = client.post("/transaction", json=post(900 + number, date=NOON, **written)).json()
            assert decided["decision"] == "blocked", written
        assert client.post("/transaction", json=post(990, merchant_state="IN")).json()["decision"] != "blocked"
        problem = client.get("/readyz").json()["rules_problem"]
        assert "block.countries: Frence matches no transaction: no country is called so; France is probably" in problem
