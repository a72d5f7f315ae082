"""What a model said of the transactions of some days, segment by segment, against what the labels say."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create what the job watch fills."""
    op.create_table(
        "model_windows",
        sa.Column("model_version", sa.Text, primary_key=True),
        sa.Column("first", sa.Text, primary_key=True),
        sa.Column("last", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("spoke", sa.Text, nullable=False),
        sa.Column("transactions", sa.BigInteger, nullable=False),
        sa.Column("alerts", sa.BigInteger, nullable=False),
        sa.Column("labelled", sa.BigInteger, nullable=False),
        sa.Column("frauds", sa.BigInteger, nullable=False),
        sa.Column("expected", sa.Float, nullable=False),
        sa.Column("alerts_labelled", sa.BigInteger, nullable=False),
        sa.Column("alerts_frauds", sa.BigInteger, nullable=False),
    )
