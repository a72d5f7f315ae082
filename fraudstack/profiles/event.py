"""A transaction as profiles and rules look at it."""

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import NamedTuple

ONLINE = "Online Transaction"
HOME = "US"
# USPS Publication 28, appendix B: states, possessions and military addresses. Other places have a country's name.
_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA RI SC SD TN TX UT VT VA WA WV WI WY AS FM GU MH MP PR PW VI AA AE AP"
)
HOME_STATES = frozenset(_STATES.split())
# The dimensions in which something is usual for a client; a value is text, an hour "00" to "23".
KINDS = ("card", "channel", "city", "hour", "mcc", "merchant", "state")


@dataclass(frozen=True, slots=True)
class Event:
    """One transaction: cents are whole, negative for refunds; seconds count from 1970 in UTC, of its own date."""

    id: int
    client_id: str
    seconds: int
    cents: int
    card: str | None = None
    channel: str | None = None
    merchant: str | None = None
    city: str | None = None
    # A US state's code, or a country's name.
    state: str | None = None
    mcc: int | None = None
    # What went wrong at the terminal: set means declined.
    errors: str | None = None
    # Asked for many times of what is recent.
    _keys: tuple[tuple[str, str], ...] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def declined(self) -> bool:
        """Whether the terminal refused it."""
        return bool(self.errors)

    @property
    def hour(self) -> int:
        """Hour of the day, 0 to 23."""
        return self.seconds // 3600 % 24

    @property
    def country(self) -> str | None:
        """Where the card was present; None online or where nothing is told."""
        return None if self.channel == ONLINE else country(self.state)

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Kind and value of every dimension that it has."""
        found = self._keys
        if found is None:
            found = _keys_of(self)
            object.__setattr__(self, "_keys", found)
        return found


def _keys_of(event: Event) -> tuple[tuple[str, str], ...]:
    values = (
        event.card,
        event.channel,
        event.city and f"{event.state or ''}/{event.city}",
        f"{event.hour:02}",
        None if event.mcc is None else str(event.mcc),
        event.merchant,
        event.state,
    )
    return tuple([(kind, value) for kind, value in zip(KINDS, values, strict=True) if value])


# What an event is told by, in order.
FIELDS = tuple(one.name for one in fields(Event) if one.init)


class Marks(NamedTuple):
    """How a transaction is marked: by the scorer and by the truth, each 0, 1, or None for nothing yet."""

    flagged: int | None = None
    is_fraud: int | None = None
    # The day, since 1970, from which the truth is known; None where nobody tells.
    known: int | None = None

    @property
    def trusted(self) -> bool:
        """Whether it may make something usual: the truth counts, and until it is known the flag."""
        return self.is_fraud == 0 or (self.is_fraud is None and not self.flagged)


def country(state: str | None) -> str | None:
    """The country of `merchant_state`: the code of a US state, or a country's name."""
    if not state:
        return None
    return HOME if state in HOME_STATES else state


def seconds_of(date: datetime) -> int:
    """Seconds since 1970 of a naive time in UTC."""
    return int(date.replace(tzinfo=UTC).timestamp())


def date_of(seconds: int) -> datetime:
    """The naive time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
