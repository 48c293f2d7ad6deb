"""Whether a channel needs people's addresses, which its URL, sealed from now on, told before."""

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None

# `crm init` seals the URLs and secrets: no migration knows the key
NEEDING = (
    "UPDATE channel SET needs_address = true WHERE kind = 'apprise' AND url LIKE '%{address}%'"
)


def upgrade() -> None:
    """Apply the change."""
    flag = sa.Column("needs_address", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("channel", flag)
    op.execute(NEEDING)


def downgrade() -> None:
    """Undo the change; what is sealed by then is entered again."""
    op.drop_column("channel", "needs_address")
