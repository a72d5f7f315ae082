"""Filtered transactions as CSV, safe to be opened in a spreadsheet."""

import csv
import io

from dashboard import stores
from dashboard.queries_transactions import Filters, Search, rows
from fraudstack.spreadsheet import harmless

MOST_ROWS = 100_000
_AT_ONCE = 500
_DECIDED = ("score", "decision", "reason")


def as_csv(filters: Filters) -> str:
    """At most MOST_ROWS transactions that match, newest first, with what was decided of each."""
    out = io.StringIO()
    writer = csv.writer(out)
    with stores.transactions() as connection:
        wanted = Search(connection, filters).ids(MOST_ROWS)
        for start in range(0, len(wanted), _AT_ONCE):
            for transaction, decision in rows(connection, wanted[start : start + _AT_ONCE]):
                if not start and not out.tell():
                    writer.writerow([*transaction, *_DECIDED])
                said = [decision and decision[name] for name in _DECIDED]
                writer.writerow([_plain(value) for value in (*transaction.values(), *said)])
    return out.getvalue()


def _plain(value: object) -> object:
    return harmless(value) if isinstance(value, str) else value
