"""The spans between two milestones, and their norms, become rows that an admin edits."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "speed_span",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("begin", sa.String(), nullable=False),
        sa.Column("end", sa.String(), nullable=False),
        sa.Column("unit", sa.String(24), nullable=True),
        sa.Column("least", sa.Integer(), nullable=True),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.CheckConstraint("unit IN ('days', 'months', 'year')", name=op.f("ck_speed_span_unit")),
        sa.CheckConstraint(
            "(coalesce(unit, 'year') = 'year') = (most IS NULL)",
            name=op.f("ck_speed_span_number_has_unit"),
        ),
        sa.ForeignKeyConstraint(
            ["begin"], ["milestone_kind.code"], name=op.f("fk_speed_span_begin")
        ),
        sa.ForeignKeyConstraint(["end"], ["milestone_kind.code"], name=op.f("fk_speed_span_end")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_speed_span")),
        sa.UniqueConstraint("begin", "end", name=op.f("uq_speed_span_begin_end")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("speed_span")
