"""The unit that keeps discipline is marked: its supervisors see the figures of the whole zone."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

AS_SHIPPED = "inspection"  # the code of 督查考核办公室 in seeds/org.yaml


def upgrade() -> None:
    """Apply the change; not as a batch: SQLite cannot drop a table to which rows refer."""
    op.add_column(
        "unit", sa.Column("inspects", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    unit = sa.table("unit", sa.column("code", sa.String), sa.column("inspects", sa.Boolean))
    op.execute(unit.update().where(unit.c.code == AS_SHIPPED).values(inspects=sa.true()))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("unit", "inspects")
