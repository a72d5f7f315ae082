"""What of a transaction may be on a list, and what is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from fraudstack.places import state_of
from fraudstack.profiles.event import Event, country
from fraudstack.texts import same_id

Kind = Literal["client", "card", "merchant", "country", "mcc"]


class Entry(NamedTuple):
    """A value on a list of the store (allow, block or held), as lists hold it, and why."""

    list: str
    kind: str
    value: str
    reason: str


class Named(NamedTuple):
    """What of an event may be on a list: as it was told, and as lists hold it."""

    kind: Kind
    told: str | int
    value: str


class Held(NamedTuple):
    """An entry, and when it held: from `since` until before `until`, in seconds since 1970."""

    entry: Entry
    since: int
    until: int


@dataclass(frozen=True)
class Lists:
    """The store's lists of all times, by kind and value; of its exceptions since and until, by client and merchant."""

    held: Mapping[tuple[str, str], tuple[Held, ...]] = field(default_factory=dict)
    excepted: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    @staticmethod
    def of(every: Iterable[Held], excepted: Mapping[tuple[str, str], tuple[int, int]] | None = None) -> "Lists":
        """All that ever held, and the exceptions that weren't withdrawn."""
        found: dict[tuple[str, str], tuple[Held, ...]] = {}
        for one in every:
            key = one.entry.kind, one.entry.value
            found[key] = (*found.get(key, ()), one)
        return Lists(found, excepted or {})

    def at(self, event: Event) -> tuple[Entry, ...]:
        """The entries that an event meets and that held at its own time.

        A transaction of the past is decided as a scorer would have when it came: `now` is its date, never the clock.
        What was listed later isn't known to it, what was withdrawn later still holds.
        """
        if not self.held:
            return ()
        met = (one for name in named(event) for one in self.held.get((name.kind, name.value), ()))
        return tuple(sorted(one.entry for one in met if one.since <= event.seconds < one.until))

    def excepts(self, event: Event) -> bool:
        """Whether an analyst had allowed the client at the merchant at the event's own time."""
        since, until = self.excepted.get((event.client_id, event.merchant or ""), (0, 0))
        return since <= event.seconds < until


NO_LISTS = Lists()


def named(event: Event) -> Iterator[Named]:
    """What of an event may be on a list. Wherever the card was: who sells online from a country is in it too."""
    told: tuple[tuple[Kind, str | int | None], ...] = (
        ("client", event.client_id),
        ("card", event.card),
        ("merchant", event.merchant),
        ("country", country(event.state)),
        ("mcc", event.mcc),
    )
    for kind, value in told:
        if value is not None and value != "":
            yield Named(kind, value, normal(kind, str(value)))


def normal(kind: str, value: str) -> str:
    """A value as lists hold it, however it was written."""
    return str(state_of(value)) if kind == "country" else same_id(value)
