"""Drills, and the recovery points they restored."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "drill",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("playbook", sa.String(200), nullable=False),
        sa.Column("service", sa.String(200), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "drilled",
        sa.Column("engine", sa.String(200), primary_key=True),
        sa.Column("point", sa.String(300), primary_key=True),
        sa.Column("digest", sa.String(200)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
