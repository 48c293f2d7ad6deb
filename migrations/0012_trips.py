"""Trips: what is told of the journeys that visits name."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change; a trip is as old as the first visit that names it."""
    op.create_table(
        "trip",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=True),
        sa.Column("first_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("approval", sa.String(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_trip_last_date_after_first")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trip")),
        sa.UniqueConstraint("ref", name=op.f("uq_trip_ref")),
    )
    op.create_index(op.f("ix_trip_entered_at_id"), "trip", ["entered_at", "id"])
    op.execute(
        "INSERT INTO trip (ref, entered_at) "
        "SELECT trip, min(entered_at) FROM visit WHERE trip IS NOT NULL GROUP BY trip"
    )
    op.create_index(op.f("ix_visit_trip"), "visit", ["trip"])


def downgrade() -> None:
    """Take it back; visits keep the reference."""
    op.drop_index(op.f("ix_visit_trip"), "visit")
    op.drop_index(op.f("ix_trip_entered_at_id"), "trip")
    op.drop_table("trip")
