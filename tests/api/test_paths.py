"""Paths, queries and bodies that are odd, extreme or forged: each gets a clear answer, and none is an error."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import Shared
from tests.api.scorer import known, post
from tests.jobs.databases import everything


def sent(client: TestClient, body: str | bytes, path: str = "/transaction") -> Any:
    return client.post(path, content=body, headers={"content-type": "application/json"})


# Paths and queries

NAMES = [
    "a/b",
    "/",
    "//",
    "a/exceptions/b",
    "a/profile",
    "..",
    "./",
    "%2F",
    "%",
    "a?b#c",
    "Zürich",
    "東京",
    "a\\b",
    "+",
]


def written(name: str) -> str:
    return quote(name, safe="").replace(".", "%2E")


@pytest.mark.parametrize("name", NAMES)
def test_a_client_of_any_name_has_a_profile(client: TestClient, name: str) -> None:
    assert client.post("/transaction", json=post(1, client_id=name)).status_code == 200
    found = client.get(f"/clients/{written(name)}/profile")
    assert (found.status_code, found.json().get("client_id")) == (200, name)
    asked = client.get("/transactions", params={"client_id": name}).json()["transactions"]
    assert [one["transaction"]["client_id"] for one in asked] == [name]


@pytest.mark.parametrize("merchant", NAMES)
def test_any_merchant_can_be_allowed_to_any_client(client: TestClient, merchant: str) -> None:
    assert client.post("/transaction", json=post(1, client_id="a/b")).status_code == 200
    body = {"until": "2026-01-01T00:00:00Z", "reviewer": "ana"}
    answer = client.put(f"/clients/a%2fb/exceptions/{written(merchant)}", json=body)
    assert answer.status_code == 204
    [kept] = client.get("/clients/a%2Fb/profile").json()["exceptions"]
    assert kept["merchant_id"] == merchant


def test_a_slash_in_a_name_is_not_one_of_the_path(client: TestClient) -> None:
    known(client, 1, client_id="a")
    assert client.get("/clients%2Fa%2Fprofile").status_code == 404
    assert client.get("/clients/a%2Fprofile").status_code == 404
    assert client.get("/clients//profile").status_code == 404
    assert client.get("/clients/a/b/profile").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/clients/a%00b/profile",
        "/clients/%00/profile",
        "/clients/a/exceptions/%00",
        "/transactions/1%00",
        "/transactions?client_id=a%00",
        "/transactions?next=%00",
        "/transactions?next=2019-01-01T00:00:00~1%00",
        "/transactions?since=2019-01-01%00",
        "/transactions?unknown=%00",
        "/nowhere/%00",
    ],
)
def test_a_nul_is_refused_wherever_it_stands(shared: Shared, path: str) -> None:
    answer = shared.client.request("PUT" if "exceptions" in path else "GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "NUL" in answer.json()["detail"]


EXTREME = [
    ("0001-01-01T00:00:00", True),
    ("0001-01-01T00:00:00+14:00", True),
    ("0999-06-01T00:00:00Z", True),
    ("9999-12-31T23:59:59", False),
    ("9999-12-31T23:59:59-14:00", False),
]


@pytest.mark.parametrize(("moment", "is_before"), EXTREME)
def test_moments_at_the_ends_of_the_calendar_are_moments(client: TestClient, moment: str, is_before: bool) -> None:
    known(client, 2)
    for name, expected in (("since", is_before), ("until", not is_before)):
        answer = client.get("/transactions", params={name: moment})
        assert (answer.status_code, len(answer.json()["transactions"])) == (200, 2 * expected), name


@pytest.mark.parametrize(
    "moment", ["", "x", "0000-01-01", "10000-01-01T00:00:00", "1e3", "1e400", "nan", "9" * 400, "-9" * 50]
)
def test_what_is_no_moment_is_refused(shared: Shared, moment: str) -> None:
    assert shared.client.get("/transactions", params={"since": moment}).status_code == 422


@pytest.mark.parametrize(
    "cursor",
    [
        "2019-01-01 00:00:00~1",
        "2019-1-1T0:0:0~1",
        "0000-01-01T00:00:00~1",
        "2019-02-30T00:00:00~1",
        "2019-01-01T00:00:00~-1",
        "2019-01-01T00:00:00~1~2",
        "2019-01-01T00:00:00~99999999999999999999",
        "2019-01-01T00:00:00~\uff11",
        "\uff12019-01-01T00:00:00~1",
        "' OR 1=1",
    ],
)
def test_a_forged_cursor_is_refused(shared: Shared, cursor: str) -> None:
    assert shared.client.get("/transactions", params={"next": cursor}).status_code == 422


@pytest.mark.parametrize("cursor", ["0001-01-01T00:00:00~0", "9999-12-31T23:59:59~9223372036854775807"])
def test_a_cursor_at_an_end_of_the_calendar_is_one(shared: Shared, cursor: str) -> None:
    assert shared.client.get("/transactions", params={"next": cursor}).status_code == 200


@pytest.mark.parametrize("id", ["-1", "9223372036854775808", "1e3", "x", "9" * 5000, "1.0.", "%F0%9F%8E%81"])
def test_what_is_no_id_is_refused(shared: Shared, id: str) -> None:
    assert shared.client.get(f"/transactions/{id}").status_code == 422


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z"])
def test_an_exception_does_not_last_for_ever(shared: Shared, until: str) -> None:
    answer = shared.client.put("/clients/7/exceptions/9", json={"until": until, "reviewer": "ana"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "until: an exception lasts a year at most")


# Bodies

AMOUNT = '{"client_id": "1", "amount": 1'
TWICE = {
    "a field": '{"amount": 5, "client_id": "1", "amount": 5000}',
    "escaped": '{"amount": 5, "client_id": "1", "\\u0061mount": 5000}',
    "alike": '{"amount": 5, "client_id": "1", "amount": 5}',
    "deep": AMOUNT + ', "is_fraud": [{"x": {"y": 1, "y": 2}}]}',
    "empty": '{"": 1, "": 2}',
}


@pytest.mark.parametrize("what", TWICE)
def test_a_key_that_stands_twice_is_refused(shared: Shared, what: str) -> None:
    before = everything(shared.store)
    for path, body in (("/transaction", TWICE[what]), ("/transactions", f'{{"transactions": [{TWICE[what]}]}}')):
        answer = sent(shared.client, body, path)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
        assert "twice" in answer.json()["detail"]
    assert everything(shared.store) == before


def test_reviews_say_nothing_twice_either(client: TestClient) -> None:
    known(client, 1)
    body = '{"verdict": "fraud", "reviewer": "ana", "verdict": "legitimate"}'
    assert sent(client, body, "/transactions/1/review").status_code == 400


BODIES: dict[str, tuple[str | bytes, int]] = {
    "a byte order mark": ("\ufeff" + AMOUNT + "}", 200),
    "another encoding": ((AMOUNT + "}").encode("utf-16"), 400),
    "half a character": (AMOUNT.encode() + b', "errors": "\xc3"}', 400),
    "cut": (AMOUNT, 400),
    "two bodies": (AMOUNT + "}" + AMOUNT + "}", 400),
    "a control character": (AMOUNT + ', "errors": "a\0b"}', 400),
    "an endless exponent": ('{"client_id": "1", "amount": 1e400}', 422),
    "an endless number": ('{"client_id": "1", "amount": 1' + "0" * 10_000 + "}", 400),
    "an endless number nobody reads": (AMOUNT + ', "is_fraud": ' + "9" * 10_000 + "}", 400),
    "deep": ('{"a":' * 10_000 + "1" + "}" * 10_000, 400),
    "deep lists": (AMOUNT + ', "is_fraud": ' + "[" * 60_000, 400),
    "a field of half a character": (AMOUNT + ', "\\ud800": 1}', 422),
    "a field of a whole book": (AMOUNT + f', "{"x" * 10_000}": 1}}', 422),
    "a field that is a card number": (AMOUNT + ', "4111 1111 1111 1111": 1}', 422),
    "many of one key": ("{" + ", ".join(['"a": 1'] * 5_000 + ['"b": 1']) + "}", 400),
}  # fmt: skip


@pytest.mark.parametrize("what", BODIES)
def test_every_body_has_an_answer(shared: Shared, what: str) -> None:
    content, status = BODIES[what]
    answer = sent(shared.client, content)
    assert answer.status_code == status, answer.text
    assert len(answer.content) < 1000
    assert "4111" not in answer.text
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.content)["status"] == status
