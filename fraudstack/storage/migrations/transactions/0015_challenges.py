"""How cardholders answered when they were challenged; lists beside those of the rules file; what an alert may save."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the tables; of what waits to be reviewed the loss is expected by its score."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    time = sa.Text() if sqlite else sa.DateTime()
    op.create_table(
        "lists",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("kind", "value", "list")),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("until", time, nullable=False),
        sa.Column("at", time, nullable=False),
    )
    op.create_table(
        "challenges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("card_id", sa.Text),
        sa.Column("merchant_id", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("at", time, nullable=False),
    )
    op.create_index("challenges_of_card", "challenges", ["card_id", "merchant_id", "at"])
    op.add_column("decisions", sa.Column("expected_loss", sa.Float, nullable=False, server_default="0"))
    op.execute(
        "UPDATE decisions SET expected_loss ="
        " score * abs((SELECT amount FROM transactions t WHERE t.id = decisions.id))"
        " WHERE suspicious = 1 AND source = 'online'"
    )
    waiting = sa.text("suspicious = 1 AND source = 'online'")
    op.create_index(
        "decisions_by_loss",
        "decisions",
        ["expected_loss", "decided_at", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
