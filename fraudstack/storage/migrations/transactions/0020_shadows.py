"""A challenger is asked beside the champion; a version that somebody went back from is vetoed."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the table and the columns; older rollbacks veto nothing."""
    time = sa.Text() if op.get_bind().dialect.name == "sqlite" else sa.DateTime()
    op.create_table(
        "shadows",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("until", time, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", time, nullable=False),
    )
    op.add_column("promotions", sa.Column("vetoed", sa.Text))
    op.add_column("decisions", sa.Column("challenger_version", sa.Text))
    for name in ("challenger_probability", "alert_at"):
        op.add_column("decisions", sa.Column(name, sa.Float))
    challenged = sa.text("challenger_version IS NOT NULL")
    op.create_index(
        "decisions_by_challenger",
        "decisions",
        ["challenger_version", "decided_at"],
        sqlite_where=challenged,
        postgresql_where=challenged,
    )
