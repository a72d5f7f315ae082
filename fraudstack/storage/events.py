"""Transactions in bulk, as profiles and sums look at them."""

from collections.abc import Iterator
from itertools import chain

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.profiles.event import FIELDS, Event, Marks
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import Store
from fraudstack.storage.forms import COMPARED, formed

COLUMNS = pa.schema(
    [
        ("id", pa.int64()),
        ("client_id", pa.string()),
        ("seconds", pa.int64()),
        ("cents", pa.int64()),
        ("card", pa.string()),
        ("channel", pa.string()),
        ("merchant", pa.string()),
        ("city", pa.string()),
        ("state", pa.string()),
        ("mcc", pa.int32()),
        ("errors", pa.string()),
        ("flagged_fraud", pa.int32()),
        ("is_fraud", pa.int32()),
        # The day, since 1970, from which is_fraud is known; NULL where nobody tells.
        ("known", pa.int64()),
    ]
)

_MARKS = ("flagged_fraud", "is_fraud", "known")
_SECONDS_SQLITE = "CAST(strftime('%s', date) AS BIGINT)"
_SECONDS_POSTGRESQL = "CAST(extract(epoch FROM date) AS BIGINT)"
# SQLite's driver takes a column's type from its first rows: were they all NULL, text would be an error later.
_TEXTS = ("card", "channel", "merchant", "city", "state", "errors")
_EVENTS = """SELECT id, client_id, {seconds} AS seconds, CAST(round(amount * 100) AS BIGINT) AS cents,
    coalesce(card_id, '') AS card, coalesce(use_chip, '') AS channel, coalesce(merchant_id, '') AS merchant,
    coalesce(merchant_city, '') AS city, coalesce(merchant_state, '') AS state, mcc, coalesce(errors, '') AS errors,
    flagged_fraud, is_fraud, day AS known FROM transactions LEFT JOIN label_days USING (id)"""


def stream(store: Store, connection: Connection) -> Iterator[pa.RecordBatch]:
    """Every transaction, with COLUMNS; text that isn't set is empty."""
    for batch in bulk.stream(store, connection, _statement(store)):
        yield formed(batch.cast(COLUMNS), COMPARED)


def of(store: Store, connection: Connection, where: str, parameters: tuple[str, ...]) -> list[tuple[Event, Marks]]:
    """The transactions for which a condition holds, and what is said of each."""
    found = bulk.query(connection, f"{_statement(store)} WHERE {where}", parameters).cast(COLUMNS)
    texts = (formed(batch, COMPARED).to_pylist() for batch in found.to_batches())
    rows = (row | {name: row[name] or None for name in _TEXTS} for row in chain.from_iterable(texts))
    return [(Event(*(row[name] for name in FIELDS)), Marks(*(row[name] for name in _MARKS))) for row in rows]


def _statement(store: Store) -> str:
    return _EVENTS.format(seconds=_SECONDS_SQLITE if store.path else _SECONDS_POSTGRESQL)
