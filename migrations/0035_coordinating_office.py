"""The coordinating office is marked: its supervisors are the officers of the zone."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

AS_SHIPPED = "invest"  # the code of 招商局 in seeds/org.yaml


def upgrade() -> None:
    """Apply the change; not as a batch: SQLite cannot drop a table to which rows refer."""
    op.add_column(
        "unit", sa.Column("coordinates", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    unit = sa.table("unit", sa.column("code", sa.String), sa.column("coordinates", sa.Boolean))
    op.execute(unit.update().where(unit.c.code == AS_SHIPPED).values(coordinates=sa.true()))


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("unit", "coordinates")
