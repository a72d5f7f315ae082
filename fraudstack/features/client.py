"""What a client did, and the figures of a transaction that follow from it."""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fraudstack.features import DAY, KEPT_DAYS, LABEL_DELAY
from fraudstack.features.labels import fraud_of
from fraudstack.features.table import ClientFigures
from fraudstack.profiles.event import HOME, ONLINE, Event, Marks

# The latest purchases of which the median is taken.
LATEST = 50
# So many of them make a habit.
_HABIT = 5
# Times the median: above, an amount is far above habit; below, it is ordinary.
_FAR_ABOVE, _ORDINARY = 2.6, 2.0
MOST_IN_AN_HOUR = 64


@dataclass(slots=True)
class _ClientDay:
    day: int
    transactions: int = 0
    purchases: int = 0
    cents: int = 0
    highs: int = 0
    # The highest amount, in medians of its time.
    ratio: float = 0.0


_NOTHING = _ClientDay(0)


@dataclass(slots=True)
class _Past:
    """Sums over a client's days before a day, and labels that are known so many days later."""

    day: int
    delay: int
    transactions7: int = 0
    transactions30: int = 0
    purchases7: int = 0
    purchases30: int = 0
    cents7: int = 0
    cents30: int = 0
    highs14: int = 0
    # In days.
    first_high: float = math.nan
    ratio7: float = 0.0
    ratio14: float = 0.0
    frauds30: int = 0


@dataclass(slots=True)
class ClientMemory:
    """What a client did, in the order in which it came."""

    transactions: int = 0
    # Sums over purchases that were not far above habit: how many, cents, squares of cents.
    purchases: int = 0
    cents: int = 0
    squares: int = 0
    latest: deque[int] = field(default_factory=deque)
    days: deque[_ClientDay] = field(default_factory=deque)
    # Seconds of the transactions of the hour up to the latest, and no more of them than tell a burst.
    hour: deque[int] = field(default_factory=lambda: deque(maxlen=MOST_IN_AN_HOUR))
    last_high: int | None = None
    # How many of the transactions are frauds, by their label days; all of them, they are few.
    frauds: dict[int, int] = field(default_factory=dict)
    # How often a value came, by kind and value; a scorer asks its store for those of one event.
    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    _sorted: list[int] = field(default_factory=list)
    _past: _Past | None = None

    def features(self, event: Event, delay: int = LABEL_DELAY) -> ClientFigures:
        """The figures of a transaction and its client, by what came before it."""
        day, cents = event.seconds // DAY, event.cents
        country = event.country
        mean = self.cents / self.purchases if self.purchases else math.nan
        spread = math.sqrt(max(0.0, self.squares / self.purchases - mean * mean)) if self.purchases else math.nan
        past = self._past
        if past is None or past.day != day or past.delay != delay:
            past = self._past = self._of_past(day, delay)
        # What is dated later is no part of today, and doesn't hide it.
        today = next((one for one in reversed(self.days) if one.day <= day), _NOTHING)
        today = today if today.day == day else _NOTHING
        earlier = [event.seconds - seconds for seconds in self.hour if seconds <= event.seconds]
        since_high = math.nan if self.last_high is None else (event.seconds - self.last_high) / DAY
        p7, p30 = past.purchases7 + today.purchases, past.purchases30 + today.purchases
        return ClientFigures(
            # Whole units: cents tell how data were made, not who made them.
            amount=float(cents // 100),
            hour=float(event.hour),
            online=float(event.channel == ONLINE),
            abroad=float(country is not None and country != HOME),
            declined=float(event.declined),
            client_transactions=float(self.transactions),
            amount_to_mean=cents / mean if self.purchases else math.nan,
            amount_to_median=self.ratio(cents),
            amount_sigmas=(cents - mean) / max(spread, 100.0) if self.purchases > 1 else math.nan,
            client_count_1d=float(today.transactions),
            client_count_7d=float(past.transactions7 + today.transactions),
            client_count_30d=float(past.transactions30 + today.transactions),
            client_mean_7d=(past.cents7 + today.cents) / p7 / mean if p7 and self.purchases else math.nan,
            client_mean_30d=(past.cents30 + today.cents) / p30 / mean if p30 and self.purchases else math.nan,
            client_seconds_since_last=float(earlier[-1]) if earlier else math.nan,
            client_count_1h=float(sum(1 for seconds in earlier if seconds < 3600)),
            client_days_since_high=since_high if since_high >= 0 else math.nan,
            client_days_since_first_high_14d=0.0 if today.highs and math.isnan(past.first_high) else past.first_high,
            client_highs_14d=float(past.highs14 + today.highs),
            client_highest_ratio_7d=max(past.ratio7, today.ratio),
            client_highest_ratio_14d=max(past.ratio14, today.ratio),
            client_frauds_30d=float(past.frauds30),
            client_merchant_seen=float(self._seen("merchant", event.merchant)),
            client_mcc_seen=float(self._seen("mcc", event.mcc)),
            client_state_seen=float(self._seen("state", event.state)),
            client_channel_seen=float(self._seen("channel", event.channel)),
        )

    def _of_past(self, day: int, delay: int) -> _Past:
        """The sums over the days before; they hold for the whole day."""
        past = _Past(day, delay)
        for one in reversed(self.days):
            age = day - one.day
            if age > 30 + delay:
                break
            if age < 1:
                continue
            if age < 30:
                past.transactions30 += one.transactions
                past.purchases30 += one.purchases
                past.cents30 += one.cents
                if age < 14:
                    past.ratio14 = max(past.ratio14, one.ratio)
                    if one.highs:
                        past.highs14 += one.highs
                        past.first_high = float(age)
                    if age < 7:
                        past.ratio7 = max(past.ratio7, one.ratio)
                        past.transactions7 += one.transactions
                        past.purchases7 += one.purchases
                        past.cents7 += one.cents
        past.frauds30 = sum(frauds for of, frauds in self.frauds.items() if delay < day - of <= 30 + delay)
        return past

    def add(self, event: Event, fraud_day: int | None) -> bool:
        """Remember a transaction, and of a fraud its label day; whether its amount was ordinary for the client."""
        day, cents = event.seconds // DAY, event.cents
        if not self.days or self.days[-1].day < day:
            self.days.append(_ClientDay(day))
            while self.days[0].day <= day - KEPT_DAYS:
                self.days.popleft()
        today = self.days[-1]
        today.transactions += 1
        self.tell(fraud_day)
        ratio = self.ratio(cents)
        settled = len(self.latest) >= _HABIT
        high = settled and ratio > _FAR_ABOVE
        if settled:
            today.ratio = max(today.ratio, ratio)
        if high:
            today.highs += 1
            self.last_high = event.seconds
        self.transactions += 1
        while self.hour and event.seconds - self.hour[0] >= 3600:
            self.hour.popleft()
        self.hour.append(event.seconds)
        if cents > 0:
            today.purchases += 1
            today.cents += cents
            if not high:
                self.purchases += 1
                self.cents += cents
                self.squares += cents * cents
            self.latest.append(cents)
            insort(self._sorted, cents)
            if len(self.latest) > LATEST:
                del self._sorted[bisect_left(self._sorted, self.latest.popleft())]
        for kind, value in (
            ("merchant", event.merchant),
            ("mcc", event.mcc),
            ("state", event.state),
            ("channel", event.channel),
        ):
            if value is not None:
                self.seen[kind, str(value)] = self._seen(kind, value) + 1
        return settled and ratio <= _ORDINARY

    @classmethod
    def begun(cls, latest: Sequence[int]) -> "ClientMemory":
        """One of a client of whom nothing but the latest purchases is known, in cents: to fold a part of a history."""
        memory = cls(latest=deque(latest))
        memory._sorted = sorted(latest)
        return memory

    def amend(self, part: "Part") -> bool:
        """Remember a part of the history otherwise; what follows it is as it was.

        False where `last_high` lies before the part now: it is None then, and up to the caller to find.
        """
        was, now = part.was, part.now
        self.transactions += now.transactions - was.transactions
        self.purchases += now.purchases - was.purchases
        self.cents += now.cents - was.cents
        self.squares += now.squares - was.squares
        others = (one for one in self.days if not part.first <= one.day <= part.last)
        days = sorted([*others, *now.days], key=lambda one: one.day)
        self.days = deque(one for one in days if one.day > days[-1].day - KEPT_DAYS)
        for changed, sign in ((now, 1), (was, -1)):
            for day, frauds in changed.frauds.items():
                self.tell(day, sign * frauds)
        self._past = None
        if part.ends:
            self.latest, self._sorted = now.latest, now._sorted
        high = self.last_high
        if high is not None and high // DAY > part.last:
            return True
        if now.last_high is not None:
            self.last_high = now.last_high
        elif high is not None and high // DAY >= part.first:
            self.last_high = None
            return False
        return True

    def state(self) -> list[Any]:
        """All of it but `seen`, as JSON has it."""
        days = [(d.day, d.transactions, d.purchases, d.cents, d.highs, d.ratio) for d in self.days]
        sums = (self.transactions, self.purchases, self.cents, self.squares, self.last_high)
        return [sums, list(self.latest), days, list(self.hour), sorted(self.frauds.items())]

    @classmethod
    def of(cls, state: Sequence[Any]) -> "ClientMemory":
        """The memory of a state."""
        (transactions, purchases, cents, squares, last_high), latest, days, hour, *frauds = state
        memory = cls(transactions, purchases, cents, squares, deque(latest), last_high=last_high)
        memory.days.extend(_ClientDay(*day[:6]) for day in days)
        memory.hour.extend(hour)
        # What is older has them among a day's figures.
        memory.frauds = dict(frauds[0] if frauds else ((day[0], day[6]) for day in days if day[6]))
        memory._sorted = sorted(latest)
        return memory

    def copy(self, keys: Iterable[tuple[str, str]] | None = None) -> "ClientMemory":
        """Another one that says the same, to be changed apart; of what was seen, perhaps only some keys."""
        days = self.days.copy()
        if days:
            # The only one that is ever added to; the others are shared.
            days[-1] = replace(days[-1])
        return replace(
            self,
            latest=self.latest.copy(),
            days=days,
            hour=self.hour.copy(),
            frauds=self.frauds.copy(),
            seen=self.seen.copy() if keys is None else {key: self.seen.get(key, 0) for key in keys},
            _sorted=self._sorted.copy(),
        )

    def tell(self, fraud_day: int | None, frauds: int = 1) -> None:
        """Know of a fraud more, or of so many, by the day of its label; None is no fraud."""
        if fraud_day is not None:
            self._past = None
            self.frauds[fraud_day] = self.frauds.get(fraud_day, 0) + frauds
            if not self.frauds[fraud_day]:
                del self.frauds[fraud_day]

    def come_in_the_hour(self, latest: Iterable[tuple[int, int]]) -> None:
        """Know the latest transactions, by seconds and id in order."""
        known = [seconds for seconds, _ in latest]
        self.hour = deque((one for one in known if known[-1] - one < 3600), maxlen=MOST_IN_AN_HOUR)

    def ratio(self, cents: int) -> float:
        """An amount in medians of the latest purchases."""
        return cents / self._sorted[len(self._sorted) // 2] if self._sorted else math.nan

    def _seen(self, kind: str, value: str | int | None) -> int:
        return 0 if value is None else self.seen.get((kind, str(value)), 0)


@dataclass(frozen=True, slots=True)
class Part:
    """Whole days of a client's history, folded as they were and as they are now, from the same latest purchases on.

    It goes on for so many purchases after the last difference that what follows is judged by the same.
    """

    # Days since 1970, both within.
    first: int
    last: int
    was: ClientMemory
    now: ClientMemory
    # Nothing follows it.
    ends: bool


def remembered(history: Iterable[tuple[Event, Marks]]) -> ClientMemory:
    """The memory that a client's transactions and what is said of them make, in whatever order they are given."""
    memory = ClientMemory()
    for event, marks in sorted(history, key=lambda found: (found[0].seconds, found[0].id)):
        memory.add(event, fraud_of(event, marks))
    return memory
