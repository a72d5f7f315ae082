"""How good the history's decisions were, and what is watched of a model, by day; the queue of online decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

FIGURES = (
    "transactions",
    "suspicious",
    "labelled",
    "frauds",
    "suspicious_labelled",
    "suspicious_frauds",
    "fraud_cents",
    "caught_cents",
)


def upgrade() -> None:
    """Create what the jobs decide and watch fill."""
    op.create_table(
        "batch_days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("model_version", sa.Text, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in FIGURES),
    )
    op.create_table(
        "model_days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("model_version", sa.Text, primary_key=True),
        sa.Column("measure", sa.Text, primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("sample", sa.BigInteger, nullable=False),
    )
    waiting = sa.text("suspicious = 1 AND source = 'online'")
    op.create_index(
        "decisions_queue",
        "decisions",
        ["score", "decided_at", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
