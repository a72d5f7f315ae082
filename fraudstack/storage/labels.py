"""Labels become transactions.is_fraud, by id and in short transactions; a decisive review stands above them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage import batch as bulk
from fraudstack.storage import batch_days, changes, outdated
from fraudstack.storage.pace import Pace
from fraudstack.storage.store import Store

STAGED = pa.schema([("id", pa.int64()), ("is_fraud", pa.int32())])

_MATCHED = "SELECT count(*) AS matched FROM staged s JOIN transactions t ON t.id = s.id"


def _differs(known: str) -> str:
    """Whether a label says otherwise than a transaction of which no verdict says anything."""
    return f"""{known}.is_fraud IS DISTINCT FROM s.is_fraud AND NOT EXISTS (
        SELECT 1 FROM reviews r WHERE r.id = {known}.id AND r.verdict IN ('fraud', 'legitimate'))"""


_NEWS = f"SELECT s.id, s.is_fraud FROM staged s JOIN transactions t ON t.id = s.id WHERE {_differs('t')} ORDER BY s.id"
_CHANGED = f"""SELECT t.client_id, t.id, {{was}} AS was FROM staged s JOIN transactions t ON t.id = s.id
    WHERE {_differs("t")}"""
_UPDATE = f"""UPDATE transactions SET is_fraud = s.is_fraud FROM staged s
    WHERE s.id = transactions.id AND {_differs("transactions")}"""
# A server looks for verdicts as they were when a statement began: whoever is about to give one, who holds the row, is
# waited for before.
_HOLD = """SELECT count(*) AS held FROM (SELECT t.id FROM transactions t JOIN staged s ON s.id = t.id
    WHERE t.is_fraud IS DISTINCT FROM s.is_fraud ORDER BY t.id FOR UPDATE OF t) rows"""
_TAKE_OUT, _COUNT = (batch_days.counting("SELECT id FROM staged", sign) for sign in (-1, 1))
_LABELLED = "SELECT client_id, is_fraud FROM transactions WHERE is_fraud IS NOT NULL"


def apply(
    store: Store,
    connection: Connection,
    batches: Iterable[pa.RecordBatch],
    on_rows: Callable[[int], None],
    most: int,
) -> int:
    """Set is_fraud from labels (columns of STAGED, each id once, best in order).

    Up to so many labels that say something new are entered in `changes`, to be counted; if there are more, all is
    outdated that is made of transactions. Returns how many found their transaction.
    """
    matched = 0
    pace = Pace()
    news: list[pa.Table] = []
    enter = not outdated.holds(connection, outdated.PROFILES)
    for batch in batches:
        for piece in bulk.pieces(batch, pace):
            bulk.stage(connection, "staged", piece)
            matched += bulk.query(connection, _MATCHED).to_pylist()[0]["matched"]
            found = bulk.query(connection, _NEWS)
            if found.num_rows and enter:
                news.append(found.cast(STAGED))
                if sum(some.num_rows for some in news) > most:
                    outdated.mark(store, connection)
                    enter = False
                    _put(store, connection, news, enter=False)
            elif found.num_rows:
                turn, _ = bulk.write_again(store, connection, partial(_update, store, connection, enter=False))
                pace.took(turn, piece.num_rows)
            on_rows(piece.num_rows)
    if enter:
        _put(store, connection, news, enter=True)
    return matched


def _put(store: Store, connection: Connection, news: Sequence[pa.Table], *, enter: bool) -> None:
    pace = Pace()
    for batch in pa.concat_tables([STAGED.empty_table(), *news]).combine_chunks().to_batches():
        for piece in bulk.pieces(batch, pace):
            bulk.stage(connection, "staged", piece)
            turn, _ = bulk.write_again(store, connection, partial(_update, store, connection, enter=enter))
            pace.took(turn, piece.num_rows)


def _update(store: Store, connection: Connection, *, enter: bool) -> None:
    if store.path is None:
        bulk.query(connection, _HOLD)
    if enter:
        bulk.execute(connection, changes.entering(_CHANGED.format(was=changes.counted(store))))
    for statement in (_TAKE_OUT, _UPDATE, _COUNT):
        bulk.execute(connection, statement)


def by_client(store: Store, connection: Connection) -> pa.Table:
    """Per client with labels: client_id, labelled (transactions), frauds (among them).

    Counted by Arrow: SQLite would sort all rows to group them.
    """
    schema = pa.schema([("client_id", pa.string()), ("is_fraud", pa.int64())])
    counted = [
        pa.Table.from_batches([batch.cast(schema)])
        .group_by("client_id")
        .aggregate([("is_fraud", "count"), ("is_fraud", "sum")])
        for batch in bulk.stream(store, connection, _LABELLED)
    ]
    none = schema.empty_table().group_by("client_id").aggregate([("is_fraud", "count"), ("is_fraud", "sum")])
    sums = pa.concat_tables([none, *counted]).group_by("client_id")
    return sums.aggregate([("is_fraud_count", "sum"), ("is_fraud_sum", "sum")]).rename_columns(
        ["client_id", "labelled", "frauds"]
    )
