"""Transactions by pages, latest first: a page starts behind the last row of the one before (keyset paging)."""

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.transactions import SELECT, Stored, stored

_CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})~([0-9]{1,19})")


class Wanted(NamedTuple):
    """Which transactions; for the two flags 0, 1, or "null" for those of which nothing is said yet."""

    client_id: str | None = None
    flagged_fraud: int | str | None = None
    is_fraud: int | str | None = None
    since: datetime | None = None
    until: datetime | None = None


def page(connection: Connection, wanted: Wanted, limit: int, after: tuple[str, int] | None = None) -> list[Stored]:
    """At most `limit` transactions behind `after`, a date and an id."""
    conditions: list[str] = []
    values: list[Any] = []
    for name in ("client_id", "flagged_fraud", "is_fraud"):
        asked = getattr(wanted, name)
        if asked == "null":
            conditions.append(f"t.{name} IS NULL")
        elif asked is not None:
            conditions.append(f"t.{name} = ?")
            values.append(asked)
    for sign, date in ((">=", wanted.since), ("<", wanted.until)):
        if date is not None:
            conditions.append(f"t.date {sign} ?")
            values.append(str(_utc(date)))
    if after is not None:
        conditions.append("(t.date < ? OR (t.date = ? AND t.id < ?))")
        values += (after[0], after[0], after[1])
        # Said apart, since it is what an index can use.
        conditions.append("t.date <= ?")
        values.append(after[0])
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.rows(f"{SELECT}{where} ORDER BY t.date DESC, t.id DESC LIMIT ?", (*values, limit))
    return [stored(row) for row in rows]


def cursor_of(last: Stored) -> str:
    """The cursor behind a page's last row."""
    return f"{last.transaction['date'].replace(' ', 'T')}~{last.transaction['id']}"


def cursor(text: str) -> tuple[str, int]:
    """The date and id of a cursor; raises ValueError when it is none."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise ValueError("not a date and an id")
    return str(datetime.strptime(found[1], DATE_FORMAT.replace(" ", "T"))), int(found[2])


def _utc(date: datetime) -> datetime:
    """The second in UTC, without a zone; what lies beyond the calendar is its first or its last."""
    if date.tzinfo:
        try:
            date = date.astimezone(UTC)
        except OverflowError:
            date = datetime.min if date.year == 1 else datetime.max
    return date.replace(tzinfo=None, microsecond=0)
