"""On which days cards, merchants and amounts were seen: how pages of them are found without an index that posts pay."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables, which the next ingest fills."""
    op.create_table(
        "days_seen",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("cents", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("days", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "days_seen_versions",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
