"""What the overview shows, from the sums by day."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from fraudstack.storage import sums, transactions
from fraudstack.storage.connections.online import Connection, date_text
from fraudstack.storage.sums import Sums

# So many days are drawn one by one, by weeks and by months, for at most some 120 points.
_BY_DAY, _BY_WEEK, _BY_MONTH = 120, 833, 3_660

_VERSION = "SELECT CAST(coalesce(sum(version), 0) AS BIGINT) FROM daily_sums WHERE kind = 'all' AND day >= ?"
_BEHIND = """SELECT max(started_at) FROM ingest_runs
    WHERE step IN ('clean', 'label') AND seconds IS NOT NULL AND loaded > 0
    AND (EXISTS (SELECT 1 FROM outdated WHERE name = 'profiles') OR EXISTS (SELECT 1 FROM changes))"""

_AFTERWARDS = f"""SELECT {
    ", ".join(
        f"CAST(coalesce(sum({figure}), 0) AS BIGINT)"
        for figure in ("transactions", "suspicious", "suspicious_labelled", "suspicious_frauds", "frauds")
    )
} FROM batch_days WHERE day BETWEEN ? AND ?"""


class Period(NamedTuple):
    """Days, both ends included; `before` begins as many days earlier, None where the data doesn't reach so far back."""

    first: str
    last: str
    before: str | None
    # Whether later days were passed over, for they have no known fraud.
    earlier: bool = False


class Span(NamedTuple):
    """The sums of a day, week, month or year; `end` is the first day after it."""

    start: date
    end: date
    sums: Sums


class Judged(NamedTuple):
    """Decisions, whether made as transactions came or afterwards, by what was known at their time, against labels."""

    # Of those that were decided afterwards.
    afterwards: int
    suspicious_afterwards: int
    # Of all.
    flagged_labelled: int
    flagged_frauds: int
    decided_frauds: int

    @property
    def precision(self) -> float | None:
        """The share of frauds among what was flagged and has a label; None where there is none."""
        return self.flagged_frauds / self.flagged_labelled if self.flagged_labelled else None

    @property
    def recall(self) -> float | None:
        """The share of what was flagged among the frauds that were decided; None where there is none."""
        return self.flagged_frauds / self.decided_frauds if self.decided_frauds else None


class Overview(NamedTuple):
    """Everything that the page draws of a period."""

    now: Sums
    judged: Judged
    before: Sums | None
    grain: str
    spans: list[Span]
    channels: dict[str, Sums]
    categories: dict[str, Sums]
    hours: dict[str, Sums]
    reasons: dict[str, Sums]
    # Of the merchant categories, by code.
    names: dict[str, str]


def period(connection: Connection, days: int | None, *, with_frauds: bool = False) -> Period | None:
    """The last so many days of the data, or all; None where there is none.

    `with_frauds`, where these have no known fraud, as many days up to the latest that has one, if any has.
    """
    extent = sums.extent(connection)
    if extent is None or days is None:
        return extent and Period(*extent, None)
    begin, last = extent
    fraud = sums.latest_fraud(connection) if with_frauds else None
    earlier = fraud is not None and fraud < _days_before(last, days - 1)
    last = fraud if fraud and earlier else last
    first = _days_before(last, days - 1)
    before = _days_before(first, days)
    return Period(max(first, begin), last, before if before >= begin else None, earlier)


def _days_before(day: str, days: int) -> str:
    return str(date.fromisoformat(day) - timedelta(days=days))


def version(connection: Connection, shown: Period) -> int:
    """A number that rises with every change of what is shown of a period."""
    return int(connection.rows(_VERSION, (shown.before or shown.first,))[0][0])


def behind(connection: Connection) -> str | None:
    """When the ingest step began whose rows aren't in the sums yet, if there is one."""
    began = connection.rows(_BEHIND)[0][0]
    return began and date_text(began)


def read(connection: Connection, shown: Period) -> Overview:
    """The figures of a period."""
    days = sums.by_day(connection, shown.before or shown.first, shown.last)
    now = {day: figures for day, figures in days.items() if day >= shown.first}
    channels, categories, hours, reasons = (
        sums.by_value(connection, kind, shown.first, shown.last) for kind in ("channel", "mcc", "hour", "reason")
    )
    grain = _grain(shown)
    total = sums.total([Sums(), *now.values()])
    return Overview(
        now=total,
        judged=_judged(connection, shown, total),
        before=sums.total(figures for day, figures in days.items() if day < shown.first) if shown.before else None,
        grain=grain,
        spans=_spans(now, grain),
        channels=channels,
        categories=categories,
        hours=hours,
        reasons=reasons,
        names={str(mcc): name for mcc, name in transactions.categories(connection).items()},
    )


def _judged(connection: Connection, shown: Period, now: Sums) -> Judged:
    decided, suspicious, labelled, caught, frauds = connection.rows(_AFTERWARDS, (shown.first, shown.last))[0]
    return Judged(
        decided, suspicious, now.flagged_labelled + labelled, now.flagged_frauds + caught, now.scored_frauds + frauds
    )


def _grain(shown: Period) -> str:
    days = (date.fromisoformat(shown.last) - date.fromisoformat(shown.first)).days + 1
    bounds = {"day": _BY_DAY, "week": _BY_WEEK, "month": _BY_MONTH}
    return next((grain for grain, most in bounds.items() if days <= most), "year")


def _spans(days: Mapping[str, Sums], grain: str) -> list[Span]:
    groups: dict[date, list[Sums]] = {}
    for day, figures in days.items():
        groups.setdefault(_start(date.fromisoformat(day), grain), []).append(figures)
    # Past the end of any month or year, and back to the start of the next.
    steps = {"day": 1, "week": 7, "month": 31, "year": 366}
    return [
        Span(start, _start(start + timedelta(days=steps[grain]), grain), sums.total(group))
        for start, group in groups.items()
    ]


def _start(day: date, grain: str) -> date:
    match grain:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)
    return day
