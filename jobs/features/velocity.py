"""What came with each transaction's card and at its merchant before it, folded through a whole history.

The same figures as storage.velocity reads for one: of the latest deals, and of frauds whose label was known by then.
"""

from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraudstack.features import DAY
from fraudstack.profiles.event import FIELDS, Event
from fraudstack.profiles.profile import WEEK
from fraudstack.profiles.velocity import FRAUD_SPEAKS, HOUR, MOST_DEALS, Deal, WithCard, probes, since_frauds, with_card
from jobs.features.fold import Arrays, folding, fraud_day, rows

_WITH_CARD = "clients int, guesses int, frauds int, last_fraud bigint"
# A figure of probes for each amount that is asked as little.
_AT_MERCHANT = "probes array<int>, since_frauds array<int>"
_CARD_TYPE = pa.struct(
    [("clients", pa.int32()), ("guesses", pa.int32()), ("frauds", pa.int32()), ("last_fraud", pa.int64())]
)
_MERCHANT_TYPE = pa.struct([(name, pa.list_(pa.int32())) for name in ("probes", "since_frauds")])
_NOTHING = WithCard()


@dataclass
class _Frauds:
    """The frauds of a card or a merchant: seconds, once their label is known."""

    delay: int
    # With the last day on which each isn't known yet, soonest first.
    unknown: list[tuple[int, int]] = field(default_factory=list)
    known: deque[int] = field(default_factory=deque)

    def before(self, event: Event) -> deque[int]:
        """Those of FRAUD_SPEAKS that are known on an event's day."""
        while self.unknown and self.unknown[0][0] < event.seconds // DAY:
            insort(self.known, heappop(self.unknown)[1])
        while self.known and self.known[0] <= event.seconds - FRAUD_SPEAKS:
            self.known.popleft()
        return self.known

    def add(self, event: Event, fraud_of: int | None) -> None:
        """A fraud, by its label day, comes to be known `delay` whole days after that."""
        if fraud_of is not None:
            heappush(self.unknown, (fraud_of + self.delay, event.seconds))


def with_velocity(events: DataFrame, smalls: Sequence[int], delay: int) -> DataFrame:
    """Adds `with_card` and `at_merchant` to transactions.events.COLUMNS; NULL where nothing came before.

    `smalls` are amounts in cents; where nobody tells, labels are known `delay` whole days later.
    """
    at_merchant = folding(_merchants(smalls, delay), _AT_MERCHANT, *FIELDS, fraud_day(delay))
    card = folding(_cards(delay), _WITH_CARD, *FIELDS, fraud_day(delay))
    by_merchant = _in_order(events, "merchant").select("*", at_merchant).withColumnRenamed("folded", "at_merchant")
    by_card = _in_order(by_merchant, "card").select("*", card)
    return by_card.withColumnRenamed("folded", "with_card")


def _in_order(events: DataFrame, of: str) -> DataFrame:
    # Without a card or a merchant nothing came with it: such rows are spread.
    value = F.nullif(of, F.lit(""))
    spread = F.coalesce(value, F.col("id").cast("string"))
    return events.withColumn(of, value).repartition(spread).sortWithinPartitions(of, "seconds", "id")


def _cards(delay: int) -> Callable[[Arrays], Arrays]:
    def fold(batches: Arrays) -> Arrays:
        card, deals, frauds = None, deque[Deal](), _Frauds(delay)
        for batch in batches:
            found: list[WithCard | None] = []
            for *row, fraud_of in rows(batch):
                event = Event(*row)
                if event.card is None:
                    found.append(None)
                    continue
                if event.card != card:
                    card, deals, frauds = event.card, deque(maxlen=MOST_DEALS), _Frauds(delay)
                while deals and deals[0].seconds <= event.seconds - WEEK:
                    deals.popleft()
                before = with_card(event, deals, frauds.before(event))
                found.append(None if before == _NOTHING else before)
                deals.append(Deal(event.seconds, event.client_id, event.card, event.cents, event.errors or None))
                frauds.add(event, fraud_of)
            yield pa.array([None if one is None else one._asdict() for one in found], _CARD_TYPE)

    return fold


def _merchants(smalls: Sequence[int], delay: int) -> Callable[[Arrays], Arrays]:
    def fold(batches: Arrays) -> Arrays:
        merchant = None
        deals, latest, frauds, first = deque[Deal](), deque[int](), _Frauds(delay), dict[str, int]()
        for batch in batches:
            found: list[dict[str, object] | None] = []
            for *row, fraud_of in rows(batch):
                event = Event(*row)
                if event.merchant is None:
                    found.append(None)
                    continue
                if event.merchant != merchant:
                    merchant, deals, latest = event.merchant, deque(maxlen=MOST_DEALS), deque(maxlen=MOST_DEALS)
                    frauds, first = _Frauds(delay), {}
                found.append(_there(event, deals, latest, frauds.before(event), first, smalls))
                first.setdefault(event.client_id, event.seconds)
                deals.append(Deal(event.seconds, event.client_id, event.card, event.cents, event.errors or None))
                latest.append(event.seconds)
                frauds.add(event, fraud_of)
            yield pa.array(found, _MERCHANT_TYPE)

    return fold


def _there(
    event: Event,
    deals: deque[Deal],
    latest: deque[int],
    frauds: deque[int],
    first: dict[str, int],
    smalls: Sequence[int],
) -> dict[str, object] | None:
    while deals and deals[0].seconds <= event.seconds - HOUR:
        deals.popleft()
    while latest and latest[0] <= event.seconds - FRAUD_SPEAKS:
        latest.popleft()
    new = [deal._replace(first=True) for deal in deals if first[deal.client_id] > event.seconds - WEEK]
    probing = [probes(event, new, small) for small in smalls]
    since = since_frauds(latest, frauds) if latest and frauds else ()
    return {"probes": probing, "since_frauds": list(since)} if since or any(probing) else None
