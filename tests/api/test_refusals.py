"""What can't be used is a problem that names the field, and nothing is written."""

import json

import pytest

from tests.api.conftest import Shared
from tests.api.scorer import post
from tests.jobs.databases import everything

FIELDS: dict[str, list[object]] = {
    "amount": ["NaN", "Infinity", "1e400", 1e30, "12.345", True, None, [], "1,2,5"],
    "client_id": ["", None, True, 1.5, "a\u0000b", "x" * 101, {"a": 1}],
    "id": ["x", -1, 1.5, 10**19, True],
    "date": ["yesterday", "2019-02-30 10:00:00", "1969-12-31 23:59:59", "9999-01-01 00:00:00", 5],
    "currency": ["usd", "EURO", 5],
    "mcc": [-1, 10_000, "x", 5.5],
    "card_id": ["4111 1111 1111 1111", 5555555555554444],
    "merchant_city": [5, ["Rome"]],
    "description": [5, {}],
    "surprise": [1],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in FIELDS.items() for value in values])
def test_a_field_that_cannot_be_used_is_named(shared: Shared, field: str, value: object) -> None:
    before = everything(shared.store)
    answer = shared.client.post("/transaction", json=post(1) | {field: value})
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert problem["errors"][0]["field"].split(".")[0] == field
    assert problem["detail"].startswith(f"{field}")
    assert everything(shared.store) == before


BODIES = {
    "not JSON": (b"{", 400),
    "nothing": (b"", 422),
    "a list": (b"[]", 422),
    "NaN": (json.dumps(post(1) | {"amount": float("nan")}).encode(), 422),
    "an infinity": (json.dumps(post(1) | {"amount": float("-inf")}).encode(), 422),
    "deep": (b'{"flagged_fraud": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", 400),
    "too large": (b'{"description": "' + b"x" * (1 << 20) + b'"}', 413),
    "broken UTF-8": (b'{"client_id": "\xff", "amount": 1}', 400),
    "a lone surrogate": (rb'{"client_id": "\ud800", "amount": 1}', 422),
    "a huge number": (b'{"client_id": "1", "amount": 1' + b"0" * 5_000 + b"}", 400),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_cannot_be_read_is_a_problem(shared: Shared, what: str) -> None:
    content, status = BODIES[what]
    before = everything(shared.store)
    answer = shared.client.post("/transaction", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert everything(shared.store) == before


def test_a_path_that_is_not_there_is_a_problem(shared: Shared) -> None:
    answer = shared.client.get("/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
