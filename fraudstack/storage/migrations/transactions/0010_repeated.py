"""A step of a run counts the rows that say the same again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column; runs of before counted such rows among those that they refused."""
    op.add_column("ingest_runs", sa.Column("repeated", sa.BigInteger))
