"""Whether every transaction is decided or waits for it, and whether the truth is what analysts found."""

from collections.abc import Iterator

from fraudstack.storage import profiles
from fraudstack.storage.changes import waits
from fraudstack.storage.history import known
from fraudstack.storage.online import Connection
from fraudstack.storage.reviews import DECISIVE, tell
from fraudstack.verify.difference import Difference

_UNDECIDED = """SELECT t.client_id, t.id FROM transactions t
    WHERE NOT EXISTS (SELECT 1 FROM decisions d WHERE d.id = t.id)
    AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.id = t.id AND c.client_id = t.client_id) ORDER BY t.id"""
_VERDICTS = """SELECT t.id, t.is_fraud, r.verdict FROM reviews r JOIN transactions t ON t.id = r.id
    WHERE r.review_id IN (SELECT max(review_id) FROM reviews WHERE verdict IN ('fraud', 'legitimate') GROUP BY id)
    ORDER BY t.id"""


def differences(connection: Connection) -> Iterator[Difference]:
    """Transactions that nobody decided and that nobody will."""
    for _, id in connection.rows(_UNDECIDED):
        yield Difference("decisions", str(id), None, "to be decided")


def repair(connection: Connection) -> None:
    """Let the next run of the step `follow` decide them."""
    for client_id, id in connection.rows(_UNDECIDED):
        with connection.write([client_id]):
            waits(connection, client_id, id)


def verdicts(connection: Connection) -> Iterator[Difference]:
    """Transactions whose truth isn't what the latest decisive review says."""
    for id, is_fraud, found in _overruled(connection):
        yield Difference("transactions", f"{id} is_fraud", is_fraud, found)


def repair_verdicts(connection: Connection) -> None:
    """Let the truth be what analysts found, wherever it is counted."""
    for id, _, is_fraud in _overruled(connection):
        found = profiles.find(connection, id)
        if found is None:
            continue
        with connection.write([found[0].client_id]):
            event, before = profiles.find(connection, id, hold=True) or found
            kept = known(connection, event, {})
            if kept is not None:
                tell(connection, kept, event, before, before._replace(is_fraud=is_fraud))


def _overruled(connection: Connection) -> list[tuple[int, int | None, int]]:
    """The ids of such transactions, their truth, and what analysts found."""
    found = ((id, is_fraud, DECISIVE[verdict]) for id, is_fraud, verdict in connection.rows(_VERDICTS))
    return [(id, is_fraud, verdict) for id, is_fraud, verdict in found if is_fraud != verdict]
