"""Trips: whose each is, so that naming it in a later visit gives no right to it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

FIRST = "SELECT min(id) FROM visit WHERE visit.trip = trip.ref"


def upgrade() -> None:
    """Apply the change; a trip is that of the first visit entered that names it."""
    with op.batch_alter_table("trip") as trip:
        for column in ("leader_id", "entered_by_id"):
            trip.add_column(sa.Column(column, sa.Integer(), nullable=True))
            trip.create_foreign_key(op.f(f"fk_trip_{column}"), "person", [column], ["id"])
    for column in ("leader_id", "entered_by_id"):
        op.execute(
            f"UPDATE trip SET {column} = (SELECT {column} FROM visit WHERE id = ({FIRST}))"  # noqa: S608 - no input
        )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("trip") as trip:
        for column in ("entered_by_id", "leader_id"):
            trip.drop_constraint(op.f(f"fk_trip_{column}"), type_="foreignkey")
            trip.drop_column(column)
