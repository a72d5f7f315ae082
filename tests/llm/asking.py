"""How the tests ask."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from fraudstack.decisions.asked import Advice
from fraudstack.llm.ask import estimate
from fraudstack.llm.limits import Limits
from fraudstack.llm.prompt import inert
from fraudstack.llm.scorer import TextScorer
from tests.llm.server import Server

KEY = "sk-secret"
TEXT = "WIRE TO ANNA for the lottery"

# What is set aside for each of the texts of a budget, and a budget that is enough for one of them.
COST = estimate(inert("text a", ()))
FOR_ONE = 2 * COST - 1


class Time:
    """A clock and a calendar that stand still until they are moved."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.moment = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.moment


def limits(server: Server, **given: Any) -> Limits:
    """Limits for this server; generous with time, so that a slow machine fails no test."""
    usual: dict[str, Any] = {"api_key": KEY, "base_url": server.url, "model": "test", "timeout": 20.0}
    return Limits(**(usual | given))


def scorer(server: Server, time: Time | None = None, **given: Any) -> TextScorer:
    """A scorer that asks this server."""
    time = time or Time()
    return TextScorer(limits(server, **given), time.clock, time.now)


def asked(server: Server, *texts: str | None, **given: Any) -> list[Advice]:
    """What a new scorer says of each text, one after the other."""

    async def all_of_them() -> list[Advice]:
        asks = scorer(server, **given)
        try:
            return [await asks.ask(text) for text in texts]
        finally:
            await asks.close()

    return asyncio.run(all_of_them())


def statuses_of_a_budget(server: Server, per_day: int, times: int, **given: Any) -> list[str | None]:
    """How so many short texts end, one after the other, when there are so many tokens a day."""
    texts = [f"text {letter}" for letter in "abcdefghij"[:times]]
    return [advice.llm_status for advice in asked(server, *texts, tokens_per_day=per_day, **given)]
