"""The last id that the scorer gave, which nobody gets again; a server has a sequence for it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE_THE_FIRST = 10**15 - 1


def upgrade() -> None:
    """Create the table, of one row on SQLite and of none on a server."""
    op.create_table("last_assigned", sa.Column("id", ID, primary_key=True, autoincrement=False))
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"""INSERT INTO last_assigned (id) SELECT coalesce(max(id), {BEFORE_THE_FIRST}) FROM decisions
            WHERE id > {BEFORE_THE_FIRST} AND source = 'online'""")
