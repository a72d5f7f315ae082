"""A transaction that is to be decided, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from fraudstack.decisions.scoring import Scored
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.features import DAY
from fraudstack.places import STORED
from fraudstack.profiles.event import Event
from fraudstack.rules.case import Reason
from fraudstack.schema import CONTENT, DATE_FORMAT
from fraudstack.storage.following.history import Replays

# What a file of transactions can say; a description comes through the API alone.
_COMPARED = tuple(name for name in CONTENT if name not in ("id", "amount", "description"))
# Transactions that are looked up together.
_MOST_APART = 16


@dataclass(frozen=True)
class Advice:
    """What was found out before the write transaction began: a language model's reason, and how it went."""

    reasons: Sequence[Reason] = ()
    llm_status: str | None = None


@dataclass(frozen=True)
class Decided:
    """An answer; `again` when the same post had been decided before."""

    id: int
    decision: Mapping[str, Any]
    again: bool = False


@dataclass(frozen=True)
class Conflict:
    """An id that stands for something else."""

    sentence: str


NO_ADVICE = Advice()
# For a transaction whose score is clear without the text.
NOT_ASKED = Advice((), "not_asked")
NOTHING_REPLAYED: Replays = MappingProxyType({})


@dataclass(frozen=True)
class Asked:
    """A transaction to decide, by what, and what was found out before its turn to write came."""

    posted: Submission
    terms: Terms
    now: datetime
    advice: Advice = NO_ADVICE
    # What was said of it by what the store held then.
    scored: Scored | None = None
    replays: Replays = NOTHING_REPLAYED

    @cached_property
    def event(self) -> Event:
        """It as rules look at it; without an id it has 0."""
        return self.posted.event(self.posted.id or 0, self.now)


def locks(several: Sequence[Submission]) -> list[str]:
    """What two writers mustn't decide about at once: clients, and cards, of whom the one has to see the other's."""
    cards = (f"card {posted.card_id}" for posted in several if posted.card_id)
    return [*(posted.client_id for posted in several), *cards]


def apart(several: Sequence[Asked]) -> list[Asked]:
    """As many transactions, from the first on, as can be decided in any order: none looks at what another changes."""
    met: set[tuple[str, str | int | None]] = set()
    first, day = several[0], several[0].event.seconds // DAY
    group = []
    for one in several[:_MOST_APART]:
        event = one.event
        told = (("id", one.posted.id), ("client", event.client_id), ("card", event.card), ("merchant", event.merchant))
        names = {name for name in told if name[1] not in (None, "")}
        # Of other values a model looks at earlier days.
        if met & names or event.seconds // DAY != day or one.terms.rules is not first.terms.rules:
            break
        met |= names
        group.append(one)
    return group


def differing(posted: Submission, transaction: Mapping[str, Any], currency: str) -> str | None:
    """The first column in which a post and the store's transaction differ."""
    if posted.cents != int(transaction["amount"] * 100):
        return "amount"
    said = posted.model_dump() | {"currency": posted.currency or currency}
    said["date"] = posted.date.strftime(DATE_FORMAT) if posted.date else None
    return next((name for name in _COMPARED if _form(name, said[name]) != _form(name, transaction[name])), None)


def _form(name: str, value: object) -> object:
    """What of a column's value counts: older versions stored texts as somebody had written them."""
    return STORED[name](value) if name in STORED and isinstance(value, str) else value
