"""Before a route: keys before bodies, bounds of size and time, no page of another site."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from api import door, worker
from api.main import create_app
from api.worker import TimedProtocol
from tests.api.scorer import chosen, known, post, running
from tests.api.served import free_port
from tests.api.test_keys import ENTRIES, REVIEW, SCORE
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import query

DOORS = ["/transaction", "/transactions", "/transactions/1/review", "/transactions/1/claim"]
SMALL, BIG = 64 << 10, 2 << 20


@contextmanager
def serving(folder: Path, **given: Any) -> Iterator[str]:
    """A scorer behind a real socket, in a thread."""
    port = free_port()
    app = create_app(chosen(folder, **given))
    server = uvicorn.Server(uvicorn.Config(app, port=port, http=TimedProtocol, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started, 20, "the server")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), timeout=10)


def head(path: str, **more: object) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def everything(connection: socket.socket) -> bytes:
    got = b""
    while piece := connection.recv(65536):
        got += piece
    return got


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 401)])
def test_a_key_is_asked_for_before_a_body_is_read(tmp_path: Path, path: str, key: str | None, status: int) -> None:
    headers = {"X-API-Key": key} if key else {}
    with running(tmp_path, api_keys=ENTRIES) as client:
        for body in (b"{", b"x" * (BIG + 1)):
            assert client.post(path, content=body, headers=headers).status_code == status


def test_a_scope_is_asked_for_before_a_body_is_read(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=ENTRIES) as client:
        assert client.post("/transaction", content=b"{", headers={"X-API-Key": REVIEW}).status_code == 403
        assert client.post("/transactions/1/claim", content=b"{", headers={"X-API-Key": SCORE}).status_code == 403


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_are_bounded_by_endpoint(tmp_path: Path, chunked: bool) -> None:
    def sent(client: TestClient, path: str, size: int) -> int:
        text = json.dumps({"description": ""}).encode()
        body = text[:-2] + b"x" * (size - len(text)) + text[-2:]
        assert len(body) == size
        content = iter([body[:100], body[100:]]) if chunked else body
        return client.post(path, content=content, headers={"Content-Type": "application/json"}).status_code

    with running(tmp_path) as client:
        for path in DOORS:
            most = BIG if path == "/transactions" else SMALL
            assert sent(client, path, most + 1) == 413
            # Read, and refused for what it says.
            assert sent(client, path, most) == 422


def test_a_thousand_whole_transactions_fit_into_a_batch(tmp_path: Path) -> None:
    """A description has 2,000 characters at most."""
    rows = [post(number, description="d" * 1_700) for number in range(1000)]
    with running(tmp_path) as client:
        answer = client.post("/transactions", json={"transactions": rows})
        assert {result["status"] for result in answer.json()["results"]} == {200}


def test_who_sends_headers_slowly_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "HEADER_SECONDS", 0.3)
    with serving(tmp_path) as url:
        with closing(connected(url)) as silent, closing(connected(url)) as slow, closing(connected(url)) as second:
            second.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert second.recv(65536).startswith(b"HTTP/1.1 200")
            # A kept connection's next request is bounded as well.
            for each in (slow, second):
                each.sendall(b"GET /healthz HTTP/1.1\r\nX-A: ")
            for each in (silent, slow, second):
                assert everything(each) == b""
        # Nobody else is disturbed, and a connection is kept between requests.
        with httpx.Client(base_url=url) as client:
            assert client.get("/healthz").status_code == 200
            time.sleep(0.5)
            assert client.get("/healthz").status_code == 200


def test_who_sends_a_body_slowly_is_told_and_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(door, "_REST_SECONDS", 0.2)
    with serving(tmp_path) as url, closing(connected(url)) as slow:
        slow.sendall(head("/transaction", Content_Length=1000) + b"{")
        answer = everything(slow)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in answer.lower()


def test_who_sends_too_much_gets_the_answer_before_the_end(tmp_path: Path) -> None:
    """A connection closed with bytes unread would be reset, and the answer lost."""
    with serving(tmp_path, api_keys=ENTRIES) as url:
        for key, status in ((SCORE, b"413"), ("wrong", b"401")):
            with closing(connected(url)) as sending:
                sending.sendall(head("/transaction", Content_Length=3_000_000, X_API_Key=key) + b"x" * 3_000_000)
                answer = everything(sending)
                assert answer.startswith(b"HTTP/1.1 " + status)
                assert b"connection: close" in answer.lower()
        with closing(connected(url)) as waiting:
            # One that asks first never sends it.
            waiting.sendall(head("/transaction", Content_Length=3_000_000, X_API_Key=SCORE, Expect="100-continue"))
            answer = everything(waiting)
            assert answer.startswith(b"HTTP/1.1 413")


def test_a_refusal_of_something_small_keeps_the_connection(tmp_path: Path) -> None:
    with serving(tmp_path, api_keys=ENTRIES) as url, closing(connected(url)) as kept:
        for key, status in (("wrong", b"401"), (REVIEW, b"403"), (SCORE, b"200")):
            body = json.dumps(post(1)).encode()
            kept.sendall(head("/transaction", Content_Length=len(body), X_API_Key=key) + body)
            answer = kept.recv(65536)
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert b"connection: close" not in answer.lower()


def test_connections_outlive_a_balancers(monkeypatch: pytest.MonkeyPatch) -> None:
    # It sets where workers count: for this test alone.
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "nowhere")
    assert import_module("api.gunicorn").keepalive > 60


STRANGERS = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "text/plain"},
]


@pytest.mark.parametrize("headers", STRANGERS, ids=str)
def test_a_page_of_another_site_changes_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    with running(tmp_path) as client:
        known(client, 3)
        assert client.post("/reset", headers=headers).status_code in (403, 415)
        for path in DOORS:
            assert client.post(path, content=json.dumps(post(100)), headers=headers).status_code in (403, 415)
        path = "/clients/7/exceptions/9"
        body = '{"until": "2019-10-31T00:00:00Z", "reviewer": "ana"}'
        assert client.put(path, content=body, headers=headers).status_code in (403, 415)
        assert query(f"sqlite:///{tmp_path}/transactions.db", "SELECT count(*) FROM transactions") == [(3,)]
        assert query(f"sqlite:///{tmp_path}/transactions.db", "SELECT count(*) FROM exceptions") == [(0,)]


def test_the_scorers_own_page_and_programs_may_reset(tmp_path: Path) -> None:
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    with running(tmp_path) as client:
        for headers in ({}, own):
            known(client, 3)
            assert client.post("/reset", headers=headers).status_code == 204
            assert query(f"sqlite:///{tmp_path}/transactions.db", "SELECT count(*) FROM transactions") == [(0,)]
