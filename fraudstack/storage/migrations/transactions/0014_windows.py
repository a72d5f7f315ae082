"""What came lately with a card and at a merchant is found by it; known frauds as well."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

# As many days as the scorer remembers.
_KEPT = {
    "sqlite": "(SELECT date(max(day), '-60 days') FROM daily_sums WHERE kind = 'all')",
    "postgresql": "(SELECT CAST(max(day) AS DATE) - 60 FROM daily_sums WHERE kind = 'all')",
}


def upgrade() -> None:
    """Create and fill the table, create the indexes; `recent` of profiles is read from transactions from now on."""
    dialect = op.get_bind().dialect.name
    op.create_table(
        "windows",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("date", sa.Text() if dialect == "sqlite" else sa.DateTime(), primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("counted", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    fraud = sa.text("is_fraud = 1")
    for kind in ("card", "merchant"):
        op.execute(
            f"INSERT INTO windows SELECT '{kind}', {kind}_id, date, id, 1 FROM transactions t"
            f" WHERE date >= {_KEPT[dialect]} AND {kind}_id <> ''"
            " AND NOT EXISTS"
            " (SELECT 1 FROM changes c WHERE c.client_id = t.client_id AND c.id = t.id AND c.was IS NULL)"
        )
        op.create_index(
            f"transactions_fraud_by_{kind}",
            "transactions",
            [f"{kind}_id", "date"],
            sqlite_where=fraud,
            postgresql_where=fraud,
        )
