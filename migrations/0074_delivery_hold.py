"""Whether delivery is held, as in a restored copy until a person lets it go."""

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None

HOLD = "delivery_hold"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        HOLD,
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f(f"ck_{HOLD}_only_one")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f(f"fk_{HOLD}_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{HOLD}")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table(HOLD)
