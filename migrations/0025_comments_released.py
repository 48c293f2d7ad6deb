"""A comment on a month is a draft until it is released; what was said so far has been released."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column("monthly_comment", sa.Column("released_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE monthly_comment SET released_at = at")


def downgrade() -> None:
    """Take it back: drafts go."""
    op.execute("DELETE FROM monthly_comment WHERE released_at IS NULL")
    op.drop_column("monthly_comment", "released_at")
