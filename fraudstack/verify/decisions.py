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
    for id, is_fraud, verdict in connection.rows(_VERDICTS):
        if is_fraud != DECISIVE[verdict]:
            yield Difference("transactions", f"{id} is_fraud", is_fraud, DECISIVE[verdict])


def repair_verdicts(connection: Connection) -> None:
    """Let the truth be what analysts found, wherever it is counted."""
    for difference in list(verdicts(connection)):
        id = int(difference.key.partition(" ")[0])
        found = profiles.find(connection, id)
        if found is None:
            continue
        with connection.write([found[0].client_id]):
            event, before = profiles.find(connection, id, hold=True) or found
            after = before._replace(is_fraud=difference.rebuilt)
            kept = known(connection, event, {})
            if kept is not None:
                tell(connection, kept, event, before, after)
