"""From which day on it is known what is said of a transaction, where that is told."""

import zlib
from itertools import batched

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

_UNDATED, _DAY, _MANY = -1, 86400, 10_000
_LABELS = "SELECT packed FROM load_lists WHERE kind = 'labels' ORDER BY load, part"
_VERDICTS = """INSERT INTO label_days (id, day) SELECT r.id, {day} FROM reviews r JOIN transactions t ON t.id = r.id
    WHERE r.review_id IN (SELECT max(review_id) FROM reviews WHERE verdict IN ('fraud', 'legitimate') GROUP BY id)"""
_TOLD = """INSERT INTO label_days (id, day) SELECT t.id, CAST(:day AS INTEGER) FROM transactions t WHERE t.id = :id
    ON CONFLICT (id) DO NOTHING"""
# What is remembered counts labels on the days of their transactions.
_OUTDATED = """INSERT INTO outdated (name)
    SELECT 'memories' WHERE EXISTS (SELECT 1 FROM profiles WHERE memory IS NOT NULL) ON CONFLICT (name) DO NOTHING"""


def upgrade() -> None:
    """Create the table and fill it from verdicts and labels; memories are made anew by the next ingest."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "label_days",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer, nullable=False),
    )
    op.create_index("ix_label_days_day", "label_days", ["day"])
    number = "CAST(strftime('%s', r.at) AS BIGINT) / 86400" if sqlite else "CAST(r.at AS DATE) - DATE '1970-01-01'"
    op.execute(_VERDICTS.format(day=number))
    told = ({"id": id, "day": day} for id, day in _told().items())
    for several in batched(told, _MANY):
        op.get_bind().execute(sa.text(_TOLD), list(several))
    op.execute(_OUTDATED)


def _told() -> dict[int, int]:
    """The day of each label that counts and has one, by the id of its transaction."""
    found: dict[int, int] = {}
    for (packed,) in op.get_bind().execute(sa.text(_LABELS)).all():
        ids, _, since = np.frombuffer(zlib.decompress(packed), "<i8").reshape(3, -1).cumsum(axis=1)
        told = since != _UNDATED
        # A later load's label stands above one before it.
        if found:
            for id in ids[~told].tolist():
                found.pop(id, None)
        found.update(zip(ids[told].tolist(), (since[told] // _DAY).tolist(), strict=True))
    return found
