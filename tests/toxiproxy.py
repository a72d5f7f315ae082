"""Toxiproxy between a program and what it talks to: slow, cut, silent or gone, as a test says.

The fixture `toxiproxy` of tests/conftest.py is a server; `server.proxy("127.0.0.1:5432")` is a way through it.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from tests.api.served import free_port

SERVER = Path(__file__).parents[1] / ".tools" / "bin" / "toxiproxy-server"
# Which way is poisoned: down to the client, or up to the server.
Stream = Literal["downstream", "upstream"]


@dataclass(frozen=True)
class Proxy:
    """A way to one server; what is poisoned stays so until `heal`."""

    upstream: str
    port: int
    _client: httpx.Client

    @property
    def name(self) -> str:
        return f"to_{self.port}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def make(self) -> None:
        told = {"name": self.name, "listen": self.address, "upstream": self.upstream, "enabled": True}
        self._client.post("/proxies", json=told).raise_for_status()

    def poison(self, kind: str, stream: Stream = "downstream", **attributes: int) -> None:
        """One toxic more: latency (latency, jitter), bandwidth (rate in KB/s), timeout (timeout), reset_peer (timeout),
        limit_data (bytes), slicer (average_size, delay in µs), slow_close (delay); times in ms, 0 is for ever."""
        toxic = {"name": f"{kind}_{stream}", "type": kind, "stream": stream, "attributes": attributes}
        self._client.post(f"/proxies/{self.name}/toxics", json=toxic).raise_for_status()

    def heal(self) -> None:
        """Let everything through again, by new connections.

        A toxic is never taken off: that waits for ever where a connection has ended (Shopify/toxiproxy, issue 558).
        """
        self._client.delete(f"/proxies/{self.name}").raise_for_status()
        self.make()

    def down(self) -> None:
        """Cut every connection and take no new one."""
        self._client.post(f"/proxies/{self.name}", json={"enabled": False}).raise_for_status()

    def up(self) -> None:
        self._client.post(f"/proxies/{self.name}", json={"enabled": True}).raise_for_status()


@dataclass(frozen=True)
class Toxiproxy:
    """A running server."""

    _client: httpx.Client

    @contextmanager
    def proxy(self, upstream: str) -> Iterator[Proxy]:
        """A way to HOST:PORT that is gone afterwards."""
        proxy = Proxy(upstream, free_port(), self._client)
        proxy.make()
        try:
            yield proxy
        finally:
            self._client.delete(f"/proxies/{proxy.name}").raise_for_status()


@contextmanager
def running() -> Iterator[Toxiproxy]:
    """A server of its own on a free port of the loopback."""
    assert SERVER.exists(), f"{SERVER} is missing: `make test-long` brings it"
    port = free_port()
    process = subprocess.Popen(
        [SERVER, "-host", "127.0.0.1", "-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
            deadline = time.monotonic() + 20
            while not _answers(client):
                assert process.poll() is None, "toxiproxy-server ended"
                assert time.monotonic() < deadline, "toxiproxy-server doesn't answer"
                time.sleep(0.05)
            yield Toxiproxy(client)
    finally:
        process.terminate()
        process.wait(10)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/version").is_success
    except httpx.TransportError:
        return False
