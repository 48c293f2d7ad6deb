"""Slots that are done in batches: one that is under way has a state and a position."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STATES = "'done', 'skipped', 'failed'"


def allow_states(states: str) -> None:
    """Say which states a run may have."""
    name = op.f("ck_job_run_state")
    with op.batch_alter_table("job_run") as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, f"state IN ({states})")


def upgrade() -> None:
    """Apply the change."""
    op.add_column("job_run", sa.Column("position", sa.String(), nullable=True))
    allow_states(f"{STATES}, 'running'")


def downgrade() -> None:
    """Take it back: a slot that is under way has failed, so that it is done again."""
    op.execute("UPDATE job_run SET state = 'failed' WHERE state = 'running'")
    allow_states(STATES)
    op.drop_column("job_run", "position")
