"""How requests are read: JSON in which nothing is said twice, and paths whose names may hold a slash."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import unquote

from fastapi import HTTPException, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.keys import Needs, check
from api.problems import Refused, problem
from fraudstack.texts import shown

_LONG = 64 << 10
_SLASH = re.compile(rb"%2f", re.IGNORECASE)


class Paths:
    """Lets no NUL through, which PostgreSQL can't compare; a slash that belongs to a name travels as one.

    The server hands over paths decoded, in which a name's slash looks like one between names. So from here to the
    route it is a NUL, and `name` makes a slash of it again.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] == "http":
            raw = scope["raw_path"]
            if b"%00" in raw or b"%00" in scope["query_string"]:
                await problem(400, "a path or a query can't hold a NUL character")(scope, receive, send)
                return
            if b"%" in raw:
                scope["path"] = unquote(_SLASH.sub(b"%00", raw.partition(b"?")[0]).decode("latin-1"))
        await self._app(scope, receive, send)


def name(segment: str) -> str:
    """What a segment of a path names."""
    return segment.replace("\0", "/")


class JsonRoute(APIRoute):
    """A route that asks for keys before the body is read, which is done by `read`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, for a request that reads its body so."""
        # The framework tells of the keys; it would ask again, after the body.
        told = self.dependant
        rest = [each for each in told.dependencies if not isinstance(each.call, Needs)]
        self.dependant = replace(told, dependencies=rest)
        handle = super().get_route_handler()
        self.dependant = told

        async def handled(request: Request) -> Response:
            await check(request, self.dependencies)
            return await handle(_Request(request.scope, request.receive))

        return handled


class _Request(Request):
    async def json(self) -> Any:  # noqa: ANN401 - as its base has it
        body = await self.body()
        # What takes long is read beside the event loop, which others wait for.
        return read(body) if len(body) <= _LONG else await asyncio.to_thread(read, body)


def read(body: bytes) -> object:
    """The JSON of a body; raises HTTPException, which says why it is none."""
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except RecursionError:
        _refuse("is nested too deeply")
    except UnicodeDecodeError:
        _refuse("isn't UTF-8")
    except json.JSONDecodeError as error:
        _refuse(f"isn't JSON from line {error.lineno}, column {error.colno} on")
    except ValueError:
        _refuse("holds a number of more digits than any has")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; two values under one key would leave it to chance which of them was meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        _refuse(f"says {shown(twice)} twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _refuse(why: str) -> NoReturn:
    raise HTTPException(400, f"the body {why}")


_LONGEST_WAIT_MS = 60_000
# Read here and only told to the framework, whose own reading of each takes as long as the rules' opinion.
WAIT = {
    "name": "X-Wait-Ms",
    "in": "header",
    "required": False,
    "description": "Milliseconds that the caller waits: within them an answer comes, and it says what was left out.",
    "schema": {"type": "integer", "minimum": 1, "maximum": _LONGEST_WAIT_MS},
}
DRY_RUN = {
    "name": "dry_run",
    "in": "query",
    "required": False,
    "description": "Decide without writing.",
    "schema": {"type": "boolean", "default": False},
}
_BOOLEAN = TypeAdapter(bool)


def wait_ms(request: Request) -> int | None:
    """How long the caller waits, in milliseconds; raises Refused (422) where its header can't be meant."""
    said = request.headers.get("x-wait-ms")
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) < 10 and 1 <= int(said) <= _LONGEST_WAIT_MS):
        raise Refused(422, f"X-Wait-Ms: a whole number of milliseconds is wanted, from 1 to {_LONGEST_WAIT_MS}")
    return int(said)


def dry_run(request: Request) -> bool:
    """Whether nothing is to be written; raises Refused (422) where the query can't be meant."""
    if not request.scope["query_string"]:
        return False
    said = request.query_params.get("dry_run", "false")
    try:
        return _BOOLEAN.validate_python(said)
    except ValidationError:
        raise Refused(422, "dry_run: true or false is wanted") from None
