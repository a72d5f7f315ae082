"""Lists of days are of a year: what a day costs doesn't grow with the history."""

from collections.abc import Iterable, Iterator
from itertools import batched
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_DAY = np.dtype([("day", "<u2"), ("transactions", "<u4")])
_AT_ONCE = 5_000


def upgrade() -> None:
    """Take the lists apart. A release before, after a rollback, finds none, and searches the days themselves."""
    op.create_table(
        "days_seen_by_year",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("cents", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("days", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "days_seen_by_year_versions",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    columns = ("kind", "value", "cents", "days")
    before = sa.text(f"SELECT {', '.join(columns)} FROM days_seen").execution_options(stream_results=True)
    found = op.get_bind().execute(before)
    by_year = sa.table("days_seen_by_year", *map(sa.column, (*columns, "year")))
    for some in batched(_by_year(found), _AT_ONCE):
        op.bulk_insert(by_year, list(some))
    op.execute("INSERT INTO days_seen_by_year_versions (day, version) SELECT day, version FROM days_seen_versions")
    op.execute("DELETE FROM days_seen")
    op.execute("DELETE FROM days_seen_versions")


def _by_year(found: Iterable[Any]) -> Iterator[dict[str, object]]:
    for kind, value, cents, days in found:
        known = np.frombuffer(days, _DAY)
        years = known["day"].astype("int64").astype("datetime64[D]").astype("datetime64[Y]")
        for year in np.unique(years):
            of_year = known[years == year].tobytes()
            yield {"kind": kind, "value": value, "cents": cents, "year": int(str(year)), "days": of_year}
