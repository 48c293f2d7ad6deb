"""An index finds the planned visits that have ended, without a look at all visits of a person."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INDEX = "ix_visit_status_ends_at"
PLANNED = sa.text("status = 'planned'")


def upgrade() -> None:
    """Apply the change."""
    # of all visits, SQLite would take it for queries that another index serves better
    where = {"sqlite_where": PLANNED, "postgresql_where": PLANNED}
    op.create_index(op.f(INDEX), "visit", ["status", "ends_at"], **where)


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f(INDEX), "visit")
