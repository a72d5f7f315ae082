"""A decision says why the champion wasn't heard."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; decisions of before say nothing of it."""
    op.add_column("decisions", sa.Column("model_problem", sa.Text))
