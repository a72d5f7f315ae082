"""The time of a backtest in periods: months, and longer ones where there are many."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from fraudstack.report.backtest import Backtest, Counts, total

# A long history is drawn in longer periods, since lines of more points can't be told apart; tables keep the months.
_PERIODS = (("month", 1), ("quarter", 3), ("year", 12))
_MOST_PERIODS = 48


class Period(NamedTuple):
    """A month, quarter or year, and what each way did in it."""

    name: str
    # Of its first month, counted from the year 0.
    number: int
    days: int
    frauds: int
    by_way: Sequence[Counts]


def over_time(found: Backtest) -> tuple[list[Period], str, list[Period]]:
    """All months from the first to the last, and the periods that are drawn: they have a name, and are of that unit."""
    by_way = [{_number(month.month): month for month in way.months} for way in found.ways]
    known = [number for way in by_way for number in way]
    months = []
    for number in range(min(known), max(known) + 1) if known else ():
        here = [way.get(number) for way in by_way]
        frauds = max(month.frauds if month else 0 for month in here)
        counts = [month.counts if month else Counts() for month in here]
        months.append(Period(period_name(number, "month"), number, _days(found, number), frauds, counts))
    unit, length = next((p for p in _PERIODS if len(months) <= p[1] * _MOST_PERIODS), _PERIODS[-1])
    grouped = groupby(months, key=lambda month: month.number // length)
    return months, unit, [_pooled(period_name(place * length, unit), list(some)) for place, some in grouped]


def period_name(number: int, unit: str) -> str:
    """How people write the period of that unit that begins with a month counted from the year 0."""
    year, month = divmod(number, 12)
    return {"month": f"{year:04}-{month + 1:02}", "quarter": f"{year:04} Q{month // 3 + 1}"}.get(unit, f"{year:04}")


def _number(month: str) -> int:
    year, of_year = map(int, month.split("-"))
    return 12 * year + of_year - 1


def _days(found: Backtest, number: int) -> int:
    """How many of a month's days the history has."""
    year, of_year = number // 12, number % 12 + 1
    first = max(date(year, of_year, 1), date.fromisoformat(found.first))
    last = min(date(year, of_year, monthrange(year, of_year)[1]), date.fromisoformat(found.last))
    return max((last - first).days + 1, 1)


def _pooled(name: str, months: Sequence[Period]) -> Period:
    by_way = [total(way) for way in zip(*(month.by_way for month in months), strict=True)]
    days, frauds = sum(month.days for month in months), sum(month.frauds for month in months)
    return Period(name, months[0].number, days, frauds, by_way)
