"""A key's rate, and the language model's tokens of a day, are what a whole deployment lets through."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import cycle
from pathlib import Path

import pytest

from api.keys import Callers
from api.problems import Refused
from fraudstack.errors import StoreError
from fraudstack.storage.connections.store import parse
from fraudstack.storage.shared_counts import Shared
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import chosen, known, post, running
from tests.api.test_keys import ENTRIES, SCORE
from tests.api.test_text import GREY
from tests.llm.server import answer, sends, serving

HEADERS = {"X-API-Key": SCORE}


def pushed(guards: Sequence[Callers], seconds: float, sizes: Sequence[int] = (1,)) -> int:
    """How many are let through of callers that never wait, four at each guard."""
    taken = 0

    async def push(guard: Callers, until: float) -> None:
        nonlocal taken
        for size in cycle(sizes):
            with suppress(Refused):
                await guard.spend("score", size)
                taken += size
            if time.monotonic() > until:
                return
            await asyncio.sleep(0.002)

    async def all_at_once() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(push(guard, until) for guard in guards for _ in range(4)))

    asyncio.run(all_at_once())
    return taken


@pytest.mark.alone
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("sizes", [(1,), (1, 30)], ids=["singles", "and batches"])
def test_a_rate_is_what_all_processes_let_through(
    tmp_path: Path, database: str, processes: int, sizes: Sequence[int]
) -> None:
    """Workers of one host on SQLite, replicas on PostgreSQL; a single one gets all of it."""
    upgrade(parse(database), "transactions")
    settings = chosen(tmp_path, database, api_keys=ENTRIES, api_rate=100, api_workers=4)
    shares = [Shared(parse(database)) for _ in range(processes)]
    started = time.monotonic()
    # So long that a machine which stands still for a moment is no tenth of it.
    taken = pushed([Callers(settings, shared) for shared in shares], 10, sizes)
    seconds = time.monotonic() - started
    # A key that was silent has half a second's worth at once; a batch goes at once and is paid for afterwards.
    most = 100 * (seconds + 0.5) * 1.02 + max(sizes)
    assert 100 * seconds * 0.9 <= taken <= most
    for shared in shares:
        shared.close()


def test_a_batch_larger_than_the_rate_goes_and_is_paid_for(tmp_path: Path, database: str) -> None:
    with running(tmp_path, database, api_keys=ENTRIES, api_rate=10, api_workers=4) as client:
        batch = {"transactions": [post(number) for number in range(30)]}
        assert client.post("/transactions", json=batch, headers=HEADERS).status_code == 200
        for path, body in (("/transactions", batch), ("/transaction", post(100))):
            refused = client.post(path, json=body, headers=HEADERS)
            assert refused.status_code == 429
            assert 2 <= int(refused.headers["retry-after"]) <= 4


def test_without_shared_counts_each_worker_has_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(Shared, "lease", broken)
    guard = Callers(chosen(tmp_path, api_keys=ENTRIES, api_rate=100, api_workers=2), Shared(parse(f"{tmp_path}/x")))
    started = time.monotonic()
    taken = pushed([guard], 1)
    assert 45 * (time.monotonic() - started) <= taken <= 55 * (time.monotonic() - started + 0.5)


def test_nothing_is_shared_where_no_rate_is_set(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=ENTRIES) as client:
        assert client.post("/transaction", json=post(1), headers=HEADERS).status_code == 200
    assert list(tmp_path.glob("*.shared")) == []


def test_a_days_budget_is_one_for_all(database: str) -> None:
    upgrade(parse(database), "transactions")
    one, other = Shared(parse(database)), Shared(parse(database))
    assert [one.spend("x", 5, 60, 100), other.spend("x", 5, 60, 100), other.spend("x", 5, 40, 100)] == [
        True,
        False,
        True,
    ]
    assert (one.spend("x", 5, -30, 100), one.spend("x", 5, 31, 100), one.spend("x", 5, 30, 100)) == (True, False, True)
    # The next day; a clock that goes back brings nothing.
    assert (other.spend("x", 6, 100, 100), one.spend("x", 5, 1, 100), one.spend("x", 6, 1, 100)) == (True, False, False)
    one.close()
    other.close()


def test_a_torn_file_of_counts_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "t.db.shared").write_bytes(b"torn" * 2000)
    shared = Shared(parse(f"sqlite:///{tmp_path}/t.db"))
    assert shared.lease("x", 10, 5, 1, 1).tokens == 2
    shared.close()


def test_two_scorers_share_the_language_models_tokens(tmp_path: Path, database: str) -> None:
    body = post(100, description="WIRE", **GREY)
    with serving() as model, ExitStack() as stack:
        model.reply = sends(answer(0.1, "fine"))
        one, other = (
            stack.enter_context(
                running(
                    tmp_path,
                    database,
                    OPENAI_API_KEY="sk-test",
                    OPENAI_BASE_URL=model.url,
                    llm_seconds=20,
                    # Enough for one: what it may use is set aside, what it didn't is given back.
                    llm_tokens_per_day=800,
                )
            )
            for _ in range(2)
        )
        known(one)
        asked = one.post("/transaction", json=body).json()["llm_status"]
        text = body | {"id": 101, "description": "WIRE again", "client_id": "7"}
        statuses = [asked]
        for number in range(12):
            client = (one, other)[number % 2]
            text = body | {"id": 200 + number, "description": f"WIRE {'again ' * number}"}
            statuses.append(client.post("/transaction", json=text).json()["llm_status"])
    assert statuses[0] == "ok"
    assert "budget_spent" in statuses
    assert len(model.seen) <= 800 // 20
