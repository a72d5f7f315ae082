"""What a file changed and isn't counted yet, what is to be made of all transactions anew, and more sums of clients."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the tables; what an older version counted is made anew by the next ingest."""
    op.create_table(
        "changes",
        sa.Column("client_id", sa.Text, primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("was", sa.Text),
        sqlite_with_rowid=False,
    )
    for name in ("labelled", "frauds", "bought", "bought_cents"):
        op.add_column("profiles", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("profiles", sa.Column("bought_squares", sa.Text, nullable=False, server_default="0"))
    op.create_table("outdated", sa.Column("name", sa.Text, primary_key=True))
    for name in ("profiles", "memories"):
        op.execute(f"INSERT INTO outdated (name) SELECT '{name}' WHERE EXISTS (SELECT 1 FROM transactions)")
