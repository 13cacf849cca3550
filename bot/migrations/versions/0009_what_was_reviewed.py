"""Which incidents are closed, and their post-mortems reviewed with that."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CLOSED = """
UPDATE incident SET reviewed = true WHERE EXISTS (
  SELECT 1 FROM entry AS ended
  WHERE ended.stream = 'incident/' || incident.id
  AND ended.kind IN ('incident-closed', 'false-alarm', 'merged')
  AND NOT EXISTS (
    SELECT 1 FROM entry AS later
    WHERE later.stream = ended.stream AND later.kind = 'incident-reopened' AND later.seq > ended.seq
  )
)
"""


def upgrade() -> None:
    """Add the column, and say of every incident what its entries say."""
    op.add_column("incident", sa.Column("reviewed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(CLOSED)
