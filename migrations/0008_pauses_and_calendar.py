"""Pauses of the clock's jobs; a date may be set by hand beside what was imported of it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def key_of_overrides(*columns: str) -> None:
    """Say what makes a row of the working calendar the only one."""
    with op.batch_alter_table("workday_override") as batch:
        batch.drop_constraint(op.f("pk_workday_override"), type_="primary")
        batch.create_primary_key(op.f("pk_workday_override"), list(columns))


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "job_pause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_job_pause_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_pause")),
        sa.UniqueConstraint("job", name=op.f("uq_job_pause_job")),
    )
    key_of_overrides("on", "source")


def downgrade() -> None:
    """Take it back: of two rows of a date, the one set by hand stays."""
    op.execute(
        "DELETE FROM workday_override WHERE source <> 'override' AND EXISTS ("
        "SELECT 1 FROM workday_override AS other "
        'WHERE other."on" = workday_override."on" AND other.source = \'override\')'
    )
    key_of_overrides("on")
    op.drop_table("job_pause")
