"""An index finds the visits with a trip that a person entered, whose trips a form offers."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

INDEX = "ix_visit_entered_by_id_with_trip"
WITH_TRIP = sa.text("trip IS NOT NULL")


def upgrade() -> None:
    """Apply the change."""
    columns = ["entered_by_id", "first_on"]
    where = {"sqlite_where": WITH_TRIP, "postgresql_where": WITH_TRIP}
    op.create_index(op.f(INDEX), "visit", columns, **where)


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f(INDEX), "visit")
