"""What asking the language model may cost, and how a question can end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Status = Literal[
    # No key is configured.
    "off",
    # There was no reason to ask, or no text.
    "not_asked",
    # The model answered, now or a while ago.
    "ok",
    "cached",
    # It took longer than it may.
    "timeout",
    # The model, or a filter before it, would not answer.
    "refused",
    # What came back isn't the answer that was asked for.
    "invalid",
    # 429.
    "rate_limited",
    # 401, 403, 400 and every other 4xx: asking again won't help.
    "rejected",
    # 5xx, a redirect, or no connection.
    "error",
    # Not asked, since it failed too often, the day's tokens are spent, or too many calls are under way.
    "circuit_open",
    "budget_spent",
    "busy",
]


@dataclass(frozen=True)
class Limits:
    """How the language model is reached, and its bounds; those of tokens and calls hold for one process.

    Raises ValueError for figures that make no sense; its message never holds the key.
    """

    # Nothing is asked without a key. It isn't shown, and neither are the names.
    api_key: str | None = field(default=None, repr=False)
    # Of a server that speaks OpenAI's protocol, with its /v1; None: OpenAI itself.
    base_url: str | None = None
    # It has to answer within the time limit: a model that thinks first is too slow.
    model: str = "gpt-5.4-mini"
    # Seconds for a whole call, connecting included.
    timeout: float = 2.0
    # Names of people that never go out.
    names: Sequence[str] = field(default=(), repr=False)
    # Per UTC day; a call begins only while its likely cost (650 to 3,500 tokens) is left.
    tokens_per_day: int = 1_000_000
    # Calls under way at once.
    concurrent: int = 8
    # After so many failures in a row nothing is asked for so many seconds; then one call tries.
    breaker_failures: int = 5
    breaker_seconds: float = 30.0
    # Answers kept, and for how many seconds.
    cache_size: int = 2_000
    cache_seconds: float = 3_600.0
    # The weight of a reason when the model is certain: above 0, below 1.
    most_weight: float = 0.5
    # The suspicion from which there is a reason: above 0, at most 1.
    threshold: float = 0.5

    def __post_init__(self) -> None:
        # A header can't carry anything else, and says so only when it is sent.
        if self.api_key and not (self.api_key.isascii() and self.api_key.isprintable() and self.api_key.strip()):
            raise ValueError("the key of the language model has characters that no key has")
        if self.base_url is not None and not _reachable(self.base_url):
            raise ValueError("the address of the language model isn't http(s)://host[:port][/path]")
        if isinstance(self.names, str):
            raise ValueError("names are a list, not one text")
        above_zero = ("timeout", "concurrent", "breaker_failures", "breaker_seconds", "most_weight", "threshold")
        for name in above_zero:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0")
        for name in ("tokens_per_day", "cache_size", "cache_seconds"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be below 0")
        if not self.most_weight < 1:
            # A weight of 1 would be certainty, whatever the rules say.
            raise ValueError("most_weight must be below 1")
        if not self.threshold <= 1:
            raise ValueError("threshold must not be above 1")


def _reachable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # An impossible name or port would otherwise show at the first call.
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False
