"""Who may do what: keys, scopes, rates; and what a log may hold."""

import json
import logging
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.logs import JsonLines
from api.main import create_app
from fraudstack import keys
from fraudstack.errors import InputError
from tests.api.scorer import chosen, post, running

SCORE, REVIEW, ADMIN = "score-key-of-a-test", "review-key-of-a-test", "admin-key-of-a-test"
ENTRIES = " ".join(
    keys.entry(scope, [scope], keys.digest(key))
    for scope, key in (("score", SCORE), ("review", REVIEW), ("admin", ADMIN))
)
DOORS = [
    ("score", "post", "/transaction", post(1)),
    ("score", "post", "/transactions", {"transactions": [post(1)]}),
    ("review", "get", "/transactions", None),
    ("review", "get", "/transactions/1", None),
    ("review", "get", "/clients/7/profile", None),
    ("review", "post", "/transactions/1/review", {"verdict": "unsure", "reviewer": "ana"}),
    ("review", "post", "/transactions/1/claim", {"reviewer": "ana"}),
    ("review", "put", "/clients/7/exceptions/9", {"until": "2019-10-31T00:00:00Z", "reviewer": "ana"}),
    ("admin", "post", "/reset", None),
]


def ask(client: TestClient, method: str, path: str, body: object, key: str | None) -> int:
    headers = {} if key is None else {"X-API-Key": key}
    return client.request(method, path, json=body, headers=headers).status_code


@pytest.mark.parametrize(("scope", "method", "path", "body"), DOORS, ids=[f"{door[1]} {door[2]}" for door in DOORS])
def test_each_door_opens_to_its_scope_alone(tmp_path: Path, scope: str, method: str, path: str, body: object) -> None:
    with running(tmp_path, api_keys=ENTRIES) as client:
        client.post("/transaction", json=post(1), headers={"X-API-Key": SCORE})
        given = {"score": SCORE, "review": REVIEW, "admin": ADMIN}
        answers = {name: ask(client, method, path, body, key) for name, key in given.items()}
        assert answers.pop(scope) in (200, 201, 204)
        assert set(answers.values()) == {403}
        assert [ask(client, method, path, body, key) for key in (None, "", "wrong")] == [401] * 3


def test_health_and_metrics_need_no_key(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=ENTRIES) as client:
        assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3


def test_without_keys_it_starts_in_development_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TX_ENV")
    with pytest.raises(InputError, match="TX_API_KEYS is empty"), running(tmp_path):
        pass


def test_reset_exists_in_development_alone(tmp_path: Path) -> None:
    with running(tmp_path, env="production", api_keys=ENTRIES) as client:
        assert ask(client, "post", "/reset", None, ADMIN) == 404
    assert "/reset" not in create_app(chosen(tmp_path, env="production")).openapi()["paths"]


@pytest.mark.parametrize("entries", ["x", "a:score:12", "a:everything:" + "0" * 64, f"{ENTRIES} {ENTRIES}"])
def test_an_entry_that_is_none_is_named_by_its_place_and_not_repeated(entries: str) -> None:
    with pytest.raises(InputError, match="TX_API_KEYS, entry") as error:
        keys.parse(entries)
    assert "0000" not in str(error.value)


def test_a_key_has_its_rate_and_a_batch_counts_whole(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=ENTRIES, api_rate=20, api_workers=1) as client:
        batch = {"transactions": [post(number) for number in range(15)]}
        headers = {"X-API-Key": SCORE}
        assert client.post("/transactions", json=batch, headers=headers).status_code == 200
        answer = client.post("/transactions", json=batch, headers=headers)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        # Another key has its own.
        assert client.get("/transactions", headers={"X-API-Key": REVIEW}).status_code == 200


def test_a_log_line_is_json_with_the_requests_id_and_nothing_that_was_posted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = {"description": "call 4111111111111111", "card_id": "4111111111111112", "client_id": "4222222222223"}
    with running(tmp_path, api_keys=ENTRIES) as client, caplog.at_level(logging.DEBUG):
        headers = {"X-API-Key": SCORE, "X-Request-ID": "abc-1"}
        answer = client.post("/transaction", json=post(1, **secret), headers=headers)
        assert answer.headers["x-request-id"] == "abc-1"
        client.get("/clients/4222222222223/profile", headers={"X-API-Key": REVIEW})
        client.post("/transaction", json=post(2, **secret, amount="4333333333333333"), headers=headers)
    ours = [record for record in caplog.records if record.name.startswith(("api", "fraudstack"))]
    lines = [JsonLines().format(record) for record in ours]
    said = json.loads(next(line for line in lines if "abc-1" in line))
    assert (said["route"], said["status"], said["key"], said["method"]) == ("/transaction", 200, "score", "POST")
    for secret_text in ("4111", "4222", "4333", SCORE, "call"):
        assert not any(secret_text in line for line in lines)
