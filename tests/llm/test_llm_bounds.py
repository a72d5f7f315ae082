"""Asking within bounds: the cache, the breaker, the places and the budget, all with a real server."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from fraudstack.decisions.asked import Advice
from tests.llm.asking import COST, FOR_ONE, TEXT, Time, asked, scorer, statuses_of_a_budget
from tests.llm.failures import FAILURES, GOOD
from tests.llm.server import Server, answer, fails, held, sends


def test_the_same_text_is_asked_once(server: Server) -> None:
    server.reply = sends(GOOD)
    first, second, third = asked(server, "pay  4111111111111111", "pay\n5555 5555 5555 4444", "another")
    # What goes out is the same.
    assert (first.llm_status, second.llm_status, third.llm_status) == ("ok", "cached", "ok")
    assert first.reasons == second.reasons
    assert len(first.reasons) == 1
    # Whoever changes one changes only his own.
    assert first.reasons[0].figures is not second.reasons[0].figures
    assert len(server.seen) == 2


def test_an_answer_grows_old(server: Server) -> None:
    async def ask() -> list[str | None]:
        moved = Time()
        asks = scorer(server, moved, cache_seconds=60)
        statuses = [(await asks.ask(TEXT)).llm_status]
        for _ in range(2):
            moved.seconds += 59
            statuses.append((await asks.ask(TEXT)).llm_status)
        await asks.close()
        return statuses

    assert asyncio.run(ask()) == ["ok", "cached", "ok"]


@pytest.mark.parametrize("failure", ["refusal", "answer without a reason", "500", "429"])
def test_a_failure_is_not_kept(server: Server, failure: str) -> None:
    async def ask() -> list[str | None]:
        asks = scorer(server)
        server.reply, status = FAILURES[failure]
        statuses = [(await asks.ask(TEXT)).llm_status]
        server.reply = sends(GOOD)
        statuses.append((await asks.ask(TEXT)).llm_status)
        await asks.close()
        assert statuses[0] == status
        return statuses[1:]

    assert asyncio.run(ask()) == ["ok"]


@pytest.mark.parametrize("failure", ["500", "429", "401", "dropped", "no JSON", "slow"])
def test_the_breaker_opens_and_recovers(server: Server, failure: str) -> None:
    async def ask() -> None:
        moved = Time()
        given = {"timeout": 0.3} if failure == "slow" else {}
        asks = scorer(server, moved, breaker_failures=2, breaker_seconds=30, **given)
        server.reply, status = FAILURES[failure]
        for text, expected in (("a", status), ("b", status), ("c", "circuit_open")):
            assert await asks.ask(text) == Advice((), expected)
        assert len(server.seen) == 2
        # The trial fails, and it opens again.
        moved.seconds += 30
        assert await asks.ask("c") == Advice((), status)
        assert await asks.ask("c") == Advice((), "circuit_open")
        assert len(server.seen) == 3
        moved.seconds += 30
        server.reply = sends(answer(0, "fine"))
        assert [(await asks.ask(text)).llm_status for text in ("c", "d", "c")] == ["ok", "ok", "cached"]
        assert len(server.seen) == 5
        await asks.close()

    asyncio.run(ask())


@pytest.mark.parametrize("failure", ["refusal", "filtered question", "answer without a reason", "answer cut off"])
def test_a_text_that_gets_no_answer_opens_nothing(server: Server, failure: str) -> None:
    server.reply, status = FAILURES[failure]
    texts = [f"text {letter}" for letter in "abcdefgh"]
    assert asked(server, *texts, breaker_failures=2) == [Advice((), status)] * 8
    assert len(server.seen) == 8


def test_one_trial_is_made_at_a_time(server: Server) -> None:
    async def ask() -> None:
        moved = Time()
        asks = scorer(server, moved, breaker_failures=1, breaker_seconds=30)
        server.reply = fails(500)
        await asks.ask("a")
        moved.seconds += 30
        server.reply = held(sends(GOOD))
        server.arrived.clear()
        trial = asyncio.create_task(asks.ask("b"))
        await asyncio.to_thread(server.arrived.wait, 5)
        assert await asks.ask("c") == Advice((), "circuit_open")
        # Whoever asked went away: it tells nothing, and the next may try.
        trial.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trial
        server.release.set()
        assert (await asks.ask("d")).llm_status == "ok"
        assert (await asks.ask("e")).llm_status == "ok"
        await asks.close()

    asyncio.run(ask())


def test_no_more_calls_are_under_way_than_allowed(server: Server) -> None:
    async def ask() -> None:
        asks = scorer(server, concurrent=2)
        server.reply = held(sends(GOOD))
        asking = [asyncio.create_task(asks.ask(text)) for text in "abc"]
        done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == [Advice((), "busy")]
        server.release.set()
        assert [(await task).llm_status for task in waiting] == ["ok", "ok"]
        assert len(server.seen) == 2
        assert (await asks.ask("d")).llm_status == "ok"
        await asks.close()

    asyncio.run(ask())


def test_a_cancellation_passes_and_frees_its_place(server: Server) -> None:
    async def ask() -> None:
        asks = scorer(server, concurrent=1)
        server.reply = held(sends(GOOD))
        asking = asyncio.create_task(asks.ask("a"))
        await asyncio.to_thread(server.arrived.wait, 5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        server.release.set()
        assert (await asks.ask("b")).llm_status == "ok"
        await asks.close()

    asyncio.run(ask())


# What is set aside for each of the next texts, and a budget that is enough for one of them.


def test_a_spent_budget_ends_the_day(server: Server) -> None:
    # What a call is said to have used counts, 100 each, and not what was set aside for it.
    assert statuses_of_a_budget(server, COST + 250, 5) == ["ok"] * 3 + ["budget_spent"] * 2
    assert len(server.seen) == 3


def test_the_next_day_has_its_own_budget(server: Server) -> None:
    async def ask() -> list[str | None]:
        moved = Time()
        server.reply = sends(answer(0, "fine", tokens=1_000))
        asks = scorer(server, moved, tokens_per_day=1_000)
        statuses = [(await asks.ask(text)).llm_status for text in ("a", "b", "a")]
        moved.moment += timedelta(hours=12)
        statuses.append((await asks.ask("b")).llm_status)
        await asks.close()
        return statuses

    assert asyncio.run(ask()) == ["ok", "budget_spent", "cached", "ok"]
    assert len(server.seen) == 2


@pytest.mark.parametrize("usage", [None, {"total_tokens": -5}, {"total_tokens": "many"}, [], {"total_tokens": True}])
def test_tokens_are_estimated_where_nobody_tells(server: Server, usage: Any) -> None:
    body = json.loads(answer(0, "fine", tokens=None))
    server.reply = sends(json.dumps(body | {"usage": usage}).encode())
    assert statuses_of_a_budget(server, FOR_ONE, 3) == ["ok", "budget_spent", "budget_spent"]


@pytest.mark.parametrize(
    ("failure", "status", "counts"),
    [
        # It may have been billed.
        ("slow", "timeout", True),
        ("dropped", "error", True),
        ("refusal", "refused", False),
        ("answer without a reason", "invalid", False),
        ("429", "rate_limited", False),
        ("401", "rejected", False),
        ("500", "error", False),
    ],
)
def test_what_a_failure_costs(server: Server, failure: str, status: str, counts: bool) -> None:
    server.reply, _ = FAILURES[failure]
    given = {"timeout": 0.3} if failure == "slow" else {}
    assert statuses_of_a_budget(server, FOR_ONE, 2, **given) == [status, "budget_spent" if counts else status]


def test_a_budget_of_nothing_asks_nothing(server: Server) -> None:
    assert statuses_of_a_budget(server, 0, 2) == ["budget_spent", "budget_spent"]
    assert not server.seen


def test_calls_at_once_do_not_overdraw_the_budget(server: Server) -> None:
    async def ask() -> list[str | None]:
        asks = scorer(server, tokens_per_day=FOR_ONE)
        asking = [asks.ask(f"text {letter}") for letter in "abc"]
        statuses = [advice.llm_status for advice in await asyncio.gather(*asking)]
        await asks.close()
        return statuses

    assert asyncio.run(ask()) == ["ok", "budget_spent", "budget_spent"]
