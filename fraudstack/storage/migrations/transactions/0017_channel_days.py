"""Days of channels stand beside those of merchants, categories and states."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Count them by the sums of days, which have the same labels; a release before asks for no channel."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    number = "CAST(strftime('%s', day) AS BIGINT) / 86400" if sqlite else "CAST(day AS DATE) - DATE '1970-01-01'"
    op.execute(
        f"""INSERT INTO value_days
            (kind, value, day, part, transactions, cents, labelled, frauds, ordinary_frauds)
            SELECT 'channel', value, {number}, 0, 0, 0, sum(labelled), sum(frauds), 0
            FROM daily_sums WHERE kind = 'channel' GROUP BY value, day HAVING sum(labelled) > 0"""
    )
