"""Contacts that were erased, and entries of the trail whose values are withheld since."""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None

WITHHELD = "audit_withheld"


def upgrade() -> None:
    """Apply the change."""
    op.add_column("contact", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        WITHHELD,
        sa.Column("entry_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["audit_entry.id"],
            name=op.f(f"fk_{WITHHELD}_entry_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f(f"pk_{WITHHELD}")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table(WITHHELD)
    with op.batch_alter_table("contact") as batch:
        batch.drop_column("erased_at")
