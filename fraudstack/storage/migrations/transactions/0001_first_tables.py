"""Transactions, decisions, reviews, quarantine, runs, merchant category codes and cards."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime().with_variant(sa.Text(), "sqlite")
AMOUNT = sa.Numeric(12, 2).with_variant(sa.REAL(), "sqlite")


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "transactions",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("date", TIME, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("card_id", sa.Text),
        sa.Column("amount", AMOUNT, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("use_chip", sa.Text),
        sa.Column("merchant_id", sa.Text),
        sa.Column("merchant_city", sa.Text),
        sa.Column("merchant_state", sa.Text),
        sa.Column("zip", sa.Text),
        sa.Column("mcc", sa.Integer),
        sa.Column("description", sa.Text),
        sa.Column("errors", sa.Text),
        sa.Column("flagged_fraud", sa.Integer),
        sa.Column("is_fraud", sa.Integer),
    )
    op.create_index("transactions_by_date", "transactions", ["date"])
    op.create_index("transactions_by_client", "transactions", ["client_id", "date"])
    fraud = sa.text("is_fraud = 1")
    op.create_index("transactions_fraud", "transactions", ["date"], sqlite_where=fraud, postgresql_where=fraud)

    op.create_table(
        "decisions",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("suspicious", sa.Integer, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("llm_status", sa.Text),
        sa.Column("rules_version", sa.Text),
        sa.Column("model_version", sa.Text),
        sa.Column("body_hash", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_table(
        "reviews",
        sa.Column("review_id", ID, primary_key=True),
        sa.Column("id", ID, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
    )
    op.create_index("ix_reviews_id", "reviews", ["id"])
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", ID, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("line", sa.BigInteger),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ix_quarantine_run_id", "quarantine", ["run_id"])
    op.create_table(
        "ingest_runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("step", sa.Text, primary_key=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("rows_in", sa.BigInteger),
        sa.Column("loaded", sa.BigInteger),
        sa.Column("quarantined", sa.BigInteger),
        sa.Column("unmatched", sa.BigInteger),
        sa.Column("fingerprint", sa.Text),
        sa.Column("header", sa.Text),
        sa.Column("error", sa.Text),
    )
    op.create_table(
        "mcc_codes",
        sa.Column("mcc", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
    )
    op.create_table(
        "cards",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("card_brand", sa.Text),
        sa.Column("card_type", sa.Text),
        sa.Column("expires", sa.Text),
        sa.Column("has_chip", sa.Text),
        sa.Column("num_cards_issued", sa.Integer),
        sa.Column("credit_limit", sa.Integer),
        sa.Column("acct_open_date", sa.Text),
        sa.Column("year_pin_last_changed", sa.Integer),
        sa.Column("card_on_dark_web", sa.Text),
    )
