"""How cardholders answered when they were challenged: kept once for a transaction, and no label."""

from datetime import datetime, timedelta
from typing import NamedTuple

from fraudstack.profiles.event import Event
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage import transactions
from fraudstack.storage.connections.online import Connection, date_text

_OF = "SELECT outcome, at FROM challenges WHERE id = ?"
_KEEP = "INSERT INTO challenges (id, card_id, merchant_id, outcome, at) VALUES (?, ?, ?, ?, ?)"
_LATEST = """SELECT outcome FROM challenges WHERE card_id = ? AND merchant_id = ? AND at > ?
    ORDER BY at DESC, id DESC LIMIT 1"""


class Challenge(NamedTuple):
    """An outcome (passed, failed, abandoned) and when it was told."""

    outcome: str
    at: str


class NotChallenged(NamedTuple):
    """What was decided of a transaction instead."""

    decision: str


def of(connection: Connection, id: int) -> Challenge | None:
    """The challenge of a transaction, once its outcome is known."""
    found = connection.rows(_OF, (id,))
    return Challenge(found[0][0], date_text(found[0][1])) if found else None


def keep(connection: Connection, id: int, outcome: str, at: datetime) -> Challenge | NotChallenged | None:
    """Keep an outcome, unless one is kept; returns the one that is. None where there is no such transaction."""
    found = transactions.find(connection, id, hold=True)
    if found is None:
        return None
    if known := of(connection, id):
        return known
    decision = "nothing" if found.decision is None else found.decision["decision"]
    if decision != "challenge":
        return NotChallenged(decision)
    told = at.strftime(DATE_FORMAT)
    transaction = found.transaction
    connection.execute(_KEEP, (id, transaction["card_id"], transaction["merchant_id"], outcome, told))
    return Challenge(outcome, told)


def latest(connection: Connection, event: Event, now: datetime, days: float) -> str | None:
    """The outcome of the latest challenge of an event's card at its merchant in so many days."""
    since = (now - timedelta(days=days)).strftime(DATE_FORMAT)
    found = connection.rows(_LATEST, (event.card, event.merchant, since))
    return found[0][0] if found else None
