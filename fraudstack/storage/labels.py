"""Labels become transactions.is_fraud, by id and in short transactions; a decisive review stands above them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection

from fraudstack.storage import loads, outdated
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.pace import Pace, Turn
from fraudstack.storage.connections.store import Store
from fraudstack.storage.decisions import batch_days
from fraudstack.storage.following import changes
from fraudstack.storage.loads import Load
from fraudstack.storage.loads import bulk as loads_bulk
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.reviews import VERDICTS

# known_at: in UTC; NULL: nobody says.
STAGED = pa.schema([("id", pa.int64()), ("is_fraud", pa.int32()), ("known_at", pa.timestamp("us"))])

_MATCHED = "SELECT count(*) AS matched FROM staged s JOIN transactions t ON t.id = s.id"
# What a verdict stands above is a fact all the same.
_NEWS = f"""SELECT s.id FROM staged s JOIN transactions t ON t.id = s.id
    WHERE t.is_fraud IS DISTINCT FROM s.is_fraud OR s.id IN (SELECT id FROM {VERDICTS})"""


def _differs(known: str) -> str:
    """Whether a label says otherwise than a transaction of which no verdict says anything."""
    return f"{known}.is_fraud IS DISTINCT FROM s.is_fraud AND {known}.id NOT IN (SELECT id FROM {VERDICTS})"


_CHANGED = f"""SELECT t.client_id, t.id, {{was}} AS was FROM staged s JOIN transactions t ON t.id = s.id
    WHERE {_differs("t")}"""
_UPDATE = f"""UPDATE transactions SET is_fraud = s.is_fraud FROM staged s
    WHERE s.id = transactions.id AND {_differs("transactions")}"""
# A server looks for verdicts as they were when a statement began: whoever is about to give one, who holds the row, is
# waited for before.
_HOLD = """SELECT count(*) AS held FROM (SELECT t.id FROM transactions t JOIN staged s ON s.id = t.id
    WHERE t.is_fraud IS DISTINCT FROM s.is_fraud ORDER BY t.id FOR UPDATE OF t) rows"""
# Of those whose truth is about to be another one.
_NO_DAYS = f"""DELETE FROM label_days WHERE id IN (SELECT t.id FROM staged s JOIN transactions t ON t.id = s.id
    WHERE {_differs("t")})"""
_DAYS = f"""INSERT INTO label_days (id, day) SELECT s.id, s.known FROM staged s JOIN transactions t ON t.id = s.id
    WHERE s.known IS NOT NULL AND {_differs("t")}"""
_TAKE_OUT, _COUNT = (batch_days.counting("SELECT id FROM staged", sign) for sign in (-1, 1))
_LABELLED = "SELECT client_id, is_fraud FROM transactions WHERE is_fraud IS NOT NULL"


def apply(
    store: Store,
    connection: Connection,
    batches: Iterable[pa.RecordBatch],
    on_rows: Callable[[int], None],
    most: int,
    of: Load,
) -> int:
    """Set is_fraud from labels (columns of STAGED, each id once, best in order).

    Those that say something new are noted as the load's. Up to so many are entered in `changes`, to be counted; if
    there are more, all is outdated that is made of transactions. Returns how many found their transaction.
    """
    matched = 0
    pace = Pace()
    news: list[pa.Table] = []
    enter = not rebuild.is_due(connection, outdated.PROFILES)
    for batch in batches:
        # Of the labels of a whole history nearly all are known, and no transaction is looked up for them.
        unknown = _unknown(connection, batch)
        matched += batch.num_rows - unknown.num_rows
        on_rows(batch.num_rows - unknown.num_rows)
        for piece in bulk.pieces(unknown, pace):
            _stage(connection, piece)
            matched += bulk.query(connection, _MATCHED).to_pylist()[0]["matched"]
            found = _news(connection, piece)
            if found.num_rows and enter:
                news.append(found)
                if sum(some.num_rows for some in news) > most:
                    rebuild.order(store, connection)
                    enter = False
                    _put(store, connection, news, of, enter=False)
            elif found.num_rows:
                pace.took(_update(store, connection, piece, of, enter=False), piece.num_rows)
            on_rows(piece.num_rows)
    if enter:
        _put(store, connection, news, of, enter=True)
    return matched


def _put(store: Store, connection: Connection, news: Sequence[pa.Table], of: Load, *, enter: bool) -> None:
    pace = Pace()
    for batch in pa.concat_tables([STAGED.empty_table(), *news]).combine_chunks().to_batches():
        for piece in bulk.pieces(batch, pace):
            _stage(connection, piece)
            pace.took(_update(store, connection, piece, of, enter=enter), piece.num_rows)


def _unknown(connection: Connection, labels: pa.RecordBatch) -> pa.RecordBatch:
    """Those of some labels that aren't what the label that counts says already."""
    truths = loads.truths_of(partial(bulk.rows, connection), labels.column("id").to_numpy())
    return labels.filter(pa.array(truths != labels.column("is_fraud").to_numpy()))


def _stage(connection: Connection, labels: pa.Table) -> None:
    known = labels.column("known_at").cast(pa.date32()).cast(pa.int32())
    bulk.stage(connection, "staged", labels.select(["id", "is_fraud"]).append_column("known", known))


def _news(connection: Connection, staged: pa.Table) -> pa.Table:
    """Those of the staged labels, none of which is known, that say something new of a transaction."""
    found = bulk.query(connection, _NEWS)
    if not found.num_rows:
        return staged.slice(0, 0)
    return staged.filter(pc.is_in(staged.column("id"), value_set=found.column("id")))


def _update(store: Store, connection: Connection, staged: pa.Table, of: Load, *, enter: bool) -> Turn:
    """Let the truth be what is staged, and note it."""

    def update() -> None:
        if store.path is None:
            bulk.query(connection, _HOLD)
        news = _news(connection, staged)
        if not news.num_rows:
            return
        if enter:
            bulk.execute(connection, changes.entering(_CHANGED.format(was=changes.counted(store))))
        for statement in (_TAKE_OUT, _NO_DAYS, _DAYS, _UPDATE, _COUNT):
            bulk.execute(connection, statement)
        since = news.column("known_at").cast(pa.timestamp("s")).cast(pa.int64())
        columns = (news.column("id"), news.column("is_fraud").cast(pa.int64()), pc.fill_null(since, loads.UNDATED))
        loads_bulk.note(store, connection, of, "labels", *(column.to_numpy() for column in columns))

    return bulk.write_again(store, connection, update)[0]


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
