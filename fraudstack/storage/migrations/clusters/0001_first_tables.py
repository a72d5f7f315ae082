"""Clusters of clients, and who is where."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

FEATURES = (
    "spend",
    "average",
    "spread",
    "transaction_count",
    "online_share",
    "merchants",
    "night_share",
    "foreign_share",
    "refund_share",
    "active_days",
)


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "transactions_clusters",
        sa.Column("cluster", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("transactions", sa.BigInteger, nullable=False),
        sa.Column("fraud_rate", sa.Float),
        *(sa.Column(feature, sa.Float, nullable=False) for feature in FEATURES),
    )
    op.create_table(
        "client_clusters",
        sa.Column("client_id", sa.Text, primary_key=True),
        sa.Column("cluster", sa.Integer, nullable=False),
    )
    op.create_index("ix_client_clusters_cluster", "client_clusters", ["cluster"])
