"""What a model said and looked at is kept with the decision, so that the score can be made again."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the columns; of decisions before nobody knows."""
    op.add_column("decisions", sa.Column("probability", sa.Float))
    op.add_column("decisions", sa.Column("figures", sa.Text))
