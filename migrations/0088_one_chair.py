"""In whose name a delegate asked, answered or reported: that one does not decide on it either."""

from alembic import op

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None

ACCEPTED = "accepted_by_another_chair CHECK (accepted_by_id <> answered_for_id)"
CLOSED = "closed_by_another_chair CHECK (closed_by_id <> solved_for_id)"
COLUMNS = (
    ("supervision_order", "asked_for_id", ""),
    ("supervision_order", "answered_for_id", f"CONSTRAINT ck_supervision_order_{ACCEPTED}"),
    ("problem", "solved_for_id", f"CONSTRAINT ck_problem_{CLOSED}"),
)


def upgrade() -> None:
    """Apply the change; delegations are as new as this, so that nothing is filled in."""
    for table, column, check in COLUMNS:
        # as words: a batch would make the table anew on SQLite, and others refer to it
        key = f"CONSTRAINT fk_{table}_{column} REFERENCES person (id)"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER {key} {check}")


def downgrade() -> None:
    """Take it back."""
    for table, column, _ in reversed(COLUMNS):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
