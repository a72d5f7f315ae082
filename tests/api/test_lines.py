"""POST /transactions as NDJSON: of any length, answered line by line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.scorer import post, running
from tests.api.test_door import connected, head, serving
from tests.api.test_keys import ENTRIES, REVIEW, SCORE
from tests.jobs.databases import query

LINES = {"Content-Type": "application/x-ndjson"}


def lines(*rows: object) -> bytes:
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def sent(client: TestClient, content: Any, **headers: str) -> list[dict[str, Any]]:
    answered = client.post("/transactions", content=content, headers=LINES | headers)
    assert (answered.status_code, answered.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answered.text.splitlines()]


def test_each_line_has_its_result_in_its_place(client: TestClient, database: str) -> None:
    rows = [post(1), b"", post(2, amount="much"), b"{", b"[]", post(1, amount=3), b'{"id": 1, "id": 2}', post(6)]
    results = sent(client, lines(*rows).rstrip(b"\n"))
    assert [result["status"] for result in results] == [200, 422, 400, 422, 409, 400, 200]
    assert "the line isn't JSON" in results[2]["problem"]["detail"]
    assert query(database, "SELECT id FROM decisions ORDER BY id") == [(1,), (6,)]


def test_it_may_be_longer_than_a_batch(client: TestClient, database: str) -> None:
    """More than 2 MiB and 1,000 rows, cut anywhere."""
    content = lines(*(post(number, client_id=str(number % 50), description="d" * 1_800) for number in range(1_200)))
    assert len(content) > 2 << 20

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), 70_001):
            yield content[start : start + 70_001]

    results = sent(client, pieces())
    assert [result["decision"]["id"] for result in results] == list(range(1_200))
    assert query(database, "SELECT count(*) FROM decisions") == [(1_200,)]


def test_a_line_is_answered_before_the_next_is_sent(tmp_path: Path) -> None:
    with serving(tmp_path) as url, connected(url) as sending:
        begin = head("/transactions", Transfer_Encoding="chunked").replace(b"application/json", b"application/x-ndjson")
        sending.sendall(begin)
        for number in range(3):
            line = lines(post(number))
            sending.sendall(b"%x\r\n%s\r\n" % (len(line), line))
            got = b""
            while b'"id":%d' % number not in got:
                got += sending.recv(65536)
        sending.sendall(b"0\r\n\r\n")
        assert sending.recv(65536).endswith(b"0\r\n\r\n")


def test_a_line_without_an_end_is_cut(client: TestClient, database: str) -> None:
    results = sent(client, lines(post(1)) + b"x" * 200_000)
    assert [result["status"] for result in results] == [200, 413]


def test_keys_and_rates_hold(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=ENTRIES, api_rate=5) as client:
        for key, status in (("wrong", 401), (REVIEW, 403)):
            answered = client.post("/transactions", content=lines(post(1)), headers=LINES | {"X-API-Key": key})
            assert answered.status_code == status
        rows = lines(*map(post, range(150)))
        statuses = [result["status"] for result in sent(client, rows, **{"X-API-Key": SCORE})]
    # A hundred go, and are paid for.
    assert statuses == [200] * 100 + [429] * 50


@pytest.mark.parametrize("kind", ["text/csv", "application/jsonl"])
def test_another_kind_is_no_json(client: TestClient, kind: str) -> None:
    answered = client.post("/transactions", content=lines(post(1), post(2)), headers={"Content-Type": kind})
    assert answered.status_code in (400, 415, 422)


def test_overload_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path) as client:
        monkeypatch.setattr(client.app.state.scorer.writer, "_most_waiting", 0)  # type: ignore[attr-defined]
        answered = client.post("/transactions", content=lines(post(1)), headers=LINES)
        assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
