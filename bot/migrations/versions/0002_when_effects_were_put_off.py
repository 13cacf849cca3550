"""When effects were put off."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the moment; what waits already was put off by a clock nobody doubts."""
    long_ago = sa.Column(
        "since", sa.DateTime(timezone=True), nullable=False, server_default="1970-01-01 00:00:00"
    )
    op.add_column("effect", long_ago)
