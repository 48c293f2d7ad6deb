"""Follow-ups repeat, and are put off with a reason."""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

# written as SQL: so SQLite need not make the table anew, to which others refer
COLUMNS = (
    (
        "repeat VARCHAR(24) CONSTRAINT ck_followup_repeat"
        " CHECK (repeat IN ('days', 'weekly', 'monthly'))"
    ),
    (
        "repeat_number INTEGER CONSTRAINT ck_followup_repeats_by_number"
        " CHECK ((repeat IS NULL) = (repeat_number IS NULL))"
    ),
)
REFERENCES = {"followup_id": "followup", "by_id": "person"}


def upgrade() -> None:
    """Apply the change."""
    for column in COLUMNS:
        op.execute(f"ALTER TABLE followup ADD COLUMN {column}")
    op.create_table(
        "followup_snooze",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("followup_id", sa.Integer(), nullable=False),
        sa.Column("was_due_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_followup_snooze_{column}")
            )
            for column, table in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_followup_snooze")),
    )
    op.create_index(op.f("ix_followup_snooze_followup_id"), "followup_snooze", ["followup_id"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("followup_snooze")
    for name in ("repeat_number", "repeat"):
        op.drop_column("followup", name)
