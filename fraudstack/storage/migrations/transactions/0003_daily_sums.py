"""Sums by day, kept as data arrives: what a dashboard shows without a scan."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = ("kind", "day", "value")
FIGURES = (
    "version",
    "transactions",
    "cents",
    "scored",
    "flagged",
    "labelled",
    "frauds",
    "scored_frauds",
    "flagged_labelled",
    "flagged_frauds",
)


def upgrade() -> None:
    """Create the table, which the next ingest fills, and the index of the queue of reviews."""
    op.create_table(
        "daily_sums",
        *(sa.Column(name, sa.Text, primary_key=True) for name in KEY),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in FIGURES),
        sqlite_with_rowid=False,
    )
    suspicious = sa.text("suspicious = 1")
    op.create_index(
        "decisions_suspicious",
        "decisions",
        ["score", "decided_at", "id"],
        sqlite_where=suspicious,
        postgresql_where=suspicious,
    )
