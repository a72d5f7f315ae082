"""Who may do what: the key's scope, and a rate limit for each key."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Request, Security
from fastapi.params import Depends
from fastapi.security import APIKeyHeader

from api.problems import Refused
from fraudstack import keys

_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key with the scope that the request needs")


@dataclass
class Bucket:
    """A token bucket: so many transactions a second, and as many at once."""

    rate: float
    tokens: float
    at: float = field(default_factory=time.monotonic)

    def take(self, count: int, now: float) -> float:
        """Take tokens; seconds to wait for them, 0 when they were there."""
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        # A batch larger than the bucket goes when it is full, and leaves a debt.
        missing = min(count, self.rate) - self.tokens
        if missing > 0:
            return missing / self.rate
        self.tokens -= count
        return 0.0


@dataclass
class Guard:
    """The keys of a worker, and what each may still do this second."""

    known: list[keys.Key]
    buckets: dict[str, Bucket]

    def spend(self, name: str, count: int) -> None:
        """Count transactions against a key's rate; raises Refused (429)."""
        bucket = self.buckets.get(name)
        if bucket is not None and (wait := bucket.take(count, time.monotonic())):
            raise Refused(429, "this key's rate is used up", {"Retry-After": str(int(wait) + 1)})


def guard(entries: str | None, rate: float) -> Guard:
    """The guard of keys as the settings have them, with `rate` transactions a second for each, 0 for any number."""
    known = keys.parse(entries or "")
    return Guard(known, {key.name: Bucket(rate, rate) for key in known} if rate else {})


class Needs:
    """A dependency that lets in keys with a scope; without keys, in development, everybody.

    `reading.JsonRoute` asks it before a body is read, the framework after.
    """

    def __init__(self, scope: keys.Scope, *, counted: bool = True) -> None:
        """`counted`: a request counts as one transaction of the key's rate."""
        self._scope = scope
        self._counted = counted

    async def __call__(self, request: Request, given: Annotated[str | None, Security(_header)] = None) -> None:
        """Let a request in; raises Refused (401, 403, 429)."""
        guard: Guard = request.app.state.scorer.guard
        if request.scope.get("let_in"):
            return
        if not guard.known:
            _no_strangers_form(request)
            return
        key = keys.find(guard.known, given or "")
        if key is None:
            raise Refused(401, "send a valid key as X-API-Key", {"WWW-Authenticate": "ApiKey"})
        # For the log.
        request.scope["key"] = key.name
        request.scope["person"] = key.name if key.person else None
        if self._scope not in key.scopes:
            raise Refused(403, f"this needs a key with the scope {self._scope}")
        guard.spend(key.name, int(self._counted))
        request.scope["let_in"] = True


def needs(scope: keys.Scope, *, counted: bool = True) -> Needs:
    """A dependency that lets in keys with a scope; `counted`: a request counts as one transaction of its rate."""
    return Needs(scope, counted=counted)


async def check(request: Request, dependencies: Iterable[Depends]) -> None:
    """Ask the keys' dependencies of a route; raises Refused (401, 403, 429)."""
    for each in dependencies:
        if isinstance(each.dependency, Needs):
            await each.dependency(request, request.headers.get("x-api-key"))


# What a page can have a browser send to another site without asking it: no header of ours is needed where no keys are.
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_SAFE = ("GET", "HEAD", "OPTIONS")


def _no_strangers_form(request: Request) -> None:
    """Raise Refused (403, 415) for what a page of another site has a browser send."""
    if request.method in _SAFE:
        return
    headers = request.headers
    origin = headers.get("origin")
    elsewhere = origin is not None and origin.partition("://")[2] != headers.get("host")
    if elsewhere or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise Refused(403, "a page of another site may not send this")
    if headers.get("content-type", "").partition(";")[0].strip().lower() in _FORMS:
        raise Refused(415, "send JSON, as application/json: a form is not read")
