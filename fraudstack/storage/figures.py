"""What the report counts, in few passes: a store may hold tens of millions of rows.

Money is summed in whole cents, which SQLite's REAL amounts need to stay exact. Every function takes its own
connection, so that two can run at a time; while an ingest is at work they may see it at different moments.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Integer,
    ScalarSelect,
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

from fraudstack.errors import StoreError
from fraudstack.schema import TRANSACTIONS, ClustersStore, TransactionsStore
from fraudstack.storage.engines import read_only
from fraudstack.storage.store import Store

_T = TRANSACTIONS.c
_RUNS = TransactionsStore.metadata.tables["ingest_runs"]
_QUARANTINE = TransactionsStore.metadata.tables["quarantine"]
_MCC_CODES = TransactionsStore.metadata.tables["mcc_codes"]
_CLUSTERS = ClustersStore.metadata.tables["transactions_clusters"]
_NEEDED = (TRANSACTIONS, _RUNS, _QUARANTINE, _MCC_CODES)
# Where the bins of amounts end, in units of the currency: each is twice as wide as the one before.
AMOUNT_EDGES = tuple(2**power for power in range(14))


class Volume(NamedTuple):
    """The transactions of one channel in one currency."""

    channel: str | None
    currency: str
    transactions: int
    refunds: int
    declined: int
    labelled: int
    fraud: int
    # Decided online so far, and how many of them were flagged.
    decided: int
    flagged: int
    cents: int
    refund_cents: int
    declined_cents: int
    fraud_cents: int


class Extent(NamedTuple):
    """First and last date, and how many clients, cards and merchants differ."""

    first: datetime | None
    last: datetime | None
    clients: int
    cards: int
    merchants: int


class Labelled(NamedTuple):
    """Labelled transactions, and the fraud among them, of a year, an hour (UTC) and a category."""

    year: int
    hour: int
    mcc: int | None
    labelled: int
    fraud: int


class AmountBin(NamedTuple):
    """Transactions whose amount without its sign lies below AMOUNT_EDGES[bin] and in no bin before."""

    is_refund: bool
    bin: int
    transactions: int


class Run(NamedTuple):
    """One step of one ingest run, as in ingest_runs."""

    run_id: str
    step: str
    started_at: datetime
    seconds: float | None
    rows_in: int | None
    loaded: int | None
    quarantined: int | None
    unmatched: int | None
    error: str | None


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
    needed = _NEEDED if part == "transactions" else (_CLUSTERS,)
    engine = read_only(store)
    try:
        there = set(inspect(engine).get_table_names())
        missing = [table.name for table in needed if table.name not in there]
        if missing:
            raise StoreError(f"{store.shown} holds no table {', '.join(missing)}: `fraudstack ingest` makes it")
        yield engine
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise StoreError(f"the store {store.shown} can't be read: {reason}") from error
    finally:
        engine.dispose()


def volumes(engine: Engine) -> list[Volume]:
    """Every transaction once, by channel and currency: one scan of the table."""
    cents = cast(func.round(_T.amount * 100), BigInteger)
    refund, fraud = _T.amount < 0, _T.is_fraud == 1
    declined = and_(_T.errors.is_not(None), _T.errors != "")
    figures = (
        func.count(),
        func.count().filter(refund),
        func.count().filter(declined),
        func.count(_T.is_fraud),
        func.count().filter(fraud),
        func.count(_T.flagged_fraud),
        func.count().filter(_T.flagged_fraud == 1),
        func.sum(cents),
        *(func.coalesce(func.sum(cents).filter(some), 0) for some in (refund, declined, fraud)),
    )
    statement = select(_T.use_chip, _T.currency, *figures).group_by(_T.use_chip, _T.currency)
    # PostgreSQL sums whole numbers to a Decimal.
    return [Volume(row[0], row[1], *map(int, row[2:])) for row in _rows(engine, statement)]


def extent(engine: Engine) -> Extent:
    """Dates and distinct identities; unset ids aren't counted."""

    def distinct(column: ColumnElement[Any]) -> ScalarSelect[int]:
        # As a subquery: PostgreSQL would sort for count(DISTINCT …) what it hashes here.
        different = select(column).where(column.is_not(None)).distinct().subquery()
        return select(func.count()).select_from(different).scalar_subquery()

    # Apart, because SQLite looks only a lone minimum up in an index.
    ends = (select(end(_T.date)).scalar_subquery() for end in (func.min, func.max))
    statement = select(*ends, *(distinct(column) for column in (_T.client_id, _T.card_id, _T.merchant_id)))
    return Extent(*_rows(engine, statement)[0])


def labelled(engine: Engine) -> list[Labelled]:
    """The labelled transactions by year, hour and category."""
    year, hour = _part(engine, "year").label("year"), _part(engine, "hour").label("hour")
    statement = (
        select(year, hour, _T.mcc, func.count(), func.sum(_T.is_fraud))
        .where(_T.is_fraud.is_not(None))
        .group_by("year", "hour", _T.mcc)
    )
    return [Labelled(*row) for row in _rows(engine, statement)]


def amount_bins(engine: Engine) -> list[AmountBin]:
    """How many transactions have an amount of which size."""

    def size(amount: ColumnElement[Any]) -> ColumnElement[int]:
        return case(*((amount < edge, number) for number, edge in enumerate(AMOUNT_EDGES)), else_=len(AMOUNT_EDGES))

    # One number to group by, refunds from -1 down.
    number = case((_T.amount < 0, -1 - size(-_T.amount)), else_=size(_T.amount)).label("number")
    statement = select(number, func.count()).group_by("number")
    return [AmountBin(bin_ < 0, -1 - bin_ if bin_ < 0 else bin_, count) for bin_, count in _rows(engine, statement)]


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


def last_runs(engine: Engine, steps: int) -> list[Run]:
    """The steps that began last, newest first."""
    statement = (
        select(*(_RUNS.c[name] for name in Run._fields))
        .order_by(_RUNS.c.started_at.desc(), _RUNS.c.run_id, _RUNS.c.step)
        .limit(steps)
    )
    return [Run(*row) for row in _rows(engine, statement)]


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
