"""What a model looks at: figures of a transaction that were known at its time, defined here and nowhere else.

Two memories hold all that is needed of the past, as whole numbers by calendar day (UTC): one per client, and one per
value, a merchant, a merchant category code or a state. A job folds whole histories through them, a scorer keeps them.
What a label says is known only a delay after its transaction: with whole days, the features of day d read the labels of
days up to d - delay - 1 (le Borgne et al. 2022, Reproducible Machine Learning for Credit Card Fraud Detection,
chapter 3). Where there is nothing to tell, a feature is NaN.
"""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fraudstack.profiles.event import HOME, ONLINE, Event

DAY = 24 * 3600
# Whole days that a label takes, unless somebody says otherwise.
LABEL_DELAY = 7
# The latest purchases of which the median is taken.
LATEST = 50
# So many of them make a habit.
_HABIT = 5
# Times the median: above, an amount is far above habit; below, it is ordinary.
_FAR_ABOVE, _ORDINARY = 2.6, 2.0
_MOST_IN_AN_HOUR = 64
# Legitimate transactions that are added where a rate is taken for what is known beforehand: few frauds raise it little.
_DOUBT = 10
# Days that a memory keeps one by one.
KEPT_DAYS = 60

_OF_TRANSACTION = ("amount", "hour", "online", "abroad", "declined")
_OF_CLIENT = (
    "client_transactions",
    "amount_to_mean",
    "amount_to_median",
    "amount_sigmas",
    "client_count_1d",
    "client_count_7d",
    "client_count_30d",
    "client_mean_7d",
    "client_mean_30d",
    "client_seconds_since_last",
    "client_count_1h",
    "client_days_since_high",
    "client_days_since_first_high_14d",
    "client_highs_14d",
    "client_highest_ratio_7d",
    "client_highest_ratio_14d",
    "client_frauds_30d",
    "client_merchant_seen",
    "client_mcc_seen",
    "client_state_seen",
    "client_channel_seen",
)
_OF_MERCHANT = (
    "merchant_count_1d",
    "merchant_count_7d",
    "merchant_count_30d",
    "merchant_mean_30d",
    "merchant_labelled_7d",
    "merchant_frauds_7d",
    "merchant_ordinary_frauds_14d",
    "merchant_ordinary_frauds_21d",
    "merchant_labelled_30d",
    "merchant_frauds_30d",
    "merchant_last_label",
    "merchant_run_days",
    "merchant_run_frauds",
    "merchant_days_before_run",
    "merchant_days_since_fraud",
    "merchant_legitimate_since_fraud",
    "merchant_fraud_rate",
)
_OF_RISK = ("fraud_rate_7d", "fraud_rate_30d", "fraud_rate")
NAMES = (
    *_OF_TRANSACTION,
    *_OF_CLIENT,
    *_OF_MERCHANT,
    *(f"{kind}_{name}" for kind in ("mcc", "state") for name in _OF_RISK),
)
CLIENT_WIDTH = len(_OF_TRANSACTION) + len(_OF_CLIENT)
MERCHANT_WIDTH, RISK_WIDTH = len(_OF_MERCHANT), len(_OF_RISK)


@dataclass(slots=True)
class _ClientDay:
    day: int
    transactions: int = 0
    purchases: int = 0
    cents: int = 0
    highs: int = 0
    # The highest amount, in medians of its time.
    ratio: float = 0.0
    frauds: int = 0


_NOTHING = _ClientDay(0)


@dataclass(slots=True)
class _Past:
    """Sums over a client's days before a day."""

    day: int
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
    hour: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_IN_AN_HOUR))
    last_high: int | None = None
    # How often a value came, by kind and value; a scorer asks its store for those of one event.
    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    _sorted: list[int] = field(default_factory=list)
    _past: _Past | None = None

    def features(self, event: Event, delay: int = LABEL_DELAY) -> list[float]:
        """The figures of a transaction and its client, NAMES[:CLIENT_WIDTH], by what came before it."""
        day, cents = event.seconds // DAY, event.cents
        country = event.country
        mean = self.cents / self.purchases if self.purchases else math.nan
        spread = math.sqrt(max(0.0, self.squares / self.purchases - mean * mean)) if self.purchases else math.nan
        past = self._past
        if past is None or past.day != day:
            past = self._past = self._of_past(day, delay)
        today = self.days[-1] if self.days and self.days[-1].day == day else _NOTHING
        p7, p30 = past.purchases7 + today.purchases, past.purchases30 + today.purchases
        return [
            # Whole units: cents tell how data were made, not who made them.
            float(cents // 100),
            float(event.hour),
            float(event.channel == ONLINE),
            float(country is not None and country != HOME),
            float(event.declined),
            float(self.transactions),
            cents / mean if self.purchases else math.nan,
            self.ratio(cents),
            (cents - mean) / max(spread, 100.0) if self.purchases > 1 else math.nan,
            float(today.transactions),
            float(past.transactions7 + today.transactions),
            float(past.transactions30 + today.transactions),
            (past.cents7 + today.cents) / p7 / mean if p7 and self.purchases else math.nan,
            (past.cents30 + today.cents) / p30 / mean if p30 and self.purchases else math.nan,
            float(max(0, event.seconds - self.hour[-1])) if self.hour else math.nan,
            float(sum(1 for seconds in self.hour if event.seconds - seconds < 3600)),
            (event.seconds - self.last_high) / DAY if self.last_high is not None else math.nan,
            0.0 if today.highs and math.isnan(past.first_high) else past.first_high,
            float(past.highs14 + today.highs),
            max(past.ratio7, today.ratio),
            max(past.ratio14, today.ratio),
            float(past.frauds30),
            float(self._seen("merchant", event.merchant)),
            float(self._seen("mcc", event.mcc)),
            float(self._seen("state", event.state)),
            float(self._seen("channel", event.channel)),
        ]

    def _of_past(self, day: int, delay: int) -> "_Past":
        """The sums over the days before; they hold for the whole day."""
        past = _Past(day)
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
            if age > delay:
                past.frauds30 += one.frauds
        return past

    def add(self, event: Event, is_fraud: int | None) -> bool:
        """Remember a transaction and its label, if it has one; whether its amount was ordinary for the client."""
        day, cents = event.seconds // DAY, event.cents
        if not self.days or self.days[-1].day < day:
            self.days.append(_ClientDay(day))
            while self.days[0].day <= day - KEPT_DAYS:
                self.days.popleft()
        today = self.days[-1]
        today.transactions += 1
        today.frauds += is_fraud == 1
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
        days = [(d.day, d.transactions, d.purchases, d.cents, d.highs, d.ratio, d.frauds) for d in self.days]
        sums = (self.transactions, self.purchases, self.cents, self.squares, self.last_high)
        return [sums, list(self.latest), days, list(self.hour)]

    @classmethod
    def of(cls, state: Sequence[Any]) -> "ClientMemory":
        """The memory of a state."""
        (transactions, purchases, cents, squares, last_high), latest, days, hour = state
        memory = cls(transactions, purchases, cents, squares, deque(latest), last_high=last_high)
        memory.days.extend(_ClientDay(*day) for day in days)
        memory.hour.extend(hour)
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
            seen=self.seen.copy() if keys is None else {key: self.seen.get(key, 0) for key in keys},
            _sorted=self._sorted.copy(),
        )

    def relabel(self, event: Event, frauds: int) -> None:
        """Know of so many frauds on the day of a transaction; of a day that isn't kept nobody asks."""
        for at, one in enumerate(self.days):
            if one.day == event.seconds // DAY:
                self.days[at], self._past = replace(one, frauds=frauds), None

    def come_in_the_hour(self, recent: Iterable[int]) -> None:
        """Know the seconds of what came up to the latest, in order."""
        known = list(recent)
        self.hour = deque((one for one in known if known[-1] - one < 3600), maxlen=_MOST_IN_AN_HOUR)

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


def remembered(history: Iterable[tuple[Event, int | None]]) -> ClientMemory:
    """The memory that a client's transactions and their labels make, in whatever order they are given."""
    memory = ClientMemory()
    for event, is_fraud in sorted(history, key=lambda found: (found[0].seconds, found[0].id)):
        memory.add(event, is_fraud)
    return memory


@dataclass(slots=True)
class ValueDay:
    """What came in on a day with one merchant, category or state."""

    day: int
    transactions: int
    cents: int
    labelled: int
    frauds: int
    # Frauds whose amount was ordinary for their client: it was the merchant that was to blame.
    ordinary_frauds: int


@dataclass(slots=True)
class ValueMemory:
    """What came in with a merchant, category or state, day by day before the day that is asked for."""

    # In order; some may be older than KEPT_DAYS.
    days: deque[ValueDay] = field(default_factory=deque)
    # Of the days before: labelled, frauds.
    labelled: int = 0
    frauds: int = 0

    def add(self, tally: ValueDay) -> None:
        """Remember a day, each once and in order; the features of that day come first."""
        self.days.append(tally)
        while self.days[0].day < tally.day - KEPT_DAYS:
            old = self.days.popleft()
            self.labelled += old.labelled
            self.frauds += old.frauds

    def count(self, day: int, transactions: int, cents: int) -> None:
        """Count more transactions of a day that nobody has labelled yet."""
        place = bisect_left(self.days, day, key=lambda one: one.day)
        if place == len(self.days) or self.days[place].day != day:
            self.days.insert(place, ValueDay(day, 0, 0, 0, 0, 0))
        self.days[place].transactions += transactions
        self.days[place].cents += cents

    def of_merchant(self, day: int, delay: int = LABEL_DELAY) -> list[float]:
        """The figures of a merchant on a day, by the days before."""
        n1 = n7 = n30 = c30 = labelled7 = frauds7 = labelled30 = frauds30 = ordinary14 = ordinary21 = 0
        labelled, frauds = self.labelled, self.frauds
        last_label = run_days = before_run = since_fraud = math.nan
        run_frauds = legitimate = 0
        running, ended = True, False
        for one in reversed(self.days):
            age = day - one.day
            if age <= 30:
                n30 += one.transactions
                c30 += one.cents
                n7 += one.transactions * (age <= 7)
                n1 += one.transactions * (age <= 1)
            known = age - delay
            if known < 1 or not one.labelled:
                continue
            labelled += one.labelled
            frauds += one.frauds
            if age > KEPT_DAYS:
                continue
            if math.isnan(last_label):
                last_label = one.frauds / one.labelled
            if known <= 30:
                labelled30 += one.labelled
                frauds30 += one.frauds
                if known <= 21:
                    ordinary21 += one.ordinary_frauds
                    ordinary14 += one.ordinary_frauds * (known <= 14)
                    if known <= 7:
                        labelled7 += one.labelled
                        frauds7 += one.frauds
            if one.ordinary_frauds:
                if not ended:
                    since_fraud, ended = age, True
                if running:
                    run_days = age
                    run_frauds += one.ordinary_frauds
            elif not ended:
                legitimate += one.labelled - one.frauds
            if running and one.frauds < one.labelled:
                # The run of frauds that nothing legitimate interrupts is over, looking back.
                running = False
                before_run = age if run_frauds else math.nan
        return [
            float(n1),
            float(n7),
            float(n30),
            c30 / n30 / 100 if n30 else math.nan,
            float(labelled7),
            float(frauds7),
            float(ordinary14),
            float(ordinary21),
            float(labelled30),
            float(frauds30),
            last_label,
            run_days,
            float(run_frauds),
            before_run - run_days,
            since_fraud,
            float(legitimate) if ended else math.nan,
            frauds / labelled if labelled else math.nan,
        ]

    def of_risk(self, day: int, delay: int = LABEL_DELAY) -> list[float]:
        """The fraud rates of a category or a state on a day, by the labels known then."""
        labelled, frauds = self.labelled, self.frauds
        of7, of30 = [0, 0], [0, 0]
        for one in self.days:
            known = day - one.day - delay
            if known < 1:
                continue
            labelled += one.labelled
            frauds += one.frauds
            for length, sums in ((7, of7), (30, of30)):
                if known <= length:
                    sums[0] += one.labelled
                    sums[1] += one.frauds
        return [_rate(of7), _rate(of30, _DOUBT), _rate((labelled, frauds))]


def _rate(sums: Sequence[int], doubt: int = 0) -> float:
    return sums[1] / (sums[0] + doubt) if sums[0] else math.nan
