"""Absences that are asked for and decided on, and passwords that are given for once."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATES = "'asked', 'approved', 'returned', 'withdrawn', 'cancelled'"
MOMENTS = ("asked_at", "changed_at")
PEOPLE = ("asked_by_id", "changed_by_id")


def upgrade() -> None:
    """Apply the change: what was approved is approved, what was not is asked for."""
    op.add_column("absence", sa.Column("status", sa.String(length=24), nullable=True))
    op.execute(
        "UPDATE absence SET status = CASE WHEN approved_at IS NULL THEN 'asked' ELSE 'approved' END"
    )
    with op.batch_alter_table("absence") as batch:
        batch.alter_column("status", existing_type=sa.String(length=24), nullable=False)
        for name in MOMENTS:
            batch.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
        for name in PEOPLE:
            batch.add_column(sa.Column(name, sa.Integer(), nullable=True))
            batch.create_foreign_key(op.f(f"fk_absence_{name}"), "person", [name], ["id"])
        batch.add_column(sa.Column("note", sa.String(), nullable=True))
        batch.create_check_constraint(op.f("ck_absence_status"), f"status IN ({STATES})")
        batch.create_check_constraint(
            op.f("ck_absence_approved_has_moment"),
            "status NOT IN ('approved', 'cancelled') OR approved_at IS NOT NULL",
        )
        batch.create_index(op.f("ix_absence_status"), ["status"])
    op.add_column(
        "person",
        sa.Column("is_password_temporary", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    """Take it back: absences that reduce no quota go with it."""
    op.execute("ALTER TABLE person DROP COLUMN is_password_temporary")
    op.execute("DELETE FROM absence WHERE status <> 'approved'")
    with op.batch_alter_table("absence") as batch:
        batch.drop_index(op.f("ix_absence_status"))
        batch.drop_constraint(op.f("ck_absence_approved_has_moment"), type_="check")
        batch.drop_constraint(op.f("ck_absence_status"), type_="check")
        for name in PEOPLE:
            batch.drop_constraint(op.f(f"fk_absence_{name}"), type_="foreignkey")
        for name in ("status", "note", *MOMENTS, *PEOPLE):
            batch.drop_column(name)
