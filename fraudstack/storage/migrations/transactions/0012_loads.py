"""What each load brought and what its corrections replaced; a refused line is known again."""

import zlib
from itertools import batched

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

# The truth of whatever no verdict decides was a label's; which load brought it, nobody noted.
_LABELS = """SELECT id, is_fraud FROM transactions t WHERE is_fraud IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM reviews r WHERE r.id = t.id AND r.verdict IN ('fraud', 'legitimate')) ORDER BY id"""
_MOST, _UNDATED = 100_000, -1


def upgrade() -> None:
    """Create the tables; the labels that the store has are those of one load, which has no run to take back."""
    integer = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    sqlite = op.get_bind().dialect.name == "sqlite"
    time = sa.Text() if sqlite else sa.DateTime()
    op.create_table(
        "loads",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("at", time, nullable=False),
    )
    op.create_index("ix_loads_run_id", "loads", ["run_id"])
    op.create_table(
        "load_lists",
        sa.Column("load", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    texts = ("use_chip", "merchant_id", "merchant_city", "merchant_state", "zip")
    op.create_table(
        "replaced",
        sa.Column("load", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", integer, primary_key=True, autoincrement=False),
        sa.Column("date", time, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("card_id", sa.Text),
        sa.Column("amount", sa.Numeric(12, 2).with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in texts),
        sa.Column("mcc", sa.Integer),
        sa.Column("description", sa.Text),
        sa.Column("errors", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("replaced_by_id", "replaced", ["id"])
    _list_labels()
    op.add_column("quarantine", sa.Column("digest", sa.BigInteger))
    op.create_index("ix_quarantine_digest", "quarantine", ["digest"])


def _list_labels() -> None:
    lists = sa.table("load_lists", *map(sa.column, ("load", "kind", "part", "first", "last", "packed")))
    found = op.get_bind().execute(sa.text(_LABELS).execution_options(stream_results=True))
    for part, rows in enumerate(batched(map(tuple, found), _MOST), 1):
        ids, truths = np.array(rows, "<i8").T
        columns = np.stack([ids, truths, np.full_like(ids, _UNDATED)])
        packed = zlib.compress(np.diff(columns, prepend=0).tobytes(), 1)
        op.execute(
            lists.insert().values(load=0, kind="labels", part=part, first=int(ids[0]), last=int(ids[-1]), packed=packed)
        )
