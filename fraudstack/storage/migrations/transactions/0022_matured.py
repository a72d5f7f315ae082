"""Days of categories, states and channels, and the days before those that are kept, know how many transactions came."""

from alembic import op

revision = "0022"
down_revision = "0021"

_KEPT = 60
_COLUMNS = "kind, value, day, part, transactions, cents, labelled, frauds, ordinary_frauds"
_ADD = """ON CONFLICT (kind, value, day, part)
    DO UPDATE SET transactions = value_days.transactions + excluded.transactions"""


def upgrade() -> None:
    """Count them by the sums of days, which know them, and by the transactions of merchants' days that are gone."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    number = "CAST(strftime('%s', {0}) AS BIGINT) / 86400" if sqlite else "CAST({0} AS DATE) - DATE '1970-01-01'"
    # `true`: to SQLite what follows would be the condition of a join.
    op.execute(
        f"""INSERT INTO value_days ({_COLUMNS})
            SELECT kind, value, {number.format("day")}, 0, sum(transactions), 0, 0, 0, 0
            FROM daily_sums WHERE kind IN ('mcc', 'state', 'channel') AND true
            GROUP BY kind, value, day HAVING sum(transactions) > 0 {_ADD}"""
    )
    day = number.format("date")
    op.execute(
        f"""INSERT INTO value_days ({_COLUMNS})
            SELECT 'merchant', merchant_id, 0, 0, count(*), 0, 0, 0, 0
            FROM (SELECT merchant_id, {day} AS day FROM transactions WHERE merchant_id <> '') came
            WHERE day < (SELECT max({day}) FROM transactions) - {_KEPT} AND NOT EXISTS (
                SELECT 1 FROM value_days kept
                WHERE kept.kind = 'merchant' AND kept.value = merchant_id AND kept.day = came.day)
            GROUP BY merchant_id {_ADD}"""
    )
