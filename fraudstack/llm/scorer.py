"""The door to the language model: a description goes in, advice comes out, whatever happens in between."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from fraudstack.decisions.asked import Advice
from fraudstack.llm.guard import Breaker, Budget, Cache
from fraudstack.llm.limits import Limits, Status
from fraudstack.llm.prompt import PROMPT_VERSION, Inert, inert
from fraudstack.rules.case import Figure, Reason

if TYPE_CHECKING:
    import openai

    from fraudstack.llm.ask import Answer, Outcome

log = logging.getLogger(__name__)

_LONGEST_SENTENCE = 200


def _utc() -> datetime:
    return datetime.now(UTC)


class TextScorer:
    """Asks a language model about descriptions, within limits; it belongs to one event loop.

    Its cache and its breaker are its own: with several processes each has them.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc,
        spend: Callable[[date, int], Awaitable[bool]] | None = None,
    ) -> None:
        """Without a key every answer is "off". `clock` gives seconds that never go back, `now` the moment in UTC.

        `spend` counts a day's tokens (below 0: gives back) for all processes, and says whether they were there.
        """
        self._spend = spend
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.concurrent)
        self._breaker = Breaker(limits.breaker_failures, limits.breaker_seconds, clock)
        self._budget = Budget(limits.tokens_per_day, now)
        self._cache: Cache[Answer] = Cache(limits.cache_size, limits.cache_seconds, clock)
        self._client: openai.AsyncOpenAI | None = None
        if limits.api_key:
            # Importing openai takes time and memory that a scorer without a key doesn't owe it.
            from fraudstack.llm.ask import connect

            self._client = connect(limits)

    async def ask(self, description: str | None) -> Advice:
        """At most one reason, "llm_text", and one of the statuses; it takes no longer than `timeout` and never raises.

        Call it outside any database transaction. Only a cancellation passes through.
        """
        advice = await self._asked(description)
        # Nothing of the text, the answer or an error: any of them may hold what must not be in a log.
        log.info("language model: %s", advice.llm_status)
        return advice

    async def close(self) -> None:
        """Let go of the connections; whoever asks afterwards finds it off."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _asked(self, description: str | None) -> Advice:
        if self._client is None:
            return self._advice("off")
        text = inert(description or "", self._limits.names)
        if not text:
            return self._advice("not_asked")
        key = (PROMPT_VERSION, self._limits.model, text)
        if (known := self._cache.get(key)) is not None:
            return self._advice("cached", known)
        outcome = await self._guarded(self._client, text)
        if isinstance(outcome, str):
            return self._advice(outcome)
        if outcome.answer is not None:
            self._cache.put(key, outcome.answer)
        return self._advice(outcome.status, outcome.answer)

    async def _guarded(self, client: "openai.AsyncOpenAI", text: Inert) -> "Outcome | Status":
        """Ask, or say why not."""
        from fraudstack.llm.ask import ask, estimate

        if self._slots.locked():
            return "busy"
        if (ticket := self._breaker.admit()) is None:
            return "circuit_open"
        works: bool | None = None
        try:
            if (reserved := self._budget.reserve(estimate(text))) is None:
                return "budget_spent"
            async with self._slots:
                if self._spend is not None and not await self._spend(reserved.day, reserved.tokens):
                    self._budget.settle(reserved, 0)
                    return "budget_spent"
                outcome = await ask(client, self._limits.model, text, self._limits.timeout)
            works = outcome.works
            self._budget.settle(reserved, outcome.tokens)
            if self._spend is not None and outcome.tokens is not None:
                await self._spend(reserved.day, outcome.tokens - reserved.tokens)
            return outcome
        finally:
            # Also after a cancellation: a trial that tells nothing makes room for the next.
            self._breaker.report(ticket, works)

    def _advice(self, status: Status, answer: "Answer | None" = None) -> Advice:
        limits = self._limits
        if answer is None or answer.suspicion < limits.threshold:
            return Advice((), status)
        # The model may have been made to say anything: its sentence is a stranger's text too.
        sentence = inert(answer.reason, limits.names, _LONGEST_SENTENCE)
        figures: dict[str, Figure] = {
            "suspicion": round(answer.suspicion, 4),
            "model": limits.model,
            "prompt_version": PROMPT_VERSION,
        }
        said = "the description reads suspicious" + (f": {sentence}" if sentence else "")
        return Advice((Reason("llm_text", round(answer.suspicion * limits.most_weight, 4), figures, said),), status)
