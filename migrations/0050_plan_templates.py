"""Templates of plans: milestones with offsets in working days from a start."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "plan_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_template")),
        sa.UniqueConstraint("name", name=op.f("uq_plan_template_name")),
    )
    op.create_table(
        "plan_template_step",
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("workdays", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "workdays >= 0", name=op.f("ck_plan_template_step_not_before_the_start")
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["plan_template.id"], name=op.f("fk_plan_template_step_template_id")
        ),
        sa.ForeignKeyConstraint(
            ["kind"], ["milestone_kind.code"], name=op.f("fk_plan_template_step_kind")
        ),
        sa.PrimaryKeyConstraint("template_id", "kind", name=op.f("pk_plan_template_step")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("plan_template_step")
    op.drop_table("plan_template")
