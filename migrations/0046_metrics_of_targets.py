"""Targets of projects in operation, of foreign money and of valid leads."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

SO_FAR = ("signed", "started", "completed", "money")
NEW = ("operating", "foreign", "valid_leads")


def _allow(*metrics: str) -> None:
    name, listed = op.f("ck_target_metric"), ", ".join(f"'{metric}'" for metric in metrics)
    with op.batch_alter_table("target") as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, f"metric IN ({listed})")


def upgrade() -> None:
    """Apply the change."""
    _allow(*SO_FAR, *NEW)


def downgrade() -> None:
    """Undo the change; targets of the new metrics go with it."""
    target = sa.table("target", sa.column("metric", sa.String))
    op.execute(sa.delete(target).where(target.c.metric.in_(NEW)))
    _allow(*SO_FAR)
