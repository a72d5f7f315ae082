"""Transactions deleted by their ids, with all that hangs on them: decisions, reviews, labels, what was replaced."""

from collections.abc import Callable, Sequence
from itertools import batched

from fraudstack.storage import loads, outdated, transactions
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.removal import chosen

# Claims first, decisions and reviews before what they are of.
_TABLES = ("challenges", "claims", "decisions", "reviews", "replaced", "label_days", "transactions")
# Ids that are looked up at once.
_AT_ONCE = 2_000
_REASONED = f"SELECT {transactions.REASONED} FROM transactions WHERE id IN (SELECT id FROM chosen)"


def delete(connection: Connection, ids: Sequence[int], share: float, on_rows: Callable[[int], None]) -> int:
    """Delete transactions in short write transactions, for whoever has the turn to ingest; how many there were.

    What was changed waits in `changes` to be counted; where it is more than a share of what is counted, all is outdated
    that is made of transactions.
    """
    gone = 0
    in_order = sorted(set(ids))
    chosen.begin(connection)
    # Of a list that is longer than the store, few may be there.
    there = sum(chosen.choose(connection, dict.fromkeys(some)) for some in batched(in_order, _AT_ONCE))
    enter = outdated.enters(connection, there, share)

    def some(several: Sequence[int]) -> None:
        nonlocal gone
        gone += chosen.choose(connection, dict.fromkeys(several))
        for row in connection.rows(_REASONED):
            transactions.take_out_reasons(connection, row)
        if enter:
            chosen.enter(connection)
        chosen.drop_decided(connection)
        chosen.delete(connection, _TABLES)
        loads.take_out(connection, several)

    chosen.in_turns(connection, in_order, some, on_rows)
    return gone
