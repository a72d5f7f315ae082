"""What the scorer keeps: profiles with their habits, claims and exceptions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime().with_variant(sa.Text(), "sqlite")
SUMS = ("purchases", "cents", "logs", "squares")


def upgrade() -> None:
    """Create the tables."""
    counts = ("version", "transactions", "declined", "refunds", "usual", "home", *SUMS)
    op.create_table(
        "profiles",
        sa.Column("client_id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
        sa.Column("recent", sa.Text, nullable=False),
    )
    op.create_table(
        "profile_habits",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("client_id", "kind", "value")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("count", *SUMS)),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "claims",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("until", TIME, nullable=False),
    )
    op.create_table(
        "exceptions",
        sa.Column("client_id", sa.Text, primary_key=True),
        sa.Column("merchant_id", sa.Text, primary_key=True),
        sa.Column("until", TIME, nullable=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("at", TIME, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE assigned_ids START 1000000000000000")
