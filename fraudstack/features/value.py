"""What came in with a merchant, a category, a state or a channel, and the figures of a day that follow from it."""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from fraudstack.features import KEPT_DAYS, LABEL_DELAY
from fraudstack.features.table import ChannelFigures, MerchantFigures, RiskFigures

# Legitimate transactions that are added where a rate is taken for what is known beforehand: few frauds raise it little.
_DOUBT = 10
# For how many transactions a label stands at most. Who reviews alerts alone labels what looks like fraud: with weights
# by the chance of a label, truncated (Ionides 2008, Truncated Importance Sampling), that doesn't raise a rate.
_MOST_FOR_A_LABEL = 3

# Transactions, labelled, frauds.
type _Known = tuple[int, int, int]


@dataclass(slots=True)
class ValueDay:
    """What came in on a day with one merchant, category, state or channel."""

    day: int
    transactions: int
    cents: int
    labelled: int
    frauds: int
    # Frauds whose amount was ordinary for their client: it was the merchant that was to blame.
    ordinary_frauds: int


@dataclass(slots=True)
class ValueMemory:
    """What came in with a merchant, category, state or channel, day by day before the day that is asked for."""

    # In order; some may be older than those that are kept.
    days: deque[ValueDay] = field(default_factory=deque)
    # Of the days before.
    transactions: int = 0
    labelled: int = 0
    frauds: int = 0

    def add(self, tally: ValueDay) -> None:
        """Remember a day, each once and in order; the features of that day come first."""
        self.days.append(tally)
        while self.days[0].day < tally.day - KEPT_DAYS:
            old = self.days.popleft()
            self.transactions += old.transactions
            self.labelled += old.labelled
            self.frauds += old.frauds

    def count(self, day: int, transactions: int, cents: int) -> None:
        """Count more transactions of a day that nobody has labelled yet."""
        place = bisect_left(self.days, day, key=lambda one: one.day)
        if place == len(self.days) or self.days[place].day != day:
            self.days.insert(place, ValueDay(day, 0, 0, 0, 0, 0))
        self.days[place].transactions += transactions
        self.days[place].cents += cents

    def of_merchant(self, day: int, delay: int = LABEL_DELAY) -> MerchantFigures:
        """The figures of a merchant on a day, by the days before."""
        n1 = n7 = n30 = c30 = labelled7 = frauds7 = labelled30 = frauds30 = ordinary14 = ordinary21 = 0
        matured, labelled, frauds = self.transactions, self.labelled, self.frauds
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
            if known < 1:
                continue
            matured += one.transactions
            if not one.labelled:
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
        return MerchantFigures(
            merchant_count_1d=float(n1),
            merchant_count_7d=float(n7),
            merchant_count_30d=float(n30),
            merchant_mean_30d=c30 / n30 / 100 if n30 else math.nan,
            merchant_labelled_7d=float(labelled7),
            merchant_frauds_7d=float(frauds7),
            merchant_ordinary_frauds_14d=float(ordinary14),
            merchant_ordinary_frauds_21d=float(ordinary21),
            merchant_labelled_30d=float(labelled30),
            merchant_frauds_30d=float(frauds30),
            merchant_last_label=last_label,
            merchant_run_days=run_days,
            merchant_run_frauds=float(run_frauds),
            merchant_days_before_run=before_run - run_days,
            merchant_days_since_fraud=since_fraud,
            merchant_legitimate_since_fraud=float(legitimate) if ended else math.nan,
            merchant_fraud_rate=_rate((matured, labelled, frauds)),
        )

    def of_risk(self, day: int, delay: int = LABEL_DELAY) -> RiskFigures:
        """The fraud rates of a category or a state on a day, by the labels known then."""
        week, month, ever = self._known(day, delay)
        return RiskFigures(
            fraud_rate_7d=_rate(week),
            fraud_rate_30d=_rate(month, _DOUBT),
            fraud_rate=_rate(ever),
        )

    def of_channel(self, day: int, delay: int = LABEL_DELAY) -> ChannelFigures:
        """The fraud rate of a channel on a day, by the labels known then."""
        return ChannelFigures(channel_fraud_rate_30d=_rate(self._known(day, delay)[1], _DOUBT))

    def _known(self, day: int, delay: int) -> tuple[_Known, _Known, _Known]:
        """What came in on the latest days of which labels are known: of 7 days, of 30, of all."""
        week, month, older = [0, 0, 0], [0, 0, 0], [self.transactions, self.labelled, self.frauds]
        for one in self.days:
            known = day - one.day - delay
            if known >= 1:
                sums = week if known <= 7 else month if known <= 30 else older
                sums[0] += one.transactions
                sums[1] += one.labelled
                sums[2] += one.frauds
        within = _added(week, month)
        return _added(week), within, _added(within, older)


def _added(*sums: Sequence[int]) -> _Known:
    transactions, labelled, frauds = map(sum, zip(*sums, strict=True))
    return transactions, labelled, frauds


def _rate(known: _Known, doubt: int = 0) -> float:
    """The share of frauds; what nobody has labelled is legitimate where a label would stand for more than it may."""
    transactions, labelled, frauds = known
    return frauds / (max(labelled, transactions / _MOST_FOR_A_LABEL) + doubt) if labelled else math.nan
