"""What came lately, as a file is held against it."""

from datetime import date

import pyarrow as pa
from adbc_driver_manager.dbapi import Connection

from fraudstack.schema import NEEDED, RAW
from fraudstack.storage.connections import bulk

# Columns of a file that may be empty.
MAY_BE_EMPTY = tuple(name for name in RAW if name not in NEEDED)

_DAYS = """SELECT day, CAST(sum(transactions) AS BIGINT) AS several FROM daily_sums WHERE kind = 'all'
    GROUP BY day ORDER BY day"""
_EMPTY = ", ".join(f"CASE WHEN {name} IS NULL THEN 1 ELSE 0 END AS {name}" for name in MAY_BE_EMPTY)
_LATEST = f"""SELECT CAST(amount AS DOUBLE PRECISION) AS amount, {_EMPTY} FROM transactions
    ORDER BY date DESC LIMIT {{most}}"""


def rows_by_day(connection: Connection) -> dict[date, int]:
    """How many transactions each day has that has some."""
    return {date.fromisoformat(day): int(several) for day, several in bulk.rows(connection, _DAYS) if several}


def sample(connection: Connection, most: int) -> pa.Table:
    """Of the latest transactions the amount, and 1 for each of MAY_BE_EMPTY that is, else 0."""
    return bulk.query(connection, _LATEST.format(most=int(most)))
