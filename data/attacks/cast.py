"""Who plays in an attack: clients with shops and a past, and what they do."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from fraudstack.profiles.event import ONLINE

CHIP = "Chip Transaction"
GROCERIES, FUEL, FOOD, DRUGS, GOODS, DEPARTMENTS, ELECTRONICS, CASH = 5411, 5541, 5812, 5912, 5815, 5311, 5732, 6011
# Of an honest client's day, in UTC.
_HOURS = (9, 20)
_SPREAD = 0.35
_PAST_DAYS = 90


@dataclass(frozen=True)
class Shop:
    """A merchant, and what is usually spent there, in units of the currency."""

    merchant_id: str
    mcc: int
    usual: float
    # None online.
    city: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class Payment:
    """A transaction that is posted; one that isn't `counted` belongs to the story alone."""

    client_id: str
    card_id: str
    shop: Shop
    cents: int
    # In UTC.
    at: datetime
    errors: str | None = None
    description: str | None = None
    counted: bool = True

    def body(self) -> dict[str, Any]:
        """It as a scorer takes it."""
        return {
            "date": f"{self.at:%Y-%m-%d %H:%M:%S}",
            "client_id": self.client_id,
            "card_id": self.card_id,
            "amount": self.cents / 100,
            "use_chip": CHIP if self.shop.city else ONLINE,
            "merchant_id": self.shop.merchant_id,
            "merchant_city": self.shop.city,
            "merchant_state": self.shop.state,
            "mcc": self.shop.mcc,
            "errors": self.errors,
            "description": self.description,
        }


@dataclass(frozen=True)
class Verdict:
    """An analyst's word about a payment that was posted before: fraud or legitimate."""

    payment: Payment
    verdict: str


@dataclass(frozen=True)
class Exception_:  # noqa: N801 - Exception is Python's
    """An analyst allows a client a merchant."""

    client_id: str
    merchant_id: str


Step = Payment | Verdict | Exception_


@dataclass(frozen=True)
class Client:
    """A holder of a card, and where it buys."""

    client_id: str
    card_id: str
    shops: tuple[Shop, ...]

    def pays(self, shop: Shop, amount: float, at: datetime, **more: Any) -> Payment:  # noqa: ANN401 - Payment's own
        """A payment of an amount in units of the currency, negative for a refund."""
        return Payment(self.client_id, self.card_id, shop, round(amount * 100), at, **more)


@dataclass(frozen=True)
class Script:
    """A past in the order of time, an attack, and its benign twin."""

    past: list[Payment]
    attack: list[Step]
    twin: list[Step]


@dataclass
class Cast:
    """Makes clients and shops whose ids no other play has."""

    # Is put before every id.
    name: str
    # When the scripts without a review begin, and when those with one do, in UTC: a verdict is known from now on.
    at: datetime
    soon: datetime
    past: list[Payment] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        """The same name draws the same amounts and hours."""
        self.draw = Random(self.name.rpartition("-")[2])  # noqa: S311 - nothing is hidden by it

    def shop(self, mcc: int, usual: float, city: str | None = None, state: str | None = None) -> Shop:
        """A shop that nobody has been to; online without a city."""
        self._made += 1
        return Shop(f"{self.name}-m{self._made}", mcc, usual, city, state)

    def stranger(self) -> Client:
        """A client without a past, and with the shops of a town."""
        self._made += 1
        return Client(f"{self.name}-c{self._made}", f"{self.name}-k{self._made}", self._town())

    def client(self, *more: Shop, payments: int = 60, until: datetime | None = None, dear: float = 1.0) -> Client:
        """A client with a past of so many payments in the 90 days before, in its town's shops and in some more.

        In its town everything costs so many times what it costs elsewhere.
        """
        client = self.stranger()
        town = (replace(shop, usual=dear * shop.usual) for shop in client.shops)
        client = replace(client, shops=(*town, *more))
        self.past += self.usually(client, (until or self.at) - timedelta(days=_PAST_DAYS), _PAST_DAYS, payments)
        return client

    def clients(
        self, count: int, *more: Shop, payments: int = 60, until: datetime | None = None, dear: float = 1.0
    ) -> list[Client]:
        """Clients with a past."""
        return [self.client(*more, payments=payments, until=until, dear=dear) for _ in range(count)]

    def usually(self, client: Client, since: datetime, days: int, payments: int) -> Iterator[Payment]:
        """What a client does in some days: its shops by turns, amounts log-normal about what is usual there."""
        start = since.replace(hour=0, minute=0)
        for number in range(payments):
            # The last one a day before the attack.
            day = timedelta(days=number * (days - 1) // payments)
            hour = self.draw.randint(*_HOURS)
            at = start + day + timedelta(hours=hour, minutes=self.draw.randrange(60), seconds=self.draw.randrange(60))
            shop = client.shops[number % len(client.shops)]
            yield client.pays(shop, shop.usual * self.draw.lognormvariate(0, _SPREAD), at)

    def _town(self) -> tuple[Shop, ...]:
        """A shop of each usual category in one town, and an online one: a shared few, as towns have them."""
        town = f"{self.name}-t{self._made % 10}"
        kinds = ((GROCERIES, 35.0), (FUEL, 40.0), (FOOD, 20.0), (DRUGS, 22.0), (DEPARTMENTS, 60.0))
        present = (Shop(f"{town}-{mcc}", mcc, usual, f"Town {self._made % 10}", "OH") for mcc, usual in kinds)
        return (*present, Shop(f"{town}-{GOODS}", GOODS, 12.0))

    def script(self, attack: list[Step], twin: list[Step]) -> Script:
        """All of it."""
        return Script(sorted(self.past, key=lambda payment: payment.at), attack, twin)


def times(now: datetime) -> tuple[datetime, datetime]:
    """When scripts play at a moment in UTC: from 14:00 of thirty days before on, and at the next 10:00 or 16:00."""
    today = now.astimezone(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0, hour=0)
    hours = (10, 16, 34)
    soon = next(found for hour in hours if (found := today + timedelta(hours=hour)) > now.replace(tzinfo=None))
    return today - timedelta(days=30) + timedelta(hours=14), soon
