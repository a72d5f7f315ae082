"""What is below the budget of alerts, what would have made a decision normal, and what was on a list."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the columns and create the table; what was withdrawn before isn't known."""
    time = sa.Text() if op.get_bind().dialect.name == "sqlite" else sa.DateTime()
    op.add_column("decisions", sa.Column("below_budget", sa.Integer, nullable=False, server_default="0"))
    op.add_column("decisions", sa.Column("normal_if", sa.Text))
    op.create_table(
        "lists_past",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("kind", "value", "list")),
        sa.Column("at", time, primary_key=True),
        sa.Column("until", time, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
    )
