"""What every request passes: an id, bounds of size and time, a clock, a log line.

Plain ASGI, since a decision takes a millisecond.
"""

import asyncio
import logging
import random
import sys
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.problems import problem

log = logging.getLogger("api.access")
_MOST_BYTES = 64 << 10
_MOST_BYTES_OF = {"/transactions": 2 << 20}
BODY_SECONDS = 20.0
# How long, and for how much, somebody is listened to who was refused before the body was read.
_REST_SECONDS = 1.0
_REST_BYTES = 4 << 20
_LONGEST_ID = 64


NDJSON = "application/x-ndjson"


def is_ndjson(scope: Scope) -> bool:
    """Whether a body is a transaction a line, of any number, to be answered as it comes."""
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    kinds = (NDJSON.encode(), b"application/ndjson")
    return scope["path"] == "/transactions" and bool(types) and types[0].partition(b";")[0].strip().lower() in kinds


class Body:
    """A request's body on its way to the app: bounded in size and in time."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """A body of whom nothing was received yet."""
        self._receive = receive
        # Whoever reads it bounds each of its lines; each piece has its time.
        self.endless = is_ndjson(scope)
        self.most = sys.maxsize if self.endless else _MOST_BYTES_OF.get(scope["path"], _MOST_BYTES)
        self._declared: int | None = None
        chunked = False
        # The sender waits for a word (100 Continue) before it sends.
        self.awaited = False
        for name, value in scope["headers"]:
            if name == b"content-length":
                self._declared = int(value)
            elif name == b"transfer-encoding":
                chunked = True
            elif name == b"expect":
                self.awaited = True
        self._read = 0
        self._until = 0.0
        # Whether all of it was received.
        self.whole = not chunked and not self._declared

    async def receive(self) -> Message:
        """The next piece, for the app; raises HTTPException (408, 413)."""
        if self.whole:
            return await self._receive()
        # Of this kind, or the framework would take it for a body that isn't JSON.
        if (self._declared or 0) > self.most:
            raise HTTPException(413, f"a body may have {self.most:,} bytes")
        if not self._until or self.endless:
            self._until = asyncio.get_running_loop().time() + BODY_SECONDS
        self.awaited = False
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"the body didn't come within {BODY_SECONDS:.0f} seconds") from None
        self._count(message)
        if self._read > self.most:
            raise HTTPException(413, f"a body may have {self.most:,} bytes")
        return message

    @property
    def small(self) -> bool:
        """Whether the rest can be waited for; who waits for a word before sending gets none."""
        return self.whole or (
            not self.endless and not self.awaited and self._declared is not None and self._declared <= self.most
        )

    async def rest(self) -> None:
        """Receive what still comes, for a moment: a connection that is closed with bytes unread loses its answer."""
        most = self._read + _REST_BYTES
        try:
            async with asyncio.timeout(_REST_SECONDS):
                while not self.whole and self._read < most:
                    self._count(await self._receive())
        except TimeoutError:
            return

    def _count(self, message: Message) -> None:
        self._read += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)


class Door:
    """Gives each request an id (the caller's X-Request-ID, if it is short and plain) and measures it."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _asked_id(scope) or f"{random.getrandbits(128):032x}"
        scope["request_id"], scope["started"] = request_id, started
        status = 500
        begun = closing = False
        body = Body(scope, receive)

        async def answered(message: Message) -> None:
            nonlocal status, begun, closing
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
                if not body.whole and body.small:
                    await body.rest()
                if not body.whole and not (body.endless and status == 200):
                    closing = True
                    message["headers"].append((b"connection", b"close"))
            elif closing and not message.get("more_body", False):
                await send({**message, "more_body": True})
                if not body.awaited:
                    await body.rest()
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        try:
            await self._app(scope, body.receive, answered)
        except Exception:
            log.exception("a request failed", extra={"said": {"request_id": request_id}})
            if begun:
                raise
            answer = problem(500, f"an error of the scorer; its log has it under {request_id}")
            await answer(scope, receive, answered)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("route")
            path = getattr(route, "path", "unknown")
            metrics.seen(scope["method"], path, status, seconds)
            log.info(
                "request",
                extra={
                    "said": {
                        "request_id": request_id,
                        "method": scope["method"],
                        # The route, not the path: a path may hold an id of somebody.
                        "route": path,
                        "status": status,
                        "milliseconds": round(seconds * 1000, 2),
                        "key": scope.get("key"),
                    }
                },
            )


def _asked_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            plain = all(c.isascii() and (c.isalnum() or c in "-_.") for c in text)
            return text if plain and 0 < len(text) <= _LONGEST_ID else None
    return None
