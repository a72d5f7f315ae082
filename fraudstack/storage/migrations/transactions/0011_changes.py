"""What a file changed and isn't counted yet, what is to be made of all transactions anew, and more sums of clients."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_CENTS = "CAST(round(t.amount * 100) AS BIGINT)"
_BATCH_DAYS = f"""INSERT INTO batch_days (day, model_version, transactions, suspicious, labelled, frauds,
    suspicious_labelled, suspicious_frauds, fraud_cents, caught_cents)
    SELECT substr(CAST(t.date AS TEXT), 1, 10), coalesce(d.model_version, ''), count(*), sum(d.suspicious),
    count(t.is_fraud), coalesce(sum(t.is_fraud), 0),
    sum(CASE WHEN t.is_fraud IS NULL THEN 0 ELSE d.suspicious END),
    sum(CASE WHEN t.is_fraud = 1 THEN d.suspicious ELSE 0 END),
    CAST(sum(CASE WHEN t.is_fraud = 1 AND t.amount > 0 THEN {_CENTS} ELSE 0 END) AS BIGINT),
    CAST(sum(CASE WHEN t.is_fraud = 1 AND t.amount > 0 THEN {_CENTS} * d.suspicious ELSE 0 END) AS BIGINT)
    FROM decisions d JOIN transactions t ON t.id = d.id WHERE d.source = 'batch' GROUP BY 1, 2"""


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
    for name in ("profiles", "memories", "decisions"):
        op.execute(f"INSERT INTO outdated (name) SELECT '{name}' WHERE EXISTS (SELECT 1 FROM transactions)")
    # From now on they are kept with each change; until now each run of `decide` counted them.
    op.execute("DELETE FROM batch_days")
    op.execute(_BATCH_DAYS)
