"""An index holds both dates of visits, so that those that ended before a period cost no look-up."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

BEFORE, AFTER = "ix_visit_first_on", "ix_visit_first_on_last_on"


def upgrade() -> None:
    """Apply the change."""
    op.create_index(op.f(AFTER), "visit", ["first_on", "last_on"])
    op.drop_index(op.f(BEFORE), "visit")


def downgrade() -> None:
    """Undo the change."""
    op.create_index(op.f(BEFORE), "visit", ["first_on"])
    op.drop_index(op.f(AFTER), "visit")
