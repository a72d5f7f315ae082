"""Counts the transactions in one pass over a stream of them.

SQLite sorts whatever it groups, Arrow hashes: all figures together take less than half the time of a statement
a figure, and they are of one moment. Money is summed in whole cents.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

# Where the bins of amounts end, in units of the currency: each is twice as wide as the one before.
AMOUNT_EDGES = tuple(2**power for power in range(14))
_KIND = ("channel", "currency", "refund", "declined", "is_fraud", "flagged_fraud")
_PLACE = ("year_hour", "mcc")
_SIZE = ("size", "refund")


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


class Labelled(NamedTuple):
    """Labelled transactions, and the fraud among them, of a year, an hour (UTC) and a category."""

    year: int
    hour: int
    mcc: int | None
    labelled: int
    fraud: int


class AmountBin(NamedTuple):
    """Transactions whose amount without its sign lies below AMOUNT_EDGES[number] and in no bin before."""

    number: int
    is_refund: bool
    transactions: int


class Tally(NamedTuple):
    """What one pass counts; the last two are empty where not asked for."""

    volumes: list[Volume]
    cards: int
    merchants: int
    labelled: list[Labelled]
    amounts: list[AmountBin]


def count(batches: Iterable[pa.RecordBatch], *, detailed: bool) -> Tally:
    """Count the rows of `storage.figures.transactions`; `detailed` as there."""
    kinds = places = sizes = None
    cards: set[str] = set()
    merchants: set[str] = set()
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        rows = rows.append_column("rows", pa.repeat(1, rows.num_rows))
        rows = rows.append_column("refund", pc.less(rows["cents"], 0))
        kinds = _added(kinds, rows, _KIND, ("rows", "cents"))
        cards.update(rows["card_id"].unique().to_pylist())
        merchants.update(rows["merchant_id"].unique().to_pylist())
        if detailed:
            places = _added(places, rows.filter(pc.is_valid(rows["is_fraud"])), _PLACE, ("rows", "is_fraud"))
            sizes = _added(sizes, rows.append_column("size", _size(rows["cents"])), _SIZE, ("rows",))
    return Tally(
        volumes=_volumes(kinds),
        cards=len(cards - {""}),
        merchants=len(merchants - {""}),
        labelled=[
            Labelled(year_hour // 100, year_hour % 100, mcc, rows, fraud)
            for year_hour, mcc, rows, fraud in _rows(places)
        ],
        amounts=[AmountBin(*row) for row in _rows(sizes)],
    )


def _added(sums: pa.Table | None, rows: pa.Table, keys: Sequence[str], values: Sequence[str]) -> pa.Table:
    """Sums of the values by the keys, of these rows and those before."""
    added = _summed(rows, keys, values)
    return added if sums is None else _summed(pa.concat_tables([sums, added]), keys, values)


def _summed(rows: pa.Table, keys: Sequence[str], values: Sequence[str]) -> pa.Table:
    # Under the values' own names, so that sums can be summed again.
    sums = rows.group_by(list(keys)).aggregate([(value, "sum") for value in values])
    return sums.select([*keys, *(f"{value}_sum" for value in values)]).rename_columns([*keys, *values])


def _size(cents: pa.ChunkedArray) -> pa.ChunkedArray:
    """The number of every amount's bin; exact, because the edges are powers of two."""
    units = pc.divide(pc.cast(pc.abs(cents), pa.float64()), 100.0)
    number = pc.add(pc.floor(pc.log2(units)), 1.0)
    inside = pc.min_element_wise(pc.max_element_wise(number, 0.0), float(len(AMOUNT_EDGES)))
    return pc.cast(inside, pa.int64())


def _rows(table: pa.Table | None) -> Iterable[tuple[Any, ...]]:
    return [] if table is None else zip(*(column.to_pylist() for column in table.columns), strict=True)


def _volumes(kinds: pa.Table | None) -> list[Volume]:
    by_channel: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for kind in [] if kinds is None else kinds.to_pylist():
        by_channel[kind["channel"], kind["currency"]].append(kind)
    return [_volume(channel, currency, of) for (channel, currency), of in by_channel.items()]


def _volume(channel: str, currency: str, kinds: Sequence[dict[str, Any]]) -> Volume:
    def total(value: str, column: str | None = None) -> int:
        return sum(kind[value] for kind in kinds if column is None or kind[column])

    def known(column: str) -> int:
        return sum(kind["rows"] for kind in kinds if kind[column] is not None)

    return Volume(
        channel=channel or None,
        currency=currency,
        transactions=total("rows"),
        refunds=total("rows", "refund"),
        declined=total("rows", "declined"),
        labelled=known("is_fraud"),
        fraud=total("rows", "is_fraud"),
        decided=known("flagged_fraud"),
        flagged=total("rows", "flagged_fraud"),
        cents=total("cents"),
        refund_cents=total("cents", "refund"),
        declined_cents=total("cents", "declined"),
        fraud_cents=total("cents", "is_fraud"),
    )
