"""Between the scorer and PostgreSQL a network that is slow, is cut, or loses the answer of a commit."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.api.scorer import post, running
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import query
from tests.toxiproxy import Proxy, Toxiproxy

pytestmark = pytest.mark.alone


@contextmanager
def by_tcp(url: str) -> Iterator[str]:
    """HOST:PORT of a server that listens on a socket in the file system alone."""
    path = f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One of the two is gone: so is the other.
            for one in (source, sink):
                one.close()

    class Through(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(path)
                back = threading.Thread(target=pump, args=(server, self.request), daemon=True)
                back.start()
                pump(self.request, server)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Through) as listener:
        listener.daemon_threads = True
        listener.block_on_close = False
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{listener.server_address[1]}"
        listener.shutdown()


@pytest.fixture
def proxy(postgres_url: str, toxiproxy: Toxiproxy) -> Iterator[Proxy]:
    with by_tcp(postgres_url) as upstream, toxiproxy.proxy(upstream) as proxy:
        yield proxy


@pytest.fixture
def client(tmp_path: Path, postgres_url: str, proxy: Proxy) -> Iterator[TestClient]:
    name = urlsplit(postgres_url).path.removeprefix("/")
    with running(tmp_path, f"postgresql://postgres@{proxy.address}/{name}") as client:
        assert client.post("/transaction", json=post(1)).status_code == 200
        yield client


def decided(client: TestClient, id: int) -> bool:
    return client.post("/transaction", json=post(id)).status_code == 200


@pytest.mark.parametrize("toxic", ["timeout", "reset_peer"])
def test_a_commit_whose_answer_was_lost_is_there_once(
    client: TestClient, proxy: Proxy, postgres_url: str, toxic: str
) -> None:
    real = psycopg.Connection.execute
    poisoned: list[str] = []

    def lose_the_answer(raw: Any, statement: Any, *given: Any, **named: Any) -> Any:
        if statement == "COMMIT" and not poisoned:
            poisoned.append(toxic)
            proxy.poison(toxic, timeout=300)
        return real(raw, statement, *given, **named)

    with mock.patch.object(psycopg.Connection, "execute", lose_the_answer):
        answer = client.post("/transaction", json=post(2))
    assert answer.status_code == 503
    wait_for(lambda: query(postgres_url, "SELECT count(*) FROM decisions") == [(2,)], 10, "the commit")
    proxy.heal()
    wait_for(lambda: decided(client, 2), 30, "the stored decision")
    assert decided(client, 3)
    assert query(postgres_url, "SELECT count(*) FROM transactions") == [(3,)]
    assert query(postgres_url, "SELECT transactions FROM profiles") == [(3,)]


def test_a_slow_network_slows_and_a_cut_one_is_told(client: TestClient, proxy: Proxy, postgres_url: str) -> None:
    proxy.poison("latency", latency=150)
    assert decided(client, 2)
    proxy.heal()
    proxy.down()
    assert client.post("/transaction", json=post(3)).status_code == 503
    proxy.up()
    wait_for(lambda: decided(client, 3), 30, "a new connection")
    assert query(postgres_url, "SELECT count(*) FROM transactions") == [(3,)]


def test_a_network_that_goes_silent_is_given_up(client: TestClient, proxy: Proxy) -> None:
    proxy.poison("timeout", timeout=0)
    assert client.post("/transaction", json=post(2)).status_code == 503
    proxy.down()
    proxy.heal()
    wait_for(lambda: decided(client, 2), 60, "a new connection")
