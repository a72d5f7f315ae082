"""Counts that the scorers on a server share; on SQLite they lie in a file beside the store."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "shared_counts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("amount", sa.Float, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
