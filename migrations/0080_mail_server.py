"""The mail server that an admin enters on a page."""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None

SERVER = "mail_server"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        SERVER,
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_url", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f(f"ck_{SERVER}_only_one")),
        sa.ForeignKeyConstraint(
            ["changed_by_id"], ["person.id"], name=op.f(f"fk_{SERVER}_changed_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{SERVER}")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table(SERVER)
