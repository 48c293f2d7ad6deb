"""How often an import was tried in vain, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None

RUN = "import_run"


def upgrade() -> None:
    """Apply the change."""
    op.add_column(RUN, sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(RUN, sa.Column("failure", sa.String(24)))


def downgrade() -> None:
    """Undo the change."""
    for name in ("failure", "attempts"):
        op.drop_column(RUN, name)
