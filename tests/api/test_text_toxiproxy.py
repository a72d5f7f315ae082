"""A network that does harm before the language model: decisions go on in time, and nothing is left behind."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from starlette.testclient import TestClient

from fraudstack.llm.limits import Limits
from fraudstack.llm.scorer import TextScorer
from tests.api.scorer import known, post, running
from tests.api.test_text import GREY
from tests.dags.airflow_process import wait_for
from tests.llm.server import Server, answer, sends, serving
from tests.toxiproxy import Proxy, Toxiproxy

pytestmark = pytest.mark.alone

SECONDS = 1.0
# What a decision may take beside the language model, on a machine that is busy.
AND_MORE = 1.5
# An answer that is long enough to be cut in the middle of its body.
LONG = sends(answer(0.9, "asks for a wire to a stranger " * 200))
# The network's harm, and how a question may end.
HARM: dict[str, tuple[tuple[str, dict[str, int]], set[str]]] = {
    "a little late": (("latency", {"latency": 100, "jitter": 50}), {"ok"}),
    "too late": (("latency", {"latency": 5000}), {"timeout"}),
    "silent": (("timeout", {"timeout": 0}), {"timeout"}),
    "silent, then gone": (("timeout", {"timeout": 200}), {"error"}),
    "reset at once": (("reset_peer", {"timeout": 0}), {"error"}),
    "reset after a while": (("reset_peer", {"timeout": 300}), {"error", "ok"}),
    "cut in the head": (("limit_data", {"bytes": 20}), {"error"}),
    "cut in the body": (("limit_data", {"bytes": 1000}), {"error"}),
    "slow bytes": (("bandwidth", {"rate": 1}), {"timeout"}),
    "byte by byte": (("slicer", {"average_size": 1, "size_variation": 0, "delay": 20_000}), {"timeout"}),
    "never closed": (("slow_close", {"delay": 5000}), {"ok"}),
}


@pytest.fixture
def model() -> Iterator[Server]:
    with serving() as told:
        told.reply = LONG
        yield told


@pytest.fixture
def proxy(toxiproxy: Toxiproxy, model: Server) -> Iterator[Proxy]:
    with toxiproxy.proxy(urlsplit(model.url).netloc) as proxy:
        yield proxy


@pytest.fixture
def client(tmp_path: Path, proxy: Proxy) -> Iterator[TestClient]:
    key = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"http://{proxy.address}/v1"}
    with running(tmp_path, llm_seconds=SECONDS, **key) as client:
        yield client
    wait_for(lambda: not connections(proxy), 10, "the end of all connections")


def connections(proxy: Proxy) -> list[object]:
    """Of this process to the proxy, those that are open."""
    found = psutil.Process().net_connections("tcp")
    return [one for one in found if one.raddr and one.raddr.port == proxy.port and one.status == "ESTABLISHED"]


def of_clients(client: TestClient, ids: range) -> None:
    """A client with a card of its own for each transaction: what one bought is usual for it from then on."""
    for id in ids:
        known(client, client_id=str(id), first=id * 1000, card_id=str(id))


def decided(client: TestClient, id: int) -> tuple[str, str, float]:
    began = time.monotonic()
    # Another text each time, or the cache would answer.
    body = post(id, client_id=str(id), card_id=str(id), description=f"WIRE number {id} to a stranger", **GREY)
    found = client.post("/transaction", json=body)
    assert found.status_code == 200, found.text
    return found.json()["llm_status"], found.json()["decision"], time.monotonic() - began


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("stream", ["downstream", "upstream"])
def test_decisions_go_on_in_time_and_the_status_says_how(
    client: TestClient, proxy: Proxy, harm: str, stream: str
) -> None:
    (kind, attributes), expected = HARM[harm]
    of_clients(client, range(100, 103))
    proxy.poison(kind, "upstream" if stream == "upstream" else "downstream", **attributes)
    for id in (100, 101):
        status, decision, seconds = decided(client, id)
        assert seconds < SECONDS + AND_MORE
        # A question is short: what cuts an answer off may let it pass.
        assert status in expected | ({"ok", "error", "timeout"} if stream == "upstream" else set())
        assert decision == ("suspicious" if status == "ok" else "normal")
    proxy.heal()
    assert decided(client, 102)[:2] == ("ok", "suspicious")


def test_nobody_there_is_an_error_at_once(client: TestClient, proxy: Proxy) -> None:
    of_clients(client, range(100, 104))
    assert decided(client, 100)[0] == "ok"
    # The connection that was kept is gone, too.
    proxy.down()
    for id in (101, 102):
        status, decision, seconds = decided(client, id)
        assert (status, decision) == ("error", "normal")
        assert seconds < AND_MORE
    proxy.up()
    assert decided(client, 103)[0] == "ok"


def test_many_at_once_are_bounded_and_the_breaker_opens(client: TestClient, proxy: Proxy, model: Server) -> None:
    of_clients(client, range(100, 132))
    proxy.poison("timeout", timeout=0)
    most = 0
    with ThreadPoolExecutor(30) as pool:
        asking = [pool.submit(decided, client, id) for id in range(100, 130)]
        while not all(one.done() for one in asking):
            most = max(most, len(connections(proxy)))
            time.sleep(0.02)
    found = [one.result() for one in asking]
    assert 1 <= most <= Limits().concurrent
    statuses = Counter(status for status, _, _ in found)
    assert set(statuses) <= {"timeout", "busy", "circuit_open"}
    assert 1 <= statuses["timeout"] <= 2 * Limits().concurrent
    assert {decision for _, decision, _ in found} == {"normal"}
    assert max(seconds for _, _, seconds in found) < SECONDS + 2 * AND_MORE
    # It opens after five in a row; from then on nobody waits.
    assert decided(client, 130)[0] == "circuit_open"
    seen = len(model.seen)
    assert decided(client, 131)[2] < AND_MORE
    assert len(model.seen) == seen


def test_nothing_is_left_of_a_hundred_broken_questions(proxy: Proxy) -> None:
    async def ask() -> tuple[Counter[str | None], int]:
        limits = Limits(api_key="sk", base_url=f"http://{proxy.address}/v1", timeout=1.0, breaker_failures=10_000)
        asks = TextScorer(limits)
        statuses: Counter[str | None] = Counter()
        for harm, ((kind, attributes), _) in HARM.items():
            await asyncio.to_thread(partial(proxy.poison, kind, "downstream", **attributes))
            texts = [f"{harm} {number}" for number in range(9)]
            statuses.update(
                [(await one).llm_status for one in asyncio.as_completed([asks.ask(text) for text in texts])]
            )
            # Calls that are over leave no connection but those that can be used again.
            assert len(connections(proxy)) <= limits.concurrent
            await asyncio.to_thread(proxy.heal)
        # Connections that were kept may still be the poisoned ones.
        assert "ok" in [(await asks.ask(f"at last {number}")).llm_status for number in range(12)]
        assert len(asyncio.all_tasks()) == 1
        await asks.close()
        return statuses, len(asyncio.all_tasks())

    statuses, tasks = asyncio.run(ask())
    assert tasks == 1
    # Of nine at once one finds no place.
    assert statuses["busy"] == len(HARM)
    assert statuses["timeout"] >= 8 * 4
    wait_for(lambda: not connections(proxy), 10, "the end of all connections")
