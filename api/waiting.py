"""How long a caller waits: what it says in X-Wait-Ms, from the first byte of its request on."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any

from fastapi import Request

from fraudstack.errors import Refusal

log = logging.getLogger(__name__)
# Kept for the way back.
_ANSWER_SECONDS = 0.005

# Nobody waits for them any more: kept, or they would be forgotten before their end.
_going_on: set[asyncio.Future[Any]] = set()


class LateError(Exception):
    """The time is up; what was waited for goes on."""


class Patience:
    """Until when an answer has to leave; without a limit there is always time."""

    def __init__(self, request: Request, wait_ms: int | None) -> None:
        """Begins with the request."""
        self.bounded = wait_ms is not None
        self._until = request.scope["started"] + wait_ms / 1000 - _ANSWER_SECONDS if wait_ms is not None else 0.0

    @property
    def left(self) -> float:
        """Seconds."""
        return self._until - time.perf_counter() if self.bounded else float("inf")

    async def wait_for[T](self, awaited: Awaitable[T]) -> T:
        """What is awaited; raises LateError when the time is up before it is there, and lets it go on."""
        if not self.bounded:
            return await awaited
        task = asyncio.ensure_future(awaited)
        await asyncio.wait({task}, timeout=max(0.0, self.left))
        if task.done():
            return task.result()
        _going_on.add(task)
        task.add_done_callback(_ended)
        raise LateError


def _ended(task: asyncio.Future[Any]) -> None:
    _going_on.discard(task)
    error = None if task.cancelled() else task.exception()
    if error is not None:
        said = str(error) if isinstance(error, Refusal) else type(error).__name__
        log.warning("what nobody waited for any more failed", extra={"said": {"error": said}})
