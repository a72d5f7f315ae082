"""What analysts say: verdicts, claims, exceptions; each within the scorer's write transactions."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from fraudstack.features import DAY
from fraudstack.profiles.event import Event, Marks, seconds_of
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage import label_days, profiles
from fraudstack.storage.connections.online import Connection, date_for, date_text
from fraudstack.storage.decisions import batch_days
from fraudstack.storage.following.history import Known, Replays, Wanted, known

DECISIVE = {"fraud": 1, "legitimate": 0}
# Reviews that decide, of which the latest of a transaction counts.
VERDICTS = f"reviews WHERE verdict IN ({', '.join(f"'{verdict}'" for verdict in DECISIVE)})"

_CLIENT = "SELECT client_id FROM transactions WHERE id = ?"
_ADD = "INSERT INTO reviews (id, verdict, note, reviewer, at) VALUES (?, ?, ?, ?, ?) RETURNING review_id"
_TRUTH = "UPDATE transactions SET is_fraud = ? WHERE id = ?"
_HISTORY = "SELECT review_id, verdict, note, reviewer, at FROM reviews WHERE id = ? ORDER BY review_id"
_CLAIMED = "SELECT reviewer, until FROM claims WHERE id = ?"
_CLAIM = """INSERT INTO claims (id, reviewer, until) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET reviewer = excluded.reviewer, until = excluded.until"""
_RELEASE = "DELETE FROM claims WHERE id = ?"
_EXCEPT = """INSERT INTO exceptions (client_id, merchant_id, until, reviewer, note, at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (client_id, merchant_id) DO UPDATE SET
    until = excluded.until, reviewer = excluded.reviewer, note = excluded.note, at = excluded.at"""
_EXCEPTIONS = """SELECT merchant_id, until, reviewer, note, at FROM exceptions WHERE client_id = ?
    ORDER BY merchant_id"""
_ALLOWED_THEN = "SELECT 1 FROM exceptions WHERE client_id = ? AND merchant_id = ? AND at <= ? AND until > ?"
_WITHDRAW = "DELETE FROM exceptions WHERE client_id = ? AND merchant_id = ? RETURNING client_id"
_EVERY = """SELECT client_id, merchant_id, until, reviewer, note, at FROM exceptions WHERE until > ?
    ORDER BY client_id, merchant_id LIMIT ?"""


class Added(NamedTuple):
    """A review's number, and the truth as it is now known."""

    review_id: int
    is_fraud: int | None


class Taken(NamedTuple):
    """Who looks at a transaction, and until when."""

    reviewer: str
    until: str


def client_of(connection: Connection, id: int) -> str | None:
    """The client of a transaction; None where there is no such transaction."""
    found = connection.rows(_CLIENT, (id,))
    return found[0][0] if found else None


def add(
    connection: Connection,
    id: int,
    verdict: str,
    note: str | None,
    reviewer: str,
    at: datetime,
    replays: Replays,
) -> Added | Wanted | Taken | None:
    """Store a verdict and end the claim; a decisive one becomes the truth, by which the profile is judged anew.

    Taken where somebody else looks at the transaction, None where there is no such transaction any more.
    """
    found = profiles.find(connection, id, hold=True)
    if found is None:
        return None
    if taken := _taken(connection, id, reviewer, at):
        return taken
    event, before = found
    after = before
    if verdict in DECISIVE:
        after = before._replace(is_fraud=DECISIVE[verdict], known=seconds_of(at) // DAY)
    if after != before:
        kept = known(connection, event, replays)
        if kept is None:
            return Wanted(event.client_id)
        tell(connection, kept, event, before, after)
    connection.execute(_RELEASE, (id,))
    [(number,)] = connection.rows(_ADD, (id, verdict, note, reviewer, at.strftime(DATE_FORMAT)))
    return Added(number, after.is_fraud)


def tell(connection: Connection, kept: Known, event: Event, before: Marks, after: Marks) -> None:
    """Let the truth of a transaction be another one, wherever it is counted, in the transaction under way."""
    connection.execute(batch_days.TAKE_OUT, (event.id,))
    connection.execute(_TRUTH, (after.is_fraud, event.id))
    label_days.tell(connection, event.id, after.known)
    connection.execute(batch_days.COUNT, (event.id,))
    kept.judge_anew(connection, event, before, after)


def history(connection: Connection, id: int) -> list[dict[str, object]]:
    """The reviews of a transaction, oldest first."""
    names = ("review_id", "verdict", "note", "reviewer", "at")
    return [dict(zip(names, row, strict=True)) | {"at": date_text(row[-1])} for row in connection.rows(_HISTORY, (id,))]


def claim(connection: Connection, id: int, reviewer: str, now: datetime, until: datetime) -> Taken | None:
    """Take a transaction to look at, or keep it longer, unless somebody else has it.

    Returns who has it now and until when; None where there is no such transaction any more.
    """
    if client_of(connection, id) is None:
        return None
    if taken := _taken(connection, id, reviewer, now):
        return taken
    connection.execute(_CLAIM, (id, reviewer, until.strftime(DATE_FORMAT)))
    return Taken(reviewer, until.strftime(DATE_FORMAT))


def _taken(connection: Connection, id: int, reviewer: str, now: datetime) -> Taken | None:
    """Who else looks at a transaction."""
    for other, until in connection.rows(_CLAIMED, (id,)):
        if other != reviewer and date_text(until) > now.strftime(DATE_FORMAT):
            return Taken(other, date_text(until))
    return None


def allow(
    connection: Connection,
    client_id: str,
    merchant_id: str,
    until: datetime,
    reviewer: str,
    note: str | None,
    at: datetime,
) -> None:
    """Find a merchant to be fine for a client until a date, in the place of what was said before."""
    times = until.strftime(DATE_FORMAT), at.strftime(DATE_FORMAT)
    connection.execute(_EXCEPT, (client_id, merchant_id, times[0], reviewer, note, times[1]))


def allowed(connection: Connection, client_id: str) -> list[dict[str, object]]:
    """A client's exceptions, past ones too."""
    names = ("merchant_id", "until", "reviewer", "note", "at")
    return [
        dict(zip(names, row, strict=True)) | {"until": date_text(row[1]), "at": date_text(row[-1])}
        for row in connection.rows(_EXCEPTIONS, (client_id,))
    ]


def allowed_then(connection: Connection, events: Sequence[Event]) -> list[bool]:
    """Whether the client of each event was allowed the merchant at the event's own time."""
    asked = [(event.client_id, event.merchant, date_for(connection.store, event.seconds)) for event in events]
    answers = connection.rows_of(*((_ALLOWED_THEN, (*one, one[-1])) for one in asked))
    return list(map(bool, answers))


def withdraw(connection: Connection, client_id: str, merchant_id: str) -> bool:
    """Let an exception hold no more; whether there was one."""
    return bool(connection.rows(_WITHDRAW, (client_id, merchant_id)))


def exceptions(connection: Connection, now: datetime, most: int) -> list[dict[str, object]]:
    """The exceptions of all clients that haven't ended, at most so many."""
    names = ("client_id", "merchant_id", "until", "reviewer", "note", "at")
    return [
        dict(zip(names, row, strict=True)) | {"until": date_text(row[2]), "at": date_text(row[-1])}
        for row in connection.rows(_EVERY, (now.strftime(DATE_FORMAT), most))
    ]
