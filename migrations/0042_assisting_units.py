"""A unit may assist with a lead: a role beside the responsible unit."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

BEFORE = (
    "attached_leader",
    "task_force_head",
    "task_force_member",
    "responsible_unit",
    "tracker",
)


def upgrade() -> None:
    """Apply the change."""
    _allow((*BEFORE, "assisting_unit"), "role IN ('responsible_unit', 'assisting_unit')")


def downgrade() -> None:
    """Undo the change: assisting units are lost."""
    op.execute("DELETE FROM lead_role WHERE role = 'assisting_unit'")
    _allow(BEFORE, "role = 'responsible_unit'")


def _allow(roles: Sequence[str], of_units: str) -> None:
    named = ", ".join(f"'{role}'" for role in roles)
    with op.batch_alter_table("lead_role") as batch:
        batch.drop_constraint(op.f("ck_lead_role_role"), type_="check")
        batch.drop_constraint(op.f("ck_lead_role_unit_role"), type_="check")
        batch.create_check_constraint(op.f("ck_lead_role_role"), sa.text(f"role IN ({named})"))
        batch.create_check_constraint(
            op.f("ck_lead_role_unit_role"), sa.text(f"({of_units}) = (unit_id IS NOT NULL)")
        )
