"""Whatever goes wrong is a status and no reason, after one request at most."""

import asyncio
import logging
import random
import socket
import time

import pytest

from fraudstack.decisions.asked import Advice
from tests.llm.asking import FOR_ONE, KEY, TEXT, asked, scorer, statuses_of_a_budget
from tests.llm.failures import FAILURES, GOOD
from tests.llm.server import Server, sends, sends_bytes


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_no_reason_and_one_request(server: Server, failure: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.reply, status = FAILURES[failure]
    began = time.monotonic()
    assert asked(server, TEXT, **({"timeout": 0.3} if status == "timeout" else {})) == [Advice((), status)]
    # The server would have taken five seconds.
    assert time.monotonic() - began < 4
    assert len(server.seen) == 1
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("fraudstack")]
    assert ours == [f"language model: {status}"]
    assert not any(word in caplog.text for word in ("ANNA", "lottery", KEY, "Incorrect", "prize"))


def test_a_cookie_is_neither_kept_nor_sent(server: Server) -> None:
    # The second could not even be sent as a header.
    server.reply = sends(GOOD, headers={"Set-Cookie": "who=somebody", "X": "1\r\nSet-Cookie: a\xb1=b"})
    assert [advice.llm_status for advice in asked(server, "a", "b", cache_size=0)] == ["ok", "ok"]
    assert not any("cookie" in seen.headers for seen in server.seen)


def test_no_reply_whatsoever_raises(server: Server) -> None:
    chance = random.Random(1)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\nContent-Length: %d\r\n\r\n"
    whole = head % len(GOOD) + GOOD
    codes = (101, 199, 204, 205, 299, 300, 304, 306, 402, 407, 408, 409, 418, 451, 499, 501, 599, 600, 999)

    def damaged() -> bytes:
        reply = bytearray(whole)
        if chance.random() < 0.2:
            reply[9:12] = str(chance.choice(codes)).encode()
        for _ in range(chance.randrange(1, 6)):
            place = chance.randrange(len(reply))
            reply[place : place + chance.choice((0, 1, 20))] = chance.randbytes(chance.choice((0, 1, 20)))
        return bytes(reply[: chance.choice((None, None, None, chance.randrange(len(reply))))])

    async def ask() -> set[str | None]:
        asks = scorer(server, timeout=1.0, breaker_failures=10_000, cache_size=0)
        statuses = set()
        for _ in range(300):
            server.reply = sends_bytes(damaged())
            advice = await asks.ask("text")
            assert advice.llm_status == "ok" or not advice.reasons
            statuses.add(advice.llm_status)
        await asks.close()
        return statuses

    assert asyncio.run(ask()) >= {"ok", "invalid", "error"}


def test_nobody_there_is_an_error(server: Server) -> None:
    with socket.socket() as taken:
        # Bound and not listening: a connection is refused, and nobody else gets the port.
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        # Nothing was sent, so nothing was spent.
        assert statuses_of_a_budget(server, FOR_ONE, 2, base_url=url) == ["error", "error"]
        assert asked(server, TEXT, base_url=url) == [Advice((), "error")]
    assert not server.seen


def test_a_server_that_never_takes_the_connection_is_given_up(server: Server) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        assert asked(server, TEXT, base_url=url, timeout=0.3) == [Advice((), "timeout")]
        for connection in waiting:
            connection.close()
