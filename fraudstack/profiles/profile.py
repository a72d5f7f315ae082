"""A client's profile: sums over all transactions, whatever their order.

Every figure is a sum of whole numbers, the greatest of some, or the latest few: transactions may come late or in
another order and the profile ends the same. Amounts enter as thousandths of ln(1 + amount), since amounts are
roughly log-normal; sums of them and of their squares fit 64 bits at any length of history.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from fraudstack.features import DAY
from fraudstack.features.client import ClientMemory
from fraudstack.profiles.event import HOME, Event

WEEK = 7 * 24 * 3600
# As far back, and as many, as transactions are looked at one by one; bursts are told apart far below.
FAR_BACK, MOST_RECENT = 4 * WEEK, 1000
# Amounts enter as whole parts of ln(1 + amount), so many to one.
LOG_SCALE = 1000


class Recent(NamedTuple):
    """A transaction that is looked at by itself, in the order of time and id."""

    seconds: int
    id: int
    event: Event
    # Whether it counts in what is usual.
    usual: bool


class Window(NamedTuple):
    """What a client did in some time up to a moment, declined and flagged transactions included."""

    transactions: int
    declined: int
    # Of purchases, in whole cents.
    cents: int


@dataclass(slots=True)
class Amounts:
    """Sums over purchases: how many, whole cents, thousandths of ln(1 + amount) and their squares."""

    purchases: int = 0
    cents: int = 0
    logs: int = 0
    squares: int = 0

    def copy(self) -> "Amounts":
        """The same sums, to be changed apart."""
        return Amounts(self.purchases, self.cents, self.logs, self.squares)

    def add(self, cents: int, sign: int = 1) -> None:
        """Count a purchase of so many cents (> 0), or with -1 count it no more."""
        log = log_of(cents)
        self.purchases += sign
        self.cents += sign * cents
        self.logs += sign * log
        self.squares += sign * log * log

    @property
    def usual(self) -> float:
        """The geometric mean, in units of the currency."""
        return math.expm1(self.logs / self.purchases / LOG_SCALE) if self.purchases else 0.0

    def sigmas(self, cents: int, least_spread: float) -> float:
        """How many standard deviations ln(1 + amount) lies above the mean; the spread counts as at least the least."""
        return (log_of(cents) / LOG_SCALE - self.logs / self.purchases / LOG_SCALE) / self._spread(least_spread)

    def variation(self, least_spread: float) -> float:
        """The standard deviation of purchases in means of them, as that of log-normal ones: sqrt(exp(s^2) - 1)."""
        return math.sqrt(math.expm1(min(self._spread(least_spread) ** 2, 100.0)))

    def _spread(self, least: float) -> float:
        """The standard deviation of ln(1 + amount)."""
        mean = self.logs / self.purchases
        variance = max(0.0, self.squares / self.purchases - mean * mean)
        return max(math.sqrt(variance) / LOG_SCALE, least)


@dataclass(slots=True)
class Habit:
    """How often a value was usual for a client, and for merchant category codes what was spent there."""

    count: int = 0
    amounts: Amounts = field(default_factory=Amounts)
    # Transactions with the value, usual or not.
    seen: int = 0

    def make_usual(self, kind: str, cents: int, sign: int = 1) -> None:
        """Count a transaction with the value as usual, or with -1 no more."""
        self.count += sign
        if kind == "mcc" and cents > 0:
            self.amounts.add(cents, sign)


@dataclass(slots=True)
class Profile:
    """Everything known of a client; `habits` may hold only the keys that were asked for."""

    client_id: str
    # Rises with every change: a rebuild made beside it can tell that it is outdated.
    version: int = 0
    transactions: int = 0
    declined: int = 0
    refunds: int = 0
    # Transactions that count as usual: not declined, not flagged, not labelled fraud.
    usual: int = 0
    # Of these, with the card present in the United States.
    home: int = 0
    amounts: Amounts = field(default_factory=Amounts)
    # About the moment that is looked at: a store has them as transactions, and they make no profile another one.
    recent: list[Recent] = field(default_factory=list, compare=False)
    habits: dict[tuple[str, str], Habit] = field(default_factory=dict)
    # Of which the truth is known, and the frauds among them.
    labelled: int = 0
    frauds: int = 0
    # Purchases, usual or not: how many, whole cents and their squares.
    bought: int = 0
    bought_cents: int = 0
    bought_squares: int = 0
    # What a model has to know besides; None where nobody keeps it.
    memory: ClientMemory | None = None

    @property
    def last(self) -> int | None:
        """The time of the latest transaction, in seconds."""
        return self.recent[-1].seconds if self.recent else None

    def copy(self) -> "Profile":
        """Another one that says the same, to be changed without this one."""
        return Profile(
            self.client_id,
            self.version,
            self.transactions,
            self.declined,
            self.refunds,
            self.usual,
            self.home,
            self.amounts.copy(),
            self.recent.copy(),
            {key: Habit(habit.count, habit.amounts.copy(), habit.seen) for key, habit in self.habits.items()},
            self.labelled,
            self.frauds,
            self.bought,
            self.bought_cents,
            self.bought_squares,
            None if self.memory is None else self.memory.copy(),
        )

    def add(self, event: Event, *, trusted: bool) -> None:
        """Count a transaction; one that isn't trusted, flagged or labelled fraud, makes nothing usual."""
        usual = trusted and not event.declined
        self._count(event, 1, usual=usual)
        insort(self.recent, Recent(event.seconds, event.id, event, usual))
        self.recent = recalled(self.recent)

    def take_away(self, event: Event, *, trusted: bool) -> None:
        """Count a transaction no more; what comes in its place in `recent` isn't known here."""
        self._count(event, -1, usual=trusted and not event.declined)
        if (at := self._place(event)) is not None:
            del self.recent[at]

    def count(self, event: Event, sign: int, *, trusted: bool) -> None:
        """Count a transaction, or with -1 no more, in the sums and in those habits alone that are known here."""
        self._sum(event, sign)
        for key in event.keys:
            if (habit := self.habits.get(key)) is not None:
                habit.seen += sign
        if trusted and not event.declined:
            self._make_usual(event, sign)

    def judge_anew(self, event: Event, *, trusted: bool) -> None:
        """Count a transaction that is in the profile as usual, or no more, now that its truth is known."""
        if event.declined:
            return
        self.version += 1
        sign = 1 if trusted else -1
        self._make_usual(event, sign)
        if (at := self._place(event)) is not None:
            self.recent[at] = self.recent[at]._replace(usual=trusted)

    def tell(self, is_fraud: int | None, sign: int = 1) -> None:
        """Count what the truth of a transaction is, or with -1 no more."""
        if is_fraud is not None:
            self.labelled += sign
            self.frauds += sign * is_fraud

    def _sum(self, event: Event, sign: int) -> None:
        self.version += 1
        self.transactions += sign
        self.declined += sign * event.declined
        self.refunds += sign * (event.cents < 0)
        if event.cents > 0:
            self.bought += sign
            self.bought_cents += sign * event.cents
            self.bought_squares += sign * event.cents * event.cents

    def _count(self, event: Event, sign: int, *, usual: bool) -> None:
        self._sum(event, sign)
        for key in event.keys:
            habit = self.habits.get(key)
            if habit is None:
                habit = self.habits[key] = Habit()
            habit.seen += sign
            if not habit.seen:
                del self.habits[key]
        if usual:
            self._make_usual(event, sign)

    def _make_usual(self, event: Event, sign: int) -> None:
        """Count a transaction in what is usual, of habits in those that are known here."""
        self.usual += sign
        self.home += sign * (event.country == HOME)
        if event.cents > 0:
            self.amounts.add(event.cents, sign)
        for key in event.keys:
            if (habit := self.habits.get(key)) is not None:
                habit.make_usual(key[0], event.cents, sign)

    def _place(self, event: Event) -> int | None:
        at = bisect_left(self.recent, (event.seconds, event.id))
        known = at < len(self.recent) and self.recent[at][:2] == (event.seconds, event.id)
        return at if known else None

    def matured(self, event: Event, seconds: int) -> "Profile":
        """What was usual of an event's values, by what is older than so many seconds at its time.

        A burst never vouches for itself, one dated ahead or found later neither. Nothing else of it holds.
        """
        lately = (one.event.merchant for one in self.before(event.seconds, DAY))
        keys = (*event.keys, *(("merchant", merchant) for merchant in lately if merchant))
        old = Profile(
            self.client_id,
            usual=self.usual,
            home=self.home,
            amounts=self.amounts.copy(),
            habits={
                key: Habit(habit.count, habit.amounts.copy(), habit.seen)
                for key in keys
                if (habit := self.habits.get(key)) is not None
            },
        )
        for _, _, young, usual in self.recent[bisect_left(self.recent, (event.seconds - seconds + 1,)) :]:
            if usual:
                old._make_usual(young, -1)
        return old

    def longest_gap(self, seconds: int, length: int) -> int:
        """The longest time without a transaction that ended in the `length` seconds up to a moment, or with it."""
        end = bisect_left(self.recent, (seconds + 1,))
        times = [*(recent.seconds for recent in self.recent[:end]), seconds]
        return max((later - earlier for earlier, later in pairwise(times) if later > seconds - length), default=0)

    def before(self, seconds: int, length: int) -> list[Recent]:
        """What is remembered of the `length` seconds up to a moment, oldest first."""
        # A tuple of the seconds alone stands before every entry of that second.
        first, end = bisect_left(self.recent, (seconds - length + 1,)), bisect_left(self.recent, (seconds + 1,))
        return self.recent[first:end]

    def window(self, seconds: int, length: int) -> Window:
        """The figures of the `length` seconds up to a moment."""
        found = self.before(seconds, length)
        declined = cents = 0
        for recent in found:
            declined += recent.event.declined
            cents += max(recent.event.cents, 0)
        return Window(len(found), declined, cents)


def recalled(latest: list[Recent]) -> list[Recent]:
    """What a profile remembers of transactions in order: those of FAR_BACK, and the one before them."""
    since = bisect_left(latest, (latest[-1].seconds - FAR_BACK + 1,)) if latest else 0
    return latest[max(since - 1, len(latest) - MOST_RECENT, 0) :]


@lru_cache(maxsize=65_536)
def log_of(cents: int) -> int:
    """Thousandths of ln(1 + amount)."""
    return round(math.log1p(cents / 100) * LOG_SCALE)


def replayed(client_id: str, events: Iterable[tuple[Event, bool]]) -> Profile:
    """The profile that arises from transactions and whether each is trusted, in any order."""
    profile = Profile(client_id)
    for event, is_trusted in events:
        profile.add(event, trusted=is_trusted)
    return profile
