"""What the report reads: every transaction once, streamed, and a few small queries."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Integer,
    Select,
    and_,
    case,
    cast,
    extract,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from fraudstack.errors import StoreError
from fraudstack.schema import TRANSACTIONS, ClustersStore, IngestRun, TransactionsStore
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.engines import read_only
from fraudstack.storage.connections.store import Store

_T = TRANSACTIONS.c
_RUNS = TransactionsStore.metadata.tables["ingest_runs"]
_QUARANTINE = TransactionsStore.metadata.tables["quarantine"]
_MCC_CODES = TransactionsStore.metadata.tables["mcc_codes"]
_CLUSTERS = ClustersStore.metadata.tables["transactions_clusters"]
_NEEDED = (TRANSACTIONS, _RUNS, _QUARANTINE, _MCC_CODES)


class Extent(NamedTuple):
    """First and last date, and how many clients there are."""

    first: datetime | None
    last: datetime | None
    clients: int


class Refused(NamedTuple):
    """Rows that a step refused for one reason."""

    step: str
    reason: str
    rows: int


class ClusterRow(NamedTuple):
    """A cluster of clients; the features are means per client, each in its own unit."""

    cluster: int
    name: str
    clients: int
    transactions: int
    fraud_rate: float | None
    features: dict[str, float]


@contextmanager
def reading(store: Store, part: Literal["transactions", "clusters"]) -> Iterator[Engine]:
    """An engine on a store that holds the tables of `part`.

    Raises StoreError when the store isn't there, can't be read, or holds other tables than ours.
    """
    engine = read_only(store)
    try:
        inspector = inspect(engine)
        there = set(inspector.get_table_names())
        for table in _NEEDED if part == "transactions" else (_CLUSTERS,):
            if table.name not in there:
                raise StoreError(f"{store.shown} holds no table {table.name}: `fraudstack ingest` makes it")
            columns = {column["name"] for column in inspector.get_columns(table.name)}
            missing = [column.name for column in table.columns if column.name not in columns]
            if missing:
                raise StoreError(
                    f"the table {table.name} of {store.shown} has no column {', '.join(missing)}: "
                    "`fraudstack ingest` brings an older store up to date"
                )
        yield engine
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise StoreError(f"the store {store.shown} can't be read: {reason}") from error
    finally:
        engine.dispose()


def transactions(store: Store, engine: Engine, *, detailed: bool) -> Iterator[pa.RecordBatch]:
    """Of every transaction what a report counts, in whatever order comes cheapest.

    Columns: channel, currency, cents, card_id, merchant_id, declined (0 or 1), is_fraud, flagged_fraud, and if
    `detailed` year_hour (100 times the year and the hour) and mcc; text is empty where it isn't set. `engine`
    says how the store's SQL is spelt; none of its connections may be in use.
    """
    columns = [
        _text(_T.use_chip, "channel"),
        _T.currency,
        # Whole cents, because SQLite's REAL amounts don't add up exactly.
        cast(func.round(_T.amount * 100), BigInteger).label("cents"),
        _text(_T.card_id, "card_id"),
        _text(_T.merchant_id, "merchant_id"),
        case((and_(_T.errors.is_not(None), _T.errors != ""), 1), else_=0).label("declined"),
        _T.is_fraud,
        _T.flagged_fraud,
    ]
    if detailed:
        columns += [(_part(engine, "year") * 100 + _part(engine, "hour")).label("year_hour"), _T.mcc]
    statement = select(*columns).compile(engine, compile_kwargs={"literal_binds": True})
    with bulk.connect(store, read_only=True) as connection:
        yield from bulk.stream(store, connection, str(statement))


def _text(column: ColumnElement[Any], name: str) -> ColumnElement[str]:
    # The driver takes SQLite's types from the first rows: were they all NULL, text would be an error later.
    return func.coalesce(column, "").label(name)


def extent(engine: Engine) -> Extent:
    """Dates and clients, from SQLite's indexes alone."""
    # Apart, because SQLite looks only a lone minimum up.
    first, last = (select(end(_T.date)).scalar_subquery() for end in (func.min, func.max))
    clients = select(func.count()).select_from(select(_T.client_id).distinct().subquery()).scalar_subquery()
    return Extent(*_rows(engine, select(first, last, clients))[0])


def per_month(engine: Engine, first: datetime, last: datetime) -> list[tuple[str, int]]:
    """Transactions of each month (YYYY-MM) from `first` to `last`, from the index on the date alone."""
    start = datetime(first.year, first.month, 1)
    months: list[tuple[str, int]] = []
    with engine.connect() as connection:
        while start <= last:
            end = datetime(start.year + start.month // 12, start.month % 12 + 1, 1)
            statement = select(func.count()).where(_T.date >= start, _T.date < end)
            months.append((f"{start:%Y-%m}", connection.execute(statement).scalar_one()))
            start = end
    return months


def category_names(engine: Engine) -> dict[int, str]:
    """The names of the merchant category codes."""
    codes = select(_MCC_CODES.c.mcc, _MCC_CODES.c.name)
    return dict(_rows(engine, codes))


def last_runs(engine: Engine, steps: int) -> list[IngestRun]:
    """The steps that began last, newest first."""
    newest = select(IngestRun).order_by(_RUNS.c.started_at.desc(), _RUNS.c.run_id, _RUNS.c.step).limit(steps)
    with Session(engine) as session:
        return list(session.scalars(newest))


def refused(engine: Engine, run_id: str) -> list[Refused]:
    """What a run refused, by step and reason, most frequent first."""
    reason = (_QUARANTINE.c.step, _QUARANTINE.c.reason)
    statement = (
        select(*reason, func.count())
        .where(_QUARANTINE.c.run_id == run_id)
        .group_by(*reason)
        .order_by(func.count().desc(), *reason)
    )
    return [Refused(*row) for row in _rows(engine, statement)]


def clusters(engine: Engine) -> list[ClusterRow]:
    """The clusters, biggest first."""
    known = ("cluster", "name", "count", "transactions", "fraud_rate")
    features = [column.name for column in _CLUSTERS.c if column.name not in known]
    statement = select(*(_CLUSTERS.c[name] for name in (*known, *features))).order_by(_CLUSTERS.c.cluster)
    return [
        ClusterRow(number, name, clients, transactions, rate, dict(zip(features, means, strict=True)))
        for number, name, clients, transactions, rate, *means in _rows(engine, statement)
    ]


def _rows(engine: Engine, statement: Select[Any]) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def _part(engine: Engine, part: Literal["year", "hour"]) -> ColumnElement[int]:
    """A part of the date as a number; in SQLite a date is text and strftime takes its time."""
    if engine.dialect.name == "sqlite":
        start, length = {"year": (1, 4), "hour": (12, 2)}[part]
        return cast(func.substr(_T.date, start, length), Integer)
    return cast(extract(part, _T.date), Integer)
