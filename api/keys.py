"""Who may do what: the key's scope, and a rate limit for each key."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Request, Security
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


def needs(scope: keys.Scope) -> Callable[..., object]:
    """A dependency that lets in keys with a scope; without keys, in development, everybody."""

    async def check(request: Request, given: Annotated[str | None, Security(_header)] = None) -> None:
        guard: Guard = request.app.state.scorer.guard
        if not guard.known:
            return
        key = keys.find(guard.known, given or "")
        if key is None:
            raise Refused(401, "send a valid key as X-API-Key", {"WWW-Authenticate": "ApiKey"})
        # For the log.
        request.scope["key"] = key.name
        if scope not in key.scopes:
            raise Refused(403, f"this needs a key with the scope {scope}")
        guard.spend(key.name, 1)

    return check
