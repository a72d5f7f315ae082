"""Whether every transaction is decided or waits for it, and whether the truth is what analysts and labels say."""

from collections.abc import Iterator

import numpy as np

from fraudstack.features import DAY
from fraudstack.profiles.event import Marks
from fraudstack.storage import profiles
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.following.changes import waits
from fraudstack.storage.following.history import known
from fraudstack.storage.label_days import known_day
from fraudstack.storage.loads import labels_of
from fraudstack.storage.reviews import DECISIVE, VERDICTS, tell
from fraudstack.storage.verify.difference import Difference

_UNDECIDED = """SELECT t.client_id, t.id FROM transactions t
    WHERE NOT EXISTS (SELECT 1 FROM decisions d WHERE d.id = t.id)
    AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.id = t.id AND c.client_id = t.client_id) ORDER BY t.id"""
_VERDICTS = f"""SELECT id, verdict, at FROM reviews
    WHERE review_id IN (SELECT max(review_id) FROM {VERDICTS} AND id BETWEEN ? AND ? GROUP BY id)"""
_TRUTHS = f"""SELECT id, is_fraud, {known_day("transactions")} FROM transactions
    WHERE id > ? ORDER BY id LIMIT ?"""
# Transactions that are looked at in one view.
_MANY = 50_000


def differences(connection: Connection) -> Iterator[Difference]:
    """Transactions that nobody decided and that nobody will."""
    for _, id in connection.rows(_UNDECIDED):
        yield Difference("decisions", str(id), None, "to be decided")


def repair(connection: Connection) -> None:
    """Let the next run of the step `follow` decide them."""
    for client_id, id in connection.rows(_UNDECIDED):
        with connection.write([client_id]):
            waits(connection, client_id, id)


def truths(connection: Connection) -> Iterator[Difference]:
    """Transactions whose truth, or since when it is known, isn't that of the latest verdict or else label."""
    for id, kept, found in _wrong(connection):
        if kept.is_fraud != found.is_fraud:
            yield Difference("transactions", f"{id} is_fraud", kept.is_fraud, found.is_fraud)
        if kept.known != found.known:
            yield Difference("label_days", str(id), kept.known, found.known)


def repair_truths(connection: Connection) -> None:
    """Let the truth be what analysts and labels say, wherever it is counted."""
    for id, _, should in list(_wrong(connection)):
        found = profiles.find(connection, id)
        if found is None:
            continue
        with connection.write([found[0].client_id]):
            event, before = profiles.find(connection, id, hold=True) or found
            kept = known(connection, event, {})
            if kept is not None:
                after = before._replace(is_fraud=should.is_fraud, known=should.known)
                tell(connection, kept, event, before, after)


def _wrong(connection: Connection) -> Iterator[tuple[int, Marks, Marks]]:
    """The ids of such transactions, their truth, and what it should be."""
    last = -1
    while True:
        with connection.read():
            several = connection.rows(_TRUTHS, (last, _MANY))
            if not several:
                return
            said = labels_of(connection.rows, np.array([id for id, *_ in several], np.int64))
            verdicts = connection.rows(_VERDICTS, (several[0][0], several[-1][0]))
        should = {id: Marks(None, label.is_fraud, label.known) for id, label in said.items()}
        should |= {id: Marks(None, DECISIVE[verdict], profiles.seconds_at(at) // DAY) for id, verdict, at in verdicts}
        for id, *truth in several:
            kept, found = Marks(None, *truth), should.get(id, Marks())
            if kept != found:
                yield id, kept, found
        last = several[-1][0]
