"""An index finds the planned visits that have ended, without a look at all visits of a person."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INDEX = "ix_visit_status_ends_at"


def upgrade() -> None:
    """Apply the change."""
    op.create_index(op.f(INDEX), "visit", ["status", "ends_at"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f(INDEX), "visit")
