"""What rules and a model would have done with a history: the figures of a backtest, before anybody draws them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from fraudstack.rules.config import Budget, Costs


@dataclass(frozen=True)
class Counts:
    """Alerts and what became of them; cents are those of frauds, whole."""

    alerts: int = 0
    # Of which the truth is known, and those that were fraud.
    labelled: int = 0
    frauds: int = 0
    # Of the frauds that an alert was raised for.
    cents: int = 0

    @property
    def precision(self) -> float | None:
        """The share of frauds among the labelled alerts; None where there is none."""
        return self.frauds / self.labelled if self.labelled else None


def saved(counts: Counts, costs: Costs) -> float:
    """Money that alerts saved, less their reviews and the honest clients turned away, in units of the currency."""
    honest = counts.alerts - counts.frauds
    return counts.cents / 100 * costs.recovered - counts.alerts * costs.review - honest * costs.friction


def saved_at(curve: Sequence[tuple[float, Counts]], alerts: int, costs: Costs) -> float | None:
    """What so many alerts save, taken in the order of a curve of bars; None beyond its last.

    Between two bars alerts save alike: nothing tells them apart.
    """
    before = Counts()
    for _, counts in curve:
        if counts.alerts >= alerts:
            more = counts.alerts - before.alerts
            share = (alerts - before.alerts) / more if more else 0.0
            return saved(before, costs) + share * (saved(counts, costs) - saved(before, costs))
        before = counts
    return None


def total(counts: Iterable[Counts]) -> Counts:
    """All of them as one."""
    several = list(counts)
    return Counts(*(sum(getattr(one, column.name) for one in several) for column in fields(Counts)))


@dataclass(frozen=True)
class Month:
    """What came in in a month, YYYY-MM, and what was alerted."""

    month: str
    transactions: int
    frauds: int
    counts: Counts


@dataclass(frozen=True)
class Way:
    """One way to decide, over all days."""

    # What people call it: the rules file.
    name: str
    rules_version: str
    model_version: str | None
    counts: Counts
    # An alert may have several reasons.
    reasons: Sequence[tuple[str, Counts]]
    months: Sequence[Month]
    # What decisions cost, where the rules file states it.
    costs: Costs | None = None
    # Of as many alerts by the same rules and one threshold of the model's probability for all amounts.
    fixed: Counts | None = None
    budget: Budget | None = None
    # Of the alerts those that the budget has time for, and the least loss that gives as many a day as it says.
    within: Counts | None = None
    least_loss: float | None = None


@dataclass(frozen=True)
class Alert:
    """An alert that only one of two ways raises: the first (gained) or the second."""

    gained: bool
    id: int
    date: str
    cents: int
    score: float
    reason: str
    is_fraud: int | None


@dataclass(frozen=True)
class Change:
    """What becomes different from the second way to the first."""

    both: Counts
    gained: Counts
    lost: Counts
    # Some of those that differ, the highest scores first.
    alerts: Sequence[Alert]


@dataclass(frozen=True)
class Backtest:
    """The history that was decided, and by each way what came of it."""

    # YYYY-MM-DD, both included.
    first: str
    last: str
    days: int
    transactions: int
    labelled: int
    frauds: int
    # Of all frauds.
    cents: int
    currency: str
    label_delay: int
    ways: Sequence[Way]
    change: Change | None
    # The last day that the model had learned from, if there is one: figures begin after it.
    trained_until: str | None = None
    # By a model's probability alone: thresholds, falling, and the alerts from each on.
    thresholds: Sequence[tuple[float, Counts]] = ()
    # By the loss that a model expects alone: losses in units of the currency, falling, and the alerts from each on.
    losses: Sequence[tuple[float, Counts]] = ()

    def alerts_a_day(self, counts: Counts) -> float:
        """The mean over all days."""
        return counts.alerts / self.days

    def recall(self, counts: Counts) -> float | None:
        """The share of the frauds that were alerted; None where there is none."""
        return counts.frauds / self.frauds if self.frauds else None

    @property
    def costs(self) -> Costs | None:
        """Those that the first way states, or else the second."""
        return next((way.costs for way in self.ways if way.costs is not None), None)

    def missed(self, counts: Counts) -> int:
        """Whole cents of the frauds that no alert was raised for."""
        return self.cents - counts.cents
