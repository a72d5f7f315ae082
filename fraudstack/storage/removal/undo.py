"""A load taken back: what it brought goes, what it replaced comes back, and what follows is counted anew.

What a later load replaced stays as that one left it. What was decided online or reviewed since stays too, and is named.
A process that was killed in between is made up for by undoing again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from fraudstack.errors import InputError
from fraudstack.schema import CONTENT
from fraudstack.storage import loads, outdated
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.decisions import batch_days
from fraudstack.storage.following import changes
from fraudstack.storage.label_days import known_day
from fraudstack.storage.removal import chosen
from fraudstack.storage.reviews import VERDICTS

_LOADS = "SELECT number FROM loads WHERE run_id = ? ORDER BY number DESC"
_REPLACED = "SELECT id FROM replaced WHERE load = ? ORDER BY id"
_CHOSEN = "SELECT id FROM chosen ORDER BY id"
_DONE = "DELETE FROM loads WHERE number = ?"
# The load that first replaced what another one left.
_LATER = """SELECT c.id, min(r.load) FROM chosen c JOIN replaced r ON r.id = c.id WHERE r.load > ?
    GROUP BY c.id ORDER BY c.id"""
_FORGET_REPLACED = "DELETE FROM replaced WHERE load = ? AND id = ?"
_COLUMNS = ", ".join(name for name in CONTENT if name != "id")
_HAND_ON = f"""UPDATE replaced SET ({_COLUMNS}) = (SELECT {_COLUMNS} FROM replaced m WHERE m.load = ? AND m.id = ?)
    WHERE load = ? AND id = ?"""
_OTHER_CLIENT = """SELECT r.client_id, r.id, CAST(NULL AS TEXT) AS was FROM chosen c JOIN transactions t ON t.id = c.id
    JOIN replaced r ON r.id = c.id AND r.load = {} WHERE r.client_id <> t.client_id"""
_RESTORE = f"""UPDATE transactions SET {", ".join(f"{c} = r.{c}" for c in CONTENT if c != "id")}
    FROM replaced r JOIN chosen c ON c.id = r.id WHERE r.load = ? AND transactions.id = r.id"""
_REVIEWED = f"SELECT id FROM chosen WHERE id IN (SELECT id FROM {VERDICTS}) ORDER BY id"
_SAME = f"""DELETE FROM chosen WHERE id IN (SELECT c.id FROM chosen c LEFT JOIN transactions t ON t.id = c.id
    WHERE t.is_fraud IS NOT DISTINCT FROM c.is_fraud AND {known_day("c")} IS NOT DISTINCT FROM c.known)"""
_TELL = (
    "UPDATE transactions SET is_fraud = c.is_fraud FROM chosen c WHERE c.id = transactions.id",
    "DELETE FROM label_days WHERE id IN (SELECT id FROM chosen)",
    """INSERT INTO label_days (id, day) SELECT c.id, c.known FROM chosen c JOIN transactions t ON t.id = c.id
        WHERE c.known IS NOT NULL""",
)
_COUNT_BATCH = [batch_days.counting("SELECT id FROM chosen", sign) for sign in (-1, 1)]


@dataclass
class Undone:
    """How many transactions are gone, were restored, lost a label; and the ids of those that stay as they are."""

    gone: int = 0
    restored: int = 0
    unlabelled: int = 0
    stay: set[int] = field(default_factory=set)


def undo(connection: Connection, run_id: str, share: float, on_rows: Callable[[int], None]) -> Undone:
    """Take back what a run loaded, in short write transactions, for whoever has the turn to ingest.

    What was changed waits in `changes` to be counted; where it is more than a share of what is counted, all is outdated
    that is made of transactions. Raises InputError where the run changed no transaction.
    """
    of_run = [number for (number,) in connection.rows(_LOADS, (run_id,))]
    if not of_run:
        raise InputError(
            f"no run {run_id} is known that changed transactions: `fraudstack report` names the latest runs"
        )
    enter = outdated.enters(connection, sum(_size(connection, load) for load in of_run), share)
    found = Undone()
    chosen.begin(connection)
    for load in of_run:
        _take_back(connection, load, enter, found, on_rows)
        with connection.write():
            connection.execute(_DONE, (load,))
    return found


def _size(connection: Connection, load: int) -> int:
    """How many transactions and labels a load brought, and corrected."""
    listed = (len(columns[0]) for kind in loads.KINDS for _, columns in loads.lists(connection, load, kind))
    return sum(listed, start=len(connection.rows(_REPLACED, (load,))))


def _take_back(connection: Connection, load: int, enter: bool, found: Undone, on_rows: Callable[[int], None]) -> None:
    for _, (ids, *_) in loads.lists(connection, load, "labels"):
        chosen.in_turns(connection, ids.tolist(), partial(_labels, connection, load, enter, found), on_rows)
    replaced = [id for (id,) in connection.rows(_REPLACED, (load,))]
    chosen.in_turns(connection, replaced, partial(_corrections, connection, load, enter, found), on_rows)
    for _, (ids, *_) in loads.lists(connection, load, "transactions"):
        chosen.in_turns(connection, ids.tolist(), partial(_new, connection, load, enter, found), on_rows)


def _labels(connection: Connection, load: int, enter: bool, found: Undone, ids: Sequence[int]) -> None:
    """Let the truth be what the other labels say."""
    others = loads.labels_of(connection.rows, np.array(ids), but=load)
    before = {id: others.get(id) for id in ids}
    overtaken = {id for id, label in before.items() if label is not None and label.load > load}
    chosen.choose(connection, {id: label for id, label in before.items() if id not in overtaken})
    reviewed = [id for (id,) in connection.rows(_REVIEWED)]
    found.stay |= set(reviewed)
    chosen.leave(connection, reviewed)
    connection.execute(_SAME)
    [(several,)] = connection.rows("SELECT count(*) FROM chosen")
    found.unlabelled += several
    if enter:
        chosen.enter(connection)
    for statement in (_COUNT_BATCH[0], *_TELL, _COUNT_BATCH[1]):
        connection.execute(statement)
    loads.take_out(connection, ids, ["labels"], of=load)


def _corrections(connection: Connection, load: int, enter: bool, found: Undone, ids: Sequence[int]) -> None:
    """Let transactions be what they were before."""
    chosen.choose(connection, dict.fromkeys(ids))
    later = connection.rows(_LATER, (load,))
    connection.many(_HAND_ON, [(load, id, other, id) for id, other in later])
    chosen.leave(connection, [id for id, _ in later])
    stay = chosen.leave_decided_or_reviewed(connection)
    found.stay |= set(stay)
    found.restored += len(ids) - len(later) - len(stay)
    if enter:
        chosen.enter(connection)
        connection.execute(changes.entering(_OTHER_CLIENT.format(int(load))))
    chosen.drop_decided(connection)
    connection.execute(_RESTORE, (load,))
    connection.many(_FORGET_REPLACED, [(load, id) for id in ids])


def _new(connection: Connection, load: int, enter: bool, found: Undone, ids: Sequence[int]) -> None:
    """Delete transactions; what a later load corrected came with that one, from now on."""
    there = chosen.choose(connection, dict.fromkeys(ids))
    later = connection.rows(_LATER, (load,))
    connection.many(_FORGET_REPLACED, [(other, id) for id, other in later])
    for other in sorted({other for _, other in later}):
        theirs = np.array([id for id, of in later if of == other], np.int64)
        connection.execute(*loads.listing(other, "transactions", theirs, server=connection.store.path is None))
    chosen.leave(connection, [id for id, _ in later])
    stay = chosen.leave_decided_or_reviewed(connection)
    found.stay |= set(stay)
    found.gone += there - len(later) - len(stay)
    loads.take_out(connection, ids, ["transactions"], of=load)
    loads.take_out(connection, [id for (id,) in connection.rows(_CHOSEN)], ["labels"])
    if enter:
        chosen.enter(connection)
    chosen.drop_decided(connection)
    chosen.delete(connection, ("claims", "label_days", "transactions"))
