"""A file held against what is usual in a store, before anything is written.

Looked at are rows a day, the newest date, empty columns and the scale of amounts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection
from numpy.typing import NDArray

from fraudstack.storage.transactions import latest

# A weekday's rows are usual where so many of its days, in the last weeks of the store, had some, in the middle so many.
_WEEKS, _FEWEST_DAYS, _FEWEST_ROWS = 8, 4, 50
# So far from it may a day's rows and the middle amount be, as a factor, and the share of empty ones of a column.
_FACTOR, _SHARE = 4.0, 0.25
# So many days may a file's newest row lie before the store's.
_STALE = timedelta(days=7)
# The latest rows that columns and amounts are held against, and the fewest that a file must have.
_LATEST, _FEWEST = 5_000, 200


def unusual(connection: Connection, batches: Iterable[pa.RecordBatch]) -> list[str]:
    """What is unusual about rows (storage.transactions.bulk.STAGED), in sentences.

    Nothing is where a store knows too little to say.
    """
    of_store = latest.rows_by_day(connection)
    days: Counter[date] = Counter()
    empty: Counter[str] = Counter()
    cents: list[pa.Array] = []
    for found in batches:
        for one in pc.value_counts(found.column("date").cast(pa.date32())).to_pylist():
            days[one["values"]] += one["counts"]
        empty.update({name: found.column(name).null_count for name in latest.MAY_BE_EMPTY})
        cents.append(pc.abs(found.column("cents")))
    if not days or not of_store:
        return []
    newest = max(of_store)
    usual = _usual(of_store, newest)
    said = list(_days(usual, newest, days))
    if usual and max(days) < newest - _STALE:
        said.append(f"its newest transaction is of {max(days)}, the store's of {newest}")
    rows = days.total()
    if rows >= _FEWEST:
        said += _contents(connection, rows, empty, np.concatenate([array.to_numpy() for array in cents]))
    return said


def _usual(of_store: dict[date, int], newest: date) -> dict[int, float]:
    """The rows that are usual on a weekday."""
    first = newest - timedelta(weeks=_WEEKS)
    found: dict[int, list[int]] = {}
    for day, rows in of_store.items():
        if day > first:
            found.setdefault(day.weekday(), []).append(rows)
    middle = {weekday: float(median(rows)) for weekday, rows in found.items() if len(rows) >= _FEWEST_DAYS}
    return {weekday: rows for weekday, rows in middle.items() if rows >= _FEWEST_ROWS}


def _days(usual: dict[int, float], newest: date, days: Counter[date]) -> Iterator[str]:
    for day, rows in sorted(days.items()):
        expected = usual.get(day.weekday())
        # What the store has rows of already, others may have brought.
        if day > newest and expected and not expected / _FACTOR <= rows <= expected * _FACTOR:
            yield f"{day} has {rows:,} rows, where a {day:%A} has {expected:,.0f}"
            return


def _contents(connection: Connection, rows: int, empty: Counter[str], cents: NDArray[np.int64]) -> Iterator[str]:
    sample = latest.sample(connection, _LATEST)
    if sample.num_rows < _FEWEST:
        return
    for name in latest.MAY_BE_EMPTY:
        usual, share = pc.sum(sample.column(name)).as_py() / sample.num_rows, empty[name] / rows
        if abs(share - usual) > _SHARE:
            yield f"{name} is empty in {share:.0%} of its rows, where it was in {usual:.0%}"
    usual, middle = float(np.median(np.abs(sample.column("amount").to_numpy()))), float(np.median(cents)) / 100
    if min(usual, middle) > 0 and not usual / _FACTOR <= middle <= usual * _FACTOR:
        yield f"the amount in its middle is {middle:,.2f}, where it was {usual:,.2f}"
