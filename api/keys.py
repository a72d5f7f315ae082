"""Who may do what: the key's scope, and a rate limit for each key."""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Request, Security
from fastapi.params import Depends
from fastapi.security import APIKeyHeader

from api.problems import Refused
from fraudstack import keys
from fraudstack.errors import StoreError
from fraudstack.settings import Settings
from fraudstack.storage.shared_counts import Lease, Shared

log = logging.getLogger(__name__)
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key with the scope that the request needs")


# A key has so many seconds' worth at once; a process takes some tokens ahead, so that few decisions wait for more.
_BURST_SECONDS = 0.5
_AHEAD_SECONDS = 0.1


@dataclass
class _Purse:
    """What a process has of a key's tokens, and the moment before which there are no more."""

    tokens: float = 0.0
    until: float = 0.0
    # While counts can't be shared: when what was let through will have been earned.
    paid: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Callers:
    """Who may call, by their keys, and what each may still do: its rate is that of all workers of a deployment."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        """Raises InputError when the settings' keys can't be used."""
        self.known = keys.parse(settings.api_keys or "")
        self._rate = settings.api_rate
        self._workers = settings.api_workers
        self._shared = shared
        self._alone = False
        self._purses = {key.name: _Purse() for key in self.known} if self._rate else {}

    async def spend(self, name: str, count: int) -> None:
        """Count transactions against a key's rate, a batch whole; raises Refused (429) while the key is in debt."""
        purse = self._purses.get(name)
        if purse is None or not count:
            return
        if purse.tokens < count:
            # One of those who wait asks for all.
            async with purse.lock:
                await self._fill(name, purse, count)
                if purse.tokens < count:
                    wait = max(0.0, purse.until - time.monotonic())
                    raise Refused(429, "this key's rate is used up", {"Retry-After": str(int(wait) + 1)})
        purse.tokens -= count

    async def _fill(self, name: str, purse: _Purse, count: int) -> None:
        now = time.monotonic()
        if purse.tokens >= count or now < purse.until:
            return
        most, ahead = max(1.0, self._rate * _BURST_SECONDS), self._rate * _AHEAD_SECONDS
        wanted = count - purse.tokens
        try:
            leased = await asyncio.to_thread(self._shared.lease, f"rate of {name}", self._rate, most, wanted, ahead)
            self._alone = False
        except StoreError as error:
            # Nobody is kept from deciding because a count can't be shared: then each worker has its part.
            if not self._alone:
                log.warning("rates are not shared", extra={"said": {"error": str(error)}})
            self._alone = True
            leased = Lease(0, purse.paid - now)
            if now >= purse.paid:
                leased = Lease(wanted, 0)
                purse.paid = max(purse.paid, now - _BURST_SECONDS) + wanted * self._workers / self._rate
        purse.tokens += leased.tokens
        purse.until = 0.0 if leased.tokens else now + leased.wait


class Needs:
    """A dependency that lets in keys with a scope; without keys, in development, everybody."""

    def __init__(self, scope: keys.Scope, *, counted: bool = True) -> None:
        """`counted`: a request counts as one transaction of the key's rate."""
        self._scope = scope
        self._counted = counted

    async def __call__(self, request: Request, given: Annotated[str | None, Security(_header)] = None) -> None:
        """Let a request in; raises Refused (401, 403, 429)."""
        callers: Callers = request.app.state.scorer.callers
        if not callers.known:
            _no_strangers_form(request)
            return
        key = keys.find(callers.known, given or "")
        if key is None:
            raise Refused(401, "send a valid key as X-API-Key", {"WWW-Authenticate": "ApiKey"})
        # For the log.
        request.scope["key"] = key.name
        request.scope["person"] = key.name if key.person else None
        if self._scope not in key.scopes:
            raise Refused(403, f"this needs a key with the scope {self._scope}")
        await callers.spend(key.name, int(self._counted))


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
