"""What every request passes: an id, a size limit, a clock, a log line.

Plain ASGI, since a decision takes a millisecond.
"""

import logging
import time
import uuid

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.problems import problem

log = logging.getLogger("api.access")
_MOST_BYTES = 1 << 20
_LONGEST_ID = 64


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
        request_id = _asked_id(scope) or uuid.uuid4().hex
        scope["request_id"] = request_id
        status = 500
        begun = False
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > _MOST_BYTES:
                    # Of this kind, or the framework would take it for a body that isn't JSON.
                    raise HTTPException(413, f"a body may have {_MOST_BYTES:,} bytes")
            return message

        async def answered(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, counted, answered)
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
