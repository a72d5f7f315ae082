"""What a model looks at, kept between transactions."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create what the next run of the job memories fills; what was usual is what is known to have been seen."""
    op.add_column("profiles", sa.Column("memory", sa.Text))
    op.add_column("profile_habits", sa.Column("seen", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE profile_habits SET seen = count")
    op.create_table(
        "value_days",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("transactions", sa.BigInteger, nullable=False),
        sa.Column("cents", sa.BigInteger, nullable=False),
        sa.Column("labelled", sa.BigInteger, nullable=False),
        sa.Column("frauds", sa.BigInteger, nullable=False),
        sa.Column("ordinary_frauds", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
